"""Until when what a connection may do holds, and what it may do after that.

Rules:

1. What somebody may do is asked about when he comes, when access control says that it may differ
   for him, and at the moment at which a window of the policy opens or closes. What has changed
   holds at once: for the next frame that is read.
2. A moment is a timer of the loop. As loops run timers after what sockets brought, each frame is
   held to the clock as well.
3. Who is put out for it is not heard any more, also of what waited to be looked at.
4. Where many are asked about, some are in each turn of the loop; whoever says something before his
   turn is asked about first. So nobody waits for all, and nothing lands in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from ..access.model import Refusal
from .connection import Connection
from .connection_effects import ConnectionEvent, Dismissed, Rang, Regraded
from .counts import Counts
from .doors import NEVER
from .entry import Entry
from .place import Place

__all__ = ["Watch", "Watched", "regrade"]

_log = logging.getLogger("collabkit.hub")

# Connections in a turn; to ask about one of them takes up to 80 us.
ASKED_AT_ONCE = 250

_NOBODY: frozenset[str] = frozenset()


class Watched(Protocol):
    """A link, as its watch sees it."""

    connection: Connection
    label: str
    places: dict[str, Place]

    @property
    def where(self) -> dict[str, str]:
        """What a line of the log says beside its words."""
        ...

    def feed(self, event: ConnectionEvent) -> None:
        """Let the core take an event."""
        ...


class Clocks(Protocol):
    """What a watch needs of the hub."""

    counts: Counts
    entry: Entry

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def alarm(self, at: float, ring: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at a time."""
        ...


class Watch:
    """Keeps the rights of one link's places as they are now.

    Attributes:
        rings_at: When something changes by itself, or may have: then call :meth:`look`.
    """

    __slots__ = ("_alarm", "_changes_at", "_doubted", "_hub", "_link", "rings_at")

    def __init__(self, link: Watched, hub: Clocks) -> None:
        self.rings_at = self._changes_at = NEVER
        self._doubted: frozenset[str] | None = _NOBODY
        self._link = link
        self._hub = hub
        self._alarm: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Watch of {self._link!r}, rings at {self.rings_at}>"

    @property
    def context(self) -> dict[str, object]:
        """What conditions of rules may ask for of a connection."""
        connection = self._link.connection
        dialect = connection.dialect.value
        return {"peer": connection.peer, "dialect": dialect, "connection": self._link.label}

    def set(self, at: float) -> None:
        """Ring at this time, and at none that was named before."""
        self._changes_at = at
        if self._doubted == _NOBODY:
            self.rings_at = at
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if at == NEVER else self._hub.alarm(at, self.ring)

    def look(self) -> None:
        """See to it that what somebody says next is held to what he may do by now."""
        self.settle()
        if self._hub.now() >= self.rings_at:
            self.ring()

    def ring(self) -> None:
        """A token ends, or rights may have changed by themselves."""
        self.set(NEVER)
        now_ms = self._hub.now() * 1000
        for place in self._link.places.values():
            ends_ms = place.identity.expires_at_ms
            place.silenced = ends_ms is not None and now_ms >= ends_ms
        self._link.feed(Rang())

    def doubt(self, subjects: frozenset[str] | None) -> None:
        """Ask again what these may do, before anything else that they say; None: everybody."""
        both = None if subjects is None or self._doubted is None else self._doubted | subjects
        self._doubted, self.rings_at = both, 0.0

    def settle(self) -> None:
        """Ask about those who are in doubt, if anybody is."""
        subjects, self._doubted = self._doubted, _NOBODY
        self.rings_at = self._changes_at
        if subjects == _NOBODY:
            return
        for address, place in list(self._link.places.items()):
            if subjects is None or place.identity.subject in subjects:
                self.ask_again(address)

    def ask_again(self, address: str) -> None:
        """Ask what the one at an address may do now, and let him know if it is something else."""
        place = self._link.places.get(address)
        if place is None:
            return
        rights = self._hub.entry.again(place.identity, place.room, self.context)
        if isinstance(rights, Refusal):
            place.silenced = True
            self._hub.counts.revoked += 1
            _log.info("%s is put out: %s", self._link, rights.reason, extra=self._link.where)
            self._link.feed(Dismissed(address, rights.code, rights.reason))
        else:
            self._link.feed(Regraded(address, rights, rights.reason))


def regrade(
    watches: Sequence[Watch],
    subjects: frozenset[str] | None,
    spawn: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    """Ask again what some may do, wherever they are: at once, or rule 4.

    Args:
        watches: Of all links.
        subjects: Whom; None: everybody.
        spawn: Runs what takes longer.
    """
    for watch in watches:
        watch.doubt(subjects)
    _settle(watches[:ASKED_AT_ONCE])
    if len(watches) > ASKED_AT_ONCE:
        spawn(_settle_all(watches[ASKED_AT_ONCE:]))


async def _settle_all(watches: Sequence[Watch]) -> None:
    for first in range(0, len(watches), ASKED_AT_ONCE):
        await asyncio.sleep(0)
        _settle(watches[first : first + ASKED_AT_ONCE])


def _settle(watches: Sequence[Watch]) -> None:
    """A mistake at one of many must not leave the others as they were."""
    for watch in watches:
        try:
            watch.settle()
        except Exception:
            _log.exception("%r failed", watch)
