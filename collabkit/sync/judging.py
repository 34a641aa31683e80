"""★ Edits of those who may do some things in a document and not others.

::

    offered ─► touched ─► judged ─┬─ all allowed ─► on its way like any other
                                  └─ some refused ─► contested ─► tasted ─► mended ─► to all

Rules:

1. An edit is judged once, as it is offered, by what its author may do at that moment: in parts,
   each of which is what is new in it at one place (:mod:`collabkit.crdt.touches`). What is known
   is left out of it: ids that a document knows may come with any content.
2. What of it may not stay is told to the engine, which empties it and puts back what it deleted
   (:mod:`collabkit.crdt.mending`). Until then nobody is sent it, and nothing of it is kept.
3. To judge one must know where each struct of the document is. That is asked of the engine once,
   by a survey, and kept up from then on: an edit is added as it is offered, and what it deletes
   once it was tasted. Deleting what is being deleted is judged, then, as if it lived; that refuses
   what does not matter, and never lets in what does.
4. Whenever an edit that was added comes to nothing, or the engine loses the document, what is
   known is worth nothing: the document is surveyed again, and nobody is judged until then.
5. What is on its way while a survey is made is noted, and added to it: it holds that already, or
   does not.
6. What a repair puts back is known when it was made, and the next edit may be put behind it, or
   before. So nobody is judged while an edit is contested.
7. A repair is sent like any edit: as soon as it was made. If the disk does not take it, and its
   author is judged again, there are two, and what they put back in a sequence is there twice.
8. To mend costs far more than to offend, so everybody has a number of repairs (:mod:`.repairs`).
   Whoever uses them up is put out. So is whoever has something repaired where the document is as
   large as it may be, since what is put back is more than was there.
9. What is refused since nobody can tell where it is leaves not even its place: beside what it is
   put, engines do what they like with all that comes there later.
10. The names of places stay of what is refused. Names that no path can have are not taken at all.
11. Nobody is sent what the engine may yet refuse, see :mod:`.strokes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import msgspec
from msgspec.structs import replace

from ..access.model import Judge
from ..access.paths import MAX_CHARACTERS, inside
from ..access.rules import CODES, Decision
from ..crdt.budget import NO_BUDGET
from ..crdt.drafts import Part, drafts
from ..crdt.engine import Contested
from ..crdt.places import Places
from ..crdt.touches import Ranges, Touch, left_alone
from ..crdt.trimming import collected, trimmed
from ..crdt.update import StateVector, merged, scan
from ..errors import UpdateRefused
from ..ids import Subject
from .effects import Denial, Dismiss, RoomEffect, Survey
from .messages import Receipt
from .owners import Owners
from .pending import Case, Pending
from .repairs import Repairs
from .strokes import Strokes

__all__ = ["Author", "Judging"]

Range: TypeAlias = tuple[int, int, int]
Spans: TypeAlias = dict[int, list[tuple[int, int]]]

# Of what was not taken, so much is shown; the rest is told by its number.
MAX_ITEMS = 100
DRAFT_BYTES = 64 * 1024
# Noted behind a survey; if more comes meanwhile, there is another one.
MAX_NOTED_BYTES = 64 * 1024 * 1024
# What is judged of one edit: the densest of this size takes a thread about 0.5 s.
MAX_JUDGED_BYTES = 256 * 1024
# An engine that died over two surveys will over the third.
MAX_FAILURES = 2

_TOO_OFTEN = "too many of its edits have to be repaired"
_FULL = "it has to be repaired, and the document is as large as it may be"
_TOO_LONG = f"it names what no path of {MAX_CHARACTERS} characters can"
_ASK = "ask whoever may administer this document"


class Author(Protocol):
    """A member who may write, as his edits see him; :class:`.events.Joined` says what each means.

    Attributes:
        judge: Who says what he may do, if that is not everything.
        path: The document, as rules name it.
    """

    id: int
    subject: Subject
    can_forward: bool
    claims_ids: bool
    origin: str
    judge: Judge | None
    path: str


class Judging:
    """What one room knows of where things are, and what it makes of it.

    Attributes:
        places: Where each struct is, once that is known.
    """

    def __init__(self) -> None:
        self.places: Places | None = None
        self._asked = False  # a survey is under way
        self._void = False  # and serves for nothing
        self._noted: list[Pending] = []
        self._noted_bytes = 0
        self._dead: list[Ranges] = []
        self._contested: set[Pending] = set()  # and not tasted yet
        self._failures = 0
        self._strokes = Strokes()
        self.repairs = Repairs()

    def __repr__(self) -> str:
        return f"<Judging by {self.places!r}>"

    # Knowing where things are

    def survey(self, way: Iterable[Pending]) -> list[Survey]:
        """Have the document surveyed, unless that is done or under way; ``way`` is on its way."""
        if self.places is not None or self._asked or self.hopeless:
            return []
        self._asked, self._void = True, False
        self._forget()
        self._contested.clear()
        for edit in way:
            self.add(edit)
            if edit.case is not None and not edit.sent:
                self._contested.add(edit)
        return [Survey()]

    def surveyed(self, places: Places | None) -> bool:
        """The survey came back; False if there has to be another."""
        self._asked = False
        if places is None:
            self._failures += 1
            return False
        self._failures = 0
        if self._void:
            return False
        for edit in self._noted:
            if edit.update:
                places.add(edit.update, edit.scan)
        for ranges in self._dead:
            places.died(ranges)
        self._forget()
        self.places = places
        return True

    @property
    def ready(self) -> bool:
        """Whether somebody can be judged now."""
        return self.places is not None and not self._contested

    @property
    def hopeless(self) -> bool:
        """Whether surveys came back with nothing, time after time."""
        return self._failures >= MAX_FAILURES

    def spoil(self) -> None:
        """What is known is worth nothing."""
        self.places = None
        self._void = True
        self._strokes.clear()
        self._forget()

    def rest(self) -> None:
        """There is nobody to be judged."""
        self.spoil()
        self._failures = 0

    def _forget(self) -> None:
        self._noted, self._noted_bytes, self._dead = [], 0, []

    def add(self, edit: Pending) -> None:
        """An edit is on its way."""
        if not edit.update:
            return
        if self.places is not None:
            self.places.add(edit.update, edit.scan)
        elif self._asked and not self._void:
            self._noted.append(edit)
            self._noted_bytes += len(edit.update)
            if self._noted_bytes > MAX_NOTED_BYTES:
                self.spoil()

    def tasted(self, trip: Sequence[Pending], lost: Sequence[Pending]) -> list[Denial]:
        """Edits were tasted.

        Args:
            trip: All of them; those that bring nothing have no update.
            lost: Those that were not taken.

        Returns:
            What is to be written down of them.
        """
        if any(edit.scan.sections for edit in lost):
            self.spoil()
        self._contested.difference_update(trip)
        denials: list[Denial] = []
        for edit in trip:
            if not edit.update:
                continue
            if edit.case is not None:
                denials += edit.case.denials
            if edit in lost:
                continue
            dead = edit.scan.deletes
            if edit.case is not None:
                size_bytes, now = len(edit.update), edit.at_ms / 1000
                self.repairs.charge(edit.subject, size_bytes=size_bytes, now=now)
                self.add(edit)
                dead = (*dead, *edit.case.contested.refused)
            if self.places is not None:
                self.places.died(dead)
            elif self._asked and not self._void:
                self._dead.append(dead)
        return denials

    # Judging

    def weigh(
        self,
        edit: Pending,
        author: Author,
        vector: StateVector,
        owners: Owners,
        *,
        full: bool = False,
        now: float,
    ) -> list[RoomEffect] | None:
        """Judge an edit, if its author is judged, and add it.

        Args:
            edit: It leaves no gap to the document. What of it may not stay is put into its case.
            author: Whose it is.
            vector: What the document has, and what is on its way.
            owners: Whose each client id is.
            full: Whether the document is as large as it may be.
            now: Unix time in seconds.

        Returns:
            What is to be done if it is not taken, not even in parts.
        """
        if author.judge is not None:
            assert self.places is not None
            if self.repairs.owes(edit.subject, now=now):
                return [Dismiss(edit.author, 4429, _TOO_OFTEN)]
            try:
                edit.update, edit.scan = trimmed(edit.update, edit.scan, vector)
            except UpdateRefused as error:
                return [Dismiss(edit.author, error.close_code, str(error))]
            touches = self.places.touched(
                edit.update,
                edit.scan,
                vector=vector,
                mine=lambda client: owners.belongs(client, edit.subject),
            )
            if any(_reach(touch) > MAX_CHARACTERS for touch in touches):
                return [Dismiss(edit.author, 1008, _TOO_LONG)]
            edit.doubtful = not self._strokes.can_go(edit.update, edit.scan, touches)
            case = _case(edit, touches, author.judge(touches, now=now), author.path)
            nowhere = tuple(span for touch in touches if not touch.steps for span in touch.inserted)
            if case is not None and nowhere:
                edit.update = collected(edit.update, edit.scan, nowhere)
                edit.scan = scan(edit.update, NO_BUDGET)
                case = replace(case, contested=replace(case.contested, update=edit.update))
            if case is not None:
                self.repairs.charge(edit.subject, places=len(touches), now=now)
                if full or not self.repairs.take(edit.author, edit.subject, now=now):
                    why = _FULL if full else _TOO_OFTEN
                    return [*case.denials, Dismiss(edit.author, 4429, why)]
                edit.case, edit.scan = case, replace(edit.scan, plain=False)
                self._contested.add(edit)
        self._strokes.add(edit.update, edit.scan)
        self.add(edit)
        return None


def _reach(touch: Touch) -> int:
    return sum(map(len, filter(None, touch.steps)))


def _case(
    edit: Pending, touches: Sequence[Touch], decisions: Sequence[Decision], path: str
) -> Case | None:
    """What of an edit is not taken, if anything is not."""
    told = list(zip(touches, decisions, strict=True))
    refused = [(touch, decision) for touch, decision in told if not decision.allowed]
    if not refused:
        return None
    contested = Contested(
        edit.update,
        tuple(span for touch, _ in refused for span in touch.inserted),
        tuple(span for touch, decision in told if decision.allowed for span in touch.deleted),
        left_alone((touch.steps, decision.allowed) for touch, decision in told),
    )
    parts = _outermost(refused)
    denials = tuple(
        Denial(
            *(edit.author, edit.subject, touch.action, inside(path, touch.steps)),
            *(decision.rules, decision.code),
        )
        for touch, decision, _ in parts[:MAX_ITEMS]
    )
    more = len(parts) - len(denials)
    written = [(spans, touch.kind == "set") for touch, _, spans in parts[:MAX_ITEMS]]
    receipt = _receipt(edit, written, denials, more)
    return Case(contested, edit.scan, receipt, denials)


def _outermost(
    refused: Sequence[tuple[Touch, Decision]],
) -> list[tuple[Touch, Decision, Ranges]]:
    """What was refused, each with what was written inside it, if that was refused as well."""
    parts: list[tuple[Touch, Decision, list[Range]]] = []
    for touch, decision in refused:
        if parts:
            outer, why, inserted = parts[-1]
            inside = touch.steps[: len(outer.steps)] == outer.steps != touch.steps
            if inside and inserted and touch.inserted and why.code == decision.code:
                inserted += touch.inserted
                continue
        parts.append((touch, decision, list(touch.inserted)))
    return [(touch, decision, _joined(inserted)) for touch, decision, inserted in parts]


def _joined(ranges: Iterable[Range]) -> Ranges:
    """Ranges, each clock in one."""
    return tuple((client, *span) for client, spans in _spans(ranges).items() for span in spans)


def _spans(ranges: Iterable[Range]) -> Spans:
    """Ranges by client, in order."""
    spans: Spans = {}
    for client, clock, length in ranges:
        spans.setdefault(client, []).append((clock, length))
    return {client: merged(each) for client, each in spans.items()}


def _receipt(edit: Pending, parts: Sequence[Part], denials: Sequence[Denial], more: int) -> Receipt:
    written = drafts(edit.update, edit.scan, parts, room_bytes=DRAFT_BYTES)
    first = denials[0]
    body = {
        "type": "collabkit.receipt",
        "code": first.code,
        "reason": f"you may not {first.action} {first.path}: {CODES.get(first.code, first.code)}",
        "items": [
            {
                "action": denial.action,
                "path": denial.path,
                "rule": denial.rules[0] if denial.rules else "",
                "code": denial.code,
                "draft": draft,
            }
            for denial, draft in zip(denials, written, strict=True)
        ],
        "more": more,
        "ask": _ASK,
    }
    return Receipt(msgspec.json.encode(body))
