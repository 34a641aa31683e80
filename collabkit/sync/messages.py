"""The messages of all dialects, and the codec of two of them.

Grammar (lib0: ``varUint`` is LEB128, strings and bytes carry their length)::

    frame      = sync | awareness | denied | query | extension
    sync       = 0 0 varBytes(state vector)        SyncStep1
               | 0 1 varBytes(update)              SyncStep2
               | 0 2 varBytes(update)              Update
    awareness  = 1 varBytes(awareness update)
    denied     = 2 0 varString(reason)             relay → client only
    query      = 3                                 QueryAwareness
    extension  = 64..77                            see docs/reference/wire-protocol.md

Rules:

1. One message a frame: every stock client reads the first and drops the rest.
2. A frame is read whole or refused: trailing bytes are an error, as is any type
   outside the dialect. Reading never raises anything but RemoteProtocolError.
3. Writing is total, and the frames of y-websocket are byte for byte those of
   stock peers (golden vectors).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from ..crdt.lib0 import (
    read_var_bytes,
    read_var_string,
    read_var_uint,
    var_bytes,
    var_string,
    var_uint,
)
from ..errors import BadFrame

__all__ = [
    "KEEP_ALIVE",
    "Ack",
    "Awareness",
    "Call",
    "Denied",
    "Digest",
    "Edit",
    "Message",
    "PackedRow",
    "QueryAwareness",
    "Receipt",
    "Refresh",
    "Refused",
    "Result",
    "Resume",
    "Row",
    "Standing",
    "SyncStep1",
    "SyncStep2",
    "Synced",
    "Update",
    "Welcome",
    "read",
    "read_collabkit",
    "write",
]


class _Message(msgspec.Struct, frozen=True, gc=False):
    """Fields are primitives only, so the garbage collector need not look inside."""


class SyncStep1(_Message, frozen=True):
    """My state vector: send me what I lack."""

    vector: bytes


class SyncStep2(_Message, frozen=True):
    """What you lacked, by the vector you sent."""

    update: bytes


class Update(_Message, frozen=True):
    """A change that just happened."""

    update: bytes


class Awareness(_Message, frozen=True):
    """Presence of one or more clients."""

    update: bytes


class QueryAwareness(_Message, frozen=True):
    """Send me everybody's presence."""


class Denied(_Message, frozen=True):
    """You may not be here."""

    reason: str


class Welcome(_Message, frozen=True):
    """The room is open to you; ``epoch`` rises when its log may have lost rows."""

    version: int
    lineage: str
    subject: str
    can_write: bool
    seq: int
    epoch: int = 0


class Resume(_Message, frozen=True):
    """Where the client's replica stands."""

    lineage: str
    seq: int
    vector: bytes


class Edit(_Message, frozen=True):
    """A change by this client; answered by exactly one Ack or Refused."""

    seen: int
    group: str
    update: bytes


class Ack(_Message, frozen=True):
    """The oldest unanswered Edit is on disk as row ``seq``; 0 if it brought nothing new."""

    seq: int


class Row(_Message, frozen=True):
    """One row of the log, or a checkpoint up to that row."""

    seq: int
    update: bytes


class Synced(_Message, frozen=True):
    """All rows up to ``seq`` were sent."""

    seq: int


class Refused(_Message, frozen=True):
    """The oldest unanswered Edit was not taken."""

    code: str
    reason: str


class Call(_Message, frozen=True):
    """Carry out an operation."""

    id: int
    operation: str
    key: str
    arguments: bytes


class Result(_Message, frozen=True):
    """How the call went: JSON."""

    id: int
    ok: bool
    kind: str
    body: bytes


class PackedRow(_Message, frozen=True):
    """A Row, compressed (see :mod:`.packing`); ``size`` is of the update in bytes."""

    seq: int
    size: int
    body: bytes


class Digest(_Message, frozen=True):
    """The content digest of the document with all rows up to ``seq``."""

    seq: int
    digest: str


class Receipt(_Message, frozen=True):
    """What was not taken of the oldest unanswered Edit, as JSON; what is left of it was."""

    body: bytes


class Standing(_Message, frozen=True):
    """From here on you may write, or may not."""

    can_write: bool
    reason: str


class Refresh(_Message, frozen=True):
    """A token that counts from now on, in place of the one before."""

    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return "Refresh(token=…)"


Message: TypeAlias = (
    SyncStep1
    | SyncStep2
    | Update
    | Awareness
    | QueryAwareness
    | Denied
    | Welcome
    | Resume
    | Edit
    | Ack
    | Row
    | Synced
    | Refused
    | Call
    | Result
    | PackedRow
    | Digest
    | Receipt
    | Standing
    | Refresh
)

KEEP_ALIVE = Awareness(b"\x00")
"""Presence of nobody: every client ignores what it says and notes that the link lives."""

