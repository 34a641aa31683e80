"""Those of a room's members who may do some things in it and not others.

Rules:

1. A member is **judged** if there is somebody who says what he may do (:class:`Rights.judge`).
   While there is one, the room keeps track of where things are, see :mod:`.judging`.
2. Until that is known, and whenever it is not, what judged members write is held, in order. What
   is held of one whose rights change, so that he is judged no more, is heard at once, by those.
3. If it cannot be known, whoever waits for it is put out, and may come back.
4. A member of ours is told when he may write from here on, or may not.
5. To judge takes some microseconds a byte. And a few bytes may delete a container of any size,
   where a document has any. So it is told beforehand what **takes long**: a shell lets a thread
   take that.
"""

from __future__ import annotations

from ..access.model import Rights
from ..crdt.engine import Mended
from ..crdt.update import scan
from ..errors import RemoteProtocolError
from .backlog import Backlog
from .catchup import Member
from .edits import Edits
from .effects import Dismiss, RoomEffect, Send
from .events import Requalified, RoomEvent, Said, Surveyed, Tasted
from .messages import Standing

__all__ = ["Guarded"]

# From which version on our dialect knows Standing.
_TELLS_FROM = 3
# What is judged in passing, of one edit: the densest of this size takes some 10 ms.
PASSING_BYTES = 4 * 1024
# What a document has from which on something in it may be large: to delete as much takes as long.
LARGE_BYTES = 32 * 1024
# Deletions of one trip to the engine that are noted in passing.
PASSING_DELETES = 1000


class Guarded:
    """Who is judged, and what waits for that.

    Args:
        members: The room's members, by id.
        edits: The room's edits.
    """

    def __init__(self, members: dict[int, Member], edits: Edits) -> None:
        self._members = members
        self._edits = edits
        self._held = Backlog()

    def __repr__(self) -> str:
        judged = sum(member.judge is not None for member in self._members.values())
        return f"<Guarded: {judged} of {len(self._members)} members, {self._held!r}>"

    def changed(self) -> list[RoomEffect]:
        """Members came, left, or have other rights."""
        judged = any(member.judge is not None for member in self._members.values())
        return self._edits.watch(judged=judged)

    def qualify(self, member: Member, rights: Rights) -> list[RoomEffect]:
        """A member has these rights from here on."""
        before = member.judge
        member.can_write, member.path = rights.can_write, rights.path
        member.judge = rights.judge if rights.can_write else None
        member.free = rights.can_write and rights.judge is None
        return [] if before is member.judge is None else self.changed()

    def told(self, member: Member, event: Requalified) -> list[RoomEffect]:
        """The word that a member's rights have changed, if he has one for it."""
        if member.can_write == event.rights.can_write:
            return []
        if not member.follows or member.version < _TELLS_FROM:
            return []
        return [Send((member.id,), Standing(event.rights.can_write, event.reason))]

    def left(self, member: Member) -> list[RoomEffect]:
        """A member is gone, and what he said with him."""
        if member.judge is None:
            return []
        self._held.take(member.id)
        self._edits.judging.repairs.left(member.id)
        return self.changed()

    def holds(self, said: Said) -> list[RoomEffect] | None:
        """Keep what a judged member writes until he can be judged; None if he can be."""
        if self._edits.judging.ready:
            return None
        if not self._held.keep(said):
            return [Dismiss(said.member, 1013, "the document is still being surveyed")]
        if self._edits.judging.hopeless:
            self._edits.judging.rest()
        return self._edits.survey()

    def takes_long(self, event: RoomEvent | bytes) -> bool:
        """Whether an event, or an edit, takes long while somebody is judged."""
        if isinstance(event, bytes):
            return self._is_heavy(event)
        match event:
            case Said(_, message):
                return self._is_heavy(getattr(message, "update", b""))
            case Tasted(verdicts):
                mended = (one.update for one in verdicts if isinstance(one, Mended))
                much = any(len(update) > PASSING_BYTES for update in mended)
                return much or bool(self._held) or self._fells_much()
            case Surveyed():
                return True
            case Requalified():
                return bool(self._held)
        return False

    def _is_heavy(self, update: bytes) -> bool:
        if len(update) > PASSING_BYTES:
            return True
        edits, places = self._edits, self._edits.judging.places
        if not update or places is None or not self._is_large:
            return False
        try:
            found = scan(update, edits.budget)
        except RemoteProtocolError:
            return False  # it is refused
        return not places.tells_at_once(update, found, edits.vector)

    def _fells_much(self) -> bool:
        """Whether much goes with what the trip that is back has deleted."""
        edits, places = self._edits, self._edits.judging.places
        trip = [edit.scan.deletes for edit in edits.way.tasting]
        if sum(map(len, trip)) > PASSING_DELETES:
            return True
        return places is not None and self._is_large and any(map(places.holds, trip))

    @property
    def _is_large(self) -> bool:
        return self._edits.stored_bytes + self._edits.waiting_bytes > LARGE_BYTES

    def released(self, member: Member) -> list[Said]:
        """What was held of a member who is judged no more."""
        return self._held.take(member.id) if member.judge is None and self._held else []

    def heard(self) -> list[Said]:
        """What was held and can be heard now."""
        return self._held.take() if self._held and self._edits.judging.ready else []

    def surveyed(self, event: Surveyed) -> list[RoomEffect]:
        """A survey came back."""
        effects = self._edits.surveyed(event.places)
        if self._edits.judging.hopeless:
            waiting = dict.fromkeys(said.member for said in self._held.take())
            reason = "what may be written here cannot be told at the moment"
            effects += [Dismiss(member, 1013, reason) for member in waiting]
        return effects
