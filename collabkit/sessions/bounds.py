"""A program that acts as somebody: what he may not do in a document does not happen.

Rules:

1. An edit is judged before it changes anything, by what he may do at that moment, and raises
   AccessDenied with the place and the rule. The document is as it was, and nobody hears of it.
2. What an edit touches is told by where each struct is (:mod:`collabkit.crdt.places`). That is
   learned from the document itself, at the first edit that has to be judged, and caught up with
   before each other one: others may have written meanwhile.
3. An edit that was judged here may be judged otherwise by the room, a moment later. Then the room
   has the last word, and puts right what it does not take; as it does with updates from elsewhere
   that are applied. Where there is no room these are judged here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..access.model import Identity, Judge, Refusal, Rights
from ..access.paths import inside
from ..access.rules import CODES
from ..crdt.budget import NO_BUDGET
from ..crdt.document import Document
from ..crdt.places import Places
from ..crdt.update import StateVector, advance, decode_state_vector, encode_state_vector, scan
from ..errors import AccessDenied
from ..ids import RoomName
from ..sync.entry import Access, Changed

__all__ = ["Bounds", "admitted", "consulted"]


def admitted(access: Access, identity: Identity, room: RoomName) -> Rights:
    """What somebody may do in a document. Raises AccessDenied if he may not read it."""
    answer = access.admit(identity, room)
    if isinstance(answer, Refusal):
        raise AccessDenied(identity.subject, "read", str(room), answer.reason)
    return answer


async def consulted(access: Access, identity: Identity, room: RoomName) -> Rights:
    """The same, of whoever else decides too: he has to be asked before he is known to answer."""
    await access.consult(identity, room)
    return admitted(access, identity, room)


class Bounds:
    """Holds the edits of a document to what somebody may do; it is the document's guard.

    Args:
        access: Who says what that is.
        identity: Who.
        room: The document, by the name that its session has.
        document: It.
        mine: Whether a client id that is not the document's belongs to him.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        access: Access,
        identity: Identity,
        room: RoomName,
        document: Document,
        *,
        mine: Callable[[int], bool],
        clock: Callable[[], float],
    ) -> None:
        self._access = access
        self._identity = identity
        self._room = room
        self._document = document
        self._mine = mine
        self._clock = clock
        self._rights: Rights | None = None
        self._places = Places()
        self._vector: StateVector = {}

    def __repr__(self) -> str:
        return f"<Bounds of {self._identity.subject} in {self._room}>"

    @contextmanager
    def kept(self, *, alone: bool = False) -> Iterator[None]:
        """Hold the document to them as long as the block runs. Raises AccessDenied at once, if.

        Args:
            alone: No room has the last word, so what is applied is judged here too.
        """
        self._allowed(self._clock())
        stop = self._access.subscribe(self._changed)
        self._document.guard = self
        self._document.gate = self if alone else None
        try:
            yield
        finally:
            stop()

    def __call__(self, update: bytes) -> None:
        """Raise AccessDenied unless all that an update does is allowed."""
        now = self._clock()
        rights = self._allowed(now)
        if not rights.can_write:
            raise AccessDenied(self._identity.subject, "write", rights.path, rights.reason)
        if rights.judge is not None:
            self._judge(update, rights, rights.judge, now)

    def _judge(self, update: bytes, rights: Rights, judge: Judge, now: float) -> None:
        self._catch_up()
        found = scan(update, NO_BUDGET)
        touches = self._places.touched(update, found, vector=self._vector, mine=self._is_mine)
        for touch, decision in zip(touches, judge(touches, now=now), strict=True):
            if not decision:
                why = "; ".join((CODES.get(decision.code, decision.code), *decision.rules))
                path = inside(rights.path, touch.steps)
                raise AccessDenied(self._identity.subject, touch.action, path, why)
        self._add(update)

    def _allowed(self, now: float) -> Rights:
        """What he may do, asked again if it may be something else than last time."""
        rights = self._rights
        if rights is None or now >= rights.until:
            rights = self._rights = admitted(self._access, self._identity, self._room)
        return rights

    def _changed(self, changed: Changed) -> None:
        self._rights = None

    def _is_mine(self, client: int) -> bool:
        return client == self._document.client_id or self._mine(client)

    def _catch_up(self) -> None:
        """Take in what the document has by now, whoever wrote it."""
        has = decode_state_vector(self._document.state_vector, NO_BUDGET.clients)
        if any(self._vector.get(client, 0) < clock for client, clock in has.items()):
            self._add(self._document.update(encode_state_vector(self._vector)))

    def _add(self, update: bytes) -> None:
        found = scan(update, NO_BUDGET)
        self._places.add(update, found)
        self._places.died(found.deletes)
        advance(found, self._vector)
