"""What can happen to a room: what its core is told, always in the past tense.

The union is closed: whoever matches an event matches all of them. What a core asks for in return
is in :mod:`.effects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from ..access.model import Rights
from ..crdt.engine import Death, Verdict
from ..crdt.places import Places
from ..crdt.update import Scan
from ..ids import Seq, Subject
from ..store.base import Loaded
from .messages import Message, PackedRow

__all__ = [
    "AppendFailed",
    "CaughtUp",
    "CheckpointKept",
    "Committed",
    "Compared",
    "Diffed",
    "EngineDied",
    "Examined",
    "Joined",
    "Left",
    "LogRead",
    "OpenFailed",
    "Opened",
    "ReadFailed",
    "Requalified",
    "RoomEvent",
    "Said",
    "Surveyed",
    "Tasted",
    "Ticked",
    "Woke",
]


class Joined(msgspec.Struct, frozen=True):
    """Somebody took a seat.

    Attributes:
        rights: What he may do here, for now.
        follows: Wants the rows of the log in order, after their commit (our own dialect).
            Otherwise a stock client: wants updates as soon as they are safe to send.
        version: Of our own dialect, that was agreed on.
        can_forward: May bring what others wrote.
        claims_ids: Client ids that nobody owns become his own.
        origin: How his edits come in, as their rows say.
    """

    member: int
    subject: Subject
    rights: Rights = Rights()
    follows: bool = False
    version: int = 1
    can_forward: bool = False
    claims_ids: bool = True
    origin: str = "relay"


class Requalified(msgspec.Struct, frozen=True):
    """A member's rights changed, or what his token says; ``reason`` is for him."""

    member: int
    rights: Rights
    reason: str = ""
    can_forward: bool = False
    claims_ids: bool = True


class Left(msgspec.Struct, frozen=True):
    """A member is gone."""

    member: int


class Said(msgspec.Struct, frozen=True, gc=False):
    """A member sent a message; ``scan`` is that of its update, if it was made before."""

    member: int
    message: Message
    scan: Scan | None = None


class CaughtUp(msgspec.Struct, frozen=True):
    """A member that fell behind can be written to again.

    Attributes:
        clocks: If updates were dropped: of each client, the first clock that is missing.
        after: If rows of the log were dropped: the last one before them.
        synced: Whether it still has to be told that it is in sync.
        all: Of updates that were dropped, nobody looked what they brought.
    """

    member: int
    clocks: dict[int, int] | None
    after: int | None
    synced: bool
    all: bool = False


class Opened(msgspec.Struct, frozen=True):
    """The engine has the document as the log has it.

    Attributes:
        epoch: As :class:`~collabkit.store.base.Loaded` has it, and so is ``recovers_until_ms``.
        unseen_histories: Whether those may join who share no edit with the document.
        quarantined: What updates bring that the engine may not be given again.
        owners: Whose each client id is.
        size_bytes: What the document has on disk.
    """

    lineage: str
    seq: int
    rows_since_checkpoint: int
    vector: dict[int, int]
    epoch: int = 0
    recovers_until_ms: int = 0
    unseen_histories: bool = False
    quarantined: tuple[Scan, ...] = ()
    owners: Mapping[int, Subject] = {}
    size_bytes: int = 0


class OpenFailed(msgspec.Struct, frozen=True):
    """The document cannot be opened."""

    reason: str


class Tasted(msgspec.Struct, frozen=True):
    """The engine's verdicts, one an update."""

    verdicts: tuple[Verdict, ...]


class Surveyed(msgspec.Struct, frozen=True):
    """Where each struct of the document is; None: that cannot be told."""

    places: Places | None


class EngineDied(msgspec.Struct, frozen=True):
    """The engine lost the document.

    Attributes:
        question: The vector of the Diff that it died over; None if it was a Taste.
        culprit: Index of the update of the Taste that was being applied, if any was. None:
            it died of another room's.
    """

    question: bytes | None = None
    culprit: int | None = None


class Examined(msgspec.Struct, frozen=True):
    """Which suspects of an Examine the engine cannot bear."""

    deaths: tuple[Death, ...] = ()


class Committed(msgspec.Struct, frozen=True):
    """The rows of an Append are on disk."""

    seqs: tuple[Seq, ...]


class AppendFailed(msgspec.Struct, frozen=True):
    """No row of an Append is on disk."""

    reason: str


class Diffed(msgspec.Struct, frozen=True):
    """What a replica with that vector lacks."""

    vector: bytes
    update: bytes


class Compared(msgspec.Struct, frozen=True):
    """Whether all that a member tells deleted is; ``ticket`` is of his answer."""

    member: int
    ticket: int
    known: bool


class LogRead(msgspec.Struct, frozen=True):
    """Checkpoint and rows; ``packed`` is the checkpoint compressed, if that was asked for."""

    loaded: Loaded
    packed: PackedRow | None = None


class ReadFailed(msgspec.Struct, frozen=True):
    """Checkpoint and rows could not be read."""

    reason: str


class CheckpointKept(msgspec.Struct, frozen=True):
    """There is a checkpoint up to this row, or (``seq`` 0) none could be made.

    Attributes:
        freed_bytes: How much less it has than what it was made of.
    """

    seq: int
    digest: str = ""
    freed_bytes: int = 0


class Woke(msgspec.Struct, frozen=True):
    """The clock turned, as a Wake asked for."""

    soon: bool


class Ticked(msgspec.Struct, frozen=True):
    """Time has passed."""


RoomEvent: TypeAlias = (
    Joined
    | Requalified
    | Left
    | Said
    | CaughtUp
    | Opened
    | OpenFailed
    | Tasted
    | Surveyed
    | EngineDied
    | Examined
    | Committed
    | AppendFailed
    | Diffed
    | Compared
    | LogRead
    | ReadFailed
    | CheckpointKept
    | Woke
    | Ticked
)
