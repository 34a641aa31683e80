"""Changes of what is written down, and the names that facts have."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from .rules import Confines, Fact, Grant, Membership, Role, Template

__all__ = ["Change", "Drop", "Kind", "Put", "name_of"]

Kind: TypeAlias = Literal["role", "grant", "membership", "template", "confines"]


class Put(msgspec.Struct, frozen=True):
    """Write a fact down, in place of the one of its name if there is one."""

    fact: Fact


class Drop(msgspec.Struct, frozen=True):
    """Strike a fact out.

    Attributes:
        key: What names it among its kind, see :func:`name_of`.
    """

    kind: Kind
    key: str


Change: TypeAlias = Put | Drop


def name_of(fact: Fact) -> tuple[Kind, str]:
    """The kind of a fact, and what names it among its kind.

    >>> name_of(Membership("group:staff", "user:ada"))
    ('membership', 'group:staff user:ada')
    """
    match fact:
        case Role(name):
            return "role", name
        case Grant(id):
            return "grant", id
        case Membership(group, member):
            return "membership", f"{group} {member}"
        case Template(name):
            return "template", name
        case Confines(session):
            return "confines", session
