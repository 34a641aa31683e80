"""``collabkit doctor``: what killed an engine, what is in it, and whether it still does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ..crdt.budget import NO_BUDGET
from ..crdt.engine import Death
from ..crdt.nursery import CAN_FORK, Nursery
from ..crdt.roots import root_kinds
from ..crdt.scan import scan
from ..crdt.trials import examine
from ..errors import CollabError, EngineLost, RemoteProtocolError
from ..store.base import Quarantined, SessionRecord
from ..store.reader import Reader
from ..sync.inquest import updates_of
from . import render
from .arguments import DEFAULT_DB, AsJson, OptionalDb, listed, operate
from .documents import write_new

__all__ = ["app"]

app = typer.Typer()

# Of an update by so many authors the first are shown.
_SHOWN = 20


class Contents(msgspec.Struct, frozen=True):
    """What a scan finds in an update, without an engine.

    Attributes:
        refused: Why no client may send it today, if so.
        clients: Of each client id, the clocks that it brings: the first, and the one behind.
        deletes: How many ranges it deletes.
        roots: The roots that it names, and their kinds.
    """

    refused: str = ""
    clients: dict[str, tuple[int, int]] = {}
    deletes: int = 0
    roots: dict[str, str] = {}


@app.command()
def doctor(
    db: OptionalDb = DEFAULT_DB,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="ID", help="Examine this one, and try it again.", show_default=False
        ),
    ] = None,
    *,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its bytes to a file, and end.")
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="Let it back into its document, and end.")
    ] = False,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How long an engine may take for it.")
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """List what killed an engine, or examine one of it.

    A relay that loses an engine to an update keeps the update apart. With an ID, its content is
    shown, and an engine of its own tries it again. Exit code 1 if anything is kept apart.
    """
    if number is None:
        if release or export is not None:
            raise typer.BadParameter("say which one: `collabkit doctor DB ID`")
        _list(db, as_json=as_json)
        return
    with Reader(db) as reader:
        records, _ = listed(reader)
        kept = {one.id: one for one in reader.quarantined()}
        if number not in kept:
            render.error(f"nothing is quarantined under {number} in {db}")
            raise typer.Exit(1)
        one = kept[number]
        place = _places(records).get(one.session, one.session)
        if not (release or export is not None):
            _examine(reader, one, f"{place}/{one.document}", patience, as_json=as_json)
            raise typer.Exit(1)
    if export is not None:
        write_new(export, one.body)
        render.note(f"{export}: {render.size(len(one.body))}")
    if release:
        operate(db, "release", session=place, id=number)
        render.note(f"{number} is released; it may be quarantined again")


def _places(records: list[SessionRecord]) -> dict[str, str]:
    return {record.id: f"{record.project}~{record.name}" for record in records}


# All of it


def _list(db: Path, *, as_json: bool) -> None:
    with Reader(db) as reader:
        records, damage = listed(reader)
        kept = reader.quarantined()
    places = _places(records)
    if as_json:
        render.json([_plain(one) for one in kept])
    else:
        render.listing(
            ("Id", "At", "Document", "Who", "What", "Size", "Reason"),
            (
                (
                    str(one.id),
                    render.clock(one.at_ms),
                    f"{places.get(one.session, one.session)}/{one.document}",
                    one.subject,
                    _what(one),
                    render.size(len(one.body)),
                    one.reason,
                )
                for one in kept
            ),
            right=("Id", "Size"),
            empty=f"nothing is quarantined in {db}",
        )
    if damage is not None:
        raise damage
    if kept:
        raise typer.Exit(1)


def _what(one: Quarantined) -> str:
    if one.kind == "checkpoint":
        return f"checkpoint at {one.seq}"
    return "never stored" if one.seq is None else f"row {one.seq}"


def _plain(one: Quarantined) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(one)
    del plain["body"]
    return {**plain, "size_bytes": len(one.body)}


# One of it


def _examine(
    reader: Reader, one: Quarantined, place: str, patience_s: float, *, as_json: bool
) -> None:
    holds = _contents(one.body)
    verdict = _verdict(reader, one, patience_s)
    if as_json:
        render.json({**_plain(one), "holds": holds, "verdict": verdict})
        return
    clients = [f"{client} ({a}-{b})" for client, (a, b) in sorted(holds.clients.items())]
    render.answers(
        (
            ("id", str(one.id)),
            ("at", render.clock(one.at_ms)),
            ("document", place),
            ("who", one.subject),
            ("what", _what(one)),
            ("size", render.size(len(one.body))),
            ("reason", one.reason),
            ("scan", holds.refused or "takes it"),
            ("clients", _some(clients)),
            ("deletes", str(holds.deletes)),
            ("roots", _some([f"{name} ({kind})" for name, kind in sorted(holds.roots.items())])),
            ("tried again", verdict),
        )
    )


def _some(found: list[str]) -> str:
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (", ".join(found[:_SHOWN]) or "none") + more


def _contents(update: bytes) -> Contents:
    refused = ""
    try:
        scan(update)
    except RemoteProtocolError as error:
        refused = str(error)
    try:
        # What is too much to be sent may still be read.
        found = scan(update, NO_BUDGET)
        roots = root_kinds(update)
    except RemoteProtocolError:
        return Contents(refused)
    return Contents(
        refused,
        {str(one.client): (one.clock, one.clock + one.length) for one in found.sections},
        len(found.deletes),
        roots,
    )


def _verdict(reader: Reader, one: Quarantined, patience_s: float) -> str:
    """Give it to an engine once more, which nobody else uses and which may die."""
    if not CAN_FORK:
        return "not tried: this system cannot isolate an engine"
    try:
        loaded = reader.load(one.session, one.document)
        # A checkpoint is a document by itself.
        base = [] if one.kind == "checkpoint" else updates_of(loaded)
        deaths = asyncio.run(_deaths(base, one.body, patience_s))
    except EngineLost:
        return "the engine dies of the document without it already"
    except CollabError as error:
        return f"not tried: {error}"
    return f"the engine dies of it: {deaths[0].how}" if deaths else "the engine survives it"


async def _deaths(base: list[bytes], suspect: bytes, patience_s: float) -> list[Death]:
    async with Nursery(patience_s=patience_s) as nursery:
        return await examine(nursery, base, [suspect])
