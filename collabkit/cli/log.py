"""``collabkit log``: who changed what, when; as changes that people read, or row by row."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import typer

from ..history.moments import NOW
from ..history.timeline import Change, Wanted
from ..ids import RoomName, Seq, SessionId
from ..store.base import Row, SessionRecord
from ..store.reader import Reader
from . import render
from .arguments import Db, Name, find, listed
from .moments import past_of, seq_of

__all__ = ["app"]

app = typer.Typer()

PAGE_ROWS = 1000
PAGE_CHANGES = 50
# As many as fit on a line; JSON has all.
SHOWN_PARTS = 4
# Soon enough to watch somebody type, seldom enough to cost nothing.
POLL_EVERY = 0.2

_HEAD = ("Seq", "At", "Document", "Who", "Kind", "Origin", "Size", "Group")


_Author = Annotated[str | None, typer.Option(help="What this subject did.", show_default=False)]
_Path = Annotated[
    str | None,
    typer.Option(
        metavar="ROOT[/KEY…]",
        help="What changed something there; [] stands for an element.",
        show_default=False,
    ),
]
_Since = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="What came after it.", show_default=False)
]
_Until = Annotated[str, typer.Option(metavar="MOMENT", help="What was there at it.")]
_Before = Annotated[
    int | None,
    typer.Option(min=1, metavar="ROW", help="The page before this row.", show_default=False),
]
_Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", "-n", min=1, help="So many; without it, 50 changes or all rows.",
        show_default=False,
    ),
]  # fmt: skip
_Rows = Annotated[
    bool, typer.Option("--rows", help="Each row as it is in the file, the oldest first.")
]
_After = Annotated[int, typer.Option(min=0, metavar="ROW", help="Rows after this one.")]
_Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Rows, and what is added, until Ctrl-C.")
]
_Json = Annotated[bool, typer.Option("--json", help="Answer in JSON; one line a row to follow.")]


@app.command()
def log(
    db: Db,
    name: Name,
    *,
    author: _Author = None,
    path: _Path = None,
    since: _Since = None,
    until: _Until = NOW,
    before: _Before = None,
    limit: _Limit = None,
    rows: _Rows = False,
    after: _After = 0,
    follow: _Follow = False,
    as_json: _Json = False,
) -> None:
    """Tell what happened to a session, or to one document of it, the newest change first.

    A change is what one author did in one go. Its name, as 12-15, is good for `collabkit diff
    --change` and `collabkit revert`; as a moment it is what there was after it.
    """
    filters = (author, path, since, before)
    if rows or follow or after:
        if until != NOW or any(each is not None for each in filters):
            raise typer.BadParameter("rows are not filtered: leave out --rows, --after, --follow")
        with Reader(db) as reader:
            _log_rows(reader, name, after, limit, follow=follow, as_json=as_json)
        return
    with Reader(db) as reader:
        record, place = find(reader, name)
        wanted = Wanted(
            subject=author,
            path=None if path is None else tuple(path.split("/")),
            since=None if since is None else seq_of(reader, record, since),
            until=seq_of(reader, record, until),
        )
        page = _Page(wanted, None if before is None else Seq(before), limit or PAGE_CHANGES)
        documents = (place.document,) if "/" in name else record.documents
        found = [each for one in documents for each in page.changes(reader, record, one)]
        names = {one.id: one.name for one in listed(reader)[0]}
    found.sort(key=lambda change: change.last, reverse=True)
    _show_changes(found, page.limit, place, names, as_json=as_json)


# Changes


class _Page(msgspec.Struct, frozen=True):
    """What of a timeline is shown at once."""

    wanted: Wanted
    before: Seq | None
    limit: int

    def changes(self, reader: Reader, record: SessionRecord, document: str) -> list[Change]:
        """Of one document, the newest first, and more than fit if there are any."""
        past = past_of(reader, record, RoomName(record.project, record.name, document))
        ends = [one.seq for one in reader.versions(record.id, document=document)]
        found: list[Change] = []
        for span in past.changes(self.wanted, versions=ends, before=self.before):
            found += span
            if len(found) > self.limit:
                break
        return found


def _show_changes(
    found: list[Change],
    limit: int,
    place: RoomName,
    names: Mapping[SessionId, str],
    *,
    as_json: bool,
) -> None:
    shown = found[:limit]
    if as_json:
        render.json([{"change": one.address, **msgspec.to_builtins(one)} for one in shown])
        return
    render.listing(
        ("Change", "At", "Document", "Who", "What", "Group"),
        (_change_cells(one, names) for one in shown),
        empty=f"{place} has no changes there",
    )
    if len(found) > limit:
        render.note(f"there is more: --before {min(one.first for one in shown)}")


def _change_cells(change: Change, names: Mapping[SessionId, str]) -> tuple[str, ...]:
    total = f"+{change.inserted} -{change.deleted}"
    parts = ", ".join(map(str, change.parts[:SHOWN_PARTS])) or total
    if len(change.parts) > SHOWN_PARTS:
        parts += f", {len(change.parts) - SHOWN_PARTS} more; {total} in all"
    if change.way:
        way, of_what, of = change.way.partition(" of ")
        # What was merged is told by its id, and has a name as long as it is there.
        parts = f"{way}{of_what}{names.get(SessionId(of), of)}: {parts}"
    return (
        change.address,
        render.clock(change.to_ms),
        change.document,
        change.subject,
        "compacted" if change.compacted else parts,
        change.group or "",
    )


# Rows


def _log_rows(
    reader: Reader, name: str, after: int, limit: int | None, *, follow: bool, as_json: bool
) -> None:
    record, place = find(reader, name)
    document = place.document if "/" in name else None
    if limit is None:
        rows = _rows(reader, record.id, document, after)
    else:
        rows = _last_rows(reader, record, document, after, limit)
    if not follow:
        _print(list(rows), as_json=as_json, empty=f"{place} has no rows there")
        return
    last = after
    while True:
        for row in rows:
            _print_one(row, as_json=as_json)
            last = row.seq
        time.sleep(POLL_EVERY)
        rows = _rows(reader, record.id, document, last)


def _rows(reader: Reader, session: Any, document: str | None, after: int) -> Iterator[Row]:
    while page := reader.rows(session, after=after, document=document, limit=PAGE_ROWS):
        yield from page
        after = page[-1].seq


def _last_rows(
    reader: Reader, record: SessionRecord, document: str | None, after: int, limit: int
) -> Iterator[Row]:
    # Numbers count over all documents, and compacting leaves holes in them: where the last rows
    # begin shows when there are enough.
    span = limit
    while True:
        start = max(after, record.last_seq - span)
        rows = list(_rows(reader, record.id, document, start))
        if len(rows) >= limit or start == after:
            return iter(rows[-limit:])
        span *= 4


def _print(rows: list[Row], *, as_json: bool, empty: str) -> None:
    if as_json:
        render.json([_plain(row) for row in rows])
    else:
        render.listing(_HEAD, map(_cells, rows), right=("Seq", "Size"), empty=empty)


def _print_one(row: Row, *, as_json: bool) -> None:
    if as_json:
        render.json(_plain(row), compact=True)
    else:
        render.line("\t".join(_cells(row)))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.seq),
        render.clock(row.at_ms),
        row.document,
        row.subject,
        row.kind,
        row.origin,
        render.size(len(row.body)),
        row.group or "",
    )


def _plain(row: Row) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(row)
    del plain["body"]
    return {**plain, "size_bytes": len(row.body)}
