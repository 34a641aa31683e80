"""What an :class:`~collabkit.sync.exchange.Exchange` is told."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..errors import CollabError
from .messages import Call, Digest, Message

__all__ = [
    "Asked",
    "Broken",
    "Called",
    "Checked",
    "Clogged",
    "Compared",
    "Dialling",
    "Drained",
    "Edited",
    "Event",
    "Forgotten",
    "Gapped",
    "Lost",
    "Opened",
    "Received",
    "Renewed",
    "Started",
    "Stopped",
    "Ticked",
]


class Started(msgspec.Struct, frozen=True):
    """Begin."""


class Dialling(msgspec.Struct, frozen=True):
    """The wait of a Dial is over."""


class Opened(msgspec.Struct, frozen=True):
    """A link is open; ``offered`` if the other end selected our subprotocol."""

    offered: bool


class Received(msgspec.Struct, frozen=True, gc=False):
    """The other end said something else than SyncStep1."""

    message: Message


class Asked(msgspec.Struct, frozen=True, gc=False):
    """The other end sent a SyncStep1; ``ours`` is the document's state vector now."""

    theirs: bytes
    ours: bytes


class Edited(msgspec.Struct, frozen=True, gc=False):
    """The document was changed here."""

    update: bytes
    group: str = ""


class Broken(msgspec.Struct, frozen=True):
    """What came does not parse, or cannot be applied."""

    error: CollabError


class Gapped(msgspec.Struct, frozen=True):
    """An update builds on what is not here, and was not applied; ``seq`` is its row, if known."""

    seq: int


class Compared(msgspec.Struct, frozen=True, gc=False):
    """What the document has beyond the vector that was asked for.

    Attributes:
        update: All of it.
        ours: A state vector that is no further than what was told and what ``update`` brings.
    """

    update: bytes
    ours: bytes


class Checked(msgspec.Struct, frozen=True, gc=False):
    """The digest of the document, where nothing was made here that the relay was not told."""

    told: Digest
    ours: str


class Clogged(msgspec.Struct, frozen=True, gc=False):
    """More waits to be written than should; ``ours`` is no further than what was told."""

    ours: bytes


class Drained(msgspec.Struct, frozen=True):
    """Nothing waits to be written any more."""


class Called(msgspec.Struct, frozen=True):
    """An operation is wanted."""

    call: Call


class Forgotten(msgspec.Struct, frozen=True):
    """Nobody waits for this call any more."""

    id: int


class Ticked(msgspec.Struct, frozen=True):
    """It is :attr:`Exchange.wake_at`."""


class Renewed(msgspec.Struct, frozen=True):
    """There is another token, for the link there is."""

    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return "Renewed(token=…)"


class Lost(msgspec.Struct, frozen=True):
    """The link ended, or could not be had. ``dice`` is drawn evenly from [0, 1)."""

    code: int
    reason: str
    dice: float


class Stopped(msgspec.Struct, frozen=True):
    """End for good."""


Event: TypeAlias = (
    Started
    | Dialling
    | Opened
    | Received
    | Asked
    | Edited
    | Broken
    | Compared
    | Checked
    | Clogged
    | Drained
    | Called
    | Forgotten
    | Renewed
    | Ticked
    | Gapped
    | Lost
    | Stopped
)