_SYNC: dict[int, type[SyncStep1 | SyncStep2 | Update]] = {
    0: SyncStep1,
    1: SyncStep2,
    2: Update,
}

# The fields of each extension in wire order; `read` and `write` are both driven by this table.
_EXTENSIONS: dict[int, type[Message]] = {
    64: Welcome,
    65: Resume,
    66: Edit,
    67: Ack,
    68: Row,
    69: Synced,
    70: Refused,
    71: Call,
    72: Result,
    73: PackedRow,
    74: Digest,
    75: Receipt,
    76: Standing,
    77: Refresh,
}
_TYPE_OF = {kind: number for number, kind in _EXTENSIONS.items()}


def _read_bool(data: bytes, at: int) -> tuple[bool, int]:
    value, at = read_var_uint(data, at)
    if value > 1:
        raise BadFrame(f"{value} is not a truth value")
    return value == 1, at


_READERS: dict[str, Callable[[bytes, int], tuple[object, int]]] = {
    "int": read_var_uint,
    "str": read_var_string,
    "bytes": read_var_bytes,
    "bool": _read_bool,
}
_WRITERS: dict[str, Callable[..., tuple[bytes, ...]]] = {
    "int": lambda value: (var_uint(value),),
    "str": lambda value: (var_string(value),),
    "bytes": lambda value: (var_uint(len(value)), value),
    "bool": lambda value: (b"\x01" if value else b"\x00",),
}
_FIELDS: dict[type[Message], tuple[tuple[str, str], ...]] = {
    kind: tuple(kind.__annotations__.items()) for kind in _EXTENSIONS.values()
}


def read(frame: bytes) -> Message:
    r"""Read one y-websocket frame.

    Raises:
        BadFrame: A type that y-websocket does not have, or bytes behind the message.
        MalformedBytes: It ends too early or does not parse.

    >>> read(bytes.fromhex("00000100"))
    SyncStep1(vector=b'\x00')
    """
    kind, at = read_var_uint(frame, 0)
    return finish(frame, *read_body(frame, kind, at))


def read_collabkit(frame: bytes) -> Message:
    """Read one frame of our own dialect: those of y-websocket, and the extensions."""
    number, at = read_var_uint(frame, 0)
    kind = _EXTENSIONS.get(number)
    if kind is None:
        return finish(frame, *read_body(frame, number, at))
    values: list[object] = []
    for name, type_name in _FIELDS[kind]:
        if name == "epoch" and values[0] == 1:
            break  # version 1 says no more
        value, at = _READERS[type_name](frame, at)
        values.append(value)
    return finish(frame, kind(*values), at)  # type: ignore[arg-type]  # the table has the types


def read_body(frame: bytes, kind: int, at: int) -> tuple[Message, int]:
    """Read the fields behind a type that y-websocket and Hocuspocus share."""
    if kind == 0:
        step, at = read_var_uint(frame, at)
        make = _SYNC.get(step)
        if make is None:
            raise BadFrame(f"unknown sync step {step}")
        payload, at = read_var_bytes(frame, at)
        return make(payload), at
    if kind == 1:
        payload, at = read_var_bytes(frame, at)
        return Awareness(payload), at
    if kind == 2:
        verdict, at = read_var_uint(frame, at)
        if verdict != 0:
            raise BadFrame(f"unknown auth message {verdict}")
        reason, at = read_var_string(frame, at)
        return Denied(reason), at
    if kind == 3:
        return QueryAwareness(), at
    raise BadFrame(f"unknown message type {kind}", close_code=1003)


def finish(frame: bytes, message: Message, at: int) -> Message:
    """Hold that the message fills its frame."""
    if at != len(frame):
        raise BadFrame(f"{len(frame) - at} bytes behind the message")
    return message


def write(message: Message) -> bytes:
    r"""Write one frame of y-websocket, or of our own dialect.

    >>> write(Update(b"\x00\x00")).hex()
    '0002020000'
    """
    match message:
        case Update(update):
            return b"\x00\x02" + var_uint(len(update)) + update  # of what may be large one copy
        case Awareness(update):
            return b"\x01" + var_bytes(update)
        case SyncStep1(vector):
            return b"\x00\x00" + var_bytes(vector)
        case SyncStep2(update):
            return b"\x00\x01" + var_uint(len(update)) + update
        case Denied(reason):
            return b"\x02\x00" + var_string(reason)
        case QueryAwareness():
            return b"\x03"
    kind = type(message)
    told = _FIELDS[kind]
    if isinstance(message, Welcome) and message.version == 1:
        told = told[:-1]
    parts = [var_uint(_TYPE_OF[kind])]
    for name, type_name in told:
        parts += _WRITERS[type_name](getattr(message, name))
    return b"".join(parts)
