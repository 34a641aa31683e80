"""The vocabulary of a connection's core: what can happen to a socket, and what it asks for.

As in :mod:`.effects`, events are past tense, effects imperative, and each union is closed.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..access.model import Identity, Knock, Refusal
from ..ids import RoomName, SessionId
from .effects import Ticked
from .messages import Message

__all__ = [
    "Admitted",
    "Ask",
    "CloseSocket",
    "ConnectionEffect",
    "ConnectionEvent",
    "Deliver",
    "Dismissed",
    "Enter",
    "Leave",
    "Lost",
    "Received",
    "Requalify",
    "Started",
    "TurnedAway",
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
