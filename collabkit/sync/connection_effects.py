"""The vocabulary of a connection's core: what can happen to a socket, and what it asks for.

As in :mod:`.effects`, events are past tense, effects imperative, and each union is closed.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..access.model import Identity, Knock, Refusal, Rights
from ..ids import RoomName, SessionId
from .events import Ticked
from .messages import Message

__all__ = [
    "Admitted",
    "Ask",
    "AskAgain",
    "CloseSocket",
    "ConnectionEffect",
    "ConnectionEvent",
    "Deliver",
    "Dismissed",
    "Enter",
    "Leave",
    "Lost",
    "Rang",
    "Received",
    "Regraded",
    "Requalify",
    "SetAlarm",
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
    """The answer to the Ask of this number: let in; ``room`` is the one's own name, if another."""

    address: str
    number: int
    session: SessionId
    identity: Identity
    rights: Rights = Rights()
    room: RoomName | None = None


class TurnedAway(msgspec.Struct, frozen=True):
    """The answer to the Ask of this number: refused."""

    address: str
    number: int
    refusal: Refusal


class Regraded(msgspec.Struct, frozen=True):
    """What the one in this seat may do has changed, or until when; ``reason`` is for him."""

    address: str
    rights: Rights
    reason: str = ""


class Rang(msgspec.Struct, frozen=True):
    """It is the time that SetAlarm named."""


class Dismissed(msgspec.Struct, frozen=True):
    """The room puts this seat out, or who decides who may be there."""

    address: str
    code: int
    reason: str


class Lost(msgspec.Struct, frozen=True):
    """The socket is gone."""


ConnectionEvent: TypeAlias = (
    Started | Received | Admitted | TurnedAway | Regraded | Rang | Dismissed | Ticked | Lost
)

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


class AskAgain(msgspec.Struct, frozen=True):
    """Find out what the one in this seat may do now; answer with Regraded or Dismissed."""

    address: str


class SetAlarm(msgspec.Struct, frozen=True):
    """Come back at this time, with Rang, and with none that was named before; infinity: never."""

    at: float


class Enter(msgspec.Struct, frozen=True):
    """Seat this identity in the room."""

    address: str
    session: SessionId
    room: RoomName
    identity: Identity
    rights: Rights = Rights()


class Requalify(msgspec.Struct, frozen=True):
    """The one in this seat has shown a new token, or may do something else than before."""

    address: str
    identity: Identity
    rights: Rights = Rights()
    reason: str = ""


class Deliver(msgspec.Struct, frozen=True, gc=False):
    """Pass this message on to the room."""

    address: str
    message: Message


class Leave(msgspec.Struct, frozen=True):
    """The seat is empty."""

    address: str


ConnectionEffect: TypeAlias = (
    WriteFrame | CloseSocket | Ask | AskAgain | SetAlarm | Enter | Requalify | Deliver | Leave
)
