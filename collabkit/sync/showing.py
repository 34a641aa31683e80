"""Who shows what in a room, on its way to the others: together, and each echo for nothing.

Rules:

1. What is shown after :data:`EVERY` of silence goes out at once. What follows waits for the
   end of that time and goes as one message: of each client id only its newest state. So a
   room of n who move all the time costs n messages each time, and not n times n.
2. Nobody is sent what he shows himself (see :mod:`collabkit.crdt.presence`); so those who
   show something get a message of their own, and all others the same.
3. All but the newest stock clients say again whatever they hear of others, and mostly by the
   same bytes: those are known without looking into them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..crdt.awareness import Entry, decode_awareness, encode_awareness
from ..crdt.presence import Presence
from .effects import RoomEffect, Send, Wake
from .messages import Awareness

__all__ = ["Showing"]

# Faster than this nobody follows a cursor with his eyes.
EVERY = 0.1
# Echoes come within a round trip. So much is told in that time in a room of some hundred.
ISSUED_BYTES = 512 * 1024
# The clock's turns are not exact: one that comes this much early is taken for the one meant.
SLACK = 0.01


class Showing:
    """What is to be told about presence, and when.

    Args:
        members: Who is in the room; read, not changed.
        presence: Its table.
    """

    def __init__(self, members: Mapping[int, object], presence: Presence) -> None:
        self._members = members
        self._presence = presence
        self._news: dict[int, tuple[int, Entry]] = {}  # by client id: whose it is, and what
        self._told_at = float("-inf")
        self._issued: dict[bytes, None] = {}
        self._issued_bytes = 0
        self._everybody: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"<Showing {len(self._news)} news>"

    def said(self, member: int, subject: str, update: bytes, *, now: float) -> list[RoomEffect]:
        """Take what a member says.

        Raises:
            MalformedBytes: This is no awareness update, or a state of the member's own is no JSON.
        """
        if update in self._issued:
            self._presence.spoke(member)
            return []
        news = self._presence.receive(member, subject, update, now_ms=int(now * 1000))
        return [] if news is None else self._add(member, decode_awareness(news), now)

    def left(self, member: int, *, now: float) -> list[RoomEffect]:
        """A member is gone, and with him what he showed."""
        gone = self._presence.leave(member, now_ms=int(now * 1000))
        return [] if gone is None else self._add(member, decode_awareness(gone), now)

    def ticked(self, *, now: float) -> list[RoomEffect]:
        """Time has passed: who has been silent for long shows nothing any more."""
        gone = self._presence.expire(now_ms=int(now * 1000))
        return [] if gone is None else self._add(0, decode_awareness(gone), now)

    def woke(self, *, now: float) -> list[RoomEffect]:
        """The clock turned, as a Wake asked for: tell what waits, if it is time."""
        return self._tell(now) if self._news else []

    def _add(self, member: int, entries: list[Entry], now: float) -> list[RoomEffect]:
        waits = bool(self._news)
        for entry in entries:
            self._news[entry[0]] = (member, entry)
        return [] if waits else self._tell(now)

    def _tell(self, now: float) -> list[RoomEffect]:
        if 0 <= now - self._told_at < EVERY - SLACK:
            return [Wake()]
        self._told_at = now
        news, self._news = self._news, {}
        authors = {member for member, _ in news.values() if member in self._members}
        if len(self._everybody) != len(self._members) or set(self._everybody) != set(self._members):
            self._everybody = tuple(self._members)
        # Who has left is no author any more, but the others are to be told, each of them.
        if len({member for member, _ in news.values()}) <= 1:
            frame = self._issue([entry for _, entry in news.values()])
            but = next(iter(authors), 0)
            return [Send(self._everybody, frame, but=but)] if self._everybody else []
        effects: list[RoomEffect] = []
        readers = tuple(member for member in self._everybody if member not in authors)
        if readers:
            effects.append(Send(readers, self._issue([entry for _, entry in news.values()])))
        for author in authors:
            frame = self._issue([entry for member, entry in news.values() if member != author])
            effects.append(Send((author,), frame))
        return effects

    def _issue(self, entries: list[Entry]) -> Awareness:
        update = encode_awareness(entries)
        if update not in self._issued:
            self._issued[update] = None
            self._issued_bytes += len(update)
        while self._issued_bytes > ISSUED_BYTES:
            oldest = next(iter(self._issued))
            del self._issued[oldest]
            self._issued_bytes -= len(oldest)
        return Awareness(update)
