"""When rooms are woken: together, so that their trips to engine and log can be shared.

Each trip of a room costs as much as the edits in it, whatever their number; and each wake-up
of a process costs more than that. So there are three kinds of turns, each on its own grid:

======  =====================  ==============================================================
kind    comes each             for
======  =====================  ==============================================================
soon    :data:`SHORT_WINDOW`   what others wait for: they see nothing before it was tasted
calm    :data:`WINDOW`         what its author waits for: the word that it is stored
late    :data:`LONG_WINDOW`    what nobody waits for: others have it, and its author's dialect
                               has no such word
======  =====================  ==============================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .events import Woke

__all__ = ["LONG_WINDOW", "SHORT_WINDOW", "WINDOW", "Windows"]

# Half of it is what an author waits for the word that his edit is stored; the longer it is, the
# more edits share a wake-up and a transaction.
WINDOW = 0.050
# The same in a room so busy that splicing wins.
SHORT_WINDOW = 0.002
# A crash of this process loses this much of what none of its clients comes back with.
LONG_WINDOW = 0.200


class Windows:
    """The alarms of one loop.

    Args:
        wake: Feeds a room; it must not raise.
    """

    def __init__(self, wake: Callable[[Any, Woke], None]) -> None:
        self._wake = wake
        self._due: dict[float, set[Any]] = {SHORT_WINDOW: set(), WINDOW: set(), LONG_WINDOW: set()}

    def __repr__(self) -> str:
        return f"<Windows {sum(map(len, self._due.values()))} rooms to wake>"

    def expect(self, room: object, *, soon: bool, late: bool) -> None:
        """Have a room woken at the next turn of a kind, with all others that wait for it."""
        window = SHORT_WINDOW if soon else LONG_WINDOW if late else WINDOW
        due = self._due[window]
        if not due:
            loop = asyncio.get_running_loop()
            loop.call_at((loop.time() // window + 1) * window, self._turn, window)
        due.add(room)

    def _turn(self, window: float) -> None:
        rooms, self._due[window] = self._due[window], set()
        woke = Woke(window == SHORT_WINDOW)
        for room in rooms:
            self._wake(room, woke)
