"""Whose turn it is at the core of a room: the loop's, or that of the thread for what takes long.

Rules:

1. The core is one's alone: while the thread has it, whatever the loop has for the room waits, in
   order. So nothing of the core is made for threads.
2. What waited is taken when the thread is done, before anything that comes because of it.
3. A mistake over one thing keeps nothing that waits from being taken.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from .aside import OVERHEAD_BYTES, Aside
from .effects import RoomEffect

__all__ = ["Turns"]

_log = logging.getLogger("collabkit.room")


class Turns:
    """The turns at one room.

    Args:
        carry: Carries out what the core asked for.

    Attributes:
        away: Whether what comes for the core has to wait.
        waiting_bytes: What that takes.
    """

    __slots__ = ("_behind", "_carry", "_lent", "away", "waiting_bytes")

    def __init__(self, carry: Callable[[list[RoomEffect]], None]) -> None:
        self._carry = carry
        self._behind: deque[tuple[Callable[[], None], int]] = deque()
        self._lent = False  # the thread has the core
        self.away = False
        self.waiting_bytes = 0

    def __repr__(self) -> str:
        return f"<Turns: {len(self._behind)} wait>"

    def wait(self, take: Callable[[], None], size_bytes: int = 0) -> None:
        """Take something when it is its turn."""
        self._behind.append((take, size_bytes))
        self.waiting_bytes += size_bytes + OVERHEAD_BYTES

    def lend(self) -> None:
        """The thread is about to have the core."""
        self._lent = self.away = True

    async def pass_by(self, aside: Aside, work: Callable[[], list[RoomEffect]]) -> None:
        """Have the thread do something with the core that was lent, and take what waited."""
        try:
            effects = await aside.run(work)
        except Exception:
            _log.exception("this is a mistake in collabkit")
            effects = []
        self._lent = False
        self._safely(lambda: self._carry(effects))
        while self._behind and not self._lent:
            take, size_bytes = self._behind.popleft()
            self.waiting_bytes -= size_bytes + OVERHEAD_BYTES
            self._safely(take)
        self.away = self._lent

    def _safely(self, take: Callable[[], None]) -> None:
        try:
            take()
        except Exception:
            _log.exception("this is a mistake in collabkit")
