"""One socket: its dialect, the rooms it is in, and how long it may stay.

Rules:

1. The relay does not speak first. The dialect is told by the subprotocol or by the
   first frame: exactly a SyncStep1 is y-websocket, anything else Hocuspocus.
2. A socket has **seats**, one for each address: y-websocket and our own dialect have
   the one their path names, Hocuspocus as many as it opens. A seat is opened by an
   Authenticate or a SyncStep1; anything else on an address without one is dropped
   without a trace (provider 2 sends presence after it has left).
3. Until a seat is let in, what it says is held, within bounds for the whole socket.
4. Who is refused is told in words first. Stock clients that are closed at once try
   again at once, 90 times in 10 s: so y-websocket is closed after a hold, and a
   Hocuspocus socket stays open, since its other addresses may be welcome.
5. Whoever hears nothing for 30 s reconnects (both stock clients); so something is
   always said within 15 s, and presence of nobody is something every client ignores.
6. A frame that does not parse ends the socket, and only this socket.

``now`` is Unix time in seconds. Frames go in with :class:`Received`; what comes back
is a list of effects. :meth:`Connection.encode` turns a room's messages into frames.
"""

from __future__ import annotations

import enum
from typing import TypeGuard

from ..access.model import Identity, Knock, Refusal
from ..crdt.lib0 import var_string
from ..errors import BadFrame, InvalidName, RemoteProtocolError
from ..ids import RoomName
from .effects import (
    Admitted,
    Ask,
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
    Started,
    Ticked,
    TurnedAway,
    WriteFrame,
)
from .hocuspocus import (
    Authenticate,
    Authenticated,
    CloseAddress,
    HocuspocusMessage,
    Pong,
    Stateless,
    SyncStatus,
    read_hocuspocus,
    room_part,
    write_hocuspocus,
)
from .messages import (
    KEEP_ALIVE,
    Ack,
    Awareness,
    Call,
    Denied,
    Edit,
    Message,
    QueryAwareness,
    Refused,
    Resume,
    SyncStep1,
    SyncStep2,
    Update,
    read,
    read_collabkit,
    write,
)

__all__ = ["Connection", "Dialect"]

# Both stock clients reconnect after 30 s without a message; half of it leaves room for one loss.
KEEP_ALIVE_AFTER = 15.0
# Hocuspocus' own deadline for a socket on which nobody was let in.
ADMISSION_DEADLINE = 60.0
# Held for 5 s, y-websocket 1 and 2 make two attempts in 10 s instead of 97.
REFUSAL_HOLD = 5.0
# As Hocuspocus 4.3, whose pre-authentication queue was an advisory (GHSA-xwhh-v746-pj9m).
MAX_ADDRESSES = 100
MAX_HELD_FRAMES = 1000
MAX_HELD_BYTES = 5 * 1024 * 1024
# An edit that a room refused its author would send again as soon as he is back: closed at once,
# provider 2 is back 6,500 times in 10 s. So he is told as those are who may not come in.
_FINAL_WORD = {1007: 4422, 1008: 4422}
# A provider may try a new token on the same socket; nobody honest needs more tries than this.
MAX_REFUSALS = 20

# What a client may say to a room. The rest of the messages goes the other way.
_FOR_THE_ROOM = frozenset(
    {SyncStep1, SyncStep2, Update, Awareness, QueryAwareness, Resume, Edit, Call}
)


class Dialect(enum.Enum):
    """What a socket speaks."""

    UNTOLD = "untold"
    YWEBSOCKET = "y-websocket"
    HOCUSPOCUS = "hocuspocus"
    COLLABKIT = "collabkit"


class _Seat:
    """One address of the socket."""

    __slots__ = ("address", "asks", "held", "identity", "room")

    def __init__(self, address: str, room: RoomName) -> None:
        self.address = address
        self.room = room
        self.identity: Identity | None = None
        self.held: list[Message] = []
        self.asks = False  # with an Authenticate, which then is answered


