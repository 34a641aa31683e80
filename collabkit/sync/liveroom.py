"""A room at work: carries out what its core asks for, over engine, store and links."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol, assert_never

from ..crdt.budget import NO_BUDGET, Budget
from ..crdt.engine import Contested, DocumentKey, Engine
from ..crdt.places import Places
from ..crdt.update import Scan
from ..errors import CollabError, EngineLost, RemoteProtocolError
from ..ids import SessionId
from ..store.base import Checkpoint, Store
from .answers import deletes_all
from .aside import Aside, update_of
from .counts import Counts
from .delivery import Delivery
from .effects import (
    Append,
    Compare,
    Denial,
    Diff,
    Dismiss,
    Examine,
    Foreign,
    MakeCheckpoint,
    Open,
    Quarantine,
    ReadLog,
    RoomEffect,
    Send,
    Shut,
    Survey,
    Taste,
    Wake,
)
from .events import (
    CheckpointKept,
    Compared,
    Diffed,
    EngineDied,
    Examined,
    LogRead,
    Opened,
    OpenFailed,
    ReadFailed,
    RoomEvent,
    Said,
    Surveyed,
)
from .histories import UNSEEN_HISTORIES
from .inquest import Inquest, updates_of
from .messages import Message, Row, Update
from .packing import pack
from .room import Room
from .seat import Seat
from .trips import Trips
from .turns import Turns

__all__ = ["LiveRoom", "Surroundings"]

_log = logging.getLogger("collabkit.room")


class Surroundings(Protocol):
    """What a room needs of the hub it is in."""

    store: Store
    engine: Engine
    aside: Aside
    counts: Counts
    budget: Budget
    trips: Trips
    unseen_histories: bool

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side."""
        ...

    def wake(self, room: LiveRoom, *, soon: bool, late: bool = False) -> None:
        """Feed the room a Woke at the next turn of the clock, or if ``late`` of a slower one."""
        ...

    def dismiss(self, member: int, code: int, reason: str) -> None:
        """Put a member out."""
        ...

    def denied(self, denial: Denial) -> None:
        """Write down that a member was not let do something."""
        ...

    def shut(self, room: LiveRoom) -> None:
        """Forget the room."""
        ...


