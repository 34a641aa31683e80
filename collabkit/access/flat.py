"""A policy without names: one rule a line, for engines that have other ideas of roles.

Roles are replaced by their permissions and those that they inherit, groups by all that lead to
them, so that no engine's own limits are met: pycasbin follows ten roles, then denies in silence.
What an engine has no words for is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ..errors import UnsupportedByEngine
from .paths import Path, pattern
from .rules import Confines, Effect, Fact, Grant, Membership, Permission, Role

__all__ = ["Flat", "Line", "flatten"]


class Line(msgspec.Struct, frozen=True):
    """A subject, or a group, may or may not do something to what both patterns name."""

    name: str
    subject: str
    action: str
    resource: Path
    scope: Path
    effect: Effect


class Flat(msgspec.Struct, frozen=True):
    """A policy as lines, and of each member all groups it is in."""

    lines: tuple[Line, ...]
    groups: dict[str, frozenset[str]]


def flatten(facts: Iterable[Fact], engine: str) -> Flat:
    """Write a policy as lines.

    Args:
        facts: A policy that :class:`~collabkit.access.policy.Policy` accepts.
        engine: For whom, as errors call it.

    Raises:
        UnsupportedByEngine: It has conditions, windows, uses, or confines a session.
    """
    roles: dict[str, Role] = {}
    grants: list[Grant] = []
    parents: dict[str, set[str]] = {}
    for fact in facts:
        match fact:
            case Role():
                roles[fact.name] = fact
            case Grant():
                grants.append(fact)
            case Membership(group, member):
                parents.setdefault(member, set()).add(group)
            case Confines(permissions=permissions) if permissions:
                raise UnsupportedByEngine(engine, "what a session lets nobody exceed")
    lines = [line for grant in grants for line in _lines(grant, roles, engine)]
    return Flat(tuple(lines), {member: frozenset(_above(member, parents)) for member in parents})


def _lines(grant: Grant, roles: dict[str, Role], engine: str) -> Iterator[Line]:
    if (grant.not_before, grant.not_after, grant.uses) != (None, None, None):
        raise UnsupportedByEngine(engine, "until when, or how often, something is granted")
    scope = pattern(grant.scope)
    for permission in _permissions(grant, roles):
        if permission.conditions:
            raise UnsupportedByEngine(engine, "whether a condition holds")
        resource = pattern(permission.resource)
        yield Line(
            *(grant.id, grant.subject, permission.action, resource, scope, permission.effect)
        )


def _permissions(grant: Grant, roles: dict[str, Role]) -> Sequence[Permission]:
    if grant.role is None:
        return () if grant.permission is None else (grant.permission,)
    chain = dict.fromkeys(_above(grant.role, {r.name: r.inherits for r in roles.values()}))
    return [p for name in (grant.role, *chain) for p in roles[name].permissions]


def _above(start: str, parents: dict[str, set[str]] | dict[str, tuple[str, ...]]) -> Iterator[str]:
    """All that is reached from a start, each once."""
    seen: set[str] = set()
    ahead = list(parents.get(start, ()))
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            yield name
            ahead += parents.get(name, ())
