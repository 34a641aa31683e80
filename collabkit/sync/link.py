"""One socket at work: carries out what its connection core asks for."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from ..access.model import Identity, Knock, Refusal
from ..ids import RoomName, SessionId
from .connection import Connection, Dialect
from .counts import Counts
from .effects import (
    Admitted,
    Ask,
    CloseSocket,
    ConnectionEffect,
    ConnectionEvent,
    Deliver,
    Enter,
    Joined,
    Leave,
    Left,
    Lost,
    Received,
    Requalified,
    Requalify,
    Said,
    TurnedAway,
    WriteFrame,
)
from .liveroom import LiveRoom, Seat
from .messages import Call, Result

__all__ = ["Link", "Socket", "Switchboard"]


class Socket(Protocol):
    """What a shell gives the hub."""

    @property
    def buffered_bytes(self) -> int:
        """Written, and not yet taken by the kernel."""
        ...

    def send(self, frame: bytes) -> None:
        """Write one binary message; must not block."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the socket; the shell answers with :meth:`Link.lost` when it is gone."""
        ...


class Switchboard(Protocol):
    """What a link needs of the hub it is in."""

    counts: Counts

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side."""
        ...

    async def admit(self, knock: Knock) -> tuple[SessionId, Identity] | Refusal:
        """Who knocks, and at which session."""
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
    """

    __slots__ = ("_hub", "_socket", "connection", "identities", "rooms", "seats", "sessions")

    def __init__(self, hub: Switchboard, socket: Socket, connection: Connection) -> None:
        self.connection = connection
        self.sessions: dict[str, SessionId] = {}
        self.identities: dict[str, tuple[RoomName, Identity]] = {}
        self.rooms: dict[str, LiveRoom] = {}
        self.seats: dict[str, int] = {}
        self._hub = hub
        self._socket = socket

    def __repr__(self) -> str:
        return f"<Link {self.connection!r}>"

    def received(self, frame: bytes | str) -> None:
        """A whole message came: bytes of a binary one, str of a text one."""
        self.feed(Received(frame))

    def writable(self) -> None:
        """The socket takes bytes again."""
        for address, room in list(self.rooms.items()):
            room.writable(self.seats[address])

    def lost(self) -> None:
        """The socket is gone."""
        self.feed(Lost())
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
                room = self.rooms.get(address)
                if room is None:
                    return  # an earlier message of the same batch put this seat out
                if type(message) is Call:
                    self._hub.spawn(self._call(address, message))
                else:
                    room.feed(Said(self.seats[address], message))
            case WriteFrame(frame):
                self._socket.send(frame)
            case CloseSocket(code, reason):
                self._hub.counts.dismissed[code] += 1
                self._socket.close(code, reason)
            case Ask(address, knock):
                self._hub.spawn(self._ask(address, knock))
            case Enter(address, name, identity):
                self._enter(address, name, identity)
            case Requalify(address, identity):
                self.rooms[address].feed(Requalified(self.seats[address], identity.can_write))
            case Leave(address):
                member = self.seats.pop(address)
                left = self.rooms.pop(address)
                self._hub.forget(member)
                left.seats.pop(member, None)
                left.feed(Left(member))

    async def _ask(self, address: str, knock: Knock) -> None:
        answer = await self._hub.admit(knock)
        if isinstance(answer, Refusal):
            self._hub.counts.refused[answer.code] += 1
            self.feed(TurnedAway(address, answer))
            return
        session, identity = answer
        self.sessions[address] = session
        self.identities[address] = (knock.room, identity)
        self.feed(Admitted(address, identity))

    def _enter(self, address: str, room: RoomName, identity: Identity) -> None:
        live = self._hub.room(self.sessions[address], room.document)
        member = self._hub.seat(self, address)
        prefix = self.connection.prefix(address)
        live.seats[member] = Seat(member, self._socket, self.connection, address, prefix)
        self.seats[address] = member
        self.rooms[address] = live
        follows = self.connection.dialect is Dialect.COLLABKIT
        live.feed(Joined(member, identity.subject, identity.can_write, follows))

    async def _call(self, address: str, call: Call) -> None:
        room, identity = self.identities[address]
        result = await self._hub.operate(room, identity, call)
        frame = self.connection.encode(address, result, now=self._hub.now())
        if frame is not None and not self.connection.closed:
            self._socket.send(frame)
