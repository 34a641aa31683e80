"""Edits on their way through a room: what one is, where they are, how they are spread."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.engine import Contested
from ..crdt.lib0 import var_uint
from ..crdt.update import (
    Scan,
    StateVector,
    advance,
    encode_deletes,
    encode_update,
    scan,
    splice,
)
from ..ids import Subject
from ..store.base import Draft
from .effects import Denial, Foreign, RoomEffect, Send
from .limits import LARGE_BYTES
from .messages import Receipt, Update

__all__ = ["Case", "OnTheWay", "Pending", "spread"]

OVERHEAD_BYTES = 512  # of an edit, beside its update
# To join what tells more than this costs more than to send it on its own: each part a microsecond,
# and that for each author once.
LIGHT_PARTS = 64


class Case(msgspec.Struct, frozen=True):
    """What is not taken of an edit.

    Attributes:
        contested: The edit, and what of it may not stay.
        scan: Its scan, as it was offered.
        receipt: What its author is told of it.
        denials: What is written down of it.
    """

    contested: Contested
    scan: Scan
    receipt: Receipt
    denials: tuple[Denial, ...]


class Pending(msgspec.Struct, eq=False):
    """One update on its way; ``update`` is empty once it turns out to bring nothing new.

    Attributes:
        number: Its place among all that was offered.
        sent: Stock members have it.
        deaths: How often the engine died while it was at this.
        claims: Client ids that belong to its subject from this on.
        origin: How its author's edits come in.
        foreign: Client ids of others under which it brought something new.
        recovers: It brings back what others wrote and the log lost.
        case: What is not taken of it, if it is not all of it. Until it was mended, its update is
            for nobody to see.
        doubtful: Only the engine can tell whether it takes it, so nobody is sent it before.
        repairs: Client ids that put back what it may not delete. It was mended if there is a case
            and it was sent.
    """

    author: int
    subject: Subject
    update: bytes
    scan: Scan
    number: int = 0
    sent: bool = False
    deaths: int = 0
    seen: int = 0
    group: str | None = None
    ticket: int = 0
    at_ms: int = 0
    claims: tuple[int, ...] = ()
    origin: str = "relay"
    foreign: tuple[int, ...] = ()
    recovers: bool = False
    case: Case | None = None
    doubtful: bool = False
    repairs: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"<Pending {len(self.update)} bytes by {self.subject}>"

    def draft(self, document: str) -> Draft:
        """The row that it becomes."""
        return Draft(
            document,
            self.subject,
            self.update,
            self.at_ms,
            clients=tuple([section.client for section in self.scan.sections]),
            seen=self.seen,
            group=self.group,
            origin=self.origin if self.case is None and not self.recovers else self._why,
            claims=self.claims,
            repairs=self.repairs,
        )

    @property
    def _why(self) -> str:
        """What made it, if it is not simply what somebody wrote."""
        if self.case is None:
            return "recovery"
        return f"repair:{self.repairs[0]}" if self.repairs else "repair"

    @property
    def asked(self) -> bytes | Contested:
        """What the engine is given of it."""
        return self.update if self.case is None else self.case.contested

    @property
    def offered(self) -> Scan:
        """Its scan, as it was offered."""
        return self.scan if self.case is None else self.case.scan

    @property
    def evidence(self) -> bytes:
        """What may be kept of it if it does harm. If it holds what is not for anybody: its ids."""
        if self.case is None:
            return self.update
        structs = [
            (section.client, section.clock, 1, (b"\0" + var_uint(section.length),))
            for section in self.scan.sections
        ]
        return encode_update(structs, encode_deletes({}))

    def mend(self, update: bytes) -> None:
        """This is what went into the document instead, and what everybody gets."""
        clients = {section.client for section in self.offered.sections}
        self.update, self.scan, self.sent = update, scan(update, NO_BUDGET), True
        found = self.scan.sections
        self.repairs = tuple(s.client for s in found if s.client not in clients)

    def told(self) -> Foreign:
        """What there is to say of what it brought of others."""
        return Foreign(self.subject, self.foreign, self.recovers)


class OnTheWay:
    """The edits of a room by how far they are: waiting, tasting, tasted, appending.

    Attributes:
        offered: How many were, ever.
    """

    __slots__ = ("appending", "offered", "tasted", "tasting", "waiting")

    def __init__(self) -> None:
        self.offered = 0
        self.waiting: deque[Pending] = deque()
        self.tasting: list[Pending] = []
        self.tasted: list[Pending] = []
        self.appending: list[Pending] = []

    def __repr__(self) -> str:
        counts = map(len, (self.appending, self.tasted, self.tasting, self.waiting))
        return f"<OnTheWay {'/'.join(map(str, counts))}>"

    def __iter__(self) -> Iterator[Pending]:
        """All of them, the farthest first."""
        return itertools.chain(self.appending, self.tasted, self.tasting, self.waiting)

    def __bool__(self) -> bool:
        return bool(self.waiting or self.tasting or self.tasted or self.appending)

    def offer(self, edit: Pending) -> None:
        """Set one on its way, behind all others."""
        self.offered += 1
        edit.number = self.offered
        self.waiting.append(edit)

    def has_left(self, number: int) -> bool:
        """Whether none is under way any more of those that were up to this number."""
        return all(edit.number > number for edit in itertools.islice(self, 1))

    @property
    def size_bytes(self) -> int:
        """What they take."""
        return sum(len(edit.update) + OVERHEAD_BYTES for edit in self)

    @property
    def holds_back(self) -> bool:
        """Whether one waits for its verdict to be sent; none may overtake it."""
        return any(edit.update and not edit.sent for edit in (*self.tasting, *self.waiting))

    def advanced(self, stored: StateVector) -> StateVector:
        """How far all of them lead beyond what is stored."""
        vector = dict(stored)
        for edit in self:
            if edit.update:
                advance(edit.scan, vector)
        return vector

    def put_back(self, trip: Sequence[Pending]) -> None:
        """Have a trip wait again, before all others."""
        self.waiting.extendleft(reversed(trip))


def spread(edits: Sequence[Pending], stock: tuple[int, ...]) -> list[RoomEffect]:
    """Send edits to all of ``stock``; what is light, spliced.

    Nobody is sent his own, but for what was mended of it.
    """
    effects: list[RoomEffect] = []
    for alone, run in itertools.groupby(edits if stock else (), _goes_alone):
        if alone:
            effects += [Send(stock, Update(edit.update), _but(edit)) for edit in run]
        else:
            effects += _spread_spliced(list(run), stock)
    return effects


def _but(edit: Pending) -> int:
    return edit.author if edit.case is None else 0


def _goes_alone(edit: Pending) -> bool:
    if edit.case is not None:
        return True
    parts = len(edit.scan.sections) + len(edit.scan.deletes)
    return parts > LIGHT_PARTS or len(edit.update) > LARGE_BYTES


def _spread_spliced(edits: Sequence[Pending], stock: tuple[int, ...]) -> list[RoomEffect]:
    authors = {edit.author for edit in edits}
    if len(authors) == 1:
        return [Send(stock, Update(u), edits[0].author) for u in _spliced(edits)]
    effects: list[RoomEffect] = []
    readers = tuple(member for member in stock if member not in authors)
    if readers:
        effects += [Send(readers, Update(u)) for u in _spliced(edits)]
    for author in sorted(authors.intersection(stock)):
        others = [edit for edit in edits if edit.author != author]
        effects += [Send((author,), Update(u)) for u in _spliced(others)]
    return effects


def _spliced(edits: Sequence[Pending]) -> list[bytes]:
    if len(edits) == 1:
        return [edits[0].update]
    return splice([(edit.update, edit.scan) for edit in edits])
