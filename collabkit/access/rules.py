"""What a host writes down: who may do what, where, until when, and under which conditions.

========== ===========================================================================
fact       what it says
========== ===========================================================================
Permission an action on what a pattern names is allowed, or denied, if conditions hold
Role       a name for permissions, and for those of the roles that it inherits
Grant      a subject has a role, or a permission, within a scope and a time
Membership a subject is in a group, and has what the group has
Template   roles and grants with slots in them, to be filled in
Confines   what a session lets nobody exceed, who joins it, and how many
========== ===========================================================================

They are values, and mean nothing alone: :mod:`.policy` holds them together and refuses those that
contradict each other, :mod:`.paths` says what a pattern names. The laws that follow are in
``docs/reference/access-laws.md``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = [
    "ACTIONS",
    "ANYONE",
    "CODES",
    "Action",
    "Confines",
    "Decision",
    "Effect",
    "Fact",
    "Grant",
    "Join",
    "Membership",
    "Permission",
    "Request",
    "Role",
    "Slot",
    "Template",
]

Action: TypeAlias = Literal["read", "write", "execute", "delete", "admin"]
Effect: TypeAlias = Literal["allow", "deny"]
Join: TypeAlias = Literal["open", "invited", "closed"]
Slot: TypeAlias = Literal["name", "subject", "role", "time"]

ACTIONS: tuple[Action, ...] = ("read", "write", "execute", "delete", "admin")

ANYONE = "anyone"
"""The group of all subjects, those that proved nothing among them; nobody is put into it."""

CODES: dict[str, str] = {
    "allow": "a rule allows it, and none denies it",
    "no-match": "no rule allows it",
    "explicit-deny": "a rule denies it",
    "condition-false": "a rule would allow it, but a condition of it is false",
    "condition-error": "a condition could not be evaluated",
    "not-yet-valid": "a grant would allow it, but its time has not come",
    "expired": "a grant would allow it, but its time is over",
    "used-up": "a grant would allow it, but was used as often as it may be",
    "confined": "the session lets nobody do it",
    "token": "the token does not cover it",
    "join-closed": "nobody may join the session",
    "join-invited": "only those join who were granted something in the session itself",
    "too-many-participants": "as many are in the session as it takes",
    "too-many-connections": "the subject has as many connections to the session as it may",
    "archived": "the project is archived",
    "unknown-action": "there is no such action",
    "bad-path": "that names nothing",
    "engine-error": "the access engine failed, or did not answer in time",
}
"""What a decision's code means."""


class Permission(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """An action on all that a pattern names is allowed, or denied.

    Attributes:
        resource: A pattern of :mod:`.paths`.
        action: ``read``, ``write``, ``execute``, ``delete`` or ``admin``.
        conditions: All of these must hold, see :mod:`.conditions`.
        effect: ``allow``, or ``deny``, which wins.

    >>> Permission("/projects/acme/**", "read").effect
    'allow'
    """

    resource: str
    action: Action
    conditions: tuple[str, ...] = ()
    effect: Effect = "allow"


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name for permissions.

    Attributes:
        inherits: Names of roles whose permissions, denials too, it has as well.
    """

    name: str
    permissions: tuple[Permission, ...] = ()
    inherits: tuple[str, ...] = ()


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subject has a role, or one permission.

    Attributes:
        id: Unique in the policy.
        subject: Such as ``user:ada``, ``group:staff``, or :data:`ANYONE`.
        role: The name of a role; or None, and there is a permission.
        scope: A pattern; the grant says nothing of what is neither this nor beneath it.
        not_before: Unix seconds from which on it holds.
        not_after: Unix seconds from which on it does not.
        uses: How many more operations can be called by it; None is any number. For reading and
            writing a document it is no limit, until it is 0.
        granted_by: Who made it.
        reason: Why, in words.
    """

    id: str
    subject: str
    role: str | None = None
    permission: Permission | None = None
    scope: str = "/**"
    not_before: float | None = None
    not_after: float | None = None
    uses: int | None = None
    granted_by: str = ""
    reason: str = ""


class Membership(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subject, or a group, is in a group."""

    group: str
    member: str


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Roles and grants with slots, ``{project}``, to be filled in.

    A slot stands for a whole segment of a pattern, or a whole field; what is filled in cannot be
    a wildcard and has no ``/``.

    Attributes:
        slots: What each is to be filled with.
    """

    name: str
    slots: dict[str, Slot] = {}
    roles: tuple[Role, ...] = ()
    grants: tuple[Grant, ...] = ()


class Confines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a session lets nobody exceed, whatever was granted.

    Attributes:
        session: Its path.
        permissions: If there are any, only what one of them allows, and none denies, can be
            allowed in the session.
        join: ``open``: who may read; ``invited``: who was granted something in the session
            itself, or may administer it; ``closed``: nobody new.
        participants: How many subjects may be in it at a time.
        connections: How many connections each may have.
    """

    session: str
    permissions: tuple[Permission, ...] = ()
    join: Join = "open"
    participants: int | None = None
    connections: int | None = None


Fact: TypeAlias = Role | Grant | Membership | Template | Confines


class Request(msgspec.Struct, frozen=True):
    """May this subject do that there?

    Attributes:
        context: What conditions may ask for beside, such as ``{"context": {"peer": …}}``.
    """

    subject: str
    action: str
    resource: str
    context: dict[str, object] = {}


class Decision(msgspec.Struct, frozen=True):
    """The answer to a request.

    Attributes:
        code: Why, one of :data:`CODES`.
        rules: Names of the rules that decided.
        epoch: Of the policy that was asked.
        valid_until: Unix seconds at which it may change by itself, through a window's edge.
    """

    allowed: bool
    code: str
    rules: tuple[str, ...] = ()
    epoch: int = 0
    valid_until: float = float("inf")

    def __bool__(self) -> bool:
        return self.allowed
