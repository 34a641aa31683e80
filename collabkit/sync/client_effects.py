"""What an :class:`~collabkit.sync.exchange.Exchange` wants done.

Effects are carried out at once and in order. Some owe the exchange an event; each says which.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from ..errors import CollabError
from .messages import Digest, Message, Result
from .untaken import Receipt

__all__ = [
    "Changed",
    "Check",
    "Compare",
    "Dial",
    "Dialect",
    "Diverged",
    "Effect",
    "Failed",
    "HangUp",
    "Inquire",
    "Integrate",
    "Introduce",
    "MeetOthers",
    "NotTaken",
    "Qualified",
    "Record",
    "Replied",
    "Send",
    "Share",
    "Status",
    "Tidings",
    "Words",
]


class Status(enum.Enum):
    """How a replica stands to its relay."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    GREETING = "greeting"
    SYNCING = "syncing"
    LIVE = "live"
    REFUSED = "refused"
    CLOSED = "closed"


class Dialect(enum.Enum):
    """What the other end turned out to speak."""

    UNTOLD = "untold"
    YWEBSOCKET = "y-websocket"
    COLLABKIT = "collabkit"


class Dial(msgspec.Struct, frozen=True):
    """Wait, say Dialling, open a link, and say Opened or Lost."""

    after: float


class HangUp(msgspec.Struct, frozen=True):
    """Close the link, and say Lost."""

    code: int
    reason: str


class Send(msgspec.Struct, frozen=True, gc=False):
    """Write this message."""

    message: Message


class Introduce(msgspec.Struct, frozen=True):
    """Write a Resume with this and the document's state vector."""

    lineage: str
    seq: int


class Inquire(msgspec.Struct, frozen=True):
    """Write a SyncStep1 with the document's state vector."""


class Compare(msgspec.Struct, frozen=True, gc=False):
    """Say Compared, with what the document has beyond the vector ``since``."""

    since: bytes


class Check(msgspec.Struct, frozen=True, gc=False):
    """Say Checked, with the document's own digest, unless something is yet to be told."""

    told: Digest


class Integrate(msgspec.Struct, frozen=True, gc=False):
    """Apply this update, or leave the rest undone and say Gapped or Broken.

    Attributes:
        seq: Its row, 0 if that is not known.
        whole: It may hold a whole document, so its size says nothing of its sender.
    """

    update: bytes
    seq: int = 0
    whole: bool = False


class MeetOthers(msgspec.Struct, frozen=True, gc=False):
    """Take in presence; None: the others are out of sight."""

    update: bytes | None


class Share(msgspec.Struct, frozen=True):
    """Write one's own presence, if there is any; ``anew`` with a new clock."""

    anew: bool = False


class Replied(msgspec.Struct, frozen=True):
    """A call came back."""

    result: Result


class NotTaken(msgspec.Struct, frozen=True):
    """Tell of what was not taken of an edit."""

    receipt: Receipt


class Qualified(msgspec.Struct, frozen=True):
    """Whether this participant may write was changed."""

    reason: str


class Diverged(msgspec.Struct, frozen=True):
    """The document's content is not what the log says: it must not be opened again as it is."""


class Record(msgspec.Struct, frozen=True):
    """:attr:`Exchange.standing` changed in a way worth keeping soon."""


class Changed(msgspec.Struct, frozen=True):
    """The status changed."""

    status: Status


class Failed(msgspec.Struct, frozen=True):
    """Tell everyone who waits. Unless the status says REFUSED, life goes on."""

    error: CollabError


Words: TypeAlias = Send | Introduce | Inquire | Share
"""Effects that write something."""

Tidings: TypeAlias = Replied | NotTaken | Qualified | Diverged | Changed | Failed
"""Effects that concern whoever the replica belongs to."""

Effect: TypeAlias = (
    Words | Tidings | Dial | HangUp | Compare | Check | Integrate | MeetOthers | Record
)
