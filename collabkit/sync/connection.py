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

from typing import TypeGuard

from ..access.model import Identity, Knock, Refusal
from ..crdt.lib0 import var_string
from ..errors import BadFrame, InvalidName, RemoteProtocolError
from ..ids import RoomName
from .connection_effects import (
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
    TurnedAway,
    WriteFrame,
)
from .dialects import Dialect, told_by
from .effects import Ticked
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
    Digest,
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

__all__ = ["Connection"]

# Both stock clients reconnect after 30 s without a message; half of it leaves room for one loss.
KEEP_ALIVE_AFTER = 15.0
# Hocuspocus' own deadline for a socket on which nobody was let in.
ADMISSION_DEADLINE = 60.0
# Held for 5 s, y-websocket 1 and 2 make two attempts in 10 s instead of 97.
REFUSAL_HOLD = 5.0
# As Hocuspocus 4.3, whose pre-authentication queue was an advisory (GHSA-xwhh-v746-pj9m).
MAX_ADDRESSES = 100
MAX_HELD_FRAMES = 1000
MAX_HELD_BYTES = 1024 * 1024
# An edit that a room refused its author would send again as soon as he is back: closed at once,
# provider 2 is back 6,500 times in 10 s. So he is told as those are who may not come in.
_FINAL_WORD = {1007: 4422, 1008: 4422}
# A provider may try a new token on the same socket; nobody honest needs more tries than this.
MAX_REFUSALS = 20

# What a client may say to a room. The rest of the messages goes the other way.
_FOR_THE_ROOM = frozenset(
    {SyncStep1, SyncStep2, Update, Awareness, QueryAwareness, Resume, Edit, Call, Digest}
)


class _Seat:
    """One address of the socket."""

    __slots__ = ("address", "asking", "asks", "held", "identity", "retry", "room")

    def __init__(self, address: str, room: RoomName) -> None:
        self.address = address
        self.room = room
        self.identity: Identity | None = None
        self.held: list[Message] = []
        self.asks = False  # with an Authenticate, which then is answered
        self.asking = 0  # number of the Ask that is not answered yet
        self.retry: Knock | None = None  # came meanwhile, and counts instead


