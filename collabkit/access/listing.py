"""The rules that somebody has, and those that confine him, told in full."""

from __future__ import annotations

import msgspec

from .clauses import narrowed, rule_name
from .conditions import Condition
from .graph import way_to
from .paths import Path
from .rules import ANYONE, Grant, Permission
from .shelves import Confinement, Given, Shelf
from .view import View

__all__ = ["Rule", "confining", "rules"]


class Rule(msgspec.Struct, frozen=True):
    """A permission as somebody has it.

    Attributes:
        name: As decisions name it.
        pattern: What it names, within the scope of the grant.
        groups: Through which it comes: from one that the subject is in himself to the one that it
            was granted to; empty if it was granted to him; :data:`~.rules.ANYONE` alone.
        roles: From the role that was granted to the one that has the permission.
        grant: None if a session has it to confine others.
    """

    name: str
    permission: Permission
    pattern: Path
    conditions: tuple[Condition, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    grant: Grant | None = None


def rules(view: View, path: Path | None) -> tuple[Rule, ...]:
    """The rules that somebody has, whatever their time: of a path, or all."""
    return tuple(
        _rule(view, shelf, given)
        for shelf in view.shelves
        for given in (
            shelf.overlapping((), view.roles) if path is None else shelf.find(path, view.roles)
        )
        if narrowed(*given) is not None
    )


def confining(session: Confinement | None, path: Path) -> tuple[Rule, ...]:
    """The rules of a session that say something of a path in it."""
    if session is None:
        return ()
    return tuple(
        Rule(
            rule_name(None, clause, session.name),
            clause.permission,
            clause.pattern,
            clause.conditions,
        )
        for _, clause in session.tree.find(path)
    )


def _through(view: View, shelf: Shelf) -> tuple[str, ...]:
    if shelf.holder == ANYONE:
        return (ANYONE,)
    return way_to(view.groups, shelf.holder) if shelf.holder in view.groups else ()


def _rule(view: View, shelf: Shelf, given: Given) -> Rule:
    grant, clause = given
    roles: tuple[str, ...] = ()
    if grant is not None and grant.role is not None and clause.role is not None:
        roles = way_to(view.roles.inherited(grant.role), clause.role)
    return Rule(
        rule_name(grant, clause),
        clause.permission,
        narrowed(grant, clause) or (),
        clause.conditions,
        _through(view, shelf),
        roles,
        grant,
    )
