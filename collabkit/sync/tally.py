"""Which of a replica's own edits the relay has.

Rules:

1. Edits have numbers, from 1. No bytes are kept here: the document is the queue, and
   what the relay lacks is computed from it.
2. ``acked <= sent <= made``. What lies above ``acked`` is pending: it may be lost on its
   way, and so is sent again after every reconnect, as one difference.
3. Answers come in the order of what was sent. An answer to one difference acknowledges
   every number that was pending when it was made. What is sent in pieces is sent when
   the first leaves, and acknowledged by the answer to the last.
4. A refused number stays pending, and holds ``acked`` below it, until a later difference
   that contains it is acknowledged.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

import msgspec

__all__ = ["NEWBORN", "PART", "Span", "Standing", "Tally"]

Span: TypeAlias = tuple[int, int]
"""The first and the last of the numbers that an answer acknowledges."""

PART: Final[Span] = (1, 0)
"""Of a piece that is not the last: none."""


class Standing(msgspec.Struct, frozen=True):
    """What a replica has to remember between two lives.

    Attributes:
        lineage: The history its document belongs to; empty before the first Welcome.
        cursor: Highest row of the relay's log that is in the document.
        made: How many edits were made here.
        acked: How many of them the relay has.
        epoch: The relay's, as of the last time that each side told all it had.
    """

    lineage: str = ""
    cursor: int = 0
    made: int = 0
    acked: int = 0
    epoch: int = 0


NEWBORN = Standing()


class Tally:
    """Counts edits from being made to being acknowledged.

    >>> tally = Tally()
    >>> for _ in range(3):
    ...     tally.made += 1
    >>> tally.leaves(tally.all())      # one difference on its way, for all three
    >>> tally.pending
    3
    >>> tally.answered(taken=True), tally.pending
    ((1, 3), 0)
    """

    def __init__(self, *, made: int = 0, acked: int = 0) -> None:
        self.made = made
        self.acked = acked
        self.sent = acked
        self._on_their_way: deque[Span] = deque()

    def __repr__(self) -> str:
        return f"<Tally made={self.made} sent={self.sent} acked={self.acked}>"

    @property
    def pending(self) -> int:
        """How many edits are not acknowledged."""
        return self.made - self.acked

    @property
    def unsent(self) -> int:
        """How many edits did not even leave."""
        return self.made - self.sent

    @property
    def owed(self) -> int:
        """How many answers are still to come."""
        return len(self._on_their_way)

    def one(self) -> Span:
        """The next edit is sent on its own."""
        self.sent += 1
        return self.sent, self.sent

    def all(self) -> Span:
        """A difference is sent that contains all that is pending."""
        self.sent = self.made
        return self.acked + 1, self.made

    def leaves(self, span: Span) -> None:
        """Something leaves that will be answered."""
        self._on_their_way.append(span)

    def answered(self, *, taken: bool) -> Span | None:
        """The oldest of those on their way was taken or refused; None if there was none."""
        if not self._on_their_way:
            return None
        first, last = span = self._on_their_way.popleft()
        if taken and first <= self.acked + 1:
            self.acked = max(self.acked, last)
        return span

    def handed_over(self) -> None:
        """All that left counts as acknowledged: the peer never says more than that."""
        self._on_their_way.clear()
        self.acked = self.sent

    def lost(self) -> None:
        """The link is gone, and with it the answers."""
        self._on_their_way.clear()
        self.sent = self.acked
