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
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias

from ..crdt.engine import Contested, DocumentKey, Engine, Verdict
from ..errors import CollabError, EngineLost
from ..ids import Seq, SessionId
from ..store.base import Draft, Store
from .counts import Counts
from .events import AppendFailed, Committed, EngineDied, RoomEvent, Tasted

__all__ = ["Trips"]

_log = logging.getLogger("collabkit.room")

# An engine applies so much in about a millisecond.
LARGE_BYTES = 64 * 1024


class Traveller(Protocol):
    """A room, as a trip sees it."""

    session: SessionId
    key: DocumentKey

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
    """Gathers what rooms ask for, and brings back what became of it.

    Attributes:
        wrote: Told of rows that are in the log now, if anybody wants to know.
    """

    def __init__(self, hub: Surroundings) -> None:
        self._hub = hub
        self.wrote: Callable[[SessionId, Sequence[Draft]], None] | None = None
        self._tastes: list[_Tasting] = []
        self._large: list[_Tasting] = []
        self._appends: list[_Appending] = []
        self._expected = False

    def __repr__(self) -> str:
        tastes = len(self._tastes) + len(self._large)
        return f"<Trips {tastes} tastes, {len(self._appends)} appends gathered>"

    def taste(self, room: Traveller, updates: tuple[bytes | Contested, ...]) -> None:
        """Have updates tasted; the room is fed Tasted or EngineDied."""
        size = 0
        for update in updates:
            size += len(update if isinstance(update, bytes) else update.update)
        (self._tastes if size <= LARGE_BYTES else self._large).append((room, updates))
        if not self._expected:
            self._expect()

    def append(self, room: Traveller, drafts: tuple[Draft, ...]) -> None:
        """Have rows written; the room is fed Committed or AppendFailed."""
        self._appends.append((room, drafts))
        if not self._expected:
            self._expect()

    def _expect(self) -> None:
        self._expected = True
        asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        self._expected = False
        appends, self._appends = self._appends, []
        tastes, self._tastes = self._tastes, []
        large, self._large = self._large, []
        if appends:
            self._append(appends)
        for trip in (tastes, *([taste] for taste in large)):
            if trip:
                self._hub.spawn(self._taste(trip))

    async def _taste(self, tastes: list[_Tasting]) -> None:
        told: Sequence[list[Verdict] | EngineLost]
        try:
            told = await self._hub.engine.taste_all([(room.key, asked) for room, asked in tastes])
        except Exception as error:
            _complain("the engine failed", error)
            told = [EngineLost("/".join(room.key)) for room, _ in tastes]
        for (room, _), verdicts in zip(tastes, told, strict=True):
            if type(verdicts) is list:
                _feed(room, Tasted(tuple(verdicts)))
            else:
                assert isinstance(verdicts, EngineLost)
                _log.error("%s: %s", "/".join(room.key), verdicts)
                _feed(room, EngineDied(culprit=verdicts.culprit))

    def _append(self, appends: list[_Appending]) -> None:
        asked = [(room.session, drafts) for room, drafts in appends]
        try:
            written = asyncio.ensure_future(self._hub.store.append_all(asked))
        except Exception as error:
            self._failed(appends, error)
            return
        self._hub.counts.pending_rows += sum(len(drafts) for _, drafts in asked)
        written.add_done_callback(functools.partial(self._appended, appends, time.perf_counter()))

    def _appended(
        self,
        appends: list[_Appending],
        queued_at: float,
        written: asyncio.Future[list[list[Seq] | CollabError]],
    ) -> None:
        counts = self._hub.counts
        counts.pending_rows -= sum(len(drafts) for _, drafts in appends)
        if written.cancelled():
            return  # the loop ends
        if (error := written.exception()) is not None:
            self._failed(appends, error)
            return
        counts.commits.observe(time.perf_counter() - queued_at, len(appends))
        for (room, drafts), outcome in zip(appends, written.result(), strict=True):
            if type(outcome) is list:
                counts.edits += len(outcome)
                if self.wrote is not None:
                    self.wrote(room.session, drafts)
                _feed(room, Committed(tuple(outcome)))
            else:
                assert isinstance(outcome, CollabError)
                self._failed([(room, ())], outcome)

    def _failed(self, appends: list[_Appending], error: BaseException) -> None:
        _complain("the store failed", error)
        known = isinstance(error, CollabError | OSError)
        for room, _ in appends:
            _feed(room, AppendFailed(str(error) if known else "the store failed"))


_Tasting: TypeAlias = tuple[Traveller, tuple[bytes | Contested, ...]]
_Appending: TypeAlias = tuple[Traveller, tuple[Draft, ...]]


def _feed(room: Traveller, event: RoomEvent) -> None:
    """Tell one of many: a mistake in one room must not keep the others waiting."""
    try:
        room.feed(event)
    except Exception:
        _log.exception("%r failed", room)


def _complain(what: str, error: BaseException) -> None:
    """Log what can happen as a sentence, and what cannot with its trace."""
    if isinstance(error, CollabError | OSError):
        _log.error("%s: %s", what, error)
    else:
        _log.error("%s: this is a mistake in collabkit", what, exc_info=error)
