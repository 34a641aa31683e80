"""What a room asks for: what its core returns, always in the imperative.

A live room carries effects out, and turns what comes of them into :mod:`.events`. The union is
closed: whoever matches an effect matches all of them.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..crdt.engine import Contested
from ..crdt.update import Scan
from ..ids import Subject
from ..store.base import Draft
from .messages import Message

__all__ = [
    "Append",
    "Compare",
    "Denial",
    "Diff",
    "Dismiss",
    "Examine",
    "Foreign",
    "MakeCheckpoint",
    "Open",
    "Quarantine",
    "ReadLog",
    "RoomEffect",
    "Send",
    "Shut",
    "Survey",
    "Taste",
    "Wake",
]


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

    suspects: tuple[bytes | Contested, ...]


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
