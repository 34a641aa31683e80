"""What all connections of a server hold of messages that are not whole yet.

One message may be 17 MiB, and nothing tells an honest large document from the first half of one
that never ends. So there is one allowance for all of them. When it is used up, whoever began first
must go: a document comes in a moment, and who only holds room is the one that has taken longest.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Hoard", "Holder"]


class Holder(Protocol):
    """Who holds unfinished bytes."""

    def overrun(self) -> None:
        """Let go of them."""
        ...


class Hoard:
    """The unfinished bytes of a server.

    Args:
        most_bytes: The most that all holders may have together.

    Attributes:
        held_bytes: What they have.
        overruns: How many had to let go.
    """

    __slots__ = ("_held", "_most_bytes", "held_bytes", "overruns")

    def __init__(self, *, most_bytes: int) -> None:
        self.held_bytes = 0
        self.overruns = 0
        self._most_bytes = most_bytes
        self._held: dict[Holder, int] = {}  # in the order in which they began

    def __repr__(self) -> str:
        return f"<Hoard of {self.held_bytes} bytes, {len(self._held)} holders>"

    def hold(self, holder: Holder, size_bytes: int) -> None:
        """A holder has so much now."""
        self.held_bytes += size_bytes - self._held.get(holder, 0)
        self._held[holder] = size_bytes
        while self.held_bytes > self._most_bytes:
            first = next(iter(self._held))
            self.release(first)
            self.overruns += 1
            first.overrun()

    def release(self, holder: Holder) -> None:
        """A holder has nothing any more."""
        self.held_bytes -= self._held.pop(holder, 0)
