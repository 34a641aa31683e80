"""The way of an edit through a room: scan, forward, taste, append, acknowledge.

Each edit goes through stages in the order it came, and never overtakes another::

    offered ─► waiting ─► tasting ─► tasted ─► appending ─► stored
       │          one trip to the engine at a time   one transaction at a time
       ├─► gap        it builds on what the room lacks: a resync brings it again
       └─► refused    malformed, banned, or the engine cannot bear it

Rules:

1. Log order, the order sent to others, and each author's order of answers are the
   order in which edits were offered.
2. Nothing is answered with an Ack before it was tasted and committed. An edit that
   brings nothing new makes no row and no message, and is acknowledged.
3. A **plain** edit (see ``crdt.update``) of a calm room goes to stock members at once,
   unless one before it waits; everything else waits for its verdict. Members that follow
   the log get rows, after the commit and in its order. Nobody is sent an edit of his own.
4. A busy room tastes in short trips, sends what came spliced into one update, and
   commits at the pace of a calm one.
5. If a commit fails, the engine is ahead of the log. All edits on the way become gaps,
   the engine's document is built anew, and the room takes no edits until it probes:
   then members are asked for what the log lacks. Nothing is lost that a member holds.
6. If the engine dies, tasted edits are committed, the document is opened again from the log,
   and the rest is tasted anew. What the engine was at, and those before it, are suspects and are
   examined where that harms nobody. Who is found guilty, or was what the engine was at when it
   died twice, is refused and quarantined; others are never to blame.
7. An edit that others were sent and the engine then refused is banned, with all that
   builds on it. Who sends that is refused, and not put out: he did nothing wrong. What he
   was sent stays in his replica until he loads the document anew.

``vector`` counts all that was offered and not refused; ``stored`` only what is on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..crdt.budget import DEFAULT_BUDGET
from ..crdt.engine import Bad, Death, Gap, Good, NothingNew, Verdict
from ..crdt.update import Scan, StateVector, advance, advances, encode_state_vector, gap
from ..ids import Seq, Subject
from .answers import Owed
from .bans import Bans
from .effects import Append, Dismiss, Open, Opened, Quarantine, RoomEffect, Send, Taste, Wake
from .limits import Pace
from .messages import Ack, Refused, Row, SyncStep1, Update
from .owners import Owners
from .pending import OVERHEAD_BYTES, OnTheWay, Pending, spread
from .suspects import Suspects

__all__ = ["Edits"]

# A room with more edits in a second than this is won by splicing, not by haste.
BUSY_EDITS_PER_SECOND = 50
# After a failed commit: time to make room on a disk, and no longer: all work is unsaved meanwhile.
FIRST_PROBE_AFTER = 1.0
LONGEST_PROBE_AFTER = 30.0
# Gaps that no resync closed: the member does not follow the protocol.
MAX_GAPS = 256
# A commit that fails makes gaps of everything; who goes on for long comes back later instead.
MAX_STALLED_GAPS = 4096
# On their way in one room: a disk that is this far behind will not catch up by waiting.
MAX_BYTES = 64 * 1024 * 1024

_BANNED = Refused("banned", "it builds on an edit that was refused")
_FOREIGN = Refused(
    "foreign-client",
    "it brings what somebody else wrote: load the document anew, and write in that copy",
)
_TOO_LARGE = Refused("document-too-large", "the document is as large as it may be: only delete")
_WAKE = Wake()
_WAKE_SOON = Wake(soon=True)


class Author(Protocol):
    """A member who may write, as edits see him; :class:`.effects.Joined` says what each means."""

    id: int
    subject: Subject
    can_forward: bool
    claims_ids: bool
    origin: str


class Edits:
    """The edits of one room that are on their way; ``document`` is its name, for the rows."""

    def __init__(self, document: str) -> None:
        self.vector: StateVector = {}
        self.stored: StateVector = {}
        self.stored_seq = 0
        self.stock: tuple[int, ...] = ()
        self.followers: tuple[int, ...] = ()
        self.late: list[Row] | None = None  # rows committed while somebody reads the log
        self._document = document
        self.owed = Owed()
        self._bans = Bans()
        self.owners = Owners()
        self.way = OnTheWay()
        self._commit_due = False
        self._overslept = False  # the clock turned for those that wait, and they could not go
        self._holding = False  # an edit waits for its verdict before it is sent
        self._engine_lost = True
        self._suspects = Suspects()
        self._opening = False
        self._trip_is_void = False
        self.waiting_bytes = 0
        self.stored_bytes = 0
        self.budget = DEFAULT_BUDGET
        self._probe_at: float | None = None
        self._probe_after = FIRST_PROBE_AFTER
        self._pace = Pace(per_second=BUSY_EDITS_PER_SECOND)

    def __repr__(self) -> str:
        return f"<Edits {self.way!r}>"

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return not self.way

    @property
    def stalled(self) -> bool:
        """The last commit failed; edits are not taken until the next probe."""
        return self._probe_at is not None

    def sent_and_not_stored(self) -> Iterator[bytes]:
        """What members were sent and no reading of the log may show yet."""
        for edit in self.way:
            if edit.sent and edit.update:
                yield edit.update

    # Offered

    def offered(
        self, member: Author, update: bytes, scanned: Scan, *, seen: int, group: str, now: float
    ) -> list[RoomEffect]:
        """Take an edit of a member who may write."""
        edit = Pending(member.id, member.subject, update, scanned, origin=member.origin)
        edit.ticket = self.owed.to(member.id).expect()
        refused = self._judge(edit, member, now)
        if refused is not None:
            return refused
        update, scanned = edit.update, edit.scan
        if not scanned.deletes and not advances(scanned, self.vector):
            # What it repeats may itself be on its way, and an Ack must not overtake that.
            edit.update = b""
            self.way.offer(edit)
            return [_WAKE_SOON if self._pace.busy else _WAKE]
        if member.claims_ids and not (member.can_forward and len(scanned.sections) > 1):
            edit.claims = self.owners.claimed(scanned, self.vector, edit.subject, now=now)
        advance(scanned, self.vector)
        edit.seen = min(seen, self.stored_seq) or self.stored_seq
        self.waiting_bytes += len(update) + OVERHEAD_BYTES
        edit.group, edit.at_ms = group or None, int(now * 1000)
        self.way.offer(edit)
        if self._pace.count(now=now) or self._holding or not scanned.plain:
            self._holding = True
            return [_WAKE_SOON]
        edit.sent = True
        return [Send(self.stock, Update(update), edit.author), _WAKE]

    def _judge(self, edit: Pending, member: Author, now: float) -> list[RoomEffect] | None:
        """Say why an edit cannot be taken as it is; None if it can, or what is left of it."""
        scanned = edit.scan
        if self._bans and self._bans.holds(scanned):
            foreign = self.owners.foreign(scanned, self.vector, edit.subject)
            self._bans.add(scanned, self.vector, but=foreign)
            return self._refuse_in_words(edit, _BANNED)
        if self._probe_at is not None:
            answers = self.owed.to(edit.author)
            answers.leave_open(edit.ticket, scanned)
            if answers.gaps <= MAX_STALLED_GAPS:
                return []
            return [Dismiss(edit.author, 1013, "edits cannot be stored at the moment")]
        if self.waiting_bytes > MAX_BYTES:
            return [Dismiss(edit.author, 1013, "more edits wait to be stored than can be held")]
        if gap(scanned, self.vector):
            return self._gap(edit, now)
        if not member.can_forward and not self.owners.let_in(edit, self.vector, now=now):
            self.owed.to(edit.author).cut(scanned)
            return [edit.told(), *self._refuse_in_words(edit, _FOREIGN)]
        size_bytes = self.stored_bytes + self.waiting_bytes + len(edit.update)
        if size_bytes > self.budget.document_bytes and advances(edit.scan, self.vector):
            return self.owed.give(edit.author, edit.ticket, _TOO_LARGE)
        return None

    def _refuse_in_words(self, edit: Pending, words: Refused) -> list[RoomEffect]:
        """Refuse an edit of somebody who may be honest, with all that waits for what it brings."""
        self.owed.to(edit.author).close_all_gaps(words)
        return self.owed.give(edit.author, edit.ticket, words)

    def _gap(self, edit: Pending, now: float) -> list[RoomEffect]:
        self.owners.give_back(edit.claims)
        answers = self.owed.known(edit)
        if answers is None:
            return []
        asking = [self.ask((edit.author,))] if answers.ask(now) else []
        if answers.builds_on_cut(edit.scan, self.vector):
            return [*self._refuse_in_words(edit, _FOREIGN), *asking]
        answers.leave_open(edit.ticket, edit.scan)
        if answers.gaps > MAX_GAPS:
            return [Dismiss(edit.author, 1008, "its edits build on what nobody has")]
        return list(asking)

    def ask(self, members: tuple[int, ...]) -> Send:
        """Ask members for what the room lacks."""
        return Send(members, SyncStep1(encode_state_vector(self.vector)))

    # Trips to the engine

    def woke(self, *, soon: bool, now: float) -> list[RoomEffect]:
        """The clock turned: start the trips that are due."""
        if self._probe_at is not None:
            return self._probe(now)
        self._commit_due = self._commit_due or not soon
        return [*self._append(), *self._taste(now)]

    def _taste(self, now: float) -> list[RoomEffect]:
        if not self.way.waiting:
            return []
        self._overslept = bool(self.way.tasting or self._suspects) or self._engine_lost
        if self._overslept:
            return []
        self.way.tasting = list(self.way.waiting)
        self.way.waiting.clear()
        updates = tuple(edit.update for edit in self.way.tasting if edit.update)
        return [Taste(updates)] if updates else self.tasted((), now=now)

    def tasted(self, verdicts: Sequence[Verdict], *, now: float) -> list[RoomEffect]:
        """The engine came back."""
        trip, self.way.tasting = self.way.tasting, []
        if self._trip_is_void:
            self._trip_is_void = False
            self.owed.leave_open(trip)
            return self.open()
        effects: list[RoomEffect] = []
        fresh: list[Pending] = []
        failed: list[tuple[Pending, Gap | Bad]] = []
        verdict_of = iter(verdicts)
        for edit in trip:
            verdict = next(verdict_of) if edit.update else NothingNew()
            match verdict:
                case Good():
                    self.way.tasted.append(edit)
                    if not edit.sent:
                        edit.sent = True
                        fresh.append(edit)
                case NothingNew():
                    edit.update = b""
                    self.way.tasted.append(edit)
                case Gap() | Bad():
                    failed.append((edit, verdict))
        for edit, verdict in failed:  # now that all the others have their place
            if isinstance(verdict, Bad):
                effects += self._refuse(edit, verdict.code, verdict.reason)
            else:
                self._recount()
                effects += self._gap(edit, now)
        self._commit_due = self._commit_due or self._engine_lost
        self._holding = self._holding and self.way.holds_back
        if fresh:
            effects += spread(fresh, self.stock)
        return [*effects, *self._append(), *self.open(), *self._again()]

    def _refuse(self, edit: Pending, code: str, reason: str) -> list[RoomEffect]:
        self.owners.give_back(edit.claims)
        self._recount()
        if edit.sent or code == "unbearable":
            self._bans.add(edit.scan, self.vector)
        answer = self.owed.give(edit.author, edit.ticket, Refused(code, reason))
        if code == "parted-character" and not edit.scan.sections:
            return answer  # Yjs deletes half an emoji, if told to; nothing else is lost with it
        return [*answer, Dismiss(edit.author, 1008, f"{reason} ({code})")]

    def _recount(self) -> None:
        """Something counted as offered did not hold: count again what is still on its way."""
        self.vector = self.way.advanced(self.stored)

    # Trips to the log

    def _append(self) -> list[RoomEffect]:
        if not self._commit_due or self.way.appending or not self.way.tasted:
            return []
        self._commit_due = False
        self.way.appending, self.way.tasted = self.way.tasted, []
        drafts = tuple(edit.draft(self._document) for edit in self.way.appending if edit.update)
        return [Append(drafts)] if drafts else self.committed(())

    def committed(self, seqs: Sequence[Seq]) -> list[RoomEffect]:
        """The rows are on disk, under these numbers."""
        effects: list[RoomEffect] = []
        done, self.way.appending = self.way.appending, []
        self._probe_after = FIRST_PROBE_AFTER
        numbers = iter(seqs)
        for edit in done:
            ack = Ack(0)
            if edit.update:
                ack = Ack(next(numbers))
                self.stored_seq = max(self.stored_seq, ack.seq)
                self.stored_bytes += len(edit.update)
                advance(edit.scan, self.stored)
                effects += self._publish(Row(ack.seq, edit.update), edit.author)
            if edit.foreign:
                effects.append(edit.told())
            effects += self.owed.acknowledge(edit, ack, self.stored)
        self.waiting_bytes = self.way.size_bytes
        self._commit_due = self._commit_due or self._engine_lost
        return [*effects, *self._append(), *self.open(), *self._again()]

    def _publish(self, row: Row, author: int) -> list[RoomEffect]:
        if self.late is not None:
            self.late.append(row)
        return [Send(self.followers, row, author)] if self.followers else []

    def _again(self) -> list[RoomEffect]:
        if self.way.tasted and not self.way.appending:
            return [_WAKE]
        busy = self.way.tasting or self._suspects or self._engine_lost
        if self._overslept and self.way.waiting and not busy:
            return [_WAKE_SOON if self._pace.busy else _WAKE]
        return []

    # When it goes wrong

    def append_failed(self, *, now: float) -> list[RoomEffect]:
        """Nothing of the last Append is on disk."""
        self._probe_at = now + self._probe_after
        self._probe_after = min(self._probe_after * 2, LONGEST_PROBE_AFTER)
        self._engine_lost = True
        self.owners.recovery.begin(now=now)
        self.owed.leave_open([*self.way.appending, *self.way.tasted, *self.way.waiting])
        self.way.appending, self.way.tasted = [], []
        self.way.waiting.clear()
        self._suspects.clear()
        self._trip_is_void = bool(self.way.tasting)
        self.waiting_bytes = self.way.size_bytes
        return [*self.open(), _WAKE]

    def _probe(self, now: float) -> list[RoomEffect]:
        assert self._probe_at is not None
        if now < self._probe_at or self._engine_lost:
            return [_WAKE]
        self._probe_at = None
        everybody = (*self.stock, *self.followers)
        return [self.ask(everybody)] if everybody else []

    def engine_died(self, *, tasting: bool, culprit: int | None = None) -> list[RoomEffect]:
        """The engine lost the document while it was at the ``culprit`` of the trip, if at any."""
        self._engine_lost = True
        if not tasting:
            return self.open()
        trip, self.way.tasting = self.way.tasting, []
        if self._trip_is_void:
            self._trip_is_void = False
            self.owed.leave_open(trip)
            return self.open()
        self.way.put_back(trip)
        if culprit is not None:
            self._suspects.died(trip, culprit)
        self._commit_due = True
        return [*self._append(), *self.open()]

    def examined(self, deaths: Sequence[Death]) -> list[RoomEffect]:
        """It is known which of the suspects the engine dies of, where nobody else is harmed."""
        effects: list[RoomEffect] = []
        for edit, how in self._suspects.examined(deaths):
            self.way.waiting.remove(edit)
            effects.append(Quarantine(edit.subject, edit.update, how))
            effects += self._refuse(edit, "unbearable", "the engine cannot apply it")
        effects += [] if self._engine_lost else self._suspects.examine()
        self._overslept = True
        return [*effects, *self._again()]

    def open(self) -> list[RoomEffect]:
        """Open the document, if it is not open and nothing is half done."""
        if not self._engine_lost or self._opening:
            return []
        if self.way.tasting or self.way.tasted or self.way.appending:
            return []
        self._opening = True
        return [Open()]

    def opened(self, event: Opened) -> list[RoomEffect]:
        """The engine has the document as the log has it."""
        self._engine_lost = self._opening = False
        self.stored_seq = max(self.stored_seq, event.seq)
        self.stored = dict(event.vector)
        self.stored_bytes = event.size_bytes
        self.owners.opened(event.owners, event.recovers_until_ms)
        for edit in self.way:
            self.owners.keep(edit.claims, edit.subject)
        self._bans.add_all(event.quarantined, self.stored)
        self._recount()
        if self._suspects:
            return list(self._suspects.examine())
        self._overslept = True
        return self._again()
