"""The vocabulary of a room's core: what can happen to a room, and what it asks for.

Events are past tense, effects imperative. The cores (``edits``, ``room``) take events
and return effects; a live room carries effects out and turns their results into events.
Each union is closed: whoever matches one matches all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from ..access.model import Rights
from ..crdt.engine import Contested, Death, Verdict
from ..crdt.update import Scan
from ..ids import Seq, Subject
from ..store.base import Draft, Loaded
from .messages import Message, PackedRow

__all__ = [
    "Append",
    "AppendFailed",
    "CaughtUp",
    "CheckpointKept",
    "Committed",
    "Compare",
    "Compared",
    "Denial",
    "Diff",
    "Diffed",
    "Dismiss",
    "EngineDied",
    "Examine",
    "Examined",
    "Foreign",
    "Joined",
    "Left",
    "LogRead",
    "MakeCheckpoint",
    "Open",
    "OpenFailed",
    "Opened",
    "Quarantine",
    "ReadFailed",
    "ReadLog",
    "Requalified",
    "RoomEffect",
    "RoomEvent",
    "Said",
    "Send",
    "Shut",
    "Survey",
    "Surveyed",
    "Taste",
    "Tasted",
    "Ticked",
    "Wake",
    "Woke",
]

# What happens to a room


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
    """A member's rights changed; ``reason`` is for him."""

    member: int
    rights: Rights
    reason: str = ""


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
    """Where each struct of the document is, encoded; None: that cannot be told."""

    places: bytes | None


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

# What a room asks for


class Send(msgspec.Struct, frozen=True, gc=False):
    """Write a message to these members, except ``but``.

    Attributes:
        frame: The message as all of them have it, where many share one that is large.
    """

    to: tuple[int, ...]
    message: Message
    but: int = 0
    frame: bytes | None = None


class Dismiss(msgspec.Struct, frozen=True):
    """Put a member out."""

    member: int
    code: int
    reason: str


class Open(msgspec.Struct, frozen=True):
    """Build the document in the engine from checkpoint and log."""


class Taste(msgspec.Struct, frozen=True):
    """Have the engine apply these, in order; answer with Tasted or EngineDied."""

    updates: tuple[bytes | Contested, ...]


class Survey(msgspec.Struct, frozen=True):
    """Find where each struct is, of all that was tasted before; answer with Surveyed."""


class Examine(msgspec.Struct, frozen=True):
    """Try these on what the log has, where it harms nobody; answer with Examined."""

    suspects: tuple[bytes, ...]


class Quarantine(msgspec.Struct, frozen=True):
    """Keep an update on disk, apart, with its author: an engine died of it."""

    subject: Subject
    update: bytes
    reason: str


class Foreign(msgspec.Struct, frozen=True):
    """Count and log that somebody brought what is new under others' client ids.

    Attributes:
        taken: It was brought back in a recovery, and is on disk. Otherwise it was cut out.
    """

    subject: Subject
    clients: tuple[int, ...]
    taken: bool


class Denial(msgspec.Struct, frozen=True):
    """Write down that somebody was not let do something. It holds nothing of what that was.

    Attributes:
        path: Where, as rules name it.
        rules: Names of those that decided.
        code: Why, one of :data:`collabkit.access.rules.CODES`.
    """

    member: int
    subject: Subject
    action: str
    path: str
    rules: tuple[str, ...]
    code: str


class Append(msgspec.Struct, frozen=True):
    """Write these rows, all or none; answer with Committed or AppendFailed."""

    drafts: tuple[Draft, ...]


class Diff(msgspec.Struct, frozen=True):
    """Find what a replica with this vector lacks; answer with Diffed or EngineDied."""

    vector: bytes


class Compare(msgspec.Struct, frozen=True):
    """Find whether a difference deletes all that a member ``told``; answer with Compared."""

    member: int
    ticket: int
    difference: bytes
    told: Scan


class ReadLog(msgspec.Struct, frozen=True):
    """Read checkpoint and rows, and pack; answer with LogRead or ReadFailed."""

    packed: bool = False


class MakeCheckpoint(msgspec.Struct, frozen=True):
    """Make a checkpoint of what the log has; answer with CheckpointKept."""


class Wake(msgspec.Struct, frozen=True):
    """Come back at the next turn of the clock: the commit window, or the short one if ``soon``."""

    soon: bool = False


class Shut(msgspec.Struct, frozen=True):
    """The room is over: forget it and its document."""


RoomEffect: TypeAlias = (
    Send
    | Dismiss
    | Open
    | Taste
    | Survey
    | Examine
    | Quarantine
    | Foreign
    | Denial
    | Append
    | Diff
    | Compare
    | ReadLog
    | MakeCheckpoint
    | Wake
    | Shut
)
