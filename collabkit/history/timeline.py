"""★ What happened to a document, as changes that a person can read.

A log has a row for each edit, and people do not think in keystrokes. Rules:

1. Two rows that follow each other in a document's log belong to one **span**, unless

   - :data:`PAUSE_MS` lie between them, on the clock of whoever accepted them,
   - the clock passed a full ten minutes between them (:data:`SLICE_MS`), or
   - a version was saved between them.

   That depends on two neighbours and nothing else, so a log can be read from either end, or from
   the middle, and is always told in the same spans.
2. A **change** is what one author did in one span in one way: the rows that have subject,
   origin and group in common. Those who work at the same time have their changes side by side.
3. Its address is that of its first and last row, such as ``12-15``. An address means the rows of
   that author between those two, and does so for ever: more rows, another version, or the
   compaction of what was before change how a log is told, never what an address means.
4. How much it was is counted in clock units, of which a character has one or two. Who gives the
   touches of each row has it exact, and by part; otherwise it is what the updates say of
   themselves, and an update may repeat deletions.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.scan import scan
from ..errors import CollabError, MomentNotFound
from ..ids import Seq, Subject
from ..store.base import Row
from .items import Path
from .weave import Part

__all__ = [
    "PAUSE_MS",
    "SLICE_MS",
    "Change",
    "Part",
    "Path",
    "Seen",
    "Spans",
    "Wanted",
    "changes",
    "measured",
    "read_address",
    "rows_of",
]

# Who pauses for a minute has finished a thought. Editors with a history of this kind (Google Docs,
# Notion) draw the line at a few minutes; a log is looked at to find one thing, so finer.
PAUSE_MS = 60_000
# Nobody who types for an hour made one change.
SLICE_MS = 600_000

# What the row of an edit says that was worked out of the past, or of a branch; or of which
# something was undone.
_WORKED_OUT = re.compile(r"(restore|revert|merge|repair):(.+)")

_ADDRESS = re.compile(r"#?(\d{1,18})(?:-(\d{1,18}))?")


class Seen(msgspec.Struct, frozen=True):
    """A row, and how much it did.

    Attributes:
        touches: In which places; none if nobody looked.
    """

    row: Row
    inserted: int
    deleted: int
    touches: Sequence[Part] = ()


class Change(msgspec.Struct, frozen=True):
    """What one author did, in one go.

    Attributes:
        document: Name of the document.
        first: Its first row.
        last: Its last one; rows of others may be in between.
        rows: How many rows it has.
        subject: Who.
        origin: How it came in, as the rows say.
        group: What its author called it.
        from_ms: When it began, in Unix milliseconds.
        to_ms: When it ended.
        inserted: How many clock units came.
        deleted: How many went.
        parts: What it changed, by place; none if nobody looked.
        compacted: The rows are gone, and what many authors did is in a checkpoint.
    """

    document: str
    first: Seq
    last: Seq
    rows: int
    subject: Subject
    origin: str
    group: str | None
    from_ms: int
    to_ms: int
    inserted: int
    deleted: int
    parts: tuple[Part, ...] = ()
    compacted: bool = False

    @property
    def address(self) -> str:
        """What it is called for ever; see :func:`read_address`."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def way(self) -> str:
        """What its author did, unless he edited: ``restore of #2``, ``revert of #3-4``, and so on.

        A merge is of the session that it took from, by its id. And ``in part`` is said of what he
        did that was taken as far as he may.
        """
        if self.origin == "repair":
            return "in part"
        found = _WORKED_OUT.fullmatch(self.origin)
        if found is None:
            return ""
        what, of = found.groups()
        if what == "merge":
            return f"merge of {of}"
        if what == "repair":
            return "in part"
        first, _, last = of.partition("-")
        return f"{what} of #{first if last == first else of}"

    def __str__(self) -> str:
        where = ", ".join(map(str, self.parts)) or f"+{self.inserted} -{self.deleted}"
        called = f" {self.group!r}" if self.group else ""
        way = f"{self.way}: " if self.way else ""
        return f"#{self.address} {self.subject}{called}: {way}{where}"


class Wanted(msgspec.Struct, frozen=True):
    """Which changes are asked for; those that fit all that is said.

    Attributes:
        subject: Who made it.
        path: It changed something there, or deeper.
        since: It ended after this row.
        until: It began at this row, or before.
    """

    subject: str | None = None
    path: Path | None = None
    since: Seq | None = None
    until: Seq | None = None

    def takes(self, change: Change) -> bool:
        """Whether a change is one of them."""
        return (
            self.subject in (None, change.subject)
            and (self.since is None or change.last > self.since)
            and (self.until is None or change.first <= self.until)
            and (
                self.path is None
                or any(part.path[: len(self.path)] == self.path for part in change.parts)
            )
        )


