"""Which of a replica's own edits the relay has.

Rules:

1. Edits have numbers, from 1. No bytes are kept here: the document is the queue, and
   what the relay lacks is computed from it.
2. ``acked <= sent <= made``. What lies above ``acked`` is pending: it may be lost on its
   way, and so is sent again after every reconnect, as one difference.
3. Answers come in the order of what was sent. An answer to one difference acknowledges
   every number that was pending when it was made.
4. A refused number stays pending, and holds ``acked`` below it, until a later difference
   that contains it is acknowledged.
"""

from __future__ import annotations

from collections import deque

import msgspec

__all__ = ["NEWBORN", "Standing", "Tally"]


class Standing(msgspec.Struct, frozen=True):
    """What a replica has to remember between two lives.

    Attributes:
        lineage: The history its document belongs to; empty before the first Welcome.
        cursor: Highest row of the relay's log that is in the document.
        made: How many edits were made here.
        acked: How many of them the relay has.
    """

    lineage: str = ""
    cursor: int = 0
    made: int = 0
    acked: int = 0


NEWBORN = Standing()


class Tally:
    """Counts edits from being made to being acknowledged.

    >>> tally = Tally()
    >>> for _ in range(3):
    ...     tally.made += 1
    >>> tally.cover()          # one difference on its way, for all three
    >>> tally.pending
    3
    >>> tally.answered(taken=True), tally.pending
    (True, 0)
    """

    def __init__(self, *, made: int = 0, acked: int = 0) -> None:
        self.made = made
        self.acked = acked
        self.sent = acked
        self._on_their_way: deque[tuple[int, int]] = deque()

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

    def one(self) -> None:
        """The next edit leaves on its own."""
        self.sent += 1
        self._on_their_way.append((self.sent, self.sent))

    def cover(self) -> None:
        """A difference leaves that contains all that is pending."""
        self.sent = self.made
        self._on_their_way.append((self.acked + 1, self.made))

    def answered(self, *, taken: bool) -> bool:
        """The oldest of those on their way was taken or refused; False if there was none."""
        if not self._on_their_way:
            return False
        first, last = self._on_their_way.popleft()
        if taken and first <= self.acked + 1:
            self.acked = max(self.acked, last)
        return True

    def handed_over(self) -> None:
        """All that left counts as acknowledged: the peer never says more than that."""
        self._on_their_way.clear()
        self.acked = self.sent

    def lost(self) -> None:
        """The link is gone, and with it the answers."""
        self._on_their_way.clear()
        self.sent = self.acked
