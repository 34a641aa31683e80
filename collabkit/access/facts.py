"""All that is written down, found by its names, and how it changes.

Rules:

1. Facts are never changed: :meth:`Facts.changed` makes others, and shares what stays.
2. Each has one name among its kind, see :func:`name_of`. What is put takes the place of what has
   its name; what is dropped has to be there.
3. Changes are made one after the other, and only their end has to make sense: a role may be put
   after the grant of it.

Whether facts make sense is for :mod:`.sense`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ..errors import InvalidPolicy
from .graph import Reached, reached
from .rules import ANYONE, Confines, Fact, Grant, Membership, Role, Template

__all__ = [
    "Change",
    "Concern",
    "Drop",
    "Facts",
    "Kind",
    "Put",
    "Touched",
    "concern",
    "name_of",
    "place_of",
]

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


def place_of(kind: Kind, key: str) -> str:
    """How an error names a fact."""
    return f'{kind} "{key if len(key) <= 80 else key[:77] + "..."}"'


class Touched(msgspec.Struct):
    """What changes were about.

    Attributes:
        put: Facts that were put, and are still there at the end.
        roles: Roles that were put or dropped.
        grants: Ids of grants that were put or dropped.
        holders: Whose grants differ.
        members: Whose groups differ.
        confines: Whether what a session confines differs.
    """

    put: dict[tuple[Kind, str], Fact] = {}
    roles: set[str] = set()
    grants: set[str] = set()
    holders: set[str] = set()
    members: set[str] = set()
    confines: bool = False


class Facts:
    """All facts by kind and key; grants by who holds them; memberships by either side."""

    __slots__ = (
        "confines",
        "grants",
        "groups",
        "held",
        "members",
        "memberships",
        "roles",
        "templates",
    )

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.grants: dict[str, Grant] = {}
        self.memberships: dict[str, Membership] = {}
        self.templates: dict[str, Template] = {}
        self.confines: dict[str, Confines] = {}
        self.held: dict[str, dict[str, Grant]] = {}
        self.members: dict[str, dict[str, Membership]] = {}
        self.groups: dict[str, dict[str, Membership]] = {}

    def __repr__(self) -> str:
        return f"<Facts: {len(self.roles)} roles, {len(self.grants)} grants>"

    def __len__(self) -> int:
        return sum(map(len, self._kinds().values()))

    def __iter__(self) -> Iterator[Fact]:
        for kind in self._kinds().values():
            yield from kind.values()

    def get(self, kind: Kind, key: str) -> Fact | None:
        """A fact by its name."""
        return self._kinds()[kind].get(key)

    def groups_of(self, subject: str) -> Reached:
        """All groups that a subject is in, however far up."""
        return reached(self.groups.get(subject, ()), lambda one: self.groups.get(one, ()))

    def within(self, subjects: Iterable[str]) -> Reached:
        """These, and whoever is in them, as far as groups go."""
        return reached(subjects, lambda one: self.members.get(one, ()))

    def inheriting(self, roles: Iterable[str]) -> frozenset[str]:
        """These roles, and all that inherit them, however far."""
        heirs: dict[str, list[str]] = {}
        for role in self.roles.values():
            for each in role.inherits:
                heirs.setdefault(each, []).append(role.name)
        return frozenset(reached(roles, lambda one: heirs.get(one, ())))

    def changed(self, changes: Sequence[Change]) -> tuple[Facts, Touched]:
        """Make facts of these.

        Returns:
            The facts, which may make no sense yet, and what the changes were about.

        Raises:
            InvalidPolicy: What is to be dropped is not there.
        """
        after = Facts()
        for name in self.__slots__:
            setattr(after, name, getattr(self, name))
        change = _Changing(after)
        for each in changes:
            match each:
                case Put(fact):
                    change.put(fact)
                case Drop(kind, key):
                    change.drop(kind, key)
        return after, change.touched

    def _kinds(self) -> dict[Kind, Mapping[str, Fact]]:
        return {
            "role": self.roles,
            "grant": self.grants,
            "membership": self.memberships,
            "template": self.templates,
            "confines": self.confines,
        }


class Concern(msgspec.Struct, frozen=True):
    """Whom changes concern.

    Attributes:
        roles: Those that permit something else.
        subjects: Whose rights may differ, groups among them; None if it may be anybody's.
    """

    roles: frozenset[str]
    subjects: frozenset[str] | None


def concern(before: Facts, touched: Touched) -> Concern:
    """Say whom changes concern.

    Who inherits, or is in a group, by what is new was put himself, and what leads on from him was
    there before. So it is enough to follow the facts from before.
    """
    roles = before.inheriting(touched.roles) if touched.roles else frozenset()
    subjects = touched.holders | touched.members
    if roles:
        subjects.update(each.subject for each in before.grants.values() if each.role in roles)
    if touched.confines or ANYONE in subjects:
        return Concern(roles, None)
    return Concern(roles, frozenset(before.within(subjects)))


_TABLES: dict[Kind, str] = {
    "role": "roles",
    "grant": "grants",
    "membership": "memberships",
    "template": "templates",
    "confines": "confines",
}


class _Changing:
    """Facts on the way to others: a table is copied before the first change of it."""

    def __init__(self, after: Facts) -> None:
        self.touched = Touched()
        self._after = after
        self._own: set[tuple[str, str | None]] = set()

    def put(self, fact: Fact) -> None:
        kind, key = name_of(fact)
        table = self._table(_TABLES[kind])
        there = table.get(key)
        if there == fact:
            return
        if there is not None:
            self.drop(kind, key)
        table[key] = fact
        self._note(kind, key, fact)
        self.touched.put[kind, key] = fact
        match fact:
            case Grant(id, subject):
                self._part("held", subject)[id] = fact
            case Membership(group, member):
                self._part("members", group)[member] = fact
                self._part("groups", member)[group] = fact

    def drop(self, kind: Kind, key: str) -> None:
        if kind not in _TABLES:
            raise InvalidPolicy(place_of(kind, key), f"there is no such kind; {', '.join(_TABLES)}")
        fact = self._table(_TABLES[kind]).pop(key, None)
        if fact is None:
            raise InvalidPolicy(place_of(kind, key), "there is none")
        self._note(kind, key, fact)
        self.touched.put.pop((kind, key), None)
        match fact:
            case Grant(id, subject):
                self._strike("held", subject, id)
            case Membership(group, member):
                self._strike("members", group, member)
                self._strike("groups", member, group)

    def _note(self, kind: Kind, key: str, fact: Fact) -> None:
        touched = self.touched
        match fact:
            case Role():
                touched.roles.add(key)
            case Grant():
                touched.grants.add(key)
                touched.holders.add(fact.subject)
            case Membership():
                touched.members.add(fact.member)
            case Confines():
                touched.confines = True

    def _table(self, name: str) -> dict[str, Fact]:
        if (name, None) not in self._own:
            self._own.add((name, None))
            setattr(self._after, name, dict(getattr(self._after, name)))
        table: dict[str, Fact] = getattr(self._after, name)
        return table

    def _part(self, name: str, key: str) -> dict[str, Fact]:
        table: dict[str, dict[str, Fact]] = self._table(name)  # type: ignore[assignment]
        if (name, key) not in self._own:
            self._own.add((name, key))
            table[key] = dict(table.get(key, ()))
        return table[key]

    def _strike(self, name: str, key: str, inner: str) -> None:
        part = self._part(name, key)
        del part[inner]
        if not part:
            del self._table(name)[key]
            self._own.discard((name, key))
