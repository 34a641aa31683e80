"""The relay's table of presence: who may say what of whom, and at which clock.

The rules of `crdt.awareness` hold; where this table differs:

1. A client id belongs to the member who showed it first, until he clears it, leaves, or
   is silent for 30 s. What others say of it is ignored, without cost or blame: all but the
   newest stock clients send every state that they hear of back to the server.
2. The relay owns the outgoing clock of each id: it starts from the wall clock and moves
   with everything sent, snapshots included. So a peer that kept an old state through a
   reconnect takes the new one at once, which by the clients' own clocks it would ignore
   until they renew. Own entries are never sent back to their author.
3. A clock that the relay itself issued, for an id that nobody owns, is an echo: it could
   only bring back who is gone.
4. A member whose first words are one state, at a clock that the relay never issued, takes
   its id over from another member of the same subject: that is a client who came back
   before his old connection was found dead.
5. States are checked to be JSON, once, and handed on as they came. What exceeds
   :class:`PresenceLimits` is ignored.
6. But a state's ``user``, in which stock clients show a name and a colour, is stamped: its
   ``subject`` is the relay's word. Who proved nothing has none there, whatever he says.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ..ids import is_anonymous
from .awareness import (
    EXPIRE_AFTER_MS,
    GHOST_MS,
    MAX_CLOCK,
    NULL,
    Entry,
    decode_awareness,
    encode_awareness,
    is_null,
)
from .lib0 import check_json, read_json

__all__ = ["Presence", "PresenceLimits", "stamped"]

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# 2**40 ms is in 2004: a machine whose own clock is unset must not issue what clients count to.
_FIRST_CLOCK = 1 << 40


class PresenceLimits(msgspec.Struct, frozen=True):
    """How much one room's table holds.

    Attributes:
        member_ids: Client ids of one member. A page has one; a bridge for others has some.
        state_bytes: One state: a name, a colour, a cursor, perhaps a small picture.
        ids: All ids, and as many again that are gone and not yet forgotten.
    """

    member_ids: int = 8
    state_bytes: int = 16 << 10
    ids: int = 4_096


class _Seat:
    """A client id that a member owns."""

    __slots__ = ("clock", "first_out", "last_out", "member", "seen_ms", "state", "subject")

    def __init__(self, first_out: int, last_out: int) -> None:
        self.member = 0
        self.subject = ""
        self.clock = 0
        self.first_out = first_out
        self.last_out = last_out
        self.state = NULL
        self.seen_ms = 0


class Presence:
    """The relay's table of one room: who shows what, by client id.

    Methods return what is to be sent, as an awareness update, or None for nothing.

    Example:
        >>> from collabkit.crdt.awareness import decode_awareness
        >>> room = Presence()
        >>> news = room.receive(1, "user:ada", bytes.fromhex("010701027b7d"), now_ms=2 * 10**12)
        >>> decode_awareness(news)
        [(7, 2000000000000, b'{}')]
        >>> decode_awareness(room.leave(1, now_ms=2_000_000_000_500))
        [(7, 2000000000001, b'null')]
    """

    def __init__(self, limits: PresenceLimits | None = None) -> None:
        self._limits = limits or PresenceLimits()
        self._seats: dict[int, _Seat] = {}
        self._members: dict[int, set[int]] = {}  # who has spoken, and the ids they own
        self._ghosts: dict[int, tuple[int, int, int]] = {}  # id: first and last out, gone at

    def __repr__(self) -> str:
        return f"<Presence {len(self._seats)} states>"

    def __len__(self) -> int:
        return len(self._seats)

    def receive(self, member: int, subject: str, update: bytes, *, now_ms: int) -> bytes | None:
        """Take in what a member says; returns what all others get.

        Args:
            member: Who says it: one connection.
            subject: On whose behalf.
            update: An awareness update.
            now_ms: The wall clock, in Unix milliseconds.

        Raises:
            MalformedBytes: This is no awareness update, or a state of the member's own is no JSON.
        """
        entries = decode_awareness(update)
        if not entries:
            return None
        newcomer = subject if len(entries) == 1 and member not in self._members else None
        self._members.setdefault(member, set())
        news: list[Entry] = []
        for client, clock, state in entries:
            seat = self._seats.get(client)
            own = seat is not None and seat.member == member
            if seat is not None and not own and seat.subject != newcomer:
                continue  # the hot way out: what stock clients say of others
            known = seat.clock if seat is not None and own else 0
            if is_null(state):
                if own and known <= clock < MAX_CLOCK:
                    news.append(self._vacate(client, now_ms))
                continue
            if not known < clock < MAX_CLOCK or len(state) > self._limits.state_bytes:
                continue
            if not own and not self._may_sit(member, client, clock):
                continue
            check_json(state)
            shown = stamped(state, subject)
            if seat is None or not own:
                seat = self._sit(member, subject, client, now_ms)
            seat.clock, seat.state, seat.seen_ms = clock, shown, now_ms
            seat.last_out = max(clock, seat.last_out + 1)
            news.append((client, seat.last_out, shown))
        return _told(news)

    def spoke(self, member: int) -> None:
        """Take it that a member has said something about others only, as :meth:`receive` would."""
        self._members.setdefault(member, set())

    def leave(self, member: int, *, now_ms: int) -> bytes | None:
        """Forget a member; returns what all others get."""
        owned = self._members.get(member, ())
        news = [self._vacate(client, now_ms) for client in tuple(owned)]
        self._members.pop(member, None)
        return _told(news)

    def snapshot(self, member: int, *, now_ms: int) -> bytes | None:
        """Tell a member of all others, at clocks that are news to everybody.

        Best sent after the member's own first words: until then, what his old
        connection showed counts as another's.
        """
        news: list[Entry] = []
        for client, seat in self._seats.items():
            if seat.member != member:
                seat.last_out = max(now_ms, seat.last_out + 1)
                news.append((client, seat.last_out, seat.state))
        return _told(news)

    def expire(self, *, now_ms: int) -> bytes | None:
        """Remove who has been silent for 30 s; returns what everybody gets.

        Call it every few seconds.
        """
        for client, (_, _, gone_ms) in tuple(self._ghosts.items()):
            if now_ms - gone_ms < GHOST_MS:
                break  # they stand in the order in which they went
            del self._ghosts[client]
        silent = [
            client
            for client, seat in self._seats.items()
            if now_ms - seat.seen_ms >= EXPIRE_AFTER_MS
        ]
        return _told([self._vacate(client, now_ms) for client in silent])

    def states(self) -> dict[int, Any]:
        """What everybody shows, by client id."""
        return {client: read_json(seat.state) for client, seat in self._seats.items()}

    def _may_sit(self, member: int, client: int, clock: int) -> bool:
        """Whether an id that is nobody's, or that may be taken over, goes to this member."""
        seat = self._seats.get(client)
        if seat is not None:
            issued = seat.first_out <= clock <= seat.last_out
        elif client in self._ghosts:
            first_out, last_out, _ = self._ghosts[client]
            issued = first_out <= clock <= last_out
        else:
            issued = False
        room = seat is not None or len(self._seats) < self._limits.ids
        return room and not issued and len(self._members[member]) < self._limits.member_ids

    def _sit(self, member: int, subject: str, client: int, now_ms: int) -> _Seat:
        seat = self._seats.get(client)
        if seat is not None:
            self._members[seat.member].discard(client)
        else:
            start = max(now_ms, _FIRST_CLOCK)
            first_out, last_out, _ = self._ghosts.pop(client, (start, start - 1, 0))
            seat = self._seats[client] = _Seat(first_out, max(start - 1, last_out))
        seat.member, seat.subject = member, subject
        self._members[member].add(client)
        return seat

    def _vacate(self, client: int, now_ms: int) -> Entry:
        seat = self._seats.pop(client)
        self._members[seat.member].discard(client)
        while len(self._ghosts) >= self._limits.ids:
            del self._ghosts[next(iter(self._ghosts))]
        self._ghosts[client] = (seat.first_out, seat.last_out + 1, now_ms)
        return client, seat.last_out + 1, NULL


