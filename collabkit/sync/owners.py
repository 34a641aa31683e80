"""Whose a client id is, and who may write under it.

A stock client draws an id for each copy of a document, and puts it on all that it writes. Nothing
on the wire proves that an id is its sender's: who writes under another's ids could put words into
his mouth, or silence him by using up the clocks that his next words need. Rules:

1. An id belongs to the first subject that advances it. Those who proved nothing
   (``anonymous``, ``anonymous:…``) are one subject. If there is something under it by then, of
   which nobody knows whose it is (it was imported, or brought back), the id is only **lent**: as
   long as the room is there nobody else writes under it, but what there is does not become his.
2. What is known already is nobody's offence: stock clients send back all they have.
3. What is new under another's id is **foreign**. It is cut out, and the rest of the update is
   taken; if nothing new is left, or the rest builds on what was cut, the update is refused.
4. Nothing is foreign from who may forward: other servers, programs that merge. A program of the
   host claims ids as anybody does, but only such as come alone; other forwarders claim none.
5. During a recovery foreign structs are taken, and no id is claimed: what comes back may be the
   first words of somebody who is not back yet. The row says who brought it, and that it was
   brought back. Recoveries begin with an unclean stop, a restored backup, an import, or a
   commit that failed.
6. Who writes brings few ids that nobody knows; but many into an empty document, or in a recovery.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..crdt.budget import Budget, refuse
from ..crdt.update import Scan, StateVector, advances, gap, without
from ..ids import Subject, is_anonymous
from .pending import Pending
from .recovery import Recovery

__all__ = ["Owners", "own_part"]


class Owners:
    """Whose each client id of one document is.

    Attributes:
        recovery: Whether, at the moment, anybody may bring back what others wrote.

    >>> from collabkit.crdt.update import scan
    >>> hi = scan(bytes.fromhex("010107000401017402686900"))
    >>> owners, ada, bob = Owners(), Subject("user:ada"), Subject("user:bob")
    >>> owners.claimed(hi, {}, ada, now=0.0)
    (7,)
    >>> owners.foreign(hi, {}, ada), owners.foreign(hi, {}, bob)
    ((), (7,))
    """

    __slots__ = ("_lent", "_of", "recovery")

    def __init__(self) -> None:
        self._of: dict[int, Subject] = {}
        self._lent: dict[int, Subject] = {}
        self.recovery = Recovery()

    def __repr__(self) -> str:
        return f"<Owners of {len(self._of)} ids>"

    def opened(self, owners: Mapping[int, Subject], recovers_until_ms: int) -> None:
        """The document was read, and what is known of its ids."""
        self._of = dict(owners)
        self.recovery.opened(recovers_until_ms)

    def belongs(self, client: int, subject: Subject) -> bool:
        """Whether an id is somebody's own."""
        owner = self._of.get(client, "")
        return owner == subject or (is_anonymous(owner) and is_anonymous(subject))

    def foreign(self, found: Scan, vector: StateVector, subject: Subject) -> tuple[int, ...]:
        """The clients under whose ids an update brings what only others may."""
        theirs: list[int] = []
        for section in found.sections:
            owner = self._of.get(section.client) or self._lent.get(section.client)
            if owner is None or owner == subject:
                continue
            known = vector.get(section.client, 0)
            if section.clock + section.length > known and not (
                is_anonymous(owner) and is_anonymous(subject)
            ):
                theirs.append(section.client)
        return tuple(theirs)

    def check_new(self, found: Scan, vector: StateVector, budget: Budget, *, now: float) -> None:
        """See that an update does not bring too many ids that nobody knows.

        Raises:
            UpdateRefused: It does.
        """
        if len(found.sections) <= budget.new_clients or not vector or self.recovery.runs(now=now):
            return
        if sum(section.client not in vector for section in found.sections) > budget.new_clients:
            refuse("too-many-new-clients", budget.new_clients)

    def let_in(self, edit: Pending, vector: StateVector, *, now: float) -> bool:
        """Cut out of an edit what is foreign, unless it is brought back; False if it is refused."""
        foreign = self.foreign(edit.scan, vector, edit.subject)
        if not foreign:
            return True
        edit.foreign = foreign
        edit.recovers = self.recovery.runs(now=now)
        if edit.recovers:
            return True
        own = own_part(edit.update, edit.scan, foreign, vector)
        if own is None:
            return False
        edit.update, edit.scan = own
        return True

    def claimed(
        self, found: Scan, vector: StateVector, subject: Subject, *, now: float
    ) -> tuple[int, ...]:
        """Let ids that nobody owns belong to who advances them; returns those.

        They are his from their first clock on; others are lent.
        """
        mine: list[int] = []
        for section in found.sections:
            client = section.client
            if client in self._of or self.recovery.runs(now=now):
                continue
            known = vector.get(client, 0)
            if section.clock + section.length <= known:
                continue
            if known:
                self._lent.setdefault(client, subject)
            else:
                self._of[client] = subject
                mine.append(client)
        return tuple(mine)

    def keep(self, clients: Iterable[int], subject: Subject) -> None:
        """These were claimed, and are on their way."""
        for client in clients:
            self._of.setdefault(client, subject)

    def give_back(self, clients: Iterable[int]) -> None:
        """What claimed these was refused."""
        for client in clients:
            self._of.pop(client, None)


def own_part(
    update: bytes, found: Scan, foreign: Collection[int], vector: StateVector
) -> tuple[bytes, Scan] | None:
    """An update without what is foreign in it; None if that leaves nothing to take.

    Nothing is cut out of an update with holes: what is missing in it is asked for as a whole.
    """
    if found.holes:
        return None
    own, own_found = without(update, found, foreign)
    if gap(own_found, vector):
        return None
    if not (own_found.deletes or advances(own_found, vector)):
        return None
    return own, own_found
