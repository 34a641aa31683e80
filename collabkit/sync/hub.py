"""Where sockets meet rooms: carries out what connections ask for, and keeps the time.

A shell (picows, ASGI, an in-process channel) attaches a :class:`Socket` and gets a
:class:`Link` to tell what happens to it. The hub runs on one event loop; all of its
methods are called there. What it knows of a client it knows from :mod:`.connection`;
what it does for a room, it does through :mod:`.liveroom`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

from ..access.model import Authenticate, Identity, Refusal
from ..crdt.budget import DEFAULT_BUDGET
from ..crdt.engine import DocumentKey, Engine
from ..errors import (
    AccessDenied,
    CollabError,
    InvalidArguments,
    LocalProtocolError,
    SessionBusy,
)
from ..ids import RoomName, SessionId
from ..store.base import Store
from .aside import Aside
from .connection import Connection
from .connection_effects import Dismissed, Started
from .counts import Counts, HubStats
from .dialects import SUBPROTOCOLS
from .doors import MAX_ADDRESSES
from .effects import Denial
from .entry import Access, Changed, Entry, Found
from .events import Ticked
from .limits import Census
from .link import Link
from .liveroom import LiveRoom
from .messages import Call, Result
from .seat import Socket
from .trips import Trips
from .watch import regrade
from .windows import WINDOW, Windows

__all__ = ["Hub", "HubStats", "Link", "OnCall", "Socket"]

_log = logging.getLogger("collabkit.hub")

# Expiry of tokens and presence is promised within 2 s.
TICK = 1.0
# Some 2 ms of work, for which edits wait.
TICKED_AT_ONCE = 500
# The loop's clock is coarser than ours: an alarm that is early by a part of a millisecond must not
# ring until it is not. And no loop has to know the times of the next century.
ALARM_LEAST = 0.001
ALARM_MOST = 86_400.0
# How long a drain waits for edits that are on their way.
DRAIN_TIMEOUT = 10.0

OnCall: TypeAlias = Callable[[Identity, RoomName, str, Any, str | None], Awaitable[object]]
"""Carries out an operation: who, where, its name, its arguments, an idempotency key."""


def steady_clock() -> Callable[[], float]:
    """Unix time that goes on evenly from now, whatever happens to the machine's clock.

    A clock set back by an hour would otherwise hold every hold, linger and retry for that hour.
    """
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


class Hub:
    """Rooms and links of one process.

    Args:
        store: Where the sessions are.
        engine: What tastes updates.
        authenticate: Who is let in.
        create_sessions: Whether a room that does not exist is made for one who may write.
        unseen_histories: Whether copies may join that share no edit with a document.
        access: Who may do what; without it the claims of tokens decide alone.
        found: Makes sessions.
        call: Carries out operations; without it there are none.
        clock: Unix time in seconds; by default one that does not jump.

    Use it as an async context manager; then :meth:`attach` sockets.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        authenticate: Authenticate,
        create_sessions: bool = True,
        unseen_histories: bool = False,
        access: Access | None = None,
        found: Found | None = None,
        call: OnCall | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.store = store
        self.engine = engine
        self.now = clock or steady_clock()
        self.counts = Counts()
        self.aside = Aside()
        self.subjects = Census(most=1 << 53)
        self.max_documents = MAX_ADDRESSES
        self.budget = DEFAULT_BUDGET
        self.trips = Trips(self)
        self.entry = Entry(
            store, authenticate, access=access, create_sessions=create_sessions, found=found
        )
        if self.entry.access.counts_writes:
            self.trips.wrote = self.entry.wrote
        self.unseen_histories = unseen_histories
        self._on_call = call
        self._rooms: dict[DocumentKey, LiveRoom] = {}
        self._links: set[Link] = set()
        self._members: dict[int, tuple[Link, str]] = {}
        self._last_member = 0
        self._windows = Windows(self._tell)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def __repr__(self) -> str:
        return f"<Hub {len(self._rooms)} rooms, {len(self._links)} links>"

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._ticking = self._loop.create_task(self._tick(), name="collabkit hub")
        self._unsubscribe = self.entry.access.subscribe(self.regrade)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.drain()
            self._unsubscribe()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=DRAIN_TIMEOUT)
        finally:
            rest = [task for task in (self._ticking, *self._tasks) if task is not None]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            for room in list(self._rooms.values()):
                await self.engine.close(room.key)
            self.aside.close()
            self._loop = None

    def attach(
        self,
        socket: Socket,
        *,
        path: str,
        token: str | None = None,
        subprotocol: str | None = None,
        peer: str = "",
        name: str | None = None,
        label: str = "",
    ) -> Link:
        """Take a socket in.

        Args:
            socket: How to write to it.
            path: The room its URL names, percent-decoded once; a leading slash is fine.
            token: What the upgrade carried.
            subprotocol: What the upgrade agreed on.
            peer: The other end's address.
            name: What the client calls itself.
            label: What the connection is called in the log.

        Returns:
            The link; call its ``received``, ``writable`` and ``lost``.
        """
        if self._loop is None:
            raise LocalProtocolError("the hub is not running: use it with `async with`")
        connection = Connection(
            path=path.removeprefix("/"),
            token=token,
            peer=peer,
            name=name,
            own_dialect=SUBPROTOCOLS.get(subprotocol or "", 0),
            now=self.now(),
        )
        connection.doors.most = self.max_documents
        link = Link(self, socket, connection, label)
        self._links.add(link)
        link.feed(Started())
        return link

    def stats(self) -> HubStats:
        """What is there, and what was counted."""
        rooms = self._rooms.values()
        return HubStats(
            links=len(self._links),
            rooms=len(self._rooms),
            stalled_rooms=sum(room.core.edits.stalled for room in rooms),
            waiting_bytes=sum(room.waiting_bytes for room in rooms),
            queued_bytes=sum(s.queue.waiting_bytes for room in rooms for s in room.seats.values()),
            subjects=len(self.subjects),
            edits=self.counts.edits,
            deliveries=self.counts.deliveries,
            delivered_bytes=self.counts.delivered_bytes,
            presence_changes=self.counts.presence_changes,
            overflows=self.counts.overflows,
            pending_rows=self.counts.pending_rows,
            commits=self.counts.commits.seen(),
            dismissed=dict(self.counts.dismissed),
            refused=dict(self.counts.refused),
            diverged=self.counts.diverged,
            foreign_refused=self.counts.foreign_refused,
            recovered=self.counts.recovered,
            revoked=self.counts.revoked,
        )

    async def drain(self) -> None:
        """Commit what is on its way, then close all sockets with 1012 (come back soon)."""
        await self.settled()
        for link in list(self._links):
            link.close(1012, "the relay restarts")
            self._links.discard(link)

    async def settled(self) -> None:
        """Wait, for a time, until what was received is on disk and its authors know.

        A shell that takes no more frames calls this before it says goodbye.
        """
        await self._settle(list(self._rooms.values()))
        try:
            await self.store.flush()
        except CollabError as error:
            # Whoever waits for a word on those edits has had none, and asks again elsewhere.
            _log.error("the last edits are not stored: %s", error)

    def stalled(self, session: SessionId, document: str) -> bool:
        """Whether the disk takes no edits of a document at the moment."""
        room = self._rooms.get((session, document))
        return room is not None and room.core.edits.stalled

    async def _settle(self, rooms: list[LiveRoom]) -> None:
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while self.aside.waiting or not all(room.idle for room in rooms):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(WINDOW)

    @asynccontextmanager
    async def vacated(self, session: SessionId, refusal: Refusal) -> AsyncIterator[None]:
        """Put everybody out of a session, and let nobody in as long as the block runs.

        What they had sent is stored before the block begins.
        """
        if session in self.entry.closed:
            raise SessionBusy(session, "it is being emptied already")
        self.entry.closed[session] = refusal
        try:
            for link in list(self._links):
                there = [a for a, place in link.places.items() if place.session == session]
                for address in there:
                    link.feed(Dismissed(address, refusal.code, refusal.reason))
            rooms = [room for key, room in self._rooms.items() if key[0] == session]
            await self._settle(rooms)
            for room in rooms:
                self.shut(room)
            yield
        finally:
            del self.entry.closed[session]

    # For links

    def alarm(self, at: float, ring: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at a time, or before it: whoever is called looks at the clock."""
        assert self._loop is not None
        return self._loop.call_later(min(max(at - self.now(), ALARM_LEAST), ALARM_MOST), ring)

    def regrade(self, changed: Changed) -> None:
        """Ask again what those may do whom a change of rights concerns, wherever they are."""
        regrade([link.watch for link in self._links], changed.subjects, self.spawn)

    def room(self, session: SessionId, document: str) -> LiveRoom:
        """The room of a document, opened if need be."""
        key = (session, document)
        found = self._rooms.get(key)
        if found is None:
            found = self._rooms[key] = LiveRoom(session, document, self)
        return found

    def seat(self, link: Link, address: str) -> int:
        """Number a new member."""
        self._last_member += 1
        self._members[self._last_member] = (link, address)
        return self._last_member

    def forget(self, member: int) -> None:
        """A member's number is free; it is never given again."""
        self._members.pop(member, None)

    def detach(self, link: Link) -> None:
        """A link is over."""
        self._links.discard(link)

    async def operate(self, room: RoomName, identity: Identity, call: Call) -> Result:
        """Carry out an operation, and put its result or its error into words."""
        try:
            if self._on_call is None:
                raise AccessDenied(
                    identity.subject, call.operation, str(room), "no operations here"
                )
            try:
                arguments = json.loads(call.arguments)
            except ValueError:
                raise InvalidArguments(call.operation, "the arguments are not JSON") from None
            result = await self._on_call(
                identity, room, call.operation, arguments, call.key or None
            )
            return Result(call.id, True, "", json.dumps(result).encode())
        except CollabError as error:
            return Result(call.id, False, type(error).__name__, json.dumps(str(error)).encode())
        except Exception:
            _log.exception("operation %s failed", call.operation)
            return Result(call.id, False, "OperationError", b'"the relay failed"')

    # For rooms

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something; a programming error in it is logged, and ends nothing else."""
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the hub failed", exc_info=error)

    def wake(self, room: LiveRoom, *, soon: bool, late: bool = False) -> None:
        """Have a room woken, see :mod:`.windows`."""
        self._windows.expect(room, soon=soon, late=late)

    def _tell(self, whom: Any, event: Any) -> None:
        """Feed one of many: a mistake in one must not stop the clock for the others."""
        try:
            whom.feed(event)
        except Exception:
            _log.exception("%r failed", whom)

    def dismiss(self, member: int, code: int, reason: str) -> None:
        """Put a member out."""
        found = self._members.get(member)
        if found is not None:
            link, address = found
            _log.info("%s is put out (%d): %s", link, code, reason, extra=link.where)
            link.feed(Dismissed(address, code, reason))

    def denied(self, denial: Denial) -> None:
        """Log that a member was not let do something; his judge has told the audit."""
        _log.debug("%s may not %s %s", denial.subject, denial.action, denial.path)

    def shut(self, room: LiveRoom) -> None:
        """Forget a room."""
        if self._rooms.get(room.key) is room:
            del self._rooms[room.key]
            room.end()
            self.spawn(self._close(room))

    async def _close(self, room: LiveRoom) -> None:
        if room.key not in self._rooms:
            await self.engine.close(room.key)

    # Time

    async def _tick(self) -> None:
        """Tell everybody once a second that time has passed, a few of them at a time."""
        ticked = Ticked()
        while True:
            everybody = [*self._links, *self._rooms.values()]
            parts = len(everybody) // TICKED_AT_ONCE + 1
            for part in range(parts):
                await asyncio.sleep(TICK / parts)
                for one in everybody[part::parts]:
                    self._tell(one, ticked)
