"""A link between two ends that loses, repeats, delays and reorders, as a seed decides.

Nothing here waits: time is an argument, and the same seed and calls give the same
deliveries. A test moves its own clock to :attr:`Link.next_at_ms`, takes what
:meth:`Link.receive` delivers, and lets the ends answer with :meth:`Link.send`::

    while link.next_at_ms is not None:
        now_ms = link.next_at_ms
        for end, message in link.receive(now_ms=now_ms):
            for answer in ends[end].handle(message):
                link.send(end, answer, now_ms=now_ms)
"""

from __future__ import annotations

import heapq
import random
from typing import Literal, NamedTuple, TypeAlias

import msgspec

__all__ = ["Delivery", "End", "Faults", "Link"]

End: TypeAlias = Literal[0, 1]


class Faults(msgspec.Struct, frozen=True):
    """What a link does to messages. Without any it delivers all, in order, at once.

    Attributes:
        loss: Share of messages that vanish.
        repetition: Share of messages that come twice.
        delay_ms: Shortest and longest time on the way.
        ordered: Whether messages never overtake each other, as on TCP.
    """

    loss: float = 0.0
    repetition: float = 0.0
    delay_ms: tuple[int, int] = (0, 0)
    ordered: bool = True


class Delivery(NamedTuple):
    """A message that arrives at an end."""

    end: End
    message: bytes


class Link:
    """Carries byte messages between end 0 and end 1; its ``faults`` may change at any time.

    Example:
        >>> link = Link(Faults(delay_ms=(10, 10)))
        >>> link.send(0, b"hello", now_ms=0)
        >>> link.receive(now_ms=9), link.receive(now_ms=10)
        ([], [Delivery(end=1, message=b'hello')])
    """

    def __init__(self, faults: Faults | None = None, *, seed: int = 0) -> None:
        self.faults = faults or Faults()
        self._dice = random.Random(seed)  # noqa: S311 - faults that can be had again
        self._way: list[tuple[int, int, End, bytes]] = []  # heap of: due, order sent, to, what
        self._sent = 0
        self._last_due_ms = [0, 0]
        self._whole = True

    def __repr__(self) -> str:
        return f"<Link {'up' if self._whole else 'cut'}, {len(self._way)} messages on the way>"

    @property
    def next_at_ms(self) -> int | None:
        """When the next message arrives; None if there is none on the way."""
        return self._way[0][0] if self._way else None

    def send(self, end: End, message: bytes, *, now_ms: int) -> None:
        """Send from this end to the other. On a cut link it is lost."""
        dice, faults = self._dice, self.faults
        copies = 1 + (dice.random() < faults.repetition)
        for _ in range(copies):
            due_ms = now_ms + dice.randint(*faults.delay_ms)
            if not self._whole or dice.random() < faults.loss:
                continue
            if faults.ordered:
                due_ms = self._last_due_ms[end] = max(due_ms, self._last_due_ms[end])
            self._sent += 1
            other: End = 1 if end == 0 else 0
            heapq.heappush(self._way, (due_ms, self._sent, other, message))

    def receive(self, *, now_ms: int) -> list[Delivery]:
        """Take what has arrived at either end by now, in order of arrival."""
        arrived = []
        while self._way and self._way[0][0] <= now_ms:
            _, _, end, message = heapq.heappop(self._way)
            arrived.append(Delivery(end, message))
        return arrived

    def cut(self) -> None:
        """Cut the link: what is on the way, and what is sent until :meth:`heal`, is lost."""
        self._way.clear()
        self._whole = False

    def heal(self) -> None:
        """Mend the link."""
        self._whole = True
