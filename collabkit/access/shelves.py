"""What was granted, put where it can be found by a path, whatever the time.

Rules:

1. A *shelf* has the grants to one subject, group, or :data:`~.rules.ANYONE`. A grant of a role is
   put at its scope alone; what the role permits is looked up in the role's own tree, which all who
   have it share. So a shelf takes as long to make as it has grants, and a change of a role leaves
   shelves as they are.
2. Time is looked at when something is found. Where the windows of a shelf begin and end is listed,
   so that whoever remembers what he found knows until when.
3. Trees are made when they are first asked for. Two threads may both make one; they are equal.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from .clauses import Clause, Reader, narrowed, scope_of
from .graph import Reached, reached
from .paths import Path, parse
from .rules import Confines, Grant, Role
from .trie import Trie

__all__ = ["Confinement", "Given", "Roles", "Shelf", "confinement", "edge_after", "standing"]

Given: TypeAlias = tuple[Grant | None, Clause]
"""A permission, and the grant that gives it; None if a session has it to confine others."""

_NEVER = float("inf")


def standing(grant: Grant | None, now: float) -> str:
    """Why a grant gives nothing, as a code of decisions; "" if it holds."""
    if grant is None:
        return ""
    if grant.not_before is not None and now < grant.not_before:
        return "not-yet-valid"
    if grant.not_after is not None and now >= grant.not_after:
        return "expired"
    return "used-up" if grant.uses == 0 else ""


def edge_after(grant: Grant | None, now: float) -> float:
    """When a grant next begins or ends to hold by itself."""
    if grant is not None:
        if grant.not_before is not None and now < grant.not_before:
            return grant.not_before
        if grant.not_after is not None and now < grant.not_after:
            return grant.not_after
    return _NEVER


class Roles:
    """What each role permits, with what it inherits.

    Args:
        roles: All that there are.
        reader: Reads their permissions.
    """

    __slots__ = ("_all", "_reader", "_roles", "_trees")

    def __init__(self, roles: Mapping[str, Role], reader: Reader) -> None:
        self._roles = roles
        self._reader = reader
        self._trees: dict[str, Trie[Clause]] = {}
        self._all: Trie[tuple[str, int]] | None = None

    def __repr__(self) -> str:
        return f"<Roles: {len(self._roles)}>"

    def __getitem__(self, name: str) -> Trie[Clause]:
        if (tree := self._trees.get(name)) is None:
            tree = Trie()
            for each in self.inherited(name):
                where = f'role "{each}"'
                for clause in self._reader.read_all(
                    self._roles[each].permissions, where=where, role=each
                ):
                    tree.add(clause.pattern, clause)
            self._trees[name] = tree
        return tree

    def inherited(self, name: str) -> Reached:
        """A role and all that it inherits."""
        return reached((name,), lambda one: self._roles[one].inherits)

    def permitting(self, bit: int, path: Path) -> set[str]:
        """The roles that say something of an action, as a bit, on a path."""
        if self._all is None:
            every: Trie[tuple[str, int]] = Trie()
            for name in self._roles:
                for clause in self[name]:
                    every.add(clause.pattern, (name, clause.bit))
            self._all = every
        return {name for name, of in self._all.find(path) if of == bit}

    def replaced(self, roles: Mapping[str, Role], without: Iterable[str]) -> Roles:
        """The same for other roles; what was made of these is kept, but of some."""
        others = Roles(roles, self._reader)
        others._trees = dict(self._trees)
        for name in without:
            others._trees.pop(name, None)
        return others


class Shelf:
    """What was granted to one name."""

    __slots__ = ("alone", "edges", "holder", "roles")

    def __init__(self, holder: str, grants: Iterable[Grant], reader: Reader) -> None:
        self.holder = holder
        self.alone: Trie[Given] = Trie()
        self.roles: Trie[Grant] = Trie()
        edges: set[float | None] = set()
        for grant in grants:
            edges.add(grant.not_before)
            edges.add(grant.not_after)
            if grant.permission is None:
                self.roles.add(scope_of(grant), grant)
                continue
            clause = reader.read(grant.permission, where=f'grant "{grant.id}"')
            if (named := narrowed(grant, clause)) is not None:
                self.alone.add(named, (grant, clause))
        edges.discard(None)
        self.edges: list[float] = sorted(edges)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<Shelf of {self.holder}: {len(self.alone)} permissions, {len(self.roles)} roles>"

    def find(self, path: Path, roles: Roles) -> list[Given]:
        """All that says something of a path."""
        found = self.alone.find(path)
        for grant in self.roles.find(path):
            found += [(grant, clause) for clause in roles[grant.role or ""].find(path)]
        return found

    def overlapping(self, path: Path, roles: Roles) -> list[Given]:
        """All that says something of a path, or of something beneath it."""
        found = self.alone.overlapping(path)
        for grant in self.roles.overlapping(path):
            found += [(grant, clause) for clause in roles[grant.role or ""].overlapping(path)]
        return found

    def period(self, now: float) -> tuple[float, float]:
        """The half-open time around a moment in which no window begins or ends."""
        place = bisect.bisect_right(self.edges, now)
        since = self.edges[place - 1] if place else -_NEVER
        return since, self.edges[place] if place < len(self.edges) else _NEVER


class Confinement:
    """What a session lets nobody exceed."""

    __slots__ = ("name", "tree")

    def __init__(self, confines: Confines, reader: Reader) -> None:
        self.name = confines.session
        self.tree: Trie[Given] = Trie()
        where = f'confines "{confines.session}"'
        for clause in reader.read_all(confines.permissions, where=where):
            self.tree.add(clause.pattern, (None, clause))

    def __repr__(self) -> str:
        return f"<Confinement of {self.name}: {len(self.tree)}>"


def confinement(confines: Iterable[Confines], reader: Reader) -> dict[Path, Confinement]:
    """By the path of their session, those that list what can be permitted at all."""
    return {parse(each.session): Confinement(each, reader) for each in confines if each.permissions}