def stamped(state: bytes, subject: str) -> bytes:
    r"""Say in a state's ``user`` who that is, whatever the client says of it.

    Only the ``user`` is written anew; a state without one is as it was.

    >>> stamped(b'{"cursor": 3, "user": {"name": "Ada"}}', "user:ada")
    b'{"cursor":3,"user":{"name":"Ada","subject":"user:ada"}}'
    >>> stamped(b'{"user": {"name": "Ada"}}', "anonymous:Ada")
    b'{"user": {"name": "Ada"}}'
    """
    # A backslash may hide a word: "\u0075ser" is "user" too.
    hidden = b"\\" in state
    proved = not is_anonymous(subject)
    if not (hidden or (b'"user"' in state and (proved or b'"subject"' in state))):
        return state
    try:
        fields = _FIELDS.decode(state)
        user = _FIELDS.decode(fields.get("user", b"0"))
        user.pop("subject", None)
        if proved:
            user["subject"] = msgspec.Raw(msgspec.json.encode(subject))
        fields["user"] = msgspec.Raw(msgspec.json.encode(user))
        return msgspec.json.encode(fields)
    except msgspec.ValidationError:
        return state  # it is no object, or its user is none
    except msgspec.DecodeError:
        return _stamped_slowly(state, subject if proved else None)


def _stamped_slowly(state: bytes, subject: str | None) -> bytes:
    """The same for escapes of lone surrogates, which msgspec refuses and JSON.parse takes."""
    fields = read_json(state)
    if isinstance(fields, dict) and isinstance(user := fields.get("user"), dict):
        user.pop("subject", None)
        if subject is not None:
            user["subject"] = subject
        return json.dumps(fields, separators=(",", ":")).encode()
    return state


def _told(news: list[Entry]) -> bytes | None:
    return encode_awareness(news) if news else None