class Connection:
    """The core of one socket.

    Args:
        path: The room the URL names, percent-decoded once, without the leading slash.
        token: What the upgrade carried, if anything.
        peer: The other end's address.
        name: What the client calls itself.
        own_dialect: Whether our subprotocol was agreed.
        now: When the socket opened.

    >>> link = Connection(path="notes", peer="127.0.0.1", now=0.0)
    >>> [ask] = link.handle(Received(bytes.fromhex("00000100")), now=0.0)
    >>> str(ask.knock.room), link.dialect.value
    ('notes', 'y-websocket')
    """

    def __init__(
        self,
        *,
        path: str,
        token: str | None = None,
        peer: str = "",
        name: str | None = None,
        own_dialect: bool = False,
        now: float,
    ) -> None:
        self.dialect = Dialect.COLLABKIT if own_dialect else Dialect.UNTOLD
        self.peer = peer
        self.closed = False
        self._path = path
        self._token = token
        self._name = name
        self._opened_at = now
        self._sent_at = now
        self._hang_up: tuple[float, CloseSocket] | None = None
        self._seats: dict[str, _Seat] = {}
        self._held_frames = 0
        self._held_bytes = 0
        self._refusals = 0

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self._seats)} seats"
        return f"<Connection {self.dialect.value} from {self.peer or '?'}, {state}>"

    def handle(self, event: ConnectionEvent, *, now: float) -> list[ConnectionEffect]:
        """Take one event, return what is to be done, in order."""
        if self.closed:
            return []
        match event:
            case Received(frame):
                try:
                    return self._received(frame, now)
                except RemoteProtocolError as error:
                    return self._close(error.close_code, str(error))
            case Started():
                return self._started(now)
            case Admitted(address, identity):
                return self._admitted(address, identity, now)
            case TurnedAway(address, refusal):
                return self._turned_away(address, refusal, now)
            case Dismissed(address, code, reason):
                return self._dismissed(address, code, reason, now)
            case Ticked():
                return self._ticked(now)
            case Lost():
                return self._leave_all()

    def encode(self, address: str, message: Message, *, now: float) -> bytes | None:
        """Write a room's message in this socket's dialect; None if it has no word for it."""
        self._sent_at = now
        if self.dialect is Dialect.HOCUSPOCUS:
            match message:
                case Ack():
                    return write_hocuspocus(address, SyncStatus(stored=True))
                case Refused():
                    return write_hocuspocus(address, SyncStatus(stored=False))
            return write_hocuspocus(address, message)
        if self.dialect is Dialect.YWEBSOCKET and isinstance(message, Ack | Refused):
            return None
        return write(message)

    def prefix(self, address: str) -> bytes:
        """What stands before a y-websocket frame to make it one of this socket."""
        return var_string(address) if self.dialect is Dialect.HOCUSPOCUS else b""

    # What came in

    def _started(self, now: float) -> list[ConnectionEffect]:
        if self.dialect is Dialect.COLLABKIT:
            return self._knock("", self._path, self._token, now)
        return []

    def _received(self, frame: bytes | str, now: float) -> list[ConnectionEffect]:
        if isinstance(frame, str):
            raise BadFrame("text frames carry nothing here", close_code=1003)
        if self._hang_up is not None:
            return []
        if self.dialect is Dialect.UNTOLD:
            self.dialect = _told_by(frame)
        if self.dialect is Dialect.HOCUSPOCUS:
            address, said = read_hocuspocus(frame)
            return self._said(address, said, len(frame), now)
        message = read_collabkit(frame) if self.dialect is Dialect.COLLABKIT else read(frame)
        return self._said("", message, len(frame), now)

    def _said(
        self, address: str, said: HocuspocusMessage, size: int, now: float
    ) -> list[ConnectionEffect]:
        seat = self._seats.get(address)
        if seat is not None and seat.identity is not None and _for_the_room(said):
            return [Deliver(address, said)]
        match said:
            case Pong() | Stateless():
                return []
            case CloseAddress():
                return self._leave(address)
            case Authenticate(token):
                effects = self._knock(address, room_part(address), token or self._token, now)
                if address in self._seats:
                    self._seats[address].asks = True
                return effects
        if not _for_the_room(said):
            raise BadFrame(f"a client does not send {type(said).__name__}")
        effects = []
        if seat is None:
            if not isinstance(said, SyncStep1):
                return []
            path = room_part(address) if self.dialect is Dialect.HOCUSPOCUS else self._path
            effects = self._knock(address, path, self._token, now)
            seat = self._seats.get(address)
        if seat is not None:
            self._hold(seat, said, size)
        return effects

    def _hold(self, seat: _Seat, message: Message, size: int) -> None:
        self._held_frames += 1
        self._held_bytes += size
        if self._held_frames > MAX_HELD_FRAMES or self._held_bytes > MAX_HELD_BYTES:
            raise BadFrame("too much was sent before anybody was let in", close_code=1008)
        seat.held.append(message)

    # Doors

    def _knock(
        self, address: str, name: str, token: str | None, now: float
    ) -> list[ConnectionEffect]:
        try:
            room = RoomName.parse(name)
        except InvalidName as error:
            return self._refuse(address, Refusal(4400, str(error)), now)
        if self._refusals >= MAX_REFUSALS:
            return self._refuse(address, Refusal(4403, "too many refused attempts"), now)
        if address not in self._seats:
            if len(self._seats) >= MAX_ADDRESSES:
                raise BadFrame(f"more than {MAX_ADDRESSES} rooms on one socket", close_code=1008)
            self._seats[address] = _Seat(address, room)
        return [Ask(address, Knock(room, token or None, self.peer, self._name))]

    def _admitted(self, address: str, identity: Identity, now: float) -> list[ConnectionEffect]:
        seat = self._seats.get(address)
        if seat is None:
            return []
        effects: list[ConnectionEffect] = []
        if seat.asks:
            effects.append(self._send(address, Authenticated(identity.can_write), now))
        entered = seat.identity is not None
        seat.identity = identity
        if entered:
            return [*effects, Requalify(address, identity)]
        effects.append(Enter(address, seat.room, identity))
        effects.extend(Deliver(address, message) for message in seat.held)
        seat.held.clear()
        if all(other.identity for other in self._seats.values()):
            self._held_frames = self._held_bytes = 0
        return effects

    def _turned_away(self, address: str, refusal: Refusal, now: float) -> list[ConnectionEffect]:
        if address not in self._seats:
            return []
        self._refusals += 1
        return [*self._leave(address), *self._refuse(address, refusal, now)]

    def _refuse(self, address: str, refusal: Refusal, now: float) -> list[ConnectionEffect]:
        effects: list[ConnectionEffect] = [self._send(address, Denied(refusal.reason), now)]
        if self.dialect is Dialect.COLLABKIT:
            return [*effects, *self._close(refusal.code, refusal.reason)]
        if self.dialect is Dialect.YWEBSOCKET:
            self._hang_up = (now + REFUSAL_HOLD, CloseSocket(refusal.code, refusal.reason))
        return effects

    def _dismissed(
        self, address: str, code: int, reason: str, now: float
    ) -> list[ConnectionEffect]:
        if address not in self._seats:
            return []
        # 44xx is meant for this seat, and the word for it differs by dialect. The rest
        # (a broken frame, a restart) ends the socket: no client rejoins one address.
        code = _FINAL_WORD.get(code, code)
        if 4400 <= code < 4500:
            return [*self._leave(address), *self._refuse(address, Refusal(code, reason), now)]
        return self._close(code, reason)

    # Time and ends

    def _ticked(self, now: float) -> list[ConnectionEffect]:
        if self._hang_up is not None and now >= self._hang_up[0]:
            close = self._hang_up[1]
            return self._close(close.code, close.reason)
        seated = [seat for seat in self._seats.values() if seat.identity is not None]
        if not seated and now - self._opened_at >= ADMISSION_DEADLINE:
            return self._close(4408, "nobody was let in in time")
        effects: list[ConnectionEffect] = []
        for seat in seated:
            ends = seat.identity.expires_at_ms if seat.identity else None
            if ends is not None and now * 1000 >= ends:
                refusal = Refusal(4401, "the token has expired")
                effects += [*self._leave(seat.address), *self._refuse(seat.address, refusal, now)]
        if seated and not effects and now - self._sent_at >= KEEP_ALIVE_AFTER:
            effects.append(self._send(seated[0].address, KEEP_ALIVE, now))
        return effects

    def _leave(self, address: str) -> list[ConnectionEffect]:
        seat = self._seats.pop(address, None)
        return [Leave(address)] if seat is not None and seat.identity is not None else []

    def _leave_all(self) -> list[ConnectionEffect]:
        self.closed = True
        return [effect for address in list(self._seats) for effect in self._leave(address)]

    def _close(self, code: int, reason: str) -> list[ConnectionEffect]:
        return [*self._leave_all(), CloseSocket(code, reason)]

    def _send(self, address: str, message: HocuspocusMessage, now: float) -> WriteFrame:
        self._sent_at = now
        if self.dialect is Dialect.HOCUSPOCUS:
            return WriteFrame(write_hocuspocus(address, message))
        assert isinstance(message, Message)
        return WriteFrame(write(message))


def _for_the_room(said: HocuspocusMessage) -> TypeGuard[Message]:
    return type(said) in _FOR_THE_ROOM


def _told_by(frame: bytes) -> Dialect:
    """Byte 0 alone does not tell: a Hocuspocus address may be empty, and is then refused."""
    if frame[:2] == b"\x00\x00":
        try:
            first = read(frame)
        except RemoteProtocolError:
            return Dialect.HOCUSPOCUS
        if isinstance(first, SyncStep1) and first.vector:
            return Dialect.YWEBSOCKET
    return Dialect.HOCUSPOCUS
