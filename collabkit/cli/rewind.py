"""Commands that go back, and branch: ``restore revert fork merge``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InvalidArguments, SessionNotFound
from ..history import markup
from ..history.moments import NOW, START
from ..ids import DEFAULT_DOCUMENT, RoomName
from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, DryRun, Name, find, full_name, in_full, listed, operate
from .moments import TakesMoments

__all__ = ["app"]

app = typer.Typer()


@app.command(cls=TakesMoments)
def restore(
    db: Db,
    name: Name,
    at: Annotated[
        str,
        typer.Argument(
            metavar="MOMENT", help="A row, a version's name, or a time.", show_default=False
        ),
    ],
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring a document back to what it was, by one edit; history goes on.

    Whoever edits it meanwhile sees it change. A version keeps what there was before, and
    restoring that one takes it back.
    """
    with render.waiting("restoring"):
        done = operate(db, "restore", session=full_name(db, name), at=at, dry_run=dry_run)
    _show(name, [done], "restored", dry_run=dry_run, as_json=as_json)


@app.command()
def revert(
    db: Db,
    name: Name,
    change: Annotated[
        str | None,
        typer.Argument(
            metavar="CHANGE",
            help="As `collabkit log` calls it, such as 12-15.",
            show_default=False,
        ),
    ] = None,
    *,
    author: Annotated[
        str | None,
        typer.Option(help="Instead: all that this subject did.", show_default=False),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="MOMENT", help="Of that, what came after it.")
    ] = START,
    until: Annotated[str, typer.Option(metavar="MOMENT", help="And was there at it.")] = NOW,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take one change back, or what somebody did; everybody else's work stays.

    What a later edit owns by now is left alone, and told.
    """
    if (change is None) == (author is None):
        raise typer.BadParameter("either CHANGE or --author SUBJECT")
    span = {} if author is None else {"since": since, "until": until}
    asked = {"change": change, "author": author, "dry_run": dry_run, **span}
    with render.waiting("reverting"):
        done = operate(db, "revert", session=full_name(db, name), **asked)
    _show(name, [done], "reverted", dry_run=dry_run, as_json=as_json)


@app.command()
def fork(
    db: Db,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What to call it.", show_default=False)],
    *,
    at: Annotated[
        str, typer.Option("--at", metavar="MOMENT", help="A row, a version's name, or a time.")
    ] = NOW,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Branch a session, or one document of it, from a moment, as a session of its own.

    It has all that came before, and knows where it is from: `collabkit merge` takes back what it
    has beyond.
    """
    with render.waiting("branching"):
        made = operate(db, "fork", session=full_name(db, name), name=new, at=at, dry_run=dry_run)
    if as_json:
        render.json(made)
        return
    what = f"{render.count(made['rows'], 'row')} up to row {made['parent']['seq']}"
    if dry_run:
        render.note(f"{new} would have {what}")
    else:
        render.line(made["id"])
        branch = RoomName(made["project"], made["name"], DEFAULT_DOCUMENT)
        render.note(f"{branch} has {what}")


@app.command()
def merge(
    db: Db,
    branch: Annotated[
        str, typer.Argument(metavar="FORK", help="The session to take from.", show_default=False)
    ],
    into: Annotated[
        str | None,
        typer.Argument(
            metavar="INTO",
            help="The session that it was branched from, or a document of it; without it, that.",
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take what a fork has beyond the session that it was branched from; the fork stays."""
    target, source = _merging(db, branch, into)
    with render.waiting("merging"):
        done = operate(db, "merge", session=target, fork=source, dry_run=dry_run)
    documents = list(done["documents"].values())
    _show(
        into or str(RoomName.parse(target)), documents, "merged", dry_run=dry_run, as_json=as_json
    )


def _merging(db: Path, branch: str, into: str | None) -> tuple[str, str]:
    """The full names of where a merge goes to, and of the fork that it takes from."""
    with Reader(db) as reader:
        record, place = find(reader, branch)
        source = f"{record.project}~{record.name}"
        if into is not None:
            return full_name(db, into), source
        if record.parent is None:
            raise InvalidArguments("merge", f"{branch!r} is no fork")
        sessions = {one.id: one for one in listed(reader)[0]}
        if record.parent.session not in sessions:
            raise SessionNotFound(record.parent.session)
        parent = sessions[record.parent.session]
        return in_full(RoomName(parent.project, parent.name, place.document), branch), source


def _show(
    name: str, documents: Iterable[dict[str, Any]], verb: str, *, dry_run: bool, as_json: bool
) -> None:
    """Show what was done to each document, or would be."""
    done = list(documents)
    if as_json:
        render.json(done)
        return
    if not done:
        render.note(f"{name}: nothing to do, there is nothing yet")
    for one in done:
        if one["difference"]:
            render.pieces(markup.styled(one["difference"]))
        for kept in one.get("kept", ()):
            where, by = "/".join(kept["path"]), kept["by"]
            render.note(f"{where} stays: {kept['reason']} (#{by['seq']} {by['subject']})")
        if not one["difference"]:
            render.note(f"{name}: nothing to do, {one['document']!r} is like that")
        elif dry_run:
            render.note(f"{name}: {one['document']!r} would be {verb}")
        else:
            before = f"; {one['version']!r} is what was before" if one["version"] else ""
            render.note(f"{name}: {one['document']!r} is {verb} by row {one['seq']}{before}")