def measured(row: Row, touches: Sequence[Part] | None = None) -> Seen:
    """Tell how much a row did: from its touches, or if nobody looked from what it says."""
    if touches is not None:
        inserted = sum(touch.inserted for touch in touches)
        return Seen(row, inserted, sum(touch.deleted for touch in touches), touches)
    try:
        found = scan(row.body, NO_BUDGET)
    except CollabError:  # a row that is set aside may be anything
        return Seen(row, 0, 0)
    came = sum(section.length for section in found.sections)
    return Seen(row, came, sum(length for _, _, length in found.deletes))


class Spans:
    """Groups the rows of one document into changes, as they come: from either end of its log.

    Args:
        versions: After which rows a version was saved.
    """

    def __init__(self, versions: Collection[Seq] = ()) -> None:
        self._ends = sorted(versions)
        self._span: dict[_Key, _Growing] = {}
        self._last: Row | None = None

    def __repr__(self) -> str:
        return f"<Spans, {len(self._span)} changes open>"

    def add(self, seen: Seen) -> tuple[Change, ...]:
        """Take the next row; returns the changes of the span that ended before it, if one did."""
        row = seen.row
        told: tuple[Change, ...] = ()
        if self._last is not None and not _together(self._last, row, self._ends):
            told = self.rest()
        self._last = row
        key = _key(row)
        if key not in self._span:
            self._span[key] = _Growing(row)
        self._span[key].add(seen)
        return told

    def rest(self) -> tuple[Change, ...]:
        """The changes of the span that is open, the newest first; there are no more rows of it."""
        told = [growing.change() for growing in self._span.values()]
        self._span = {}
        return tuple(sorted(told, key=lambda change: change.last, reverse=True))


def changes(
    seen: Iterable[Seen], *, versions: Collection[Seq] = ()
) -> Iterator[tuple[Change, ...]]:
    """Group rows that follow each other, oldest first or newest first; yields span by span."""
    spans = Spans(versions)
    for one in seen:
        if told := spans.add(one):
            yield told
    if told := spans.rest():
        yield told


def read_address(address: str) -> tuple[Seq, Seq]:
    """Read the first and the last row of a change from its address.

    >>> read_address("#12-15"), read_address("12")
    ((12, 15), (12, 12))

    Raises:
        MomentNotFound: It is no address.
    """
    found = _ADDRESS.fullmatch(address.strip())
    first = int(found[1]) if found else 0
    last = int(found[2] or first) if found else 0
    if not 1 <= first <= last:
        raise MomentNotFound(address, "a change is addressed by its first and last row, as 12-15")
    return Seq(first), Seq(last)


def rows_of(address: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows that an address means, of those of a document.

    Raises:
        MomentNotFound: The document has no row with its first or last number, or not by one author.
    """
    first, last = read_address(address)
    between = [row for row in rows if first <= row.seq <= last and row.kind == "update"]
    if not between or between[0].seq != first or between[-1].seq != last:
        raise MomentNotFound(address, "the log of this document has no such rows")
    key = _key(between[0])
    if _key(between[-1]) != key:
        raise MomentNotFound(address, "its first and last row are of two changes")
    return tuple(row for row in between if _key(row) == key)


_Key: TypeAlias = tuple[str, str, str | None]


def _key(row: Row) -> _Key:
    return (row.subject, row.origin, row.group)


def _together(one: Row, other: Row, ends: Sequence[Seq]) -> bool:
    """Whether two neighbours belong to one span; the order does not matter."""
    low, high = sorted((one.seq, other.seq))
    return (
        abs(one.at_ms - other.at_ms) < PAUSE_MS
        and one.at_ms // SLICE_MS == other.at_ms // SLICE_MS
        and bisect_left(ends, low) == bisect_left(ends, high)
    )


class _Growing:
    """A change to which rows are still added, from either end."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._first = self._last = row.seq
        self._from_ms = self._to_ms = row.at_ms
        self._rows = self._inserted = self._deleted = 0
        self._parts: dict[Path, tuple[int, int]] = {}

    def __repr__(self) -> str:
        return f"<_Growing {self._first}-{self._last}>"

    def add(self, seen: Seen) -> None:
        """Take a row in."""
        row = seen.row
        self._first, self._last = min(self._first, row.seq), max(self._last, row.seq)
        self._from_ms = min(self._from_ms, row.at_ms)
        self._to_ms = max(self._to_ms, row.at_ms)
        self._rows += 1
        self._inserted += seen.inserted
        self._deleted += seen.deleted
        for touch in seen.touches:
            came, went = self._parts.get(touch.path, (0, 0))
            self._parts[touch.path] = (came + touch.inserted, went + touch.deleted)

    def change(self) -> Change:
        """What there is so far."""
        row = self._row
        return Change(
            document=row.document,
            first=self._first,
            last=self._last,
            rows=self._rows,
            subject=row.subject,
            origin=row.origin,
            group=row.group,
            from_ms=self._from_ms,
            to_ms=self._to_ms,
            inserted=self._inserted,
            deleted=self._deleted,
            parts=tuple(Part(path, *count) for path, count in sorted(self._parts.items())),
        )
