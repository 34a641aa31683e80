"""Which row a moment is after, of a session in a store.

Versions are looked up by their names, and times among the rows: those of a log are so nearly in
the order of their times that a row is found by halving, in some twenty readings of one row each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from ..history.moments import AtTime, AtVersion, read_moment, seq_of
from ..ids import Seq, SessionId
from ..store.base import Row, SessionRecord, Version

__all__ = ["Moment", "Rows", "find_moment", "now_ms", "zone_here"]

Moment: TypeAlias = str | int
"""What somebody writes for a moment: ``120``, ``"draft"``, ``"yesterday"``, ``"-1h"``."""


def now_ms() -> int:
    """Unix time in milliseconds, for rows and records that people read."""
    return time.time_ns() // 1_000_000


def zone_here(ms: int) -> int:
    """How many seconds the clock of this machine is ahead of UTC at a time."""
    return time.localtime(ms / 1000).tm_gmtoff


class Rows(Protocol):
    """Where moments are looked up: an open file, or one that is read beside its holder."""

    async def versions(self, session: SessionId) -> list[Version]:
        """The versions of a session."""
        ...

    async def rows(self, session: SessionId, *, after: int, limit: int) -> list[Row]:
        """A page of its log, oldest first."""
        ...


async def find_moment(
    store: Rows,
    record: SessionRecord,
    written: Moment,
    *,
    zone: Callable[[int], int] = zone_here,
) -> Seq:
    """Find the row that a moment is after.

    Args:
        store: The open file.
        record: The session, as it is now.
        written: What somebody wrote; see :mod:`collabkit.history.moments`.
        zone: How many seconds his clock is ahead of UTC at a time in milliseconds.

    Raises:
        MomentNotFound: There is no such moment.
    """
    moment = read_moment(written, now_ms=now_ms(), zone=zone)
    versions: dict[str, Seq] = {}
    by_then = Seq(0)
    if isinstance(moment, AtVersion):
        versions = {one.name: one.seq for one in await store.versions(record.id)}
    if isinstance(moment, AtTime):
        by_then = await _last_by(store, record, moment.ms)
    return seq_of(
        moment, written, upto=record.last_seq, versions=versions, row_by=lambda _: by_then
    )


async def _last_by(store: Rows, record: SessionRecord, ms: int) -> Seq:
    """The last row accepted by a time; 0 if there is none."""
    by_then, later = Seq(0), record.last_seq + 1
    while by_then + 1 < later:
        middle = (by_then + later) // 2
        rows = await store.rows(record.id, after=middle - 1, limit=1)
        if rows and rows[0].seq < later and rows[0].at_ms <= ms:
            by_then = rows[0].seq
        else:
            later = middle
    return by_then
