"""``collabkit version``: moments that have a name."""

from __future__ import annotations

from typing import Annotated

import typer

from ..history.moments import NOW
from ..store.base import Version
from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, Name, find, full_name, operate
from .moments import TakesMoments

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
    at: Annotated[
        str, typer.Argument(metavar="[MOMENT]", help="A row, a time, or a version.")
    ] = NOW,
    *,
    note: Annotated[str, typer.Option(help="What there is to say of it.")] = "",
    pinned: Annotated[
        bool, typer.Option("--pin/--no-pin", help="Keep it when versions are thinned.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Give a moment a name: of a session, or of one document of it.

    What a version shows is never compacted away.
    """
    target = full_name(db, name)
    made = operate(db, "version", session=target, name=version, at=at, note=note, pinned=pinned)
    if as_json:
        render.json(made)
    else:
        render.note(f"{version!r} is {name} after row {made['seq']}")


@versions.command("rm")
def remove_version(db: Db, name: Name, version: Called, *, as_json: AsJson = False) -> None:
    """Take a name away; its moment may be compacted from then on."""
    dropped = operate(db, "unversion", session=full_name(db, name), name=version)
    if as_json:
        render.json(dropped)
    else:
        render.note(f"{version!r}, which was row {dropped['seq']}, is no version any more")


@versions.command("pin")
def pin_version(
    db: Db,
    name: Name,
    version: Called,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let thinning take it again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a version for ever: no thinning takes it."""
    pinned = operate(db, "pin", session=full_name(db, name), name=version, pinned=not undo)
    if as_json:
        render.json(pinned)
    else:
        render.note(f"{version!r} is {'not ' if undo else ''}pinned")
