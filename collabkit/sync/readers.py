"""What who may not write is answered, whatever he says.

Stock clients repeat what they hear, and answer the room with all that they have. So what a reader
sends is answered Ack if it brings nothing new, else Refused.
"""

from __future__ import annotations

from ..crdt.update import Scan, advances, encode_state_vector
from .catchup import CatchUp, Member
from .edits import Edits
from .effects import Compare, RoomEffect
from .messages import Ack, Refused

__all__ = ["Readers"]


class Readers:
    """The readers of a room.

    Args:
        edits: What is stored of it, and what is owed to whom.
        catch_up: Who can tell what of it is deleted.
    """

    def __init__(self, edits: Edits, catch_up: CatchUp) -> None:
        self._edits = edits
        self._catch_up = catch_up

    def __repr__(self) -> str:
        return f"<Readers of {self._edits!r}>"

    def said(self, member: Member, offered: Scan) -> list[RoomEffect]:
        """A reader sent an update."""
        ticket = self._edits.owed.to(member.id).expect()
        brings = advances(offered, self._edits.stored)
        if brings or not offered.deletes:
            return self.compared(member.id, ticket, known=not brings)

        def judge(difference: bytes) -> list[RoomEffect]:
            return [Compare(member.id, ticket, difference, offered)]

        def unknown() -> list[RoomEffect]:
            return self.compared(member.id, ticket, known=False)

        vector = encode_state_vector(self._edits.stored)
        return self._catch_up.difference(member, vector, judge, unknown)

    def compared(self, member: int, ticket: int, *, known: bool) -> list[RoomEffect]:
        """It is known whether it brings anything."""
        answer = Ack(0) if known else Refused("read-only", "you may not write here")
        return self._edits.owed.give(member, ticket, answer)
