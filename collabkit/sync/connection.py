"""One socket: its dialect, the rooms it is in, and how long it may stay.

Rules:

1. The relay does not speak first. The dialect is told by the subprotocol or by the
   first frame: exactly a SyncStep1 is y-websocket, anything else Hocuspocus.
2. A socket has **seats**, one for each address: y-websocket and our own dialect have
   the one their path names, Hocuspocus as many as it opens. A seat is opened by an
   Authenticate or a SyncStep1; anything else on an address without one is dropped
   without a trace (provider 2 sends presence after it has left).
3. Who may say what is in :mod:`.needs`, who waits at which door and for how long who was let in
   may stay in :mod:`.doors`. When rights change he is told in his dialect: by Authenticated or
   PermissionDenied (Hocuspocus), by Denied and a close.
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

from ..access.model import Refusal, Rights
from ..crdt.lib0 import var_string
from ..errors import BadFrame, RemoteProtocolError
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
    Rang,
    Received,
    Regraded,
    Requalify,
    SetAlarm,
    Started,
    TurnedAway,
    WriteFrame,
)
from .dialects import Dialect, told_by
from .doors import NEVER, Doors, Seat
from .events import Ticked
from .hocuspocus import (
    Authenticate,
    Authenticated,
    CloseAddress,
    HocuspocusMessage,
    Stateless,
    SyncStatus,
    TokenRequest,
    read_hocuspocus,
    room_part,
    write_hocuspocus,
)
from .messages import (
    KEEP_ALIVE,
    Ack,
    Denied,
    Message,
    Receipt,
    Refresh,
    Refused,
    SyncStep1,
    read,
    read_collabkit,
    write,
)
from .needs import NEEDS, Need

__all__ = ["Connection"]

# Both stock clients reconnect after 30 s without a message; half of it leaves room for one loss.
KEEP_ALIVE_AFTER = 15.0
# Hocuspocus' own deadline for a socket on which nobody was let in.
ADMISSION_DEADLINE = 60.0
# Held for 5 s, y-websocket 1 and 2 make two attempts in 10 s instead of 97.
REFUSAL_HOLD = 5.0
# An edit that a room refused its author would send again as soon as he is back: closed at once,
# provider 2 is back 6,500 times in 10 s. So he is told as those are who may not come in.
_FINAL_WORD = {1007: 4422, 1008: 4422}
ANOTHER_SUBJECT = "this token is of another subject than is connected here: connect anew with it"


class Connection:
    """The core of one socket.

    Args:
        path: The room the URL names, percent-decoded once, without the leading slash.
        token: What the upgrade carried, if anything.
        peer: The other end's address.
        name: What the client calls itself.
        own_dialect: Which version of our own dialect was agreed on; 0 if none was.
        now: When the socket opened.

    Attributes:
        doors: Its addresses.

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
        self._alarm_at = NEVER
        self.doors = Doors()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self.doors)} seats"
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
            case Regraded(address, rights, reason):
                return self._regraded(address, rights, reason)
            case Dismissed(address, code, reason):
                return self._dismissed(address, code, reason)
            case Rang():
                return self._rang()
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
                case Receipt(body):
                    return write_hocuspocus(address, Stateless(body.decode()))
            return write_hocuspocus(address, message)
        if self.dialect is Dialect.YWEBSOCKET and isinstance(message, Ack | Refused | Receipt):
            return None
        if self.dialect is Dialect.COLLABKIT and self.version < 3 and isinstance(message, Receipt):
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
        seat = self.doors.get(address)
        need = NEEDS.get(type(said))
        if need is None:
            raise BadFrame(f"a client does not send {type(said).__name__}")
        if _for_the_room(said, need):
            if seat is not None and seat.identity is not None:
                return [Deliver(address, said)]
            return self._before_admission(address, seat, said, size)
        match said:
            case CloseAddress():
                return self._leave(address)
            case Authenticate(token):
                effects = self._knock(address, room_part(address), token or self._token)
                if (seat := self.doors.get(address)) is not None:
                    seat.asks = True
                return effects
            case Refresh(token) if seat is not None:
                return self._knock(address, self._path, token)
        return []

    def _before_admission(
        self, address: str, seat: Seat | None, said: Message, size: int
    ) -> list[ConnectionEffect]:
        effects: list[ConnectionEffect] = []
        if seat is None:
            if not isinstance(said, SyncStep1):
                return []
            path = room_part(address) if self.dialect is Dialect.HOCUSPOCUS else self._path
            effects = self._knock(address, path, self._token)
            seat = self.doors.get(address)
        if seat is not None:
            self.doors.hold(seat, said, size)
        return effects

    # Doors

    def _knock(self, address: str, name: str, token: str | None) -> list[ConnectionEffect]:
        answer = self.doors.knock(address, name, (token, self.peer, self._name))
        if isinstance(answer, Refusal):
            return self._refuse(address, answer)
        seat, knock = answer
        if seat.asking:
            seat.retry = knock
            return []
        return [Ask(address, self.doors.ask(seat), knock)]

    def _asked_again(self, seat: Seat) -> list[ConnectionEffect]:
        """Ask about the knock that came while another was asked about."""
        knock, seat.retry = seat.retry, None
        return [] if knock is None else [Ask(seat.address, self.doors.ask(seat), knock)]

    def _admitted(self, event: Admitted) -> list[ConnectionEffect]:
        address, identity, rights = event.address, event.identity, event.rights
        seat = self.doors.answered(address, event.number)
        if seat is None:
            return []
        if seat.retry is not None:
            return self._asked_again(seat)
        effects: list[ConnectionEffect] = []
        if seat.asks:
            effects.append(self._send(address, Authenticated(rights.can_write)))
        before, seat.room = seat.identity, event.room or seat.room
        seat.take(identity, rights, now=self._now)
        if before is not None and before.subject == identity.subject:
            return [*effects, Requalify(address, identity, rights), *self._alarm()]
        if before is not None and self.dialect is Dialect.COLLABKIT:
            # What a replica counts belongs to who it said that it is; as another it begins anew.
            return self._dismissed(address, 4401, ANOTHER_SUBJECT)
        if before is not None:
            effects.append(Leave(address))
        effects.append(Enter(address, event.session, seat.room, identity, rights))
        effects.extend(Deliver(address, message) for message in self.doors.released(seat))
        return [*effects, *self._alarm()]

    def _turned_away(self, address: str, number: int, refusal: Refusal) -> list[ConnectionEffect]:
        seat = self.doors.answered(address, number, refused=True)
        if seat is None:
            return []
        if seat.retry is not None:
            return self._asked_again(seat)
        return [*self._leave(address), *self._refuse(address, refusal)]

    def _regraded(self, address: str, rights: Rights, reason: str) -> list[ConnectionEffect]:
        seat = self.doors.get(address)
        if seat is None or seat.identity is None:
            return []
        effects: list[ConnectionEffect] = []
        if self.dialect is Dialect.HOCUSPOCUS and rights.can_write != seat.rights.can_write:
            effects.append(self._send(address, Authenticated(rights.can_write)))
        seat.rights = rights
        return [*effects, Requalify(address, seat.identity, rights, reason), *self._alarm()]

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
        if address not in self.doors:
            return []
        # 44xx is meant for this seat, and the word for it differs by dialect. The rest
        # (a slow reader, a restart) ends the socket: no client rejoins one address.
        code = _FINAL_WORD.get(code, code)
        if 4400 <= code < 4500:
            return [*self._leave(address), *self._refuse(address, Refusal(code, reason))]
        return self._close(code, reason)

    # Time and ends

    def _rang(self) -> list[ConnectionEffect]:
        """Something changes by itself: a token ends, or what somebody may do."""
        self._alarm_at = NEVER
        effects: list[ConnectionEffect] = []
        for seat in self.doors:
            if self._now >= seat.ends_at:
                effects += self._dismissed(seat.address, 4401, "the token has expired")
                continue
            if self._now >= seat.renews_at:
                seat.renews_at = NEVER
                if self.dialect is Dialect.HOCUSPOCUS:
                    effects.append(self._send(seat.address, TokenRequest()))
            if self._now >= seat.rights.until:
                effects.append(AskAgain(seat.address))
        return effects if self.closed else [*effects, *self._alarm()]

    def _alarm(self) -> list[ConnectionEffect]:
        """Have the socket woken when something changes by itself, if that is news."""
        wakes_at = self.doors.wakes_at
        if wakes_at == self._alarm_at:
            return []
        self._alarm_at = wakes_at
        return [SetAlarm(wakes_at)]

    def _ticked(self) -> list[ConnectionEffect]:
        if self._hang_up is not None and self._now >= self._hang_up[0]:
            close = self._hang_up[1]
            return self._close(close.code, close.reason)
        seated = next(iter(self.doors), None)
        if seated is None:
            if self._now - self._seatless_since >= ADMISSION_DEADLINE:
                return self._close(4408, "nobody was let in in time")
        elif self._now - self._sent_at >= KEEP_ALIVE_AFTER:
            return [self._send(seated.address, KEEP_ALIVE)]
        return []

    def _leave(self, address: str) -> list[ConnectionEffect]:
        seat = self.doors.pop(address)
        if seat is None or seat.identity is None:
            return []
        self._seatless_since = self._now
        return [Leave(address)]

    def _leave_all(self) -> list[ConnectionEffect]:
        self.closed = True
        return [effect for address in self.doors.addresses for effect in self._leave(address)]

    def _close(self, code: int, reason: str) -> list[ConnectionEffect]:
        return [*self._leave_all(), CloseSocket(code, reason)]

    def _send(self, address: str, message: HocuspocusMessage) -> WriteFrame:
        self._sent_at = self._now
        if self.dialect is Dialect.HOCUSPOCUS:
            return WriteFrame(write_hocuspocus(address, message))
        assert isinstance(message, Message)
        return WriteFrame(write(message))


def _for_the_room(said: HocuspocusMessage, need: Need) -> TypeGuard[Message]:
    return need is not Need.NOTHING
