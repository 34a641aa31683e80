"""What of an edit is taken as it is offered, and what is said of the rest.

An edit is turned away, in this order, if it brings or builds on what is banned; while nothing can
be stored, or too much waits to be; if it builds on what the room lacks, which is asked for; if all
that is new in it belongs to others; and if the document is as large as it may be. What belongs to
others is cut out of what is taken.
"""

from __future__ import annotations

from typing import Protocol

from ..crdt.budget import Budget
from ..crdt.update import StateVector, advances, gap
from .answers import Owed
from .bans import Bans
from .effects import Dismiss, RoomEffect, Send
from .messages import Refused
from .owners import Owners
from .pending import Pending

__all__ = ["Intake"]

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


class Room(Protocol):
    """What an intake needs of the edits that are on their way."""

    vector: StateVector
    budget: Budget
    waiting_bytes: int
    stored_bytes: int
    probe_at: float | None

    def ask(self, members: tuple[int, ...]) -> Send:
        """Ask members for what the room lacks."""
        ...


class Intake:
    """The way in, of one room.

    Attributes:
        owed: What members are owed for what they offered.
        owners: Whose each client id is.
        bans: What was refused after others were sent it.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self.owed = Owed()
        self.owners = Owners()
        self.bans = Bans()

    def __repr__(self) -> str:
        return f"<Intake {self.owed!r}, {self.bans!r}>"

    def turned_away(
        self, edit: Pending, *, can_forward: bool, now: float
    ) -> list[RoomEffect] | None:
        """Say why an edit cannot be taken; None if it can, or what is left of it."""
        scanned, room = edit.scan, self._room
        if self.bans and self.bans.holds(scanned):
            foreign = self.owners.foreign(scanned, room.vector, edit.subject)
            self.bans.add(scanned, room.vector, but=foreign)
            return self._refuse(edit, _BANNED)
        if room.probe_at is not None:
            answers = self.owed.to(edit.author)
            answers.leave_open(edit.ticket, scanned)
            if answers.gaps <= MAX_STALLED_GAPS:
                return []
            return [Dismiss(edit.author, 1013, "edits cannot be stored at the moment")]
        if room.waiting_bytes > MAX_BYTES:
            return [Dismiss(edit.author, 1013, "more edits wait to be stored than can be held")]
        if gap(scanned, room.vector):
            return self.gap(edit, now)
        if not can_forward and not self.owners.let_in(edit, room.vector, now=now):
            self.owed.to(edit.author).cut(scanned)
            return [edit.told(), *self._refuse(edit, _FOREIGN)]
        size_bytes = room.stored_bytes + room.waiting_bytes + len(edit.update)
        if size_bytes > room.budget.document_bytes and advances(edit.scan, room.vector):
            return self.owed.give(edit.author, edit.ticket, _TOO_LARGE)
        return None

    def _refuse(self, edit: Pending, words: Refused) -> list[RoomEffect]:
        """Refuse an edit of somebody who may be honest, with all that waits for what it brings."""
        self.owed.to(edit.author).close_all_gaps(words)
        return self.owed.give(edit.author, edit.ticket, words)

    def gap(self, edit: Pending, now: float) -> list[RoomEffect]:
        """An edit builds on what the room lacks: its answer waits, its author is asked."""
        self.owners.give_back(edit.claims)
        answers = self.owed.known(edit)
        if answers is None:
            return []
        asking = [self._room.ask((edit.author,))] if answers.ask(now) else []
        if answers.builds_on_cut(edit.scan, self._room.vector):
            return [*self._refuse(edit, _FOREIGN), *asking]
        answers.leave_open(edit.ticket, edit.scan)
        if answers.gaps > MAX_GAPS:
            return [Dismiss(edit.author, 1008, "its edits build on what nobody has")]
        return list(asking)
