"""What a branch of a document has that the document lacks, as one update.

Rules:

1. A branch begins with the rows of its parent and ids of its own for what comes after, so what it
   has beyond the parent is an ordinary update, and taking it twice is taking it once.
2. The same client must not have written on both sides: its clocks would mean two things. One who
   did, in one copy that it showed to both, cannot be merged, and is told.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.scan import scan
from ..crdt.update import StateVector, advance
from ..errors import UpdateRefused
from ..ids import Seq, Subject
from ..store.base import Row
from .difference import Difference, difference
from .past import Past
from .tree import Stamp

__all__ = ["Joined", "join"]


class Joined(msgspec.Struct, frozen=True):
    """What a branch brings.

    Attributes:
        updates: It, as one update; none if there is nothing new.
        difference: What it changes in the parent.
    """

    updates: tuple[bytes, ...]
    difference: Difference


def join(ours: Past, theirs: Past, *, at: Seq, origin: str, by: Subject) -> Joined:
    """Work out what a branch brings to its parent.

    Args:
        ours: The parent.
        theirs: The branch.
        at: After which row of the parent it was branched.
        origin: What rows of the parent say that came from it before.
        by: Who merges.

    Raises:
        UpdateRefused: One client wrote on both sides.
    """
    _check(ours, theirs, at, origin)
    copy, updates = ours.now(), list[bytes]()
    lacking = theirs.now().update(copy.state_vector)
    copy.on_update(lambda change: updates.append(change.update))
    copy.apply(lacking, trusted=True)
    if not updates:
        return Joined((), Difference({}))
    before = ours.tree()
    next_row = Seq(ours.chronicle.upto + 1)
    ours.weave.add(lacking, Stamp(next_row, by, 0, origin))
    return Joined((lacking,), difference(before, ours.tree()))


def _check(ours: Past, theirs: Past, at: Seq, origin: str) -> None:
    """Rule 2. Of rows that were compacted away nobody knows any more who wrote them."""
    if ours.chronicle.floor > at:
        return
    # The branch counts its own rows from the last one that it was given.
    given = max((row.seq for row in ours.chronicle.rows if row.seq <= at), default=Seq(0))
    here = _writers(ours, lambda row: row.seq > at and row.origin != origin)
    there = _writers(theirs, lambda row: row.seq > given)
    both = sorted(here & there)
    if both:
        raise UpdateRefused(
            "two-branches", f"client {both[0]} wrote on both sides since they were parted"
        )


def _writers(past: Past, wanted: Callable[[Row], bool]) -> set[int]:
    """The clients that wrote something new in some rows."""
    found: set[int] = set()
    vector: StateVector = {}
    base = past.chronicle.base
    if base is not None:
        advance(scan(base.body, NO_BUDGET), vector)
    for row in past.updates():
        brought = scan(row.body, NO_BUDGET)
        if wanted(row):
            found.update(
                section.client
                for section in brought.sections
                if section.clock + section.length > vector.get(section.client, 0)
            )
        advance(brought, vector)
    return found
