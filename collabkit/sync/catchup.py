"""Bringing a member up to date: those who join, come back, or fell behind.

Rules:

1. Whoever asks with an empty vector is answered from the log: checkpoint, the spliced
   tail, what is on its way, and only then an empty SyncStep2. Stock clients report
   `synced` on the first SyncStep2, and an application may seed an empty document then.
2. Whoever asks with a vector gets the engine's difference, which holds all deletions.
3. Who follows the log gets its rows from where he stopped, the presence of the others,
   Synced, and the room's own SyncStep1; from then on he is live.
4. Equal questions that wait at the same time are answered once.
5. The presence of the others comes with the answer, and so after the member's own first
   words: until then what his old connection showed, if it is not gone yet, is another's.
6. So does the room's own SyncStep1. Hocuspocus providers take the acknowledgement of their
   answer to it for the end of the exchange, and would be `synced` with an empty document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.presence import Presence
from ..crdt.update import EMPTY_UPDATE, encode_state_vector, scan, splice
from ..ids import Subject
from ..store.base import Loaded
from .edits import Edits
from .effects import Diff, Dismiss, ReadLog, RoomEffect, Send
from .messages import Awareness, Row, Synced, SyncStep2, Update

__all__ = ["CatchUp", "Member"]

_Answer: TypeAlias = Callable[[bytes], list[RoomEffect]]


class Member(msgspec.Struct):
    """One seat of a room.

    Attributes:
        follows: Wants the rows of the log in order instead of updates at once.
        after: For one who follows and is not up to date: the last row that he has.
        resumed: One who follows has said where he stands.
    """

    id: int
    subject: Subject
    can_write: bool
    follows: bool
    after: int = 0
    resumed: bool = False


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
        self._questions: dict[bytes, list[_Answer]] = {}
        self._deadly: set[bytes] = set()

    def __repr__(self) -> str:
        return f"<CatchUp {len(self._log_waiters)} for the log, {len(self._questions)} questions>"

    # Questions to the engine

    def difference(self, member: Member, vector: bytes, answer: _Answer) -> list[RoomEffect]:
        """Ask what a replica with this vector lacks; ``answer`` says what to do with it."""
        waiting = self._questions.setdefault(vector, [])
        waiting.append(lambda update: answer(update) if member.id in self._members else [])
        return [Diff(vector)] if len(waiting) == 1 else []

    def differs(self, vector: bytes, difference: bytes) -> list[RoomEffect]:
        """The engine's answer."""
        self._deadly.discard(vector)
        answers = self._questions.pop(vector, ())
        return [effect for answer in answers for effect in answer(difference)]

    def died(self, vector: bytes) -> None:
        """The engine died over a question; one that does so twice is asked no more."""
        if vector in self._deadly:
            self._questions.pop(vector, None)
        self._deadly.add(vector)

    def ask_again(self) -> list[RoomEffect]:
        """The engine was replaced: whatever it was asked, it forgot."""
        return [Diff(vector) for vector in self._questions]

    # Members

    def snapshot(self, member: Member, *, now: float) -> list[RoomEffect]:
        """The presence of the others."""
        others = self._presence.snapshot(member.id, now_ms=int(now * 1000))
        return [] if others is None else [Send((member.id,), Awareness(others))]

    def sync(self, member: Member, vector: bytes, *, empty: bool, now: float) -> list[RoomEffect]:
        """Answer a stock member's SyncStep1, and send the room's own."""
        if empty:
            return self._read_log(member)
        return self._answer(member, vector, synced=True, now=now)

    def resume(self, member: Member, *, after: int) -> list[RoomEffect]:
        """Hand a member who follows the log its rows behind ``after``; not live until then."""
        member.after = after
        self._edits.followers = tuple(m for m in self._edits.followers if m != member.id)
        return self._read_log(member)

    def mend(
        self, member: Member, clocks: dict[int, int], *, synced: bool, now: float
    ) -> list[RoomEffect]:
        """Send a stock member what was dropped since he fell behind, from these clocks on."""
        vector = encode_state_vector({**self._edits.stored, **clocks})
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

        return self.difference(member, vector, answer)

    def _on_their_way(self, to: tuple[int, ...]) -> list[RoomEffect]:
        return [Send(to, Update(update)) for update in self._edits.sent_and_not_stored()]

    # The log

    def _read_log(self, member: Member) -> list[RoomEffect]:
        first = not self._log_waiters
        self._log_waiters[member.id] = member
        if not first:
            return []
        self._edits.late = []
        return [ReadLog()]

    def log_read(self, loaded: Loaded, *, now: float) -> list[RoomEffect]:
        """Checkpoint and rows, for all who wait for them."""
        late = [row for row in self._edits.late or () if row.seq > loaded.upto]
        waiters = self._take_waiters()
        effects: list[RoomEffect] = []
        stock = tuple(member.id for member in waiters if not member.follows)
        for member in waiters:
            if not member.follows:
                effects += [*self.snapshot(member, now=now), self._edits.ask((member.id,))]
        if stock:
            effects += self._whole(stock, loaded, late)
        following = [member for member in waiters if member.follows]
        for after in {member.after for member in following}:
            equal = [member for member in following if member.after == after]
            effects += self._rows(equal, after, loaded, late, now)
        return effects

    def not_read(self, reason: str) -> list[RoomEffect]:
        """The log could not be read: who waits for it comes back later."""
        return [Dismiss(member.id, 4500, reason) for member in self._take_waiters()]

    def _take_waiters(self) -> list[Member]:
        waiters = [m for m in self._log_waiters.values() if m.id in self._members]
        self._log_waiters, self._edits.late = {}, None
        return waiters

    def _whole(self, to: tuple[int, ...], loaded: Loaded, late: list[Row]) -> list[RoomEffect]:
        effects: list[RoomEffect] = []
        if loaded.checkpoint is not None:
            effects.append(Send(to, Update(loaded.checkpoint.body)))
        tail = [*(row.body for row in loaded.rows), *(row.update for row in late)]
        if tail:
            pieces = splice([(update, scan(update, NO_BUDGET)) for update in tail])
            effects += [Send(to, Update(piece)) for piece in pieces]
        return [*effects, *self._on_their_way(to), Send(to, SyncStep2(EMPTY_UPDATE))]

    def _rows(
        self, members: list[Member], after: int, loaded: Loaded, late: list[Row], now: float
    ) -> list[RoomEffect]:
        """The log behind ``after``, for members who stand at the same place."""
        rows = [*(Row(row.seq, row.body) for row in loaded.rows), *late]
        if loaded.checkpoint is not None:
            rows.insert(0, Row(loaded.checkpoint.seq, loaded.checkpoint.body))
        to = tuple(member.id for member in members)
        effects: list[RoomEffect] = [Send(to, row) for row in rows if row.seq > after]
        self._edits.followers = (*self._edits.followers, *to)
        # Other documents have rows too: a later Welcome must not name less than this.
        self._edits.stored_seq = max(loaded.upto, self._edits.stored_seq)
        for member in members:
            effects += self.snapshot(member, now=now)
        return [*effects, Send(to, Synced(self._edits.stored_seq)), self._edits.ask(to)]
