"""A log, read page by page: onward, or told from its end, where only what is needed is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from ..errors import MomentNotFound
from ..history.past import compacted
from ..history.timeline import Change, Spans, Wanted, measured
from ..ids import Seq
from ..store.archive import Archive
from ..store.base import Row, SessionRecord

__all__ = ["page", "rows_after"]

# So many rows are some 3 ms of reading, and as much of scanning.
_PAGE_ROWS = 1000
_WIDEST_ROWS = 16 * _PAGE_ROWS


async def rows_after(
    store: Archive, record: SessionRecord, after: int, *, document: str | None = None
) -> AsyncIterator[Row]:
    """The rows behind one, of a document or of all, the oldest first."""
    while rows := await store.rows(record.id, after=after, document=document, limit=_PAGE_ROWS):
        for row in rows:
            yield row
        if len(rows) < _PAGE_ROWS:
            return
        after = rows[-1].seq


async def page(
    store: Archive,
    record: SessionRecord,
    document: str,
    wanted: Wanted,
    *,
    ends: Collection[Seq],
    top: int,
    limit: int,
) -> list[Change]:
    """Tell changes of a document, newest first, without the parts that they changed.

    Args:
        store: The open file.
        record: The session.
        document: Name of the document.
        wanted: Which changes.
        ends: After which rows a version was saved.
        top: Only of rows below this one.
        limit: About how many: what went on at once is told whole.
    """
    spans, found, lowest = Spans(ends), list[Change](), Seq(top)
    async for row in _backwards(store, record, document, top):
        lowest = row.seq
        found += filter(wanted.takes, spans.add(measured(row)))
        if len(found) >= limit or (wanted.since is not None and row.seq <= wanted.since):
            return found
    found += filter(wanted.takes, spans.rest())
    if len(found) < limit and lowest > 1:
        found += filter(wanted.takes, await _gone(store, record, document, lowest))
    return found


async def _gone(
    store: Archive, record: SessionRecord, document: str, below: int
) -> tuple[Change, ...]:
    """What was compacted away below a row."""
    try:
        told = await store.chronicle(record.id, document, upto=min(below, record.last_seq))
    except MomentNotFound:  # it is asked from among what is gone
        return ()
    return compacted(told, document)


async def _backwards(
    store: Archive, record: SessionRecord, document: str, top: int
) -> AsyncIterator[Row]:
    """The updates of a document below a row, the newest first."""
    size = _PAGE_ROWS
    while top > 1:
        after = max(0, top - 1 - size)
        read = await store.rows(record.id, after=after, document=document, limit=size)
        rows = [row for row in read if row.seq < top and row.kind == "update"]
        for row in reversed(rows):
            yield row
        # A document that is edited seldom has wide gaps between its rows.
        size = _PAGE_ROWS if rows else min(2 * size, _WIDEST_ROWS)
        top = after + 1
