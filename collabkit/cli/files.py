"""Commands about a file as a whole: ``verify audit compact thin backup``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import CollabError, Corrupt, MomentNotFound, SessionNotFound
from ..history.moments import NOW
from ..ids import RoomName, SessionId
from ..sessions.solo import document_of
from ..store.audit import Entry, Head
from ..store.backup import backup as copy
from ..store.reader import Reader
from . import render
from .arguments import (
    DEFAULT_DB,
    AsJson,
    Db,
    DryRun,
    Name,
    OptionalDb,
    find,
    full_name,
    in_full,
    listed,
    operate,
)
from .told import told_with

__all__ = ["app"]

app = typer.Typer()


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def verify(
    db: OptionalDb = DEFAULT_DB,
    *,
    head: Annotated[
        Head | None,
        typer.Option(
            parser=_head,
            metavar="HEAD",
            help="What `audit --head` printed before: all until then must still be told.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read everything in a file, and say what is damaged.

    Rows, checkpoints and the audit are checked first, then every document is built. Exit code 3
    if anything is damaged.
    """
    damage: list[str] = []
    with Reader(db) as reader:
        for sentence in chain(reader.verify(head=head), _unbuilt(reader)):
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
def audit(
    db: Db,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="This session only.", show_default=False),
    ] = None,
    *,
    head: Annotated[
        bool,
        typer.Option("--head", help="Only the end of the chain, to be kept where the file is not."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what was done to sessions and their history, when, and by whom.

    Each line is sealed with the one before. Of a session that is gone, its id still names it.
    """
    with Reader(db) as reader:
        if head:
            render.line(str(reader.head()))
            return
        lines = list(_lines(reader, None if name is None else _told_of(reader, name)))
    if as_json:
        render.json(lines)
        return
    render.listing(
        ("Line", "When", "By", "What", "Session", "With"),
        (
            (
                str(line.no),
                render.clock(line.at_ms),
                line.subject,
                line.action,
                line.session or "",
                told_with(line),
            )
            for line in lines
        ),
        right=("Line",),
        empty=f"nothing is told of {name or db}",
    )


def _lines(reader: Reader, session: SessionId | None) -> Iterator[Entry]:
    after = 0
    while page := reader.audit(session, after=after):
        yield from page
        after = page[-1].no


def _told_of(reader: Reader, name: str) -> SessionId:
    """The session that is meant: one that is there, or the id of one that was."""
    try:
        return find(reader, name)[0].id
    except SessionNotFound:
        if not reader.audit(SessionId(name), limit=1):
            raise
        return SessionId(name)


@app.command()
def thin(
    db: Db,
    name: Name,
    *,
    manual: Annotated[
        bool, typer.Option("--manual", help="Also versions that somebody saved by hand.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Drop versions of a session: dense lately, sparse long ago, pinned for ever.

    All of the last hour stay, the last of each hour of a day, of each day of 30, and of each 30
    days before that.
    """
    done = operate(db, "thin", session=full_name(db, name), manual=manual, dry_run=dry_run)
    if as_json:
        render.json(done)
        return
    render.listing(("Version",), ([one] for one in done["versions"]), empty="all versions stay")


@app.command()
def compact(
    db: OptionalDb = DEFAULT_DB,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="This session or document only.", show_default=False),
    ] = None,
    *,
    upto: Annotated[
        str, typer.Option(metavar="MOMENT", help="Where history is to begin: a row, a time.")
    ] = NOW,
    drop_versions: Annotated[
        bool,
        typer.Option("--drop-versions", help="Also versions before it that nobody saved by hand."),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Drop the history of documents before a moment, and give its space back.

    What the documents hold stays, and so does every moment from the oldest version on. Who
    changed what before that, and when, is forgotten.
    """
    with Reader(db) as reader:
        damage: CollabError | None = None
        if name is None:
            records, damage = listed(reader)
            places = [f"{one.project}~{one.name}" for one in records]
        else:
            places = [in_full(find(reader, name)[1], name)]
    asked = {"upto": upto, "drop_versions": drop_versions, "dry_run": dry_run}
    done: list[dict[str, Any]] = []
    with render.progress() as bar:
        for each in bar.track(places, description="compacting"):
            try:
                done.append({"session": each, **operate(db, "compact", session=each, **asked)})
            except (Corrupt, MomentNotFound) as error:
                # Another one may be sound, and have the row or version that is asked for.
                if name is not None:
                    raise
                render.note(f"{each} stays: {error}")
                damage = damage or error
    if as_json:
        render.json(done)
    else:
        _show_compacted(db, done)
    if damage is not None:
        raise damage


def _show_compacted(db: Path, done: list[dict[str, Any]]) -> None:
    render.listing(
        ("Session", "Rows removed", "Freed", "Before", "After", "Held by"),
        (
            (
                one["session"],
                str(one["rows"]),
                render.size(one["freed_bytes"]),
                render.size(one["bytes_before"]),
                "-" if one["bytes_after"] is None else render.size(one["bytes_after"]),
                ", ".join(
                    sorted({each["held_by"] or "" for each in one["documents"].values()} - {""})
                ),
            )
            for one in done
        ),
        right=("Rows removed", "Freed", "Before", "After"),
        empty=f"{db} has no sessions",
    )


@app.command()
def backup(
    db: Db,
    out: Annotated[Path, typer.Argument(help="Where to put the copy.", show_default=False)],
) -> None:
    """Copy a file as it is at one moment, also while somebody writes to it."""
    render.note(f"{out}: {render.size(copy(db, out))}")
