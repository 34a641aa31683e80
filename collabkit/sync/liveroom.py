"""A room at work: carries out what its core asks for, over engine, store and links."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, assert_never

import msgspec

from ..crdt.engine import DocumentKey, Engine
from ..errors import CollabError, EngineLost
from ..ids import Seq, SessionId
from ..store.base import Checkpoint, Loaded, Store
from .counts import Counts
from .effects import (
    Append,
    AppendFailed,
    CaughtUp,
    CheckpointKept,
    Committed,
    Diff,
    Diffed,
    Dismiss,
    EngineDied,
    LogRead,
    MakeCheckpoint,
    Open,
    Opened,
    OpenFailed,
    ReadFailed,
    ReadLog,
    RoomEffect,
    RoomEvent,
    Send,
    Shut,
    Taste,
    Tasted,
    Wake,
)
from .messages import Awareness, Message, Update, write
from .room import Room
from .sendqueue import SendQueue

__all__ = ["LiveRoom", "Seat", "Surroundings"]

_log = logging.getLogger("collabkit.room")

# Below this the kernel and the transport smooth bursts out; above it a reader is slow.
HIGH_WATER_BYTES = 64 * 1024


class Outlet(Protocol):
    """The socket of a seat, as a room sees it."""

    @property
    def buffered_bytes(self) -> int:
        """Written, and not yet taken by the kernel."""
        ...

    def send(self, frame: bytes) -> None:
        """Write one binary message; must not block."""
        ...


class Speaker(Protocol):
    """The connection of a seat, as a room sees it."""

    def encode(self, address: str, message: Message, *, now: float) -> bytes | None:
        """Write a message in the socket's dialect, if it has a word for it."""
        ...


