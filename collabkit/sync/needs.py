"""What a client needs to say each thing: one table, and whatever it does not list is refused.

==================  ========  ================================================================
message             need      and then
==================  ========  ================================================================
Authenticate        nothing   the door decides
SyncStep1           a knock   it opens an address, or asks a room that its client is in
CloseAddress        nothing
Pong, Stateless     nothing   taken and dropped
Refresh             nothing   the door decides again
Awareness           reading
QueryAwareness      reading
Resume              reading
Digest              reading
SyncStep2           reading   the room acknowledges what is not new; anything else needs writing
Update              writing   the same, so that a stock client that repeats what it hears stays
Edit                writing   the same
Call                reading   the operation says what it needs beside
==================  ========  ================================================================

Rules:

1. *Nothing* is said on any address; *a knock* opens one; *reading* is for who was let in, and until
   somebody is, what he says is held. Where nobody knocked it leaves no trace.
2. *Writing* is for who may change something of the document. From anybody else the room takes what
   it has already, and answers the rest with Refused; what it takes of an edit is decided path by
   path (:mod:`collabkit.access.guard`).
3. What is not in the table is said by relays, or by nobody: it ends the socket.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from .hocuspocus import Authenticate, CloseAddress, HocuspocusMessage, Pong, Stateless
from .messages import (
    Awareness,
    Call,
    Digest,
    Edit,
    QueryAwareness,
    Refresh,
    Resume,
    SyncStep1,
    SyncStep2,
    Update,
)

__all__ = ["NEEDS", "Need"]


class Need(enum.Enum):
    """What somebody needs to say something."""

    NOTHING = "nothing"
    KNOCK = "a knock"
    READING = "reading"
    WRITING = "writing"


NEEDS: Mapping[type[HocuspocusMessage], Need] = {
    Authenticate: Need.NOTHING,
    CloseAddress: Need.NOTHING,
    Pong: Need.NOTHING,
    Stateless: Need.NOTHING,
    Refresh: Need.NOTHING,
    SyncStep1: Need.KNOCK,
    Awareness: Need.READING,
    QueryAwareness: Need.READING,
    Resume: Need.READING,
    Digest: Need.READING,
    SyncStep2: Need.READING,
    Call: Need.READING,
    Update: Need.WRITING,
    Edit: Need.WRITING,
}
