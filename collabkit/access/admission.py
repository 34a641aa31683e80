"""Who comes into a document, and what he may do there: claims of a token, and the policy.

Rules:

1. Without a policy the claims decide alone. With one, both must allow it: a token never opens what
   the policy does not, and no rule gives a token more than it says.
2. Who may not read a document is refused before anybody looks whether there is one.
3. He may **write** if there is anything in it that he may write or delete. Whether he may do all
   of it or some is asked once; a :class:`~collabkit.access.model.Judge` is given only for *some*.
4. In an archived project everybody may read what he could read, and nobody may change anything.
5. What is answered holds until the token ends or a window of the policy opens or closes: to the
   second, since nobody asks more often.
6. A session's restrictions on who **joins** are looked at after that, and only at the door: who is
   in stays in when they are tightened. Whoever proved nothing is a participant for each connection,
   since his name may be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import msgspec

from ..ids import RoomName, Subject, is_anonymous
from .model import Identity, Judge, Refusal, Rights
from .paths import document_path, show
from .rules import CODES, Confines, Decision, Request

__all__ = ["JOIN_CODES", "Company", "Judging", "Ruling", "admit", "join"]

# Close codes beside 4403, so that a program can tell "not now" from "not you".
JOIN_CODES: Mapping[str, int] = {
    "join-closed": 4410,
    "join-invited": 4411,
    "too-many-participants": 4412,
    "too-many-connections": 4413,
}

NEVER = float("inf")


class Uniform(Protocol):
    """What somebody may do in all of a document: ``all``, ``none``, or ``some`` of each."""

    @property
    def write(self) -> str:
        """Of writing."""
        ...

    @property
    def delete(self) -> str:
        """Of deleting."""
        ...

    @property
    def until(self) -> float:
        """Until when that holds."""
        ...


class Ruling(Protocol):
    """What admission asks of a policy."""

    @property
    def is_empty(self) -> bool:
        """Whether there are no facts at all."""
        ...

    def decide(self, request: Request, *, now: float) -> Decision:
        """May this subject do that there?"""
        ...

    def uniform(self, subject: str, room: RoomName, *, now: float) -> Uniform:
        """What he may do in all of a document."""
        ...


Judging: TypeAlias = Callable[[Subject, RoomName], Judge]
"""Makes what judges the edits of a subject in a document."""


def admit(
    policy: Ruling,
    identity: Identity,
    room: RoomName,
    now: float,
    *,
    judging: Judging,
    archived: bool = False,
    context: Mapping[str, object] | None = None,
) -> Rights | Refusal:
    """Say what somebody may do in a document, or that he may not be there.

    Args:
        policy: Whom it asks.
        identity: Who, and what his token says.
        room: The document, by the name that its session has.
        now: Unix seconds.
        judging: Makes a judge where he may change some of it.
        archived: Whether the project is.
        context: What conditions may ask for beside.
    """
    ends_at = NEVER if identity.expires_at_ms is None else identity.expires_at_ms / 1000
    can_write = identity.can_write and not archived
    reason = CODES["archived"] if archived else "" if can_write else CODES["token"]
    path = show(document_path(room))
    if policy.is_empty or identity.is_host:
        return Rights(can_write=can_write, until=ends_at, path=path, reason=reason)
    asked: dict[str, object] = {"context": {**identity.attributes, **(context or {})}}
    read = policy.decide(Request(identity.subject, "read", path, asked), now=now)
    if not read:
        return Refusal(4403, CODES.get(read.code, read.code))
    until = min(ends_at, read.valid_until)
    if not can_write:
        return Rights(can_write=False, until=until, path=path, reason=reason)
    may = policy.uniform(identity.subject, room, now=now)
    until = min(until, may.until)
    if may.write == may.delete == "none":
        why = f"{CODES['no-match']} to change anything"
        return Rights(can_write=False, until=until, path=path, reason=why)
    whole = may.write == may.delete == "all"
    judge = None if whole else judging(identity.subject, room)
    return Rights(judge=judge, until=until, path=path)


class Company(msgspec.Struct, frozen=True):
    """Who is in a session, as one counts who wants in.

    Attributes:
        participants: Subjects there, without him.
        connections: How many of his own there are.
    """

    participants: int = 0
    connections: int = 0


def join(
    confines: Confines | None, identity: Identity, company: Company, *, invited: bool
) -> Refusal | None:
    """Say why somebody may not join a session that he may read, if he may not.

    Args:
        confines: What the session lets nobody exceed.
        identity: Who.
        company: Who is there.
        invited: Whether he was granted something in the session itself, or may administer it.

    >>> at_most_one = Confines("/projects/p/sessions/s", participants=1)
    >>> ada = Identity(Subject("user:ada"))
    >>> join(at_most_one, ada, Company(participants=1), invited=False).code
    4412
    """
    if confines is None or identity.is_host:
        return None
    there = company.connections > 0 and not is_anonymous(identity.subject)
    if not there:
        if confines.join == "closed":
            return _no("join-closed")
        if confines.join == "invited" and not invited:
            return _no("join-invited")
        if confines.participants is not None and company.participants >= confines.participants:
            return _no("too-many-participants")
    if there and confines.connections is not None and company.connections >= confines.connections:
        return _no("too-many-connections")
    return None


def _no(code: str) -> Refusal:
    return Refusal(JOIN_CODES[code], CODES[code])