class Connection:
    """The core of one socket.

    Args:
        path: The room the URL names, percent-decoded once, without the leading slash.
        token: What the upgrade carried, if anything.
        peer: The other end's address.
        name: What the client calls itself.
        own_dialect: Which version of our own dialect was agreed on; 0 if none was.
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
        own_dialect: int = 0,
        now: float,
    ) -> None:
        self.dialect = Dialect.COLLABKIT if own_dialect else Dialect.UNTOLD
        self.version = own_dialect
        self.peer = peer
        self.closed = False
        self._path = path
        self._token = token
        self._name = name
        self._now = now
        self._seatless_since = now
        self._sent_at = now
        self._hang_up: tuple[float, CloseSocket] | None = None
        self._seats: dict[str, _Seat] = {}
        self._held_frames = 0
        self._held_bytes = 0
        self._refusals = 0
        self._asked = self._unanswered = 0
        self.max_documents = MAX_ADDRESSES

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self._seats)} seats"
        return f"<Connection {self.dialect.value} from {self.peer or '?'}, {state}>"

    def handle(self, event: ConnectionEvent, *, now: float) -> list[ConnectionEffect]:
        """Take one event, return what is to be done, in order."""
        self._now = now
        if self.closed:
            return []
        match event:
            case Received(frame):
                try:
                    return self._received(frame)
                except RemoteProtocolError as error:
                    return self._close(error.close_code, str(error))
            case Started():
                return self._started()
            case Admitted():
                return self._admitted(event)
            case TurnedAway(address, number, refusal):
                return self._turned_away(address, number, refusal)
            case Dismissed(address, code, reason):
                return self._dismissed(address, code, reason)
            case Ticked():
                return self._ticked()
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

    def _started(self) -> list[ConnectionEffect]:
        if self.dialect is Dialect.COLLABKIT:
            return self._knock("", self._path, self._token)
        return []

    def _received(self, frame: bytes | str) -> list[ConnectionEffect]:
        if isinstance(frame, str):
            raise BadFrame("text frames carry nothing here", close_code=1003)
        if self._hang_up is not None:
            return []
        if self.dialect is Dialect.UNTOLD:
            self.dialect = told_by(frame)
        if self.dialect is Dialect.HOCUSPOCUS:
            address, said = read_hocuspocus(frame)
            return self._said(address, said, len(frame))
        message = read_collabkit(frame) if self.dialect is Dialect.COLLABKIT else read(frame)
        return self._said("", message, len(frame))

    def _said(self, address: str, said: HocuspocusMessage, size: int) -> list[ConnectionEffect]:
        seat = self._seats.get(address)
        if seat is not None and seat.identity is not None and _for_the_room(said):
            return [Deliver(address, said)]
        match said:
            case Pong() | Stateless():
                return []
            case CloseAddress():
                return self._leave(address)
            case Authenticate(token):
                effects = self._knock(address, room_part(address), token or self._token)
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
            effects = self._knock(address, path, self._token)
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

    def _knock(self, address: str, name: str, token: str | None) -> list[ConnectionEffect]:
        try:
            room = RoomName.parse(name)
        except InvalidName as error:
            return self._refuse(address, Refusal(4400, str(error)))
        if self._refusals >= MAX_REFUSALS:
            return self._refuse(address, Refusal(4403, "too many refused attempts"))
        if address not in self._seats:
            if len(self._seats) >= self.max_documents:
                raise BadFrame("too many documents on one socket", close_code=1008)
            self._seats[address] = _Seat(address, room)
        knock = Knock(room, token or None, self.peer, self._name)
        seat = self._seats[address]
        if seat.asking:
            seat.retry = knock
            return []
        return [self._ask(seat, knock)]

    def _ask(self, seat: _Seat, knock: Knock) -> Ask:
        if self._unanswered >= self.max_documents:
            raise BadFrame("too many attempts at once", close_code=1008)
        self._unanswered += 1
        self._asked += 1
        seat.asking = self._asked
        return Ask(seat.address, self._asked, knock)

    def _answered(self, address: str, number: int) -> _Seat | None:
        """The seat that an answer is for, unless it was left or asks for something newer."""
        self._unanswered -= 1
        seat = self._seats.get(address)
        if seat is None or seat.asking != number:
            return None
        seat.asking = 0
        return seat

    def _admitted(self, event: Admitted) -> list[ConnectionEffect]:
        address, identity = event.address, event.identity
        seat = self._answered(address, event.number)
        if seat is None:
            return []
        if seat.retry is not None:
            knock, seat.retry = seat.retry, None
            return [self._ask(seat, knock)]
        effects: list[ConnectionEffect] = []
        if seat.asks:
            effects.append(self._send(address, Authenticated(identity.can_write)))
        before, seat.identity = seat.identity, identity
        if before is not None and before.subject == identity.subject:
            return [*effects, Requalify(address, identity)]
        if before is not None:
            effects.append(Leave(address))
        effects.append(Enter(address, event.session, seat.room, identity))
        effects.extend(Deliver(address, message) for message in seat.held)
        seat.held.clear()
        if all(other.identity for other in self._seats.values()):
            self._held_frames = self._held_bytes = 0
        return effects

    def _turned_away(self, address: str, number: int, refusal: Refusal) -> list[ConnectionEffect]:
        seat = self._answered(address, number)
        if seat is None:
            return []
        self._refusals += 1
        if seat.retry is not None:
            knock, seat.retry = seat.retry, None
            return [self._ask(seat, knock)]
        return [*self._leave(address), *self._refuse(address, refusal)]

    def _refuse(self, address: str, refusal: Refusal) -> list[ConnectionEffect]:
        """Say no to one address: in words if that is final, by closing the socket if not."""
        effects: list[ConnectionEffect] = []
        final = 4400 <= refusal.code < 4500
        if final:
            effects.append(self._send(address, Denied(refusal.reason)))
        if self.dialect is Dialect.COLLABKIT:
            return [*effects, *self._close(refusal.code, refusal.reason)]
        if self.dialect is Dialect.YWEBSOCKET or not final:
            self._hang_up = (self._now + REFUSAL_HOLD, CloseSocket(refusal.code, refusal.reason))
        return effects

    def _dismissed(self, address: str, code: int, reason: str) -> list[ConnectionEffect]:
        if address not in self._seats:
            return []
        # 44xx is meant for this seat, and the word for it differs by dialect. The rest
        # (a slow reader, a restart) ends the socket: no client rejoins one address.
        code = _FINAL_WORD.get(code, code)
        if 4400 <= code < 4500:
            return [*self._leave(address), *self._refuse(address, Refusal(code, reason))]
        return self._close(code, reason)

    # Time and ends

    def _ticked(self) -> list[ConnectionEffect]:
        if self._hang_up is not None and self._now >= self._hang_up[0]:
            close = self._hang_up[1]
            return self._close(close.code, close.reason)
        seated = [seat for seat in self._seats.values() if seat.identity is not None]
        if not seated and self._now - self._seatless_since >= ADMISSION_DEADLINE:
            return self._close(4408, "nobody was let in in time")
        effects: list[ConnectionEffect] = []
        for seat in seated:
            ends = seat.identity.expires_at_ms if seat.identity else None
            if ends is not None and self._now * 1000 >= ends:
                effects += self._dismissed(seat.address, 4401, "the token has expired")
        if seated and not effects and self._now - self._sent_at >= KEEP_ALIVE_AFTER:
            effects.append(self._send(seated[0].address, KEEP_ALIVE))
        return effects

    def _leave(self, address: str) -> list[ConnectionEffect]:
        seat = self._seats.pop(address, None)
        if seat is None or seat.identity is None:
            return []
        self._seatless_since = self._now
        return [Leave(address)]

    def _leave_all(self) -> list[ConnectionEffect]:
        self.closed = True
        return [effect for address in list(self._seats) for effect in self._leave(address)]

    def _close(self, code: int, reason: str) -> list[ConnectionEffect]:
        return [*self._leave_all(), CloseSocket(code, reason)]

    def _send(self, address: str, message: HocuspocusMessage) -> WriteFrame:
        self._sent_at = self._now
        if self.dialect is Dialect.HOCUSPOCUS:
            return WriteFrame(write_hocuspocus(address, message))
        assert isinstance(message, Message)
        return WriteFrame(write(message))


def _for_the_room(said: HocuspocusMessage) -> TypeGuard[Message]:
    return type(said) in _FOR_THE_ROOM