class Surroundings(Protocol):
    """What a room needs of the hub it is in."""

    store: Store
    engine: Engine
    counts: Counts

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side."""
        ...

    def wake(self, room: LiveRoom, *, soon: bool) -> None:
        """Feed the room a Woke at the next turn of the clock."""
        ...

    def dismiss(self, member: int, code: int, reason: str) -> None:
        """Put a member out."""
        ...

    def shut(self, room: LiveRoom) -> None:
        """Forget the room."""
        ...


class Seat:
    """One member's place: how to write to him, and what waits for him.

    Args:
        prefix: What stands before a y-websocket frame to make it one of his socket's.
    """

    __slots__ = ("address", "member", "outlet", "prefix", "queue", "speaker")

    def __init__(
        self, member: int, outlet: Outlet, speaker: Speaker, address: str, prefix: bytes
    ) -> None:
        self.member = member
        self.outlet = outlet
        self.speaker = speaker
        self.address = address
        self.prefix = prefix
        self.queue = SendQueue()

    def __repr__(self) -> str:
        return f"<Seat {self.member}, {self.queue!r}>"

    def write(self, message: Message, update_frame: bytes | None, now: float) -> bool:
        """Send or queue; False if the reader is beyond hope."""
        if len(self.queue) or self.queue.behind or self.outlet.buffered_bytes > HIGH_WATER_BYTES:
            return self.queue.put(message)
        self._send(message, update_frame, now)
        return True

    def _send(self, message: Message, update_frame: bytes | None, now: float) -> None:
        if update_frame is not None:
            self.outlet.send(self.prefix + update_frame if self.prefix else update_frame)
            return
        frame = self.speaker.encode(self.address, message, now=now)
        if frame is not None:
            self.outlet.send(frame)

    def drain(self, now: float) -> CaughtUp | None:
        """The socket takes bytes again: send what waits, then tell what is missing."""
        for message in self.queue.take():
            self._send(message, None, now)
        lag = self.queue.caught_up()
        return None if lag is None else CaughtUp(self.member, *msgspec.structs.astuple(lag))


class LiveRoom:
    """One document that people are at, and its shell.

    Args:
        session: The session it belongs to.
        document: Its name in there.
        hub: Where it is.
    """

    def __init__(self, session: SessionId, document: str, hub: Surroundings) -> None:
        self.session = session
        self.core = Room(document, now=hub.now())
        self.seats: dict[int, Seat] = {}
        self._hub = hub
        self._over = False
        self._carry_all(self.core.start())

    def __repr__(self) -> str:
        return f"<LiveRoom {self.session}/{self.core.document} {self.core.life.value}>"

    @property
    def key(self) -> DocumentKey:
        """The document's key in the engine."""
        return (self.session, self.core.document)

    def feed(self, event: RoomEvent) -> None:
        """Let the core take an event, and carry out what it asks for."""
        if not self._over:
            self._carry_all(self.core.handle(event, now=self._hub.now()))

    def end(self) -> None:
        """The hub has forgotten this room: nothing that comes late is heard any more."""
        self._over = True

    def writable(self, member: int) -> None:
        """A slow socket takes bytes again."""
        seat = self.seats.get(member)
        if seat is not None and (event := seat.drain(self._hub.now())) is not None:
            self._hub.counts.overflows += 1
            self.feed(event)

    def tell(self, member: int, message: Message) -> None:
        """Write to one member what is no business of the room, in its order."""
        self._send(Send((member,), message))

    def _carry_all(self, effects: list[RoomEffect]) -> None:
        for effect in effects:
            if type(effect) is Send:
                self._send(effect)
            else:
                self._carry(effect)

    def _send(self, effect: Send) -> None:
        message = effect.message
        frame = write(message) if type(message) is Update else None
        now = self._hub.now()
        delivered = 0
        for member in effect.to:
            seat = self.seats.get(member)
            if seat is None or member == effect.but:
                continue
            try:
                taken = seat.write(message, frame, now)
            except Exception:
                _log.exception("a socket cannot be written to")
                self._hub.dismiss(member, 1011, "this socket cannot be written to")
                continue
            if taken:
                delivered += 1
            else:
                self._hub.dismiss(member, 1013, "too much waits for a reader that does not read")
        counts = self._hub.counts
        if frame is not None:
            counts.deliveries += delivered
            counts.delivered_bytes += delivered * len(frame)
        elif type(message) is Awareness:
            counts.presence_changes += 1

    def _carry(self, effect: RoomEffect) -> None:
        hub = self._hub
        match effect:
            case Send():
                self._send(effect)
            case Wake(soon):
                hub.wake(self, soon=soon)
            case Taste(updates):
                self._spawn(self._taste(updates), EngineDied())
            case Append(drafts):
                # Queued here and now: the order of appends is the order of this loop.
                committed = hub.store.append(self.session, drafts)
                failed = AppendFailed("the store failed")
                self._spawn(self._append(committed, len(drafts)), failed)
            case Diff(vector):
                self._spawn(self._diff(vector), EngineDied(question=vector))
            case ReadLog():
                self._spawn(self._read_log(), ReadFailed("the log cannot be read"))
            case Open():
                self._spawn(self._open(), OpenFailed("the document cannot be opened"))
            case MakeCheckpoint():
                self._spawn(self._make_checkpoint(), CheckpointKept(0))
            case Dismiss(member, code, reason):
                hub.dismiss(member, code, reason)
            case Shut():
                hub.shut(self)
            case _:
                assert_never(effect)

    def _spawn(self, work: Coroutine[Any, Any, RoomEvent], failed: RoomEvent) -> None:
        """Do something that ends in one event, whatever happens: ``failed`` if by an error."""

        async def to_the_end() -> None:
            try:
                event = await work
            except (CollabError, OSError) as error:
                _log.error("%s: %s", self.core.document, error)
                event = _told(failed, str(error))
            except Exception:
                _log.exception("%s: this is a mistake in collabkit", self.core.document)
                event = failed
            self.feed(event)

        self._hub.spawn(to_the_end())

    async def _taste(self, updates: tuple[bytes, ...]) -> RoomEvent:
        try:
            return Tasted(tuple(await self._hub.engine.taste(self.key, updates)))
        except EngineLost as error:
            return EngineDied(culprit=error.culprit)

    async def _append(self, committed: Awaitable[list[Seq]], rows: int) -> RoomEvent:
        counts = self._hub.counts
        counts.pending_rows += rows
        queued_at = time.perf_counter()
        try:
            seqs = await committed
        finally:
            counts.pending_rows -= rows
        counts.commits.observe(time.perf_counter() - queued_at)
        counts.edits += len(seqs)
        return Committed(tuple(seqs))

    async def _diff(self, vector: bytes) -> RoomEvent:
        return Diffed(vector, await self._hub.engine.diff(self.key, vector))

    async def _load(self) -> Loaded:
        return await self._hub.store.load(self.session, self.core.document)

    async def _open(self) -> RoomEvent:
        loaded = await self._load()
        vector = await self._hub.engine.open(self.key, updates_of(loaded))
        return Opened(loaded.lineage, loaded.upto, len(loaded.rows), dict(vector))

    async def _read_log(self) -> RoomEvent:
        return LogRead(await self._load())

    async def _make_checkpoint(self) -> RoomEvent:
        # The log is whole without it: if it fails, loading is slower, and it is tried again.
        loaded = await self._load()
        if not loaded.rows:
            return CheckpointKept(0)
        built = await self._hub.engine.checkpoint(updates_of(loaded))
        at_ms = int(self._hub.now() * 1000)
        kept = Checkpoint(self.core.document, loaded.upto, built.body, built.digest, at_ms)
        await self._hub.store.put_checkpoint(self.session, kept)
        return CheckpointKept(loaded.upto)


def _told(failed: RoomEvent, reason: str) -> RoomEvent:
    """The same failure, with its reason where the event has room for one."""
    if isinstance(failed, AppendFailed | OpenFailed | ReadFailed):
        return type(failed)(reason)
    return failed


def updates_of(loaded: Loaded) -> list[bytes]:
    """Checkpoint and rows, as an engine wants them."""
    rows = [row.body for row in loaded.rows]
    return rows if loaded.checkpoint is None else [loaded.checkpoint.body, *rows]