class LiveRoom:
    """One document that people are at, and its shell.

    Args:
        session: The session it belongs to.
        document: Its name in there.
        hub: Where it is.

    Attributes:
        key: The document's key in the engine.
    """

    def __init__(self, session: SessionId, document: str, hub: Surroundings) -> None:
        self.session = session
        self.key: DocumentKey = (session, document)
        self.core = Room(document, now=hub.now())
        self.core.edits.budget = hub.budget
        self.seats: dict[int, Seat] = {}
        self._hub = hub
        self._inquest = Inquest(session, document, hub.store)
        delivery = Delivery(self.seats, hub)
        self._send, self._is_deaf = delivery.send, delivery.is_deaf
        self._over = False
        self._turns = Turns(self._carry_back)
        self._carry_all(self.core.start())

    def __repr__(self) -> str:
        return f"<LiveRoom {self.session}/{self.core.document} {self.core.life.value}>"

    def feed(self, event: RoomEvent) -> None:
        """Let the core take an event, and carry out what it asks for."""
        if self._turns.away:
            said = event.message if type(event) is Said else None
            self._turns.wait(partial(self._take, event), len(update_of(said)))
        else:
            self._take(event)

    def _take(self, event: RoomEvent) -> None:
        if self._over:
            return
        now = self._hub.now()
        if self.core.edits.watched and self.core.takes_long(event):
            self._lend(partial(self.core.handle, event, now=now))
        else:
            self._carry_all(self.core.handle(event, now=now))

    def _lend(self, work: Callable[[], list[RoomEffect]]) -> None:
        """Have the thread do something that takes long with the core."""
        self._turns.lend()
        self._hub.spawn(self._turns.pass_by(self._hub.aside, work))

    def _carry_back(self, effects: list[RoomEffect]) -> None:
        if not self._over:
            self._carry_all(effects)

    def edited(self, member: int, update: bytes, frame: bytes, now: float) -> None:
        """Take a stock member's edit, with the frame that brought it: others get the same."""
        if self._turns.away:
            self._turns.wait(partial(self._edit, member, update, frame, now), len(update))
        else:
            self._edit(member, update, frame, now)

    def _edit(self, member: int, update: bytes, frame: bytes, now: float) -> None:
        if self._over:
            return
        if self.core.edits.watched and self.core.takes_long(update):
            self._lend(partial(self.core.edited, member, update, now=now))
            return
        for effect in self.core.edited(member, update, now=now):
            if type(effect) is Wake:
                # If his dialect has no word for "stored", only followers wait for that.
                late = not (effect.soon or self.core.edits.followers) and self._is_deaf((member,))
                self._hub.wake(self, soon=effect.soon, late=late)
            elif type(effect) is not Send:
                self._carry(effect)
            elif type(effect.message) is Update and effect.message.update is update:
                self._send(effect, frame)
            else:
                self._send(effect)

    def shown(self, member: int, update: bytes, now: float) -> None:
        """Take a stock member's presence."""
        if self._turns.away:
            self._turns.wait(partial(self._show, member, update, now), len(update))
        else:
            self._show(member, update, now)

    def _show(self, member: int, update: bytes, now: float) -> None:
        if not self._over:
            self._carry_all(self.core.shown(member, update, now=now))

    def end(self) -> None:
        """The hub has forgotten this room: nothing that comes late is heard any more."""
        self._over = True

    def writable(self, member: int) -> None:
        """A slow socket takes bytes again."""
        if self._turns.away:
            # What was dropped is made up for before anything else is sent.
            self._turns.wait(partial(self._drain, member))
        else:
            self._drain(member)

    def _drain(self, member: int) -> None:
        seat = self.seats.get(member)
        if seat is not None and (event := seat.drain(self._hub.now())) is not None:
            self._hub.counts.overflows += 1
            self._take(event)

    @property
    def idle(self) -> bool:
        """Nothing is on its way here."""
        return not self._turns.away and self.core.edits.idle

    @property
    def waiting_bytes(self) -> int:
        """What edits on their way take."""
        return self.core.edits.waiting_bytes + self._turns.waiting_bytes

    def tell(self, member: int, message: Message) -> None:
        """Write to one member what is no business of the room, in its order."""
        self._send(Send((member,), message))

    def _carry_all(self, effects: list[RoomEffect]) -> None:
        for effect in effects:
            if type(effect) is Send:
                self._send(effect, effect.frame)
            else:
                self._carry(effect)

    def _carry(self, effect: RoomEffect) -> None:
        hub = self._hub
        # The ways of every edit first: a class pattern that does not match costs five of these.
        if type(effect) is Wake:
            hub.wake(self, soon=effect.soon)
        elif type(effect) is Taste:
            hub.trips.taste(self, effect.updates)
        elif type(effect) is Append:
            hub.trips.append(self, effect.drafts)
        else:
            self._carry_other(effect)

    def _carry_other(self, effect: RoomEffect) -> None:
        hub = self._hub
        match effect:
            case Send():
                self._send(effect)
            case Wake(soon):
                hub.wake(self, soon=soon)
            case Taste(updates):
                hub.trips.taste(self, updates)
            case Append(drafts):
                hub.trips.append(self, drafts)
            case Diff() | Compare() | ReadLog() | Open() | Survey() | Examine() | MakeCheckpoint():
                self._ask(effect)
            case Quarantine():
                hub.spawn(self._inquest.keep(effect))
            case Foreign():
                self._tell_of(effect)
            case Denial():
                hub.denied(effect)
            case Dismiss(member, code, reason):
                hub.dismiss(member, code, reason)
            case Shut():
                hub.shut(self)
            case _:
                assert_never(effect)

    def _tell_of(self, foreign: Foreign) -> None:
        count, document = len(foreign.clients), self.core.document
        if foreign.taken:
            self._hub.counts.recovered += 1
            shown = ", ".join(map(str, foreign.clients[:8])) + (", …" if count > 8 else "")
            words = "%s: %s brought back what %d others wrote, under %s"
            _log.info(words, document, foreign.subject, count, shown)
            return
        # Whoever tries may try often: no more of a log than he is told to write.
        self._hub.counts.foreign_refused += 1
        _log.debug("%s: %s wrote under %d ids of others", document, foreign.subject, count)

    def _ask(
        self, effect: Diff | Compare | ReadLog | Open | Survey | Examine | MakeCheckpoint
    ) -> None:
        match effect:
            case Diff(vector):
                self._spawn(lambda: self._diff(vector), EngineDied(question=vector))
            case Compare(member, ticket):
                self._spawn(lambda: self._compare(effect), Compared(member, ticket, known=False))
            case ReadLog(packed):
                self._spawn(
                    lambda: self._read_log(packed=packed), ReadFailed("the log cannot be read")
                )
            case Open():
                self._spawn(self._open, OpenFailed("the document cannot be opened"))
            case Survey():
                self._spawn(self._survey, Surveyed(None))
            case Examine(suspects):
                self._spawn(lambda: self._examine(suspects), Examined())
            case MakeCheckpoint():
                self._spawn(self._make_checkpoint, CheckpointKept(0))

    def _spawn(self, work: Callable[[], Awaitable[RoomEvent]], failed: RoomEvent) -> None:
        """Do something that ends in one event, whatever happens: ``failed`` if by an error.

        It is called only when it is its turn: what is cancelled before has not begun anything.
        """

        async def to_the_end() -> None:
            try:
                event = await work()
            except (CollabError, OSError) as error:
                _log.error("%s: %s", self.core.document, error)
                event = _told(failed, str(error))
            except Exception:
                _log.exception("%s: this is a mistake in collabkit", self.core.document)
                event = failed
            self.feed(event)

        self._hub.spawn(to_the_end())

    async def _diff(self, vector: bytes) -> RoomEvent:
        return Diffed(vector, await self._inquest.difference(self._hub.engine, vector))

    async def _survey(self) -> RoomEvent:
        told = await self._hub.engine.survey(self.key)
        return Surveyed(await self._hub.aside.run(lambda: Places.decode(told)))

    async def _compare(self, asked: Compare) -> RoomEvent:
        known = await self._hub.aside.run(lambda: deletes_all(asked.difference, asked.told))
        return Compared(asked.member, asked.ticket, known)

    async def _examine(self, suspects: tuple[bytes | Contested, ...]) -> RoomEvent:
        return Examined(tuple(await self._inquest.try_suspects(self._hub.engine, suspects)))

    async def _open(self) -> RoomEvent:
        loaded, vector = await self._inquest.opened(self._hub.engine)
        return Opened(
            loaded.lineage,
            loaded.upto,
            len(loaded.rows),
            dict(vector),
            loaded.epoch,
            loaded.recovers_until_ms,
            await self._takes_unseen(),
            await self._scanned(loaded.quarantined),
            loaded.owners,
            sum(map(len, updates_of(loaded))),
        )

    async def _scanned(self, updates: Sequence[bytes]) -> tuple[Scan, ...]:
        """What updates bring; what does not parse brings nothing."""
        found = []
        for update in updates:
            with contextlib.suppress(RemoteProtocolError):
                found.append(await self._hub.aside.scan(update, NO_BUDGET))
        return tuple(found)

    async def _takes_unseen(self) -> bool:
        if self._hub.unseen_histories:
            return True
        found = await self._hub.store.get(UNSEEN_HISTORIES, "/".join(self.key))
        return found is not None and bool(found[0])

    async def _read_log(self, *, packed: bool) -> RoomEvent:
        loaded = await self._inquest.load()
        if not packed or loaded.checkpoint is None:
            return LogRead(loaded)
        row = Row(loaded.checkpoint.seq, loaded.checkpoint.body)
        return LogRead(loaded, await asyncio.to_thread(pack, row))

    async def _make_checkpoint(self) -> RoomEvent:
        # The log is whole without it: if it fails, loading is slower, and it is tried again.
        loaded = await self._inquest.load()
        if not loaded.rows:
            there = loaded.checkpoint
            return CheckpointKept(loaded.upto, there.digest) if there else CheckpointKept(0)
        try:
            built = await self._hub.engine.checkpoint(updates_of(loaded))
        except EngineLost:
            await self._inquest.try_log(self._hub.engine, loaded)
            raise
        at_ms = int(self._hub.now() * 1000)
        kept = Checkpoint(self.core.document, loaded.upto, built.body, built.digest, at_ms)
        await self._hub.store.put_checkpoint(self.session, kept)
        freed_bytes = sum(map(len, updates_of(loaded))) - len(built.body)
        return CheckpointKept(loaded.upto, built.digest, freed_bytes)


def _told(failed: RoomEvent, reason: str) -> RoomEvent:
    """The same failure, with its reason where the event has room for one."""
    if isinstance(failed, OpenFailed | ReadFailed):
        return type(failed)(reason)
    return failed
