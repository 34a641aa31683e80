"""Commands about a file as a whole: ``verify compact backup``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import Corrupt
from ..ids import RoomName
from ..sessions.solo import document_of
from ..store.backup import backup as copy
from ..store.reader import Reader
from . import render
from .arguments import DEFAULT_DB, AsJson, Db, OptionalDb, find, listed, operate

__all__ = ["app"]

app = typer.Typer()


@app.command()
def verify(db: OptionalDb = DEFAULT_DB, *, as_json: AsJson = False) -> None:
    """Read everything in a file, and say what is damaged.

    Rows and checkpoints are checked first, then every document is built. Exit code 3 if anything
    is damaged.
    """
    damage: list[str] = []
    with Reader(db) as reader:
        for sentence in chain(reader.verify(), _unbuilt(reader)):
            if sentence not in damage:
                damage.append(sentence)
                if not as_json:
                    render.line(sentence)
    if as_json:
        render.json({"path": str(db), "sound": not damage, "damage": damage})
    elif not damage:
        render.note(f"{db} is sound")
    if damage:
        raise typer.Exit(3)


def _unbuilt(reader: Reader) -> Iterator[str]:
    """Build every document; yields why one cannot be built."""
    records, _ = listed(reader)  # what is not listed was said already
    documents = [(record, name) for record in records for name in record.documents]
    with render.progress() as bar:
        for record, name in bar.track(documents, description="building documents"):
            place = RoomName(record.project, record.name, name)
            try:
                document_of(reader.load(record.id, name), place, path=reader.path)
            except Corrupt as error:
                yield f"{error.where}: {error.reason}"


@app.command()
def compact(
    db: OptionalDb = DEFAULT_DB,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="This session or document only.", show_default=False),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Drop the history of documents, and give its space back.

    What the documents hold stays; who changed what, and when, is forgotten.
    """
    with Reader(db) as reader:
        damage = None
        if name is None:
            records, damage = listed(reader)
            places = [f"{one.project}~{one.name}" for one in records]
        else:
            place = find(reader, name)[1]
            places = [str(place) if "/" in name else f"{place.project}~{place.session}"]
    with render.progress() as bar:
        done = [
            {"session": each, **operate(db, "compact", session=each)}
            for each in bar.track(places, description="compacting")
        ]
    if as_json:
        render.json(done)
    else:
        _show_compacted(db, done)
    if damage is not None:
        raise damage


def _show_compacted(db: Path, done: list[dict[str, Any]]) -> None:
    render.listing(
        ("Session", "Rows removed", "Before", "After"),
        (
            (
                one["session"],
                str(one["rows"]),
                render.size(one["bytes_before"]),
                render.size(one["bytes_after"]),
            )
            for one in done
        ),
        right=("Rows removed", "Before", "After"),
        empty=f"{db} has no sessions",
    )


@app.command()
def backup(
    db: Db,
    out: Annotated[Path, typer.Argument(help="Where to put the copy.", show_default=False)],
) -> None:
    """Copy a file as it is at one moment, also while somebody writes to it."""
    render.note(f"{out}: {render.size(copy(db, out))}")
