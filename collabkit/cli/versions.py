"""``collabkit version``: moments that have a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ..errors import InvalidName, MomentNotFound
from ..history.moments import NOW, check_version_name
from ..ids import Seq
from ..store.base import Version
from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, DryRun, Name, find, full_name, operate
from .moments import TakesMoments, seq_of

__all__ = ["app"]

versions = typer.Typer(no_args_is_help=True, help="Give moments a name, so that they are kept.")
app = typer.Typer()
app.add_typer(versions, name="version")

Called = Annotated[
    str, typer.Argument(metavar="VERSION", help="What it is called.", show_default=False)
]


@versions.command("ls")
def list_versions(db: Db, name: Name, *, as_json: AsJson = False) -> None:
    """List the versions of a session, or those that a document of it has, the oldest first."""
    with Reader(db) as reader:
        record, place = find(reader, name)
        document = place.document if "/" in name else None
        found = reader.versions(record.id, document=document)
    if as_json:
        render.json(found)
        return
    render.listing(
        ("Version", "Row", "Kept", "By", "Authors", "Kind", "Pinned", "Document", "Note"),
        map(_cells, found),
        right=("Row",),
        empty=f"{place} has no versions",
    )


def _cells(version: Version) -> tuple[str, ...]:
    return (
        version.name,
        str(version.seq),
        render.clock(version.at_ms),
        version.by,
        ", ".join(version.authors),
        version.kind,
        "pinned" if version.pinned else "",
        version.document or "",
        version.note,
    )


@versions.command("add", cls=TakesMoments)
def add_version(
    db: Db,
    name: Name,
    version: Called,
    at: Annotated[str, typer.Argument(metavar="MOMENT", help="A row, a time, or a version.")] = NOW,
    *,
    note: Annotated[str, typer.Option(help="What there is to say of it.")] = "",
    pinned: Annotated[
        bool, typer.Option("--pin/--no-pin", help="Keep it when versions are thinned.")
    ] = True,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give a moment a name: of a session, or of one document of it.

    What a version shows is never compacted away.
    """
    if dry_run:
        made = {"name": version, "seq": _try_adding(db, name, version, at)}
    else:
        asked = {"name": version, "at": at, "note": note, "pinned": pinned}
        made = operate(db, "version", session=full_name(db, name), **asked)
    if as_json:
        render.json(made)
    else:
        verb = "would be" if dry_run else "is"
        render.note(f"{version!r} {verb} {name} after row {made['seq']}")


def _try_adding(db: Path, name: str, version: str, at: str) -> Seq:
    """The row that a version would be after. Raises what adding it would."""
    check_version_name(version)
    with Reader(db) as reader:
        record, place = find(reader, name)
        if any(one.name == version for one in reader.versions(record.id)):
            raise InvalidName(version, "the session has a version of this name")
        seq = seq_of(reader, record, at)
        for document in (place.document,) if "/" in name else record.documents:
            reader.load_at(record.id, document, seq)
    return seq


@versions.command("rm")
def remove_version(
    db: Db, name: Name, version: Called, *, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Take a name away; its moment may be compacted from then on."""
    if dry_run:
        dropped = _named(db, name, version)
    else:
        dropped = operate(db, "unversion", session=full_name(db, name), name=version)
    if as_json:
        render.json(dropped)
    elif dry_run:
        render.note(f"{version!r}, which is row {dropped['seq']}, would go")
    else:
        render.note(f"{version!r}, which was row {dropped['seq']}, is no version any more")


def _named(db: Path, name: str, version: str) -> dict[str, Any]:
    """A version, as operations on it tell it."""
    with Reader(db) as reader:
        session = find(reader, name)[0].id
        for one in reader.versions(session):
            if one.name == version:
                return {"id": session, **msgspec.to_builtins(one)}
    raise MomentNotFound(version, "no version has this name")


@versions.command("pin")
def pin_version(
    db: Db,
    name: Name,
    version: Called,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let thinning take it again.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Keep a version for ever: no thinning takes it."""
    will = f"{'not ' if undo else ''}pinned"
    if dry_run:
        named = _named(db, name, version)
        pinned = {**named, "pinned": not undo}
        said = f"is {will} already" if pinned == named else f"would be {will}"
    else:
        pinned = operate(db, "pin", session=full_name(db, name), name=version, pinned=not undo)
        said = f"is {will}"
    if as_json:
        render.json(pinned)
    else:
        render.note(f"{version!r} {said}")
