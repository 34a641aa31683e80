"""One socket at work: carries out what its connection core asks for.

Whatever is said counts by what its author may do at that moment: a frame that comes when a token or
a right has ended finds it ended, be the alarm late, and what waits to be looked at when somebody is
put out for that is not heard any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, assert_never

from msgspec.structs import replace

from ..access.model import Identity, Knock, Refusal
from ..crdt.budget import Budget
from ..crdt.update import Scan
from ..errors import RemoteProtocolError
from ..ids import RoomName, SessionId, is_anonymous
from .aside import Aside, Held, update_of
from .connection import Connection
from .connection_effects import (
    Admitted,
    Ask,
    AskAgain,
    CloseSocket,
    ConnectionEffect,
    ConnectionEvent,
    Deliver,
    Dismissed,
    Enter,
    Leave,
    Lost,
    Received,
    Requalify,
    SetAlarm,
    TurnedAway,
    WriteFrame,
)
from .counts import Counts
from .dialects import Dialect
from .doors import NEVER
from .entry import Entry
from .events import Joined, Left, Requalified, Said
from .glance import awareness_in, update_in
from .limits import LARGE_BYTES, Census
from .liveroom import LiveRoom
from .messages import Call, Digest, Message, Result
from .place import Place
from .seat import Seat, Socket
from .watch import Watch

__all__ = ["Link", "Switchboard"]

_log = logging.getLogger("collabkit.hub")

# What a room does not queue (words at the door, keep-alive) is small; who lets this much of it
# wait reads nothing.
MAX_UNREAD_BYTES = 4 * 1024 * 1024
# Operations of one member that may be carried out at the same time.
MAX_CALLS = 32
# Who writes to a room that has as much on its way is not heard for as many seconds, a few commits;
# and then rests again if need be.
HEAVY_BYTES = 2 * 1024 * 1024
# Behind a large update: two of the largest and some. Reading is paused long before.
MAX_HELD_BYTES = 48 * 1024 * 1024
REST = 0.1


class Switchboard(Protocol):
    """What a link needs of the hub it is in."""

    aside: Aside
    budget: Budget
    counts: Counts
    entry: Entry
    subjects: Census

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side."""
        ...

    def alarm(self, at: float, ring: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at a time."""
        ...

    def room(self, session: SessionId, document: str) -> LiveRoom:
        """The room of a document."""
        ...

    def seat(self, link: Link, address: str) -> int:
        """Number a new member."""
        ...

    def forget(self, member: int) -> None:
        """A member is gone."""
        ...

    def detach(self, link: Link) -> None:
        """A link is over."""
        ...

    async def operate(self, room: RoomName, identity: Identity, call: Call) -> Result:
        """Carry out an operation."""
        ...


class Link:
    """The hub's end of one socket, made by :meth:`collabkit.sync.hub.Hub.attach`.

    A shell calls :meth:`received`, :meth:`writable` and :meth:`lost`.

    Attributes:
        connection: Its core.
        places: The addresses that are in a room.
        label: What the connection is called in the log.
        watch: Keeps what may be done there as it is now.
    """

    __slots__ = (
        "_held",
        "_hub",
        "_place",
        "_socket",
        "_subject",
        "connection",
        "label",
        "places",
        "watch",
    )

    def __init__(
        self, hub: Switchboard, socket: Socket, connection: Connection, label: str = ""
    ) -> None:
        self.connection = connection
        self.label = label
        self.places: dict[str, Place] = {}
        self._hub = hub
        self._socket = socket
        # What is said while a large update is scanned, in order; None if none is.
        self._held: Held[Place] | None = None
        self._place: Place | None = None  # the one and only, in a stock dialect
        self._subject: str | None = None  # under whom it is counted: the first who proved himself
        self.watch = Watch(self, hub)

    def __repr__(self) -> str:
        return f"<Link {self.connection!r}>"

    @property
    def where(self) -> dict[str, str]:
        """What a line of the log says beside its words."""
        rooms = " ".join(str(place.room) for place in self.places.values())
        return {"connection": self.label, "room": rooms}

    def received(self, frame: bytes | str) -> None:
        """A whole message came: bytes of a binary one, str of a text one."""
        now = self._hub.now()
        if now >= self.watch.rings_at:
            self.watch.look()
        place = self._place
        if (
            place is not None
            and self._held is None
            and type(frame) is bytes
            and len(frame) <= LARGE_BYTES
        ):
            # Nearly all that comes is this, and a seated connection passes it on as it is.
            body, prefix = frame, place.prefix
            if prefix:
                body = frame[len(prefix) :] if frame.startswith(prefix) else b""
            update = update_in(body)
            if update is not None:
                place.live.edited(place.member, update, body, now)
                self._spare(place)
                return
            shown = awareness_in(body)
            if shown is not None:
                place.live.shown(place.member, shown, now)
                return
        for effect in self.connection.handle(Received(frame), now=now):
            self._carry(effect)

    def writable(self) -> None:
        """The socket takes bytes again."""
        for place in list(self.places.values()):
            place.live.writable(place.member)

    def lost(self) -> None:
        """The socket is gone."""
        self.feed(Lost())
        self.watch.set(NEVER)
        self._hub.subjects.leave(self._subject)
        self._subject = None
        self._hub.detach(self)

    def close(self, code: int, reason: str) -> None:
        """End the socket from this side."""
        self.feed(Lost())
        self._socket.close(code, reason)

    def feed(self, event: ConnectionEvent) -> None:
        """Let the core take an event, and carry out what it asks for."""
        for effect in self.connection.handle(event, now=self._hub.now()):
            self._carry(effect)

    def _carry(self, effect: ConnectionEffect) -> None:
        match effect:
            case Deliver(address, message):
                self._deliver(address, message)
            case WriteFrame(frame):
                if self._socket.buffered_bytes > MAX_UNREAD_BYTES:
                    self.close(1013, "too much waits for a reader that does not read")
                else:
                    self._socket.send(frame)
            case CloseSocket(code, reason):
                self._hub.counts.dismissed[code] += 1
                self._socket.close(code, reason)
            case Ask(address, number, knock):
                self._hub.spawn(self._ask(address, number, knock))
            case Enter():
                self._enter(effect)
            case Requalify(address, identity, rights, reason):
                place = self.places[address]
                place.identity = identity
                may = (identity.can_forward, identity.claims_ids)
                place.live.feed(Requalified(place.member, rights, reason, *may))
            case AskAgain(address):
                self.watch.ask_again(address)
            case SetAlarm(at):
                self.watch.set(at)
            case Leave(address):
                self._leave(address)
            case _:
                assert_never(effect)

    def _deliver(self, address: str, message: Message) -> None:
        place = self.places.get(address)
        if place is None:
            return  # an earlier message of the same batch put this seat out
        if self._held is not None or len(update_of(message)) > LARGE_BYTES:
            self._hold(place, message)
        else:
            self._say(place, message, None)

    def _hold(self, place: Place, message: Message | None) -> None:
        """Have a large update scanned aside, and keep what is said meanwhile behind it."""
        if self._held is None:
            self._held = Held()
            self._held.add(place, message)
            self._hub.spawn(self._scan_aside(self._held))
        else:
            self._held.add(place, message)
        if self._held.size_bytes > MAX_HELD_BYTES and not self.connection.closed:
            self.close(1013, "more was sent than can be looked at")
        elif self._held.size_bytes > HEAVY_BYTES:
            self._socket.rest(REST)

    async def _scan_aside(self, held: Held[Place]) -> None:
        try:
            while held:
                place, message = held.first
                found: Scan | None = None
                update = update_of(message)
                if len(update) > LARGE_BYTES:
                    try:
                        found = await self._hub.aside.scan(update, self._hub.budget)
                    except RemoteProtocolError as error:
                        held.silence(place)
                        self._put_out(place, error.close_code, str(error))
                        continue
                held.take()
                self.watch.settle()
                self._say(place, message, found)
        except Exception:
            _log.exception("%r cannot be heard any more", self)
            self.close(1011, "the relay failed over an update")
        finally:
            self._held = None
            while held:
                place, message = held.take()
                if message is None:
                    self._say(place, None, None)

    def _say(self, place: Place, message: Message | None, found: Scan | None) -> None:
        if message is None:
            place.live.feed(Left(place.member))
        elif place.silenced:
            return
        elif type(message) is Call:
            self._hub.spawn(self._call(place, message))
        elif type(message) is Digest:
            self._diverged(place, message)
        else:
            place.live.feed(Said(place.member, message, found))
            self._spare(place)

    def _spare(self, place: Place) -> None:
        if place.live.waiting_bytes > HEAVY_BYTES:
            self._socket.rest(REST)

    def _diverged(self, place: Place, told: Digest) -> None:
        """A replica holds other content than the log up to a row: put it out, to begin anew."""
        self._hub.counts.diverged += 1
        _log.error("%s of %s has diverged at row %d", self, place.room, told.seq, extra=self.where)
        reason = "this copy's content is not what the log says: open it again, to begin anew"
        self._put_out(place, 4409, reason)

    def _put_out(self, place: Place, code: int, reason: str) -> None:
        for address, one in list(self.places.items()):
            if one is place:
                self.feed(Dismissed(address, code, reason))

    async def _ask(self, address: str, number: int, knock: Knock) -> None:
        answer = await self._hub.entry.admit(knock, self.watch.context)
        if not isinstance(answer, Refusal):
            answer = self._full(answer.identity) or self._hub.entry.full(answer, id(self)) or answer
        if isinstance(answer, Refusal):
            self._hub.counts.refused[answer.code] += 1
            self.feed(TurnedAway(address, number, answer))
            return
        identity = answer.identity
        if self._subject is None and not self.connection.closed:
            self._subject = _proved(identity)
            self._hub.subjects.enter(self._subject)
        self.feed(Admitted(address, number, answer.session, identity, answer.rights, answer.room))

    def _full(self, identity: Identity) -> Refusal | None:
        subjects, subject = self._hub.subjects, _proved(identity)
        if self._subject is None and subjects.full(subject):
            return Refusal(4429, f"{subject} has {subjects.most} connections already")
        return None

    def _enter(self, enter: Enter) -> None:
        address, identity = enter.address, enter.identity
        live = self._hub.room(enter.session, enter.room.document)
        member = self._hub.seat(self, address)
        prefix = self.connection.prefix(address)
        dialect = self.connection.dialect
        live.seats[member] = Seat(
            *(member, self._socket, self.connection, address, prefix),
            deaf=dialect is Dialect.YWEBSOCKET,
        )
        place = Place(enter.session, enter.room, identity, live, member, prefix)
        self.places[address] = place
        if not identity.is_host:
            self._hub.entry.companies.enter(enter.session, identity.subject, id(self))
        alone = dialect is not Dialect.COLLABKIT and len(self.places) == 1
        self._place = place if alone else None
        follows = dialect is Dialect.COLLABKIT
        _log.info("%s enters %s", identity.subject, enter.room, extra=self.where)
        version = self.connection.version
        may = (identity.can_forward, identity.claims_ids, identity.origin)
        live.feed(Joined(member, identity.subject, enter.rights, follows, version, *may))

    def _leave(self, address: str) -> None:
        place = self.places.pop(address)
        self._place = None
        if not place.identity.is_host:
            self._hub.entry.companies.leave(place.session, place.identity.subject, id(self))
        self._hub.forget(place.member)
        place.live.seats.pop(place.member, None)
        if self._held is not None and self._held.concerns(place):
            self._held.add(place, None)  # he leaves behind what he said
        else:
            place.live.feed(Left(place.member))

    async def _call(self, place: Place, call: Call) -> None:
        if place.calls >= MAX_CALLS:
            reason = f"more than {MAX_CALLS} calls at once"
            result = Result(call.id, False, "OperationError", json.dumps(reason).encode())
        else:
            place.calls += 1
            try:
                known = {**place.identity.attributes, **self.watch.context}
                caller = replace(place.identity, attributes=known)
                result = await self._hub.operate(place.room, caller, call)
            finally:
                place.calls -= 1
        place.live.tell(place.member, result)


def _proved(identity: Identity) -> str | None:
    """Whom a connection counts for; those who said only what they want to be called, for nobody."""
    return None if is_anonymous(identity.subject) else identity.subject
