"""The addresses of one socket: who knocks, what is held for him meanwhile, and until when he stays.

Rules:

1. An address is asked about once at a time. Who knocks again meanwhile is asked about after that,
   and what he shows last counts.
2. What is said before anybody is let in is held, within bounds for the whole socket.
3. A seat holds until its **end**, that of its token, and is asked about again when its rights may
   have changed by themselves, or its client shows another token. All of it happens on the moment:
   the socket says when it wants to be woken.
4. Half a minute before a token's end its client is asked for another, if it has a word for that
   (Hocuspocus 3 and later; our own from version 3 on shows one by itself).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..access.model import Identity, Knock, Refusal, Rights
from ..errors import BadFrame, InvalidName
from ..ids import RoomName
from .messages import Message

__all__ = ["Doors", "Seat"]

# As Hocuspocus 4.3, whose pre-authentication queue was an advisory (GHSA-xwhh-v746-pj9m).
MAX_ADDRESSES = 100
MAX_HELD_FRAMES = 1000
MAX_HELD_BYTES = 1024 * 1024
# A provider may try a new token on the same socket; nobody honest needs more tries than this.
MAX_REFUSALS = 20
# A client asks a program, which may ask another service; a token that lasts less long is asked
# for after half of its life.
RENEW_BEFORE = 30.0

NEVER = float("inf")


class Seat:
    """One address of the socket.

    Attributes:
        identity: Who was let in, if anybody was.
        rights: What he may do, for now.
        held: What he said before.
        asks: He sent an Authenticate, which then is answered.
        asking: Number of the Ask that is not answered yet; 0 if there is none.
        retry: A knock that came meanwhile, and counts instead.
        ends_at: Unix seconds at which his token ends.
        renews_at: When he is to be asked for another.
    """

    __slots__ = (
        "address", "asking", "asks", "ends_at", "held", "identity", "renews_at", "retry", "rights",
        "room",
    )  # fmt: skip

    def __init__(self, address: str, room: RoomName) -> None:
        self.address = address
        self.room = room
        self.identity: Identity | None = None
        self.rights = Rights()
        self.held: list[Message] = []
        self.asks = False
        self.asking = 0
        self.retry: Knock | None = None
        self.ends_at = self.renews_at = NEVER

    def __repr__(self) -> str:
        who = "nobody yet" if self.identity is None else self.identity.subject
        return f"<Seat {self.address!r} of {self.room}: {who}>"

    def take(self, identity: Identity, rights: Rights, *, now: float) -> None:
        """Let somebody in, or go on under another token."""
        self.identity, self.rights = identity, rights
        ends_ms = identity.expires_at_ms
        self.ends_at = self.renews_at = NEVER
        if ends_ms is not None:
            self.ends_at = ends_ms / 1000
            self.renews_at = max(self.ends_at - RENEW_BEFORE, (self.ends_at + now) / 2)

    @property
    def wakes_at(self) -> float:
        """When something of it changes by itself."""
        return min(self.rights.until, self.ends_at, self.renews_at)


class Doors:
    """The seats of one socket, and who knocks at them.

    Attributes:
        most: How many there may be.
        asked: Number of the newest Ask.
    """

    def __init__(self) -> None:
        self.most = MAX_ADDRESSES
        self.asked = 0
        self._seats: dict[str, Seat] = {}
        self._held_frames = 0
        self._held_bytes = 0
        self._refusals = 0
        self._unanswered = 0

    def __repr__(self) -> str:
        return f"<Doors to {len(self)} seats>"

    def __len__(self) -> int:
        return len(self._seats)

    def __iter__(self) -> Iterator[Seat]:
        """Those that somebody was let into."""
        return iter([seat for seat in self._seats.values() if seat.identity is not None])

    def __contains__(self, address: object) -> bool:
        return address in self._seats

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._seats)

    def get(self, address: str) -> Seat | None:
        """The seat of an address, if there is one."""
        return self._seats.get(address)

    def pop(self, address: str) -> Seat | None:
        """Give up an address."""
        return self._seats.pop(address, None)

    @property
    def wakes_at(self) -> float:
        """When the first of them changes by itself."""
        return min((seat.wakes_at for seat in self), default=NEVER)

    def knock(self, address: str, name: str, knock: _Showing) -> tuple[Seat, Knock] | Refusal:
        """Somebody wants in at an address: who is to be asked about, or why nobody is.

        Raises:
            BadFrame: There are too many addresses.
        """
        try:
            room = RoomName.parse(name)
        except InvalidName as error:
            return Refusal(4400, str(error))
        if self._refusals >= MAX_REFUSALS:
            return Refusal(4403, "too many refused attempts")
        if address not in self._seats:
            if len(self._seats) >= self.most:
                raise BadFrame("too many documents on one socket", close_code=1008)
            self._seats[address] = Seat(address, room)
        token, peer, called = knock
        return self._seats[address], Knock(room, token or None, peer, called)

    def ask(self, seat: Seat) -> int:
        """Number an Ask. Raises BadFrame if too many are not answered yet."""
        if self._unanswered >= self.most:
            raise BadFrame("too many attempts at once", close_code=1008)
        self._unanswered += 1
        self.asked += 1
        seat.asking = self.asked
        return self.asked

    def answered(self, address: str, number: int, *, refused: bool = False) -> Seat | None:
        """The seat that an answer is for, unless it was left or asks for something newer."""
        self._unanswered -= 1
        seat = self._seats.get(address)
        if seat is None or seat.asking != number:
            return None
        self._refusals += refused
        seat.asking = 0
        return seat

    def hold(self, seat: Seat, message: Message, size: int) -> None:
        """Keep what somebody says until he is let in. Raises BadFrame if it is too much."""
        self._held_frames += 1
        self._held_bytes += size
        if self._held_frames > MAX_HELD_FRAMES or self._held_bytes > MAX_HELD_BYTES:
            raise BadFrame("too much was sent before anybody was let in", close_code=1008)
        seat.held.append(message)

    def released(self, seat: Seat) -> list[Message]:
        """What was held of somebody who is let in."""
        held, seat.held = seat.held, []
        if all(other.identity for other in self._seats.values()):
            self._held_frames = self._held_bytes = 0
        return held


_Showing = tuple[str | None, str, str | None]
"""Token, peer, and what the client calls itself."""
