"""Where somebody is: one address of his connection, and the room that it is in."""

from __future__ import annotations

import msgspec

from ..access.model import Identity
from ..ids import RoomName, SessionId
from .liveroom import LiveRoom

__all__ = ["Place"]


class Place(msgspec.Struct):
    """One address of a link whose client is in a room.

    Attributes:
        member: His number in the room.
        prefix: What stands before a y-websocket frame to make it one of this address.
        calls: Operations of his that are carried out.
        silenced: What he said and nobody has looked at yet is not heard any more.
    """

    session: SessionId
    room: RoomName
    identity: Identity
    live: LiveRoom
    member: int
    prefix: bytes = b""
    calls: int = 0
    silenced: bool = False
