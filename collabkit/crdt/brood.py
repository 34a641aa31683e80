"""The children of a sandbox: those that hold documents, and those that wait for one to die.

Rules:

1. A child's place is taken by a spare as soon as it is dead, and another spare is ordered.
   Where there is none the next is made when it is needed, which takes some milliseconds.
2. One that never answered may have been stillborn, and so may be the next: spares for it are
   ordered a second later, not in a circle. The same if none can be made.
3. A child that has more memory than it should is retired: it finishes what it was asked, and
   a spare takes its place. Not more often than once a minute, because documents that need so
   much would otherwise be opened again and again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from ..errors import EngineLost
from .child import Child
from .nursery import Nursery

__all__ = ["Brood"]

_log = logging.getLogger("collabkit.sandbox")

_LOOK_S: Final = 1.0
_RETIRE_S: Final = 60.0
_RETRY_S: Final = 1.0


class Brood:
    """Children with places, and spares without.

    Args:
        nursery: Who makes them.
        places: How many hold documents.
        spares: How many wait.
        memory_bytes: How much memory each should have at most.
        left: Called with each that leaves its place.

    Attributes:
        births: How many were made.
        deaths: How many died without being asked to, by cause.
        retirements: How many were let go for their memory.
    """

    def __init__(
        self,
        nursery: Nursery,
        *,
        places: int,
        spares: int,
        memory_bytes: int,
        left: Callable[[Child], None],
    ) -> None:
        self.births = 0
        self.deaths: Counter[str] = Counter()
        self.retirements = 0
        self._nursery = nursery
        self._places: list[Child | None] = [None] * places
        self._spares: deque[Child] = deque()
        self._wanted_spares = spares
        self._memory_bytes = memory_bytes
        self._left = left
        self._open = False
        self._trips = 0
        self._retired_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Brood of {len(self.placed)}, {len(self._spares)} spares>"

    @property
    def placed(self) -> list[Child]:
        """Those that hold documents."""
        return [child for child in self._places if child is not None]

    @property
    def spares(self) -> list[Child]:
        """Those that wait."""
        return list(self._spares)

    @property
    def trips(self) -> int:
        """How many calls were answered, by those that are gone too."""
        return self._trips + sum(child.trips for child in self.placed)

    def open(self) -> None:
        """Have them made."""
        self._open = True
        self._places = [self._birth() for _ in self._places]
        self._order_spares()

    def close(self) -> None:
        """Order no more."""
        self._open = False
        self._places = [None] * len(self._places)
        self._spares.clear()

    def child(self, number: int) -> Child:
        """Whose place a number falls on."""
        place = number % len(self._places)
        child = self._places[place]
        if child is None:
            child = self._places[place] = self._birth()
        return child

    def look(self, child: Child) -> None:
        """Look now and then whether a child has become too big."""
        now = asyncio.get_running_loop().time()
        if now - child.looked_at < _LOOK_S or not child.alive:
            return
        child.looked_at = now
        resident_bytes = child.resident_bytes()
        if resident_bytes is None or resident_bytes <= self._memory_bytes:
            return
        if now - self._retired_at > _RETIRE_S:
            self._retired_at = now
            self.retirements += 1
            _log.warning("child %d is let go: it has %d bytes", child.number, resident_bytes)
            self._leave(child)
            self._order_spares()
            child.end()

    def _birth(self) -> Child:
        child = self._nursery.birth()
        self.births += 1
        child.on_death = self._died
        child.fate.add_done_callback(lambda fate: self._tell(child, fate.result()))
        return child

    def _tell(self, child: Child, how: str) -> None:
        if not child.ending:
            self.deaths[how] += 1
            _log.warning("child %d is dead: %s", child.number, how)

    def _died(self, child: Child) -> None:
        if child in self._spares:
            self._spares.remove(child)
        self._leave(child)
        delay_s = 0.0 if child.trips else _RETRY_S
        asyncio.get_running_loop().call_later(delay_s, self._order_spares)

    def _leave(self, child: Child) -> None:
        if child in self._places:
            self._trips += child.trips
            self._places[self._places.index(child)] = (
                self._spares.popleft() if self._spares else None
            )
        self._left(child)

    def _order_spares(self) -> None:
        try:
            while self._open and len(self._spares) < self._wanted_spares:
                self._spares.append(self._birth())
        except EngineLost as lost:
            _log.error("%s", lost.__cause__ or lost)
            asyncio.get_running_loop().call_later(_RETRY_S, self._order_spares)
