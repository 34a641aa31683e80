"""What the rooms of a hub want of engine and store, carried together.

What a trip costs is waking up, on both ends of it, and not what is carried: so what is asked
for in one turn of the loop leaves in one call, and what came back wakes this process once.

Rules:

1. All tastes of a turn go to the engine in one trip, but for large ones: a document that
   takes long to taste keeps nobody else waiting.
2. Rows are queued in the order in which rooms asked for them, all before anything else runs.
3. Each request ends in exactly one event for its room, whatever happens.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from ..crdt.engine import DocumentKey, Engine, Verdict
from ..errors import CollabError, EngineLost
from ..ids import Seq, SessionId
from ..store.base import Draft, Store
from .counts import Counts
from .effects import AppendFailed, Committed, EngineDied, RoomEvent, Tasted

__all__ = ["Trips"]

_log = logging.getLogger("collabkit.room")

# An engine applies so much in about a millisecond.
LARGE_BYTES = 64 * 1024


class Traveller(Protocol):
    """A room, as a trip sees it."""

    session: SessionId

    @property
    def key(self) -> DocumentKey:
        """The document's key in the engine."""
        ...

    def feed(self, event: RoomEvent) -> None:
        """Let the core take an event, and carry out what it asks for."""
        ...


class Surroundings(Protocol):
    """What trips need of the hub they belong to."""

    engine: Engine
    store: Store
    counts: Counts

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side."""
        ...


class Trips:
    """Gathers what rooms ask for, and brings back what became of it."""

    def __init__(self, hub: Surroundings) -> None:
        self._hub = hub
        self._tastes: list[tuple[Traveller, tuple[bytes, ...]]] = []
        self._appends: list[tuple[Traveller, tuple[Draft, ...]]] = []

    def __repr__(self) -> str:
        return f"<Trips {len(self._tastes)} tastes, {len(self._appends)} appends gathered>"

    def taste(self, room: Traveller, updates: tuple[bytes, ...]) -> None:
        """Have updates tasted; the room is fed Tasted or EngineDied."""
        self._expect()
        self._tastes.append((room, updates))

    def append(self, room: Traveller, drafts: tuple[Draft, ...]) -> None:
        """Have rows written; the room is fed Committed or AppendFailed."""
        self._expect()
        self._appends.append((room, drafts))

    def _expect(self) -> None:
        if not (self._tastes or self._appends):
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        tastes, self._tastes = self._tastes, []
        appends, self._appends = self._appends, []
        for room, drafts in appends:
            self._append(room, drafts)
        small = [(room, asked) for room, asked in tastes if sum(map(len, asked)) <= LARGE_BYTES]
        if small:
            self._hub.spawn(self._taste(small))
        if len(small) < len(tastes):
            for room, asked in tastes:
                if sum(map(len, asked)) > LARGE_BYTES:
                    self._hub.spawn(self._taste([(room, asked)]))

    async def _taste(self, tastes: Sequence[tuple[Traveller, tuple[bytes, ...]]]) -> None:
        told: Sequence[list[Verdict] | EngineLost]
        try:
            told = await self._hub.engine.taste_all([(room.key, asked) for room, asked in tastes])
        except Exception as error:
            if not isinstance(error, CollabError | OSError):
                _log.exception("this is a mistake in collabkit")
            told = [EngineLost("/".join(room.key)) for room, _ in tastes]
        for (room, _), verdicts in zip(tastes, told, strict=True):
            if isinstance(verdicts, EngineLost):
                _log.error("%s: %s", "/".join(room.key), verdicts)
                _feed(room, EngineDied(culprit=verdicts.culprit))
            else:
                _feed(room, Tasted(tuple(verdicts)))

    def _append(self, room: Traveller, drafts: tuple[Draft, ...]) -> None:
        try:
            committed = asyncio.ensure_future(self._hub.store.append(room.session, drafts))
        except (CollabError, OSError) as error:
            _log.error("%s: %s", "/".join(room.key), error)
            _feed(room, AppendFailed(str(error)))
            return
        self._hub.counts.pending_rows += len(drafts)
        queued_at = time.perf_counter()
        committed.add_done_callback(functools.partial(self._appended, room, len(drafts), queued_at))

    def _appended(
        self, room: Traveller, rows: int, queued_at: float, committed: asyncio.Future[list[Seq]]
    ) -> None:
        counts = self._hub.counts
        counts.pending_rows -= rows
        if committed.cancelled():
            return  # the loop ends
        error = committed.exception()
        if error is None:
            counts.commits.observe(time.perf_counter() - queued_at)
            counts.edits += rows
            _feed(room, Committed(tuple(committed.result())))
        elif isinstance(error, CollabError | OSError):
            _log.error("%s: %s", "/".join(room.key), error)
            _feed(room, AppendFailed(str(error)))
        else:
            _log.error("this is a mistake in collabkit", exc_info=error)
            _feed(room, AppendFailed("the store failed"))


def _feed(room: Traveller, event: RoomEvent) -> None:
    """Tell one of many: a mistake in one room must not keep the others waiting."""
    try:
        room.feed(event)
    except Exception:
        _log.exception("%r failed", room)
