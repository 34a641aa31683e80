"""Whether somebody may call an operation from where he is connected.

Rules:

1. While there is no policy the claims of his token decide. What needs ``admin`` is for the host,
   and for ``collabkit`` on its machine: its damage cannot be taken back by an edit. Anything else
   is for who may write; of a session, about the one document that he is connected to; of a
   project, only where the relay asks nobody who he is: behind a lock, what is created is for the
   host to decide, and a fork may hold what its reader was not to see.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..access.model import Identity
from ..ids import RoomName

__all__ = ["Needs", "claimed"]


class Needs(msgspec.Struct, frozen=True):
    """What it takes to call an operation from a room.

    Attributes:
        action: What is to be permitted,
        of: on the operation of this.
        documents: What he may do to the documents that it is about.
    """

    action: Literal["execute", "admin"]
    of: Literal["session", "project"]
    documents: Literal["none", "read", "all of it"] = "none"

    @property
    def one_document(self) -> bool:
        """Whether it is about the document that its caller is connected to."""
        return (self.action, self.of) == ("execute", "session")


def claimed(
    needs: Needs, target: RoomName, room: RoomName, identity: Identity, unlocked: bool
) -> str:
    """Say why the claims of a token do not permit a call, where there is no policy, or nothing."""
    if needs.action == "admin":
        return "it is for the host, and for `collabkit` on its machine"
    if not identity.can_write:
        return "it is for those who may write"
    if needs.of == "project":
        return "" if unlocked else "sessions are created by the host here"
    if target != room:
        return f"this connection is to {room}"
    return ""
