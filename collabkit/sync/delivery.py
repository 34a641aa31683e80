"""What a room says, taken to the seats that are to hear it, in order.

Rules:

1. A frame is written once, however many get it.
2. A seat whose socket takes bytes is written to at once; how others wait, :mod:`.seat` says.
3. What is long and for many goes to a few of them in each turn of the loop: the kernel copies at
   once what a socket takes, which may be some megabytes, and the loop waits for that. Whatever
   the room says meanwhile comes behind, for everybody.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from .counts import Counts
from .effects import Send
from .limits import LARGE_BYTES
from .messages import Ack, Awareness, Message, PackedRow, Row, Update, write
from .seat import Seat

__all__ = ["Delivery"]

_log = logging.getLogger("collabkit.room")

# Said by all dialects that have a word for it in the same words.
_SHARED = (Update, Awareness, Row, PackedRow)
# What the kernel takes in a millisecond or two.
TURN_BYTES = 1024 * 1024


class Surroundings(Protocol):
    """What a delivery needs of the hub it is in."""

    counts: Counts

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side."""
        ...

    def dismiss(self, member: int, code: int, reason: str) -> None:
        """Put a member out."""
        ...


class Delivery:
    """Writes to the seats of one room, which come and go."""

    __slots__ = ("_behind", "_crowd", "_hub", "_seats")

    def __init__(self, seats: Mapping[int, Seat], hub: Surroundings) -> None:
        self._seats = seats
        self._hub = hub
        self._crowd: tuple[tuple[int, ...], list[Seat]] = ((), [])
        # What comes behind something long that is under way; None if nothing is.
        self._behind: deque[tuple[Send, bytes | None]] | None = None

    def __repr__(self) -> str:
        behind = "" if self._behind is None else f", {len(self._behind)} messages behind a long one"
        return f"<Delivery to {len(self._seats)} seats{behind}>"

    def send(self, effect: Send, frame: bytes | None = None) -> None:
        """Say something; ``frame`` is that in y-websocket's words, if it is written already."""
        if self._behind is not None:
            self._behind.append((effect, frame))
            return
        message, but = effect.message, effect.but
        kind = type(message)
        if kind is Ack and self.is_deaf(effect.to):
            return
        if frame is None and kind in _SHARED:
            frame = write(message)
        seats = self._seated(effect.to)
        if frame is not None and len(frame) > LARGE_BYTES and len(seats) > 1:
            self._behind = deque()
            self._hub.spawn(self._in_turns(message, frame, seats, but))
        else:
            self._hand(message, frame, seats, but)
        if kind is Awareness:
            self._hub.counts.presence_changes += 1

    async def _in_turns(
        self, message: Message, frame: bytes, seats: Sequence[Seat], but: int
    ) -> None:
        at_once = TURN_BYTES // len(frame) + 1
        try:
            for first in range(0, len(seats), at_once):
                turn = seats[first : first + at_once]
                self._hand(message, frame, [s for s in turn if s.member in self._seats], but)
                await asyncio.sleep(0)
        finally:
            behind, self._behind = self._behind or (), None
            self._crowd = ((), [])  # who has left meanwhile is still among those whom it names
            for effect, written in behind:
                self.send(effect, written)

    def _hand(self, message: Message, frame: bytes | None, seats: Sequence[Seat], but: int) -> None:
        delivered, prefix, prefixed = 0, b"", frame or b""
        for seat in seats:
            if seat.member == but:
                continue
            try:
                if frame is None or seat.waits or seat.outlet.clogged:
                    delivered += self._write(seat, message, frame)
                    continue
                if seat.prefix != prefix:
                    prefix = seat.prefix
                    prefixed = prefix + frame
                seat.send(prefixed)
                delivered += 1
            except Exception:
                _log.exception("a socket cannot be written to")
                self._hub.dismiss(seat.member, 1011, "this socket cannot be written to")
        if type(message) is Update:
            assert frame is not None
            counts = self._hub.counts
            counts.deliveries += delivered
            counts.delivered_bytes += delivered * len(frame)

    def _write(self, seat: Seat, message: Message, frame: bytes | None) -> bool:
        taken = seat.write(message, frame, self._hub.now())
        if not taken:
            reason = "too much waits for a reader that does not read"
            self._hub.dismiss(seat.member, 1013, reason)
        return taken

    def is_deaf(self, members: tuple[int, ...]) -> bool:
        """Whether a member's dialect has no word for an Ack: it is nobody's work then."""
        seat = self._seats.get(members[0])
        return seat is None or seat.deaf

    def _seated(self, members: tuple[int, ...]) -> list[Seat]:
        """The seats of members; rooms name their crowd by the same tuple until it changes."""
        crowd, seats = self._crowd
        if members is not crowd:
            seats = [self._seats[member] for member in members if member in self._seats]
            if len(members) > 1:
                self._crowd = (members, seats)
        return seats
