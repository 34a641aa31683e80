"""The vocabulary of the cores: what can happen to a connection or a room, and what they ask for.

Events are past tense, effects imperative. The cores (``connection``, ``edits``,
``room``) take events and return effects; the ``hub`` carries effects out and turns
their results into events. Each union is closed: whoever matches one matches all of it.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..access.model import Identity, Knock, Refusal
from ..crdt.engine import Death, Verdict
from ..ids import RoomName, Seq, SessionId, Subject
from ..store.base import Draft, Loaded
from .messages import Message

__all__ = [
    "Admitted",
    "Append",
    "AppendFailed",
    "Ask",
    "CaughtUp",
    "CheckpointKept",
    "CloseSocket",
    "Committed",
    "ConnectionEffect",
    "ConnectionEvent",
    "Deliver",
    "Diff",
    "Diffed",
    "Dismiss",
    "Dismissed",
    "EngineDied",
    "Enter",
    "Examine",
    "Examined",
    "Joined",
    "Leave",
    "Left",
    "LogRead",
    "Lost",
    "MakeCheckpoint",
    "Open",
    "OpenFailed",
    "Opened",
    "Quarantine",
    "ReadFailed",
    "ReadLog",
    "Received",
    "Requalified",
    "Requalify",
    "RoomEffect",
    "RoomEvent",
    "Said",
    "Send",
    "Shut",
    "Started",
    "Taste",
    "Tasted",
    "Ticked",
    "TurnedAway",
    "Wake",
    "Woke",
    "WriteFrame",
]

# What happens to a connection


class Started(msgspec.Struct, frozen=True):
    """The socket is open."""


class Received(msgspec.Struct, frozen=True, gc=False):
    """A whole message came: bytes of a binary one, str of a text one."""

    frame: bytes | str


class Admitted(msgspec.Struct, frozen=True):
    """The answer to the Ask of this number: let in."""

    address: str
    number: int
    session: SessionId
    identity: Identity


class TurnedAway(msgspec.Struct, frozen=True):
    """The answer to the Ask of this number: refused."""

    address: str
    number: int
    refusal: Refusal


class Dismissed(msgspec.Struct, frozen=True):
    """The room puts this seat out."""

    address: str
    code: int
    reason: str


class Ticked(msgspec.Struct, frozen=True):
    """Time has passed."""


class Lost(msgspec.Struct, frozen=True):
    """The socket is gone."""


ConnectionEvent: TypeAlias = Started | Received | Admitted | TurnedAway | Dismissed | Ticked | Lost

# What a connection asks for


class WriteFrame(msgspec.Struct, frozen=True, gc=False):
    """Write this frame to the socket."""

    frame: bytes


class CloseSocket(msgspec.Struct, frozen=True):
    """End the socket."""

    code: int
    reason: str


class Ask(msgspec.Struct, frozen=True):
    """Find out who this is; answer with Admitted or TurnedAway, and the number."""

    address: str
    number: int
    knock: Knock


class Enter(msgspec.Struct, frozen=True):
    """Seat this identity in the room."""

    address: str
    session: SessionId
    room: RoomName
    identity: Identity


class Requalify(msgspec.Struct, frozen=True):
    """The one in this seat has shown a new token."""

    address: str
    identity: Identity


class Deliver(msgspec.Struct, frozen=True, gc=False):
    """Pass this message on to the room."""

    address: str
    message: Message


class Leave(msgspec.Struct, frozen=True):
    """The seat is empty."""

    address: str


ConnectionEffect: TypeAlias = WriteFrame | CloseSocket | Ask | Enter | Requalify | Deliver | Leave

# What happens to a room


class Joined(msgspec.Struct, frozen=True):
    """Somebody took a seat.

    Attributes:
        follows: Wants the rows of the log in order, after their commit (our own dialect).
            Otherwise a stock client: wants updates as soon as they are safe to send.
    """

    member: int
    subject: Subject
    can_write: bool
    follows: bool = False


class Requalified(msgspec.Struct, frozen=True):
    """A member's rights changed."""

    member: int
    can_write: bool


class Left(msgspec.Struct, frozen=True):
    """A member is gone."""

    member: int


class Said(msgspec.Struct, frozen=True, gc=False):
    """A member sent a message."""

    member: int
    message: Message


class CaughtUp(msgspec.Struct, frozen=True):
    """A member that fell behind can be written to again.

    Attributes:
        clocks: If updates were dropped: of each client, the first clock that is missing.
        after: If rows of the log were dropped: the last one before them.
        synced: Whether it still has to be told that it is in sync.
    """

    member: int
    clocks: dict[int, int] | None
    after: int | None
    synced: bool


class Opened(msgspec.Struct, frozen=True):
    """The engine has the document as the log has it."""

    lineage: str
    seq: int
    rows_since_checkpoint: int
    vector: dict[int, int]


class OpenFailed(msgspec.Struct, frozen=True):
    """The document cannot be opened."""

    reason: str


class Tasted(msgspec.Struct, frozen=True):
    """The engine's verdicts, one an update."""

    verdicts: tuple[Verdict, ...]


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

    deaths: tuple[Death, ...]


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


class LogRead(msgspec.Struct, frozen=True):
    """Checkpoint and rows."""

    loaded: Loaded


class ReadFailed(msgspec.Struct, frozen=True):
    """Checkpoint and rows could not be read."""

    reason: str


class CheckpointKept(msgspec.Struct, frozen=True):
    """A checkpoint up to this row was made, or (``seq`` 0) could not be made."""

    seq: int


class Woke(msgspec.Struct, frozen=True):
    """The clock turned, as a Wake asked for."""

    soon: bool


RoomEvent: TypeAlias = (
    Joined
    | Requalified
    | Left
    | Said
    | CaughtUp
    | Opened
    | OpenFailed
    | Tasted
    | EngineDied
    | Examined
    | Committed
    | AppendFailed
    | Diffed
    | LogRead
    | ReadFailed
    | CheckpointKept
    | Woke
    | Ticked
)

# What a room asks for


class Send(msgspec.Struct, frozen=True, gc=False):
    """Write a message to these members, except ``but``."""

    to: tuple[int, ...]
    message: Message
    but: int = 0


class Dismiss(msgspec.Struct, frozen=True):
    """Put a member out."""

    member: int
    code: int
    reason: str


class Open(msgspec.Struct, frozen=True):
    """Build the document in the engine from checkpoint and log."""


class Taste(msgspec.Struct, frozen=True):
    """Have the engine apply these, in order; answer with Tasted or EngineDied."""

    updates: tuple[bytes, ...]


class Examine(msgspec.Struct, frozen=True):
    """Try these on what the log has, where it harms nobody; answer with Examined."""

    suspects: tuple[bytes, ...]


class Quarantine(msgspec.Struct, frozen=True):
    """Keep an update on disk, apart, with its author: an engine died of it."""

    subject: Subject
    update: bytes
    reason: str


class Append(msgspec.Struct, frozen=True):
    """Write these rows, all or none; answer with Committed or AppendFailed."""

    drafts: tuple[Draft, ...]


class Diff(msgspec.Struct, frozen=True):
    """Find what a replica with this vector lacks; answer with Diffed or EngineDied."""

    vector: bytes


class ReadLog(msgspec.Struct, frozen=True):
    """Read checkpoint and rows; answer with LogRead or ReadFailed."""


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
    | Examine
    | Quarantine
    | Append
    | Diff
    | ReadLog
    | MakeCheckpoint
    | Wake
    | Shut
)
