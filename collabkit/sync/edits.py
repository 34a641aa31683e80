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
8. An edit of which something is not taken (see :mod:`.judging`) is **contested**: it waits for the
   engine, which mends it. What went into the document instead goes to all, its author too, and in
   the log. Whatever an edit may not bring at all was cut out before that (:mod:`.intake`).

``vector`` counts all that was offered and not refused; ``stored`` only what is on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..crdt.budget import DEFAULT_BUDGET
from ..crdt.engine import Bad, Death, Gap, Good, Mended, NothingNew, Verdict
from ..crdt.places import Places
from ..crdt.update import Scan, StateVector, advance, advances, encode_state_vector
from ..ids import GUARD, Seq
from .effects import Append, Dismiss, Open, Quarantine, RoomEffect, Send, Taste, Wake
from .events import Opened
from .intake import Intake
from .judging import Author, Judging
from .limits import Pace
from .messages import Ack, Refused, Row, SyncStep1, Update
from .pending import OVERHEAD_BYTES, OnTheWay, Pending, spread
from .suspects import Suspects

__all__ = ["Edits"]

# A room with more edits in a second than this is won by splicing, not by haste.
BUSY_EDITS_PER_SECOND = 50
# After a failed commit: time to make room on a disk, and no longer: all work is unsaved meanwhile.
FIRST_PROBE_AFTER = 1.0
LONGEST_PROBE_AFTER = 30.0
_WAKE = Wake()
_WAKE_SOON = Wake(soon=True)


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
        self.way = OnTheWay()
        self.judging = Judging()
        self._judging: Judging | None = None  # the same, while anybody is judged
        self.watched = False  # somebody is
        self._intake = Intake(self)
        self.owed, self.owners = self._intake.owed, self._intake.owners
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
        self.probe_at: float | None = None
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
        return self.probe_at is not None

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
        refused = self._intake.turned_away(edit, can_forward=member.can_forward, now=now)
        if refused is not None:
            return refused
        update, scanned = edit.update, edit.scan
        if not scanned.deletes and not advances(scanned, self.vector):
            # What it repeats may itself be on its way, and an Ack must not overtake that.
            edit.update = b""
            self.way.offer(edit)
            return [_WAKE_SOON if self._pace.busy else _WAKE]
        if self._judging is not None:
            full = self.stored_bytes + self.waiting_bytes > self.budget.document_bytes
            known = (self.vector, self.owners)
            refused = self._judging.weigh(edit, member, *known, full=full, now=now)
            if refused is not None:
                return refused
            update, scanned = edit.update, edit.scan
        if member.claims_ids and not (member.can_forward and len(scanned.sections) > 1):
            edit.claims = self.owners.claimed(scanned, self.vector, edit.subject, now=now)
        advance(scanned, self.vector)
        edit.seen = min(seen, self.stored_seq) or self.stored_seq
        self.waiting_bytes += len(update) + OVERHEAD_BYTES
        edit.group, edit.at_ms = group or None, int(now * 1000)
        self.way.offer(edit)
        waits = edit.doubtful or not scanned.plain
        if self._pace.count(now=now) or self._holding or waits:
            self._holding = True
            return [_WAKE_SOON]
        edit.sent = True
        return [Send(self.stock, Update(update), edit.author), _WAKE]

    def ask(self, members: tuple[int, ...]) -> Send:
        """Ask members for what the room lacks."""
        return Send(members, SyncStep1(encode_state_vector(self.vector)))

    # Trips to the engine

    def woke(self, *, soon: bool, now: float) -> list[RoomEffect]:
        """The clock turned: start the trips that are due."""
        if self.probe_at is not None:
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
        updates = tuple(edit.asked for edit in self.way.tasting if edit.update)
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
                    edit.case = None  # nothing had to be undone: a client had tidied up
                    self.way.tasted.append(edit)
                    if not edit.sent:
                        edit.sent = True
                        fresh.append(edit)
                case Mended(instead):
                    edit.mend(instead)
                    advance(edit.scan, self.vector)
                    self.owners.keep(edit.repairs, GUARD)
                    self.way.tasted.append(edit)
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
                effects += self._intake.gap(edit, now)
        if self._judging is not None:
            lost = [edit for edit, _ in failed]
            effects += [*self._judging.tasted(trip, lost), *self.survey()]
        self._commit_due = self._commit_due or self._engine_lost
        self._holding = self._holding and self.way.holds_back
        if fresh:
            effects += spread(fresh, self.stock)
        return [*effects, *self._append(), *self.open(), *self._again()]

    def _refuse(self, edit: Pending, code: str, reason: str) -> list[RoomEffect]:
        self.owners.give_back(edit.claims)
        self._recount()
        if edit.sent or code == "unbearable":
            self._intake.bans.add(edit.scan, self.vector)
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
                effects += self._publish(Row(ack.seq, edit.update), edit)
            if edit.foreign:
                effects.append(edit.told())
            effects += self.owed.acknowledge(edit, ack, self.stored)
        self.waiting_bytes = self.way.size_bytes
        self._commit_due = self._commit_due or self._engine_lost
        return [*effects, *self._append(), *self.open(), *self._again()]

    def _publish(self, row: Row, edit: Pending) -> list[RoomEffect]:
        if self.late is not None:
            self.late.append(row)
        if edit.case is None:
            return [Send(self.followers, row, edit.author)] if self.followers else []
        return [Send(self.followers, row), Send((edit.author,), edit.case.receipt)]

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
        self.probe_at = now + self._probe_after
        self._probe_after = min(self._probe_after * 2, LONGEST_PROBE_AFTER)
        self._engine_lost = True
        self.owners.recovery.begin(now=now)
        self.judging.spoil()
        self.owed.leave_open([*self.way.appending, *self.way.tasted, *self.way.waiting])
        self.way.appending, self.way.tasted = [], []
        self.way.waiting.clear()
        self._suspects.clear()
        self._trip_is_void = bool(self.way.tasting)
        self.waiting_bytes = self.way.size_bytes
        return [*self.open(), _WAKE]

    def _probe(self, now: float) -> list[RoomEffect]:
        assert self.probe_at is not None
        if now < self.probe_at or self._engine_lost:
            return [_WAKE]
        self.probe_at = None
        everybody = (*self.stock, *self.followers)
        return [self.ask(everybody)] if everybody else []

    def engine_died(self, *, tasting: bool, culprit: int | None = None) -> list[RoomEffect]:
        """The engine lost the document while it was at the ``culprit`` of the trip, if at any."""
        self._engine_lost = True
        self.judging.spoil()
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
            self.judging.spoil()
            self.way.waiting.remove(edit)
            effects.append(Quarantine(edit.subject, edit.evidence, how))
            effects += self._refuse(edit, "unbearable", "the engine cannot apply it")
        effects += [] if self._engine_lost else self._suspects.examine()
        self._overslept = True
        return [*effects, *self.survey(), *self._again()]

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
        self._intake.bans.add_all(event.quarantined, self.stored)
        self._recount()
        if self._suspects:
            return [*self.survey(), *self._suspects.examine()]
        self._overslept = True
        return [*self.survey(), *self._again()]

    # Knowing where things are

    def watch(self, *, judged: bool) -> list[RoomEffect]:
        """Somebody has to be ``judged`` from now on, or nobody any more."""
        if judged == (self._judging is not None):
            return []
        self._judging = self.judging if judged else None
        self.watched = judged
        self.judging.rest()
        return self.survey()

    def survey(self) -> list[RoomEffect]:
        """Have the document surveyed, if anybody waits for that and it can be."""
        if self._judging is None or self._engine_lost:
            return []
        return list(self._judging.survey(self.way))

    def surveyed(self, places: Places | None) -> list[RoomEffect]:
        """The survey came back; None: there is none, and perhaps no engine."""
        self.judging.surveyed(places)
        return self.survey() if places is not None else self.engine_died(tasting=False)
