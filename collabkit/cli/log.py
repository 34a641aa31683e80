"""``collabkit log``: who changed what, when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from ..store.base import Row, SessionRecord
from ..store.reader import Reader
from . import render
from .arguments import Db, Name, find

__all__ = ["app"]

app = typer.Typer()

PAGE_ROWS = 1000
# Soon enough to watch somebody type, seldom enough to cost nothing.
POLL_EVERY = 0.2

_HEAD = ("Seq", "At", "Document", "Who", "Kind", "Origin", "Size", "Group")


@app.command()
def log(
    db: Db,
    name: Name,
    *,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="The last so many rows.")
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Rows after this one.")] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is added, until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer in JSON; one line a row with --follow.")
    ] = False,
) -> None:
    """List the changes of a session, or of one document of it."""
    with Reader(db) as reader:
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
