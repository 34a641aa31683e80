"""When rooms are woken: together, so that their trips to engine and log can be shared.

Each trip of a room costs as much as the edits in it, whatever their number; and each wake-up
of a process costs more than that. So there are three kinds of turns:

======  ============================================  ========================================
kind    comes                                         for
======  ============================================  ========================================
soon    each :data:`SHORT_WINDOW`                     what others wait for: they see nothing
                                                      before it was tasted
calm    each :data:`WINDOW`                           what its author waits for: the word that
                                                      it is stored
late    with a calm turn, :data:`LATE_WINDOWS` later  what nobody waits for: others have it, and
                                                      its author's dialect has no such word
======  ============================================  ========================================

Rooms begin to wait at different times, so those that are woken late come back in turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from .effects import Woke

__all__ = ["LATE_WINDOWS", "SHORT_WINDOW", "WINDOW", "Windows"]

# Half of it is what an author waits for the word that his edit is stored; the longer it is, the
# more edits share a wake-up and a transaction.
WINDOW = 0.050
# The same in a room so busy that splicing wins.
SHORT_WINDOW = 0.002
# A fifth of a second, before which a crash of this process loses what no client sends again.
LATE_WINDOWS = 3


class Sleeper(Protocol):
    """A room, as its alarm sees it.

    Attributes:
        dozing: It is to be woken late.
    """

    dozing: bool


class Windows:
    """The alarms of one loop.

    Args:
        wake: Feeds a room; it must not raise.
    """

    def __init__(self, wake: Callable[[Any, Woke], None]) -> None:
        self._wake = wake
        self._due: dict[tuple[bool, int], set[Sleeper]] = {}

    def __repr__(self) -> str:
        return f"<Windows {sum(map(len, self._due.values()))} rooms to wake>"

    def expect(self, room: Sleeper, *, soon: bool, late: bool) -> None:
        """Have a room woken at the next turn of a kind, with all others that wait for it."""
        if late:
            if room.dozing:
                return
            room.dozing = True
        window = SHORT_WINDOW if soon else WINDOW
        loop = asyncio.get_running_loop()
        turn = int(loop.time() / window) + (1 + LATE_WINDOWS if late else 1)
        due = self._due.get((soon, turn))
        if due is None:
            due = self._due[soon, turn] = set()
            loop.call_at(turn * window, self._turn, soon, turn)
        due.add(room)

    def _turn(self, soon: bool, turn: int) -> None:
        woke = Woke(soon)
        for room in self._due.pop((soon, turn)):
            room.dozing = room.dozing and soon
            self._wake(room, woke)
