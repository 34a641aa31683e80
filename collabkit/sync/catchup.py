"""Bringing a member up to date: those who join, come back, or fell behind.

Rules:

1. Whoever asks with an empty vector is answered from the log: checkpoint, the spliced
   tail, what is on its way, and only then an empty SyncStep2. Stock clients report
   `synced` on the first SyncStep2, and an application may seed an empty document then.
2. Whoever asks with a vector gets the engine's difference, which holds all deletions. There
   are documents of which an engine dies when it is to tell one: after two such deaths stock
   members are answered from the log, whatever they have.
3. Who follows the log gets its rows from where he stopped, and the presence of the others; from
   then on he is live. Synced, and the room's own SyncStep1, come when all that was on its way
   then has become rows, or nothing: in sync is who has what anybody had been shown by then. So
   what programs get in this process are updates as they came, in the order of the log.
4. Many come at once, after a restart above all, and most of them want the same. A question is
   asked once, and its answer serves for as long as nothing was stored since; a reading of the
   log, with what was stored behind it, for some seconds. Both are bounded in bytes.
5. The presence of the others comes with the answer, and so after the member's own first
   words: until then what his old connection showed, if it is not gone yet, is another's.
6. So does the room's own SyncStep1. Hocuspocus providers take the acknowledgement of their
   answer to it for the end of the exchange, and would be `synced` with an empty document.
7. A digest is told behind the rows that it is of, on the same way. So it needs no more than
   that nothing is on its way from the member to be compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from ..access.model import Judge
from ..crdt.budget import NO_BUDGET
from ..crdt.presence import Presence
from ..crdt.update import EMPTY_UPDATE, StateVector, advance, encode_state_vector, scan
from ..ids import Subject
from ..store.base import Loaded
from .edits import Edits
from .effects import Diff, Dismiss, ReadLog, RoomEffect, Send
from .limits import LARGE_BYTES
from .messages import (
    Awareness,
    Digest,
    PackedRow,
    Synced,
    SyncStep1,
    SyncStep2,
    Update,
)
from .reading import Reading
from .sendqueue import spliced

__all__ = ["CatchUp", "Member"]

_Answer: TypeAlias = Callable[[bytes], list[RoomEffect]]
_Otherwise: TypeAlias = Callable[[], list[RoomEffect]]

MAX_DEATHS = 2

# What a room keeps for joiners: two of the largest documents that are usual, or none that is more.
MAX_KEPT_BYTES = 16 * 1024 * 1024
# What was stored behind a reading until it is better to read again.
MAX_LATE_BYTES = 1024 * 1024


class Member(msgspec.Struct):
    """One seat of a room.

    Attributes:
        can_write: Whether he may change anything.
        judge: Who says what, if it is not everything.
        path: The document, as rules name it.
        free: He may change everything.
        follows: Wants the rows of the log in order instead of updates at once.
        after: For one who follows and is not up to date: the last row that he has.
        version: Of our own dialect, if he speaks that.
        resumed: He has said where he stands.
        met: He has shown presence.
        can_forward: May bring what others wrote.
        claims_ids: Client ids that nobody owns become his own.
        origin: How his edits come in, as their rows say.
    """

    id: int
    subject: Subject
    can_write: bool
    follows: bool
    version: int = 1
    after: int = 0
    resumed: bool = False
    met: bool = False
    can_forward: bool = False
    claims_ids: bool = True
    origin: str = "relay"
    judge: Judge | None = None
    path: str = ""
    free: bool = True


class _Arrival(msgspec.Struct):
    """Members who follow the log, and got it as far as it was.

    Attributes:
        behind: What was offered before them.
        vector: What they have of the log.
    """

    to: tuple[int, ...]
    behind: int
    vector: StateVector


class CatchUp:
    """Who in a room waits for what.

    Args:
        members: The room's members, by id.
        edits: The room's edits: what is on its way, and who is live.
        presence: The room's presence.
    """

    def __init__(self, members: dict[int, Member], edits: Edits, presence: Presence) -> None:
        self._members = members
        self._edits = edits
        self._presence = presence
        self._log_waiters: dict[int, Member] = {}
        self._reading: Reading | None = None
        self._arrivals: deque[_Arrival] = deque()
        self._digest: Digest | None = None
        self._questions: dict[bytes, list[tuple[_Answer, _Otherwise]]] = {}
        self._known: dict[bytes, bytes] = {}
        self._known_at = 0  # the row that the log ended with
        self._deaths = 0  # of the engine, over questions, since it last answered one

    def __repr__(self) -> str:
        return f"<CatchUp {len(self._log_waiters)} for the log, {len(self._questions)} questions>"

    # Questions to the engine

    def difference(
        self, member: Member, vector: bytes, answer: _Answer, otherwise: _Otherwise
    ) -> list[RoomEffect]:
        """Ask what a replica with this vector lacks.

        Args:
            member: Who asks, or is asked about.
            vector: What he has.
            answer: What to do with the difference.
            otherwise: What to do if no engine can tell it.
        """
        if self._known_at != self._edits.stored_seq:
            self._known = {}
        known = self._known.get(vector)
        if known is not None:
            return answer(known)
        if self._deaths >= MAX_DEATHS:
            return otherwise()
        waiting = self._questions.setdefault(vector, [])
        waiting.append(
            (
                lambda update: answer(update) if member.id in self._members else [],
                lambda: otherwise() if member.id in self._members else [],
            )
        )
        return [Diff(vector)] if len(waiting) == 1 else []

    def differs(self, vector: bytes, difference: bytes) -> list[RoomEffect]:
        """The engine's answer."""
        self._deaths = 0
        answers = self._questions.pop(vector, ())
        self._keep(vector, difference)
        return [effect for answer, _ in answers for effect in answer(difference)]

    def _keep(self, vector: bytes, difference: bytes) -> None:
        if self._known_at != self._edits.stored_seq:
            self._known, self._known_at = {}, self._edits.stored_seq
        size = sum(len(key) + len(kept) for key, kept in self._known.items())
        if size + len(vector) + len(difference) <= MAX_KEPT_BYTES:
            self._known[vector] = difference

    def died(self) -> list[RoomEffect]:
        """The engine died over a question: it is asked once more, and then no more."""
        self._deaths += 1
        if self._deaths < MAX_DEATHS:
            return []
        questions, self._questions = self._questions, {}
        return [
            effect
            for waiting in questions.values()
            for _, otherwise in waiting
            for effect in otherwise()
        ]

    def ask_again(self) -> list[RoomEffect]:
        """The engine was replaced: whatever it was asked, it forgot, and what it said is stale."""
        self.forget_all()
        return [Diff(vector) for vector in self._questions]

    # Members

    def snapshot(self, member: Member, *, now: float) -> list[RoomEffect]:
        """The presence of the others."""
        others = self._presence.snapshot(member.id, now_ms=int(now * 1000))
        return [] if others is None else [Send((member.id,), Awareness(others))]

    def sync(self, member: Member, vector: bytes, *, empty: bool, now: float) -> list[RoomEffect]:
        """Answer a stock member's SyncStep1, and send the room's own."""
        if empty:
            return self._read_log(member, now=now)
        return self._answer(member, vector, synced=True, now=now)

    def resume(self, member: Member, *, after: int, now: float) -> list[RoomEffect]:
        """Hand a member who follows the log its rows behind ``after``; not live until then."""
        member.after = after
        self._edits.followers = tuple(m for m in self._edits.followers if m != member.id)
        for arrival in self._arrivals:
            arrival.to = tuple(m for m in arrival.to if m != member.id)
        return self._read_log(member, now=now)

    def mend(
        self, member: Member, clocks: dict[int, int] | None, *, synced: bool, now: float
    ) -> list[RoomEffect]:
        """Send a stock member what was dropped since he fell behind, from these clocks on, or all.

        It is one message, which is not dropped again.
        """
        vector = encode_state_vector({} if clocks is None else {**self._edits.stored, **clocks})
        return self._answer(member, vector, synced=synced, now=now)

    def _answer(
        self, member: Member, vector: bytes, *, synced: bool, now: float
    ) -> list[RoomEffect]:
        to = (member.id,)

        def answer(difference: bytes) -> list[RoomEffect]:
            last = SyncStep2(difference) if synced else Update(difference)
            greeting = self.snapshot(member, now=now)
            if synced:
                greeting.append(self._edits.ask(to))
            return [*greeting, *self._on_their_way(to), Send(to, last)]

        def otherwise() -> list[RoomEffect]:
            if member.follows or not synced:
                return [Dismiss(member.id, 1013, "the engine cannot tell what is missing here")]
            return self._read_log(member, now=now)

        return self.difference(member, vector, answer, otherwise)

    def _on_their_way(self, to: tuple[int, ...]) -> list[RoomEffect]:
        return [Send(to, Update(update)) for update in self._edits.sent_and_not_stored()]

    # The log

    def _read_log(self, member: Member, *, now: float) -> list[RoomEffect]:
        self.ticked(now=now)
        if self._reading is not None:
            return self._answer_from(self._reading, [member], now=now)
        first = not self._log_waiters
        self._log_waiters[member.id] = member
        if not first:
            return []
        self._edits.late = []
        return [ReadLog(packed=member.version > 1)]

    def log_read(self, loaded: Loaded, packed: PackedRow | None, *, now: float) -> list[RoomEffect]:
        """Checkpoint and rows, for all who wait for them."""
        reading = self._reading = Reading(loaded, packed, now=now)
        self._edits.late = [row for row in self._edits.late or () if row.seq > reading.upto]
        waiters, self._log_waiters = self._log_waiters, {}
        present = [member for member in waiters.values() if member.id in self._members]
        effects = self._answer_from(reading, present, now=now)
        if reading.size_bytes > MAX_KEPT_BYTES:
            self._forget_reading()
        return effects

    def not_read(self, reason: str) -> list[RoomEffect]:
        """The log could not be read: who waits for it comes back later."""
        waiters, self._log_waiters = self._log_waiters, {}
        self._edits.late = None
        return [Dismiss(member, 4500, reason) for member in waiters if member in self._members]

    def ticked(self, *, now: float) -> None:
        """Time passed: forget what does not serve any more."""
        if self._reading is not None and now >= self._reading.until:
            self._forget_reading()

    def grown(self) -> None:
        """The log grew."""
        if self._reading is None or not self._edits.late:
            return
        if sum(len(row.update) for row in self._edits.late) > MAX_LATE_BYTES:
            self._forget_reading()

    def forget_all(self) -> None:
        """Keep nothing for who may come."""
        self._known = {}
        self._forget_reading()

    def _forget_reading(self) -> None:
        if self._reading is not None:
            self._reading = self._edits.late = None

    def _answer_from(
        self, reading: Reading, members: list[Member], *, now: float
    ) -> list[RoomEffect]:
        effects: list[RoomEffect] = []
        stock = tuple(member.id for member in members if not member.follows)
        for member in members:
            if not member.follows:
                effects += [*self.snapshot(member, now=now), self._edits.ask((member.id,))]
        if stock:
            effects += self._whole(stock, reading)
        following = [member for member in members if member.follows]
        for after, version in {(member.after, member.version) for member in following}:
            equal = [m for m in following if (m.after, m.version) == (after, version)]
            effects += self._rows(equal, reading, now=now)
        return effects

    def _whole(self, to: tuple[int, ...], reading: Reading) -> list[RoomEffect]:
        """The whole document, for stock members."""
        effects: list[RoomEffect] = [Send(to, word, frame=frame) for word, frame in reading.whole]
        effects += [
            Send(to, word) for word in spliced(row.update for row in self._edits.late or ())
        ]
        return [*effects, *self._on_their_way(to), Send(to, SyncStep2(EMPTY_UPDATE))]

    def _rows(self, members: list[Member], reading: Reading, *, now: float) -> list[RoomEffect]:
        """The log, for members who follow it and stand at the same place."""
        to, after = tuple(member.id for member in members), members[0].after
        late = [row for row in self._edits.late or () if row.seq > after]
        rows = [*reading.behind(after, members[0].version), *late]
        effects: list[RoomEffect] = [Send(to, row) for row in rows]
        arrival = _Arrival(to, self._edits.way.offered, self._told_by(reading))
        self._edits.followers = (*self._edits.followers, *to)
        # Other documents have rows too: a later Welcome must not name less than this.
        self._edits.stored_seq = max(reading.upto, self._edits.stored_seq)
        for member in members:
            effects += self.snapshot(member, now=now)
        self._arrivals.append(arrival)
        return [*effects, *self.arrived()]

    def arrived(self) -> list[RoomEffect]:
        """Tell those who follow, and have what was on its way when they came, that that is all."""
        effects: list[RoomEffect] = []
        while self._arrivals and self._edits.way.has_left(self._arrivals[0].behind):
            arrival = self._arrivals.popleft()
            to = tuple(member for member in arrival.to if member in self._edits.followers)
            vector = arrival.vector
            for client, clock in self._edits.stored.items():
                vector[client] = max(clock, vector.get(client, 0))
            words = (Synced(self._edits.stored_seq), SyncStep1(encode_state_vector(vector)))
            effects += [Send(to, word) for word in words if to]
            if to and self._digest is not None and self._digest.seq >= self._edits.stored_seq:
                effects += self._prove(self._digest, to)
        return effects

    def _told_by(self, reading: Reading) -> StateVector:
        """What a member has who got all rows: were he told of more, he would ask for it.

        Were he told of less, he would send it, which is known then: so a large row is not read.
        """
        vector = dict(self._edits.stored)
        for row in reading.rows[reading.checkpoint :]:
            # Committed, and the word of it is on its way.
            if row.seq > self._edits.stored_seq and len(row.update) <= LARGE_BYTES:
                advance(scan(row.update, NO_BUDGET), vector)
        return vector

    # What a copy must contain

    @property
    def can_prove(self) -> bool:
        """Whether somebody could compare a digest."""
        return any(self._members[member].version > 1 for member in self._edits.followers)

    def proven(self, digest: Digest) -> list[RoomEffect]:
        """This is what the log says; tell those who follow it."""
        self._digest = digest
        return self._prove(digest, self._edits.followers)

    def _prove(self, digest: Digest, to: tuple[int, ...]) -> list[RoomEffect]:
        able = tuple(member for member in to if self._members[member].version > 1)
        return [Send(able, digest)] if able and self._edits.idle else []
