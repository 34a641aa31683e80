"""What a hub counts: plain numbers, since they change on its hottest paths."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

import msgspec

__all__ = ["Counts", "Durations", "DurationsSeen", "HubStats"]

# Seconds. A commit takes 0.1 to 1 ms on a healthy disk; beyond 2.5 s it hardly matters how long.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class DurationsSeen(msgspec.Struct, frozen=True):
    """A histogram: how many took at most each bound, and ``total_s`` of all together.

    Attributes:
        counts: One a bound, and one more for those above the last.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total_s: float


class Durations:
    """Counts durations by their size.

    >>> durations = Durations()
    >>> durations.observe(0.002)
    >>> durations.seen().counts[:3]
    (0, 1, 0)
    """

    __slots__ = ("_counts", "_total_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total_s = 0.0

    def __repr__(self) -> str:
        return f"<Durations: {sum(self._counts)} of {self._total_s:.3f} s>"

    def observe(self, seconds: float, times: int = 1) -> None:
        """Count one, or as many that took the same."""
        self._counts[bisect_left(BOUNDS, seconds)] += times
        self._total_s += seconds * times

    def seen(self) -> DurationsSeen:
        """What was counted so far."""
        return DurationsSeen(BOUNDS, tuple(self._counts), self._total_s)


class Counts:
    """Since the hub started, but for ``pending_rows``.

    Attributes:
        edits: Rows committed.
        deliveries: Updates written to, or queued for, somebody else.
        delivered_bytes: The bytes of those.
        presence_changes: Presence messages that left for a room.
        overflows: How often a slow reader lost its place and was given one resync instead.
        pending_rows: Rows that are on their way to disk now.
        commits: How long they took, from being queued to being on disk; those that a room
            queues together count as one.
        dismissed: Sockets that were closed, by close code.
        refused: Knocks that were refused, by code.
        diverged: How often a replica said that its content is not what the log says.
        foreign_refused: Edits out of which something was cut that was written under others' ids.
        recovered: Edits that brought back what others wrote, during a recovery.
        revoked: Seats of those who may not read any more.
    """

    __slots__ = (
        "commits",
        "delivered_bytes",
        "deliveries",
        "dismissed",
        "diverged",
        "edits",
        "foreign_refused",
        "overflows",
        "pending_rows",
        "presence_changes",
        "recovered",
        "refused",
        "revoked",
    )

    def __init__(self) -> None:
        self.edits = 0
        self.deliveries = 0
        self.delivered_bytes = 0
        self.presence_changes = 0
        self.overflows = 0
        self.pending_rows = 0
        self.commits = Durations()
        self.dismissed: Counter[int] = Counter()
        self.refused: Counter[int] = Counter()
        self.diverged = 0
        self.foreign_refused = 0
        self.recovered = 0
        self.revoked = 0

    def __repr__(self) -> str:
        return f"<Counts: {self.edits} edits, {self.deliveries} deliveries>"


class HubStats(msgspec.Struct, frozen=True):
    """What is there now, and what was counted; :class:`Counts` says how."""

    links: int
    rooms: int
    stalled_rooms: int
    edits: int
    deliveries: int
    delivered_bytes: int
    presence_changes: int
    overflows: int
    pending_rows: int
    commits: DurationsSeen
    dismissed: dict[int, int]
    refused: dict[int, int]
    diverged: int = 0
    foreign_refused: int = 0
    recovered: int = 0
    revoked: int = 0
    waiting_bytes: int = 0
    queued_bytes: int = 0
    subjects: int = 0
