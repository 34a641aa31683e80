"""Who stands at a door, what the one who guards it may answer, and how far who enters may go.

The relay turns each wish to enter a room into a :class:`Knock`; an
:data:`Authenticate` function answers with an :class:`Identity` or a
:class:`Refusal`. Everything behind the door works with identities only and never
sees a token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from ..crdt.touches import Touch
from ..ids import RoomName, Subject
from .rules import Decision

__all__ = ["Authenticate", "Identity", "Judge", "Knock", "Refusal", "Rights"]


class Knock(msgspec.Struct, frozen=True):
    """Somebody wants to enter a room.

    Attributes:
        token: What the client showed: a bearer token, or None.
        peer: Address of the other end of the socket, for logs and limits.
        name: What the client calls itself. Proves nothing.
    """

    room: RoomName
    token: str | None = None
    peer: str = ""
    name: str | None = None

    def __repr__(self) -> str:
        """Without the token, so that no log line ever holds one."""
        shown = "None" if self.token is None else "…"
        return f"Knock({str(self.room)!r}, token={shown}, peer={self.peer!r}, name={self.name!r})"


class Identity(msgspec.Struct, frozen=True):
    """Somebody who may enter, and how far.

    Attributes:
        can_write: Whether edits are taken; presence always is.
        expires_at_ms: Unix milliseconds at which the identity ends, if it does.
        can_forward: Whether it may bring what others wrote, under client ids that are theirs:
            another server, a program that merges documents.
        claims_ids: Whether client ids that nobody owns become its own when it writes under them.
        origin: What the log says of how its edits came in. It is for host code to set, and no
            client has a say in it.
        attributes: What is known of it beside, such as a department: conditions of rules ask for
            it by name, as ``context.department``.
        is_host: It is the program itself that holds the file, and no policy binds it. No token
            says so.
    """

    subject: Subject
    can_write: bool = True
    expires_at_ms: int | None = None
    can_forward: bool = False
    claims_ids: bool = True
    origin: str = "relay"
    attributes: dict[str, object] = {}
    is_host: bool = False


class Judge(Protocol):
    """Says what somebody may do inside a document."""

    def __call__(self, touches: Sequence[Touch], *, now: float) -> Sequence[Decision]:
        """Decide on each of what an update touches; ``now`` is Unix time in seconds."""
        ...


class Rights(msgspec.Struct, frozen=True):
    """What somebody may do in a document, for now.

    Attributes:
        can_read: Whether he may be there at all.
        can_write: Whether he may change anything of it.
        judge: Who says what, if it is not everything.
        until: Unix seconds at which it is to be asked again.
        path: The document, as rules name it: for what is said of a refusal.
        reason: Why he may not write, in words; empty if he may.
    """

    can_read: bool = True
    can_write: bool = True
    judge: Judge | None = None
    until: float = float("inf")
    path: str = ""
    reason: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """The door stays closed.

    Attributes:
        code: 4401 if the client did not prove who it is, 4403 if it did and may not enter,
            4404 if there is no such room. Clients must not retry on 4400-4499.
        reason: One sentence for a person.
    """

    code: int
    reason: str


Authenticate: TypeAlias = Callable[[Knock], Awaitable[Identity | Refusal]]
"""Decides on a knock. It may ask a database or another service; the client waits."""
