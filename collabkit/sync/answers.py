"""What one member is still owed: an answer for each edit, in the order they were sent.

Rules:

1. Answers leave in the order of their edits, whatever order they are found in.
2. An edit that builds on what the room lacks is a **gap**: its answer waits. The member is
   asked for what is missing; once a later edit of his is stored and the gap's own
   content is stored too, the gap is answered like that edit.
3. What builds on something that was cut out of the member's own edits, since it was not his, is
   no gap: it is refused, however often. He is asked all the same: the author may bring it yet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ..crdt.budget import NO_BUDGET
from ..crdt.update import Scan, StateVector, advance, advances, scan
from .effects import RoomEffect, Send
from .messages import Ack, Message
from .pending import Pending

__all__ = ["Answers", "Owed", "covers", "deletes_all"]

# How long a member has to answer a request for what is missing before it is asked again.
ASK_AGAIN_AFTER = 5.0
# Ids that are remembered as cut, of one member; who is refused more is asked instead.
MAX_CUT_IDS = 1000
# Of a gap so many parts are remembered for the price of one edit. One of 100,000 deletions counts
# for 251 of those: to keep it takes 12 MB, and to compare it 45 ms.
PARTS_OF_A_GAP = 400


class Answers:
    """The answers one member waits for.

    Attributes:
        gaps: How many edits wait for what they build on; what tells very much counts for many.

    >>> answers = Answers()
    >>> first, second = answers.expect(), answers.expect()
    >>> answers.resolve(second, Ack(8))
    []
    >>> answers.resolve(first, Ack(7))
    [Ack(seq=7), Ack(seq=8)]
    """

    __slots__ = ("_asked_at", "_cut", "_first", "_gaps", "_owed", "gaps")

    def __init__(self) -> None:
        self._owed: deque[Message | None] = deque()
        self._first = 0  # ticket of the oldest that is owed
        self.gaps = 0
        self._gaps: dict[int, Scan] = {}
        self._cut: StateVector = {}
        self._asked_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Answers {len(self._owed)} owed, {len(self._gaps)} gaps>"

    def expect(self) -> int:
        """Hold a place; returns its ticket."""
        self._owed.append(None)
        return self._first + len(self._owed) - 1

    def resolve(self, ticket: int, answer: Message) -> list[Message]:
        """Give the answer for a place; returns those that are due now."""
        if ticket in self._gaps:
            self._close(ticket)
        self._owed[ticket - self._first] = answer
        due: list[Message] = []
        while self._owed and (oldest := self._owed[0]) is not None:
            due.append(oldest)
            self._owed.popleft()
            self._first += 1
        return due

    def leave_open(self, ticket: int, scan: Scan) -> None:
        """Note a gap."""
        if ticket not in self._gaps:
            self._gaps[ticket] = scan
            self.gaps += _weight(scan)

    def _close(self, ticket: int) -> None:
        self.gaps -= _weight(self._gaps.pop(ticket))

    def close_gaps(self, scan: Scan, stored: StateVector, answer: Ack) -> None:
        """An edit with this scan is stored: answer the gaps that it closed."""
        if not self._gaps:
            return
        deleted = _spans(scan.deletes)
        for ticket, missing in list(self._gaps.items()):
            if not advances(missing, stored) and _within(deleted, missing.deletes):
                self._close(ticket)
                self._owed[ticket - self._first] = answer

    def close_all_gaps(self, answer: Message) -> None:
        """Answer all gaps alike: what they wait for will not come."""
        for ticket in self._gaps:
            self._owed[ticket - self._first] = answer
        self._gaps.clear()
        self.gaps = 0

    def cut(self, scan: Scan) -> None:
        """An edit with this scan was refused: it brings what is not his."""
        if len(self._cut) + len(scan.sections) > MAX_CUT_IDS:
            self._cut.clear()
        if len(scan.sections) <= MAX_CUT_IDS:
            advance(scan, self._cut)

    def builds_on_cut(self, scan: Scan, vector: StateVector) -> bool:
        """Whether all that it lacks was cut; then what builds on it is cut as well."""
        if not self._cut:
            return False
        for client, clock in scan.needs.items():
            if max(vector.get(client, 0), self._cut.get(client, 0)) < clock:
                return False
        self.cut(scan)
        return True

    def ask(self, now: float) -> bool:
        """Whether to ask the member for what is missing, or to wait for an earlier request."""
        if now - self._asked_at < ASK_AGAIN_AFTER:
            return False
        self._asked_at = now
        return True


class Owed:
    """The answers of all members; whoever left in the meantime gets none."""

    __slots__ = ("_members",)

    def __init__(self) -> None:
        self._members: dict[int, Answers] = {}

    def __repr__(self) -> str:
        return f"<Owed to {len(self._members)} members>"

    def to(self, member: int) -> Answers:
        """What a member is owed."""
        found = self._members.get(member)
        if found is None:
            found = self._members[member] = Answers()
        return found

    def known(self, edit: Pending) -> Answers | None:
        """What the author of an edit is owed, if he is still there."""
        return self._members.get(edit.author)

    def forget(self, member: int) -> None:
        """A member left."""
        self._members.pop(member, None)

    def give(self, member: int, ticket: int, answer: Message) -> list[RoomEffect]:
        """Give an answer."""
        answers = self._members.get(member)
        if answers is None:
            return []
        return [Send((member,), message) for message in answers.resolve(ticket, answer)]

    def leave_open(self, edits: Iterable[Pending]) -> None:
        """Note edits as gaps."""
        for edit in edits:
            if (answers := self.known(edit)) is not None:
                answers.leave_open(edit.ticket, edit.offered)

    def acknowledge(self, edit: Pending, ack: Ack, stored: StateVector) -> list[RoomEffect]:
        """Answer an edit that is stored, and the gaps that it closed."""
        answers = self.known(edit)
        if answers is None:
            return []
        if advances(edit.scan, stored):
            # It repeated what was on its way, and that was refused or lost.
            answers.leave_open(edit.ticket, edit.offered)
            return []
        if answers.gaps:
            # A gap may want deleted what was put back: it was told all the same, and answered.
            answers.close_gaps(edit.offered, stored, ack)
        return self.give(edit.author, edit.ticket, ack)


def covers(these: Sequence[tuple[int, int, int]], those: Sequence[tuple[int, int, int]]) -> bool:
    """Whether the delete ranges ``these`` (client, clock, length) contain all of ``those``.

    >>> covers([(1, 0, 5)], [(1, 1, 2)]), covers([(1, 0, 5)], [(1, 4, 2)])
    (True, False)
    """
    return not those or _within(_spans(these), those)


_Spans: TypeAlias = dict[int, tuple[list[int], list[int]]]


def _spans(ranges: Sequence[tuple[int, int, int]]) -> _Spans:
    """Of each client, where what is deleted begins and where it ends."""
    spans: _Spans = {}
    for client, clock, length in sorted(ranges):
        starts, stops = spans.setdefault(client, ([], []))
        if stops and clock <= stops[-1]:
            stops[-1] = max(stops[-1], clock + length)
        else:
            starts.append(clock)
            stops.append(clock + length)
    return spans


def _within(spans: _Spans, ranges: Sequence[tuple[int, int, int]]) -> bool:
    for client, clock, length in ranges:
        starts, stops = spans.get(client, ([], []))
        place = bisect_right(starts, clock) - 1
        if place < 0 or clock + length > stops[place]:
            return False
    return True


def _weight(gap: Scan) -> int:
    return 1 + (len(gap.sections) + len(gap.deletes)) // PARTS_OF_A_GAP


def deletes_all(difference: bytes, told: Scan) -> bool:
    """Whether an update of any size deletes all that another one does."""
    return covers(scan(difference, NO_BUDGET).deletes, told.deletes)
