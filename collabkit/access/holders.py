"""Who may do something: found from what was granted, without asking everybody.

Grants stand in trees, at what they may be about, a tree for each role: which roles say something of
a path is looked up first. When some grants change, the trees stay, and these are looked at one by
one beside them, until they are too many. Whoever holds a grant that could say
something of a path, or is in a group that does, is asked about; nobody else can differ from
:data:`~.rules.ANYONE`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from .clauses import BITS, scope_of
from .paths import Path, matches, meet, pattern
from .rules import Grant
from .shelves import Roles
from .trie import Trie

__all__ = ["Holders", "Index"]

# Looking at one grant takes a tenth of putting it into a tree.
_FEWEST_LEFT_OUT = 1000


class Holders(msgspec.Struct, frozen=True):
    """Who may do something: ``subject in holders``.

    Attributes:
        subjects: Those who may, by name, sorted; no groups.
        anyone: Whether everybody else may too,
        but: except these, sorted.
    """

    subjects: tuple[str, ...] = ()
    anyone: bool = False
    but: tuple[str, ...] = ()

    def __contains__(self, subject: object) -> bool:
        return subject in self.subjects or (self.anyone and subject not in self.but)


class Index:
    """All grants, by what they may be about: those of one role by their scopes."""

    __slots__ = ("_alone", "_later", "_of_role", "_size")

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._alone: Trie[Grant] = Trie()
        self._of_role: dict[str, Trie[Grant]] = {}
        self._later: frozenset[str] = frozenset()
        self._size = 0
        for grant in grants:
            self._size += 1
            if grant.role is not None:
                if (tree := self._of_role.get(grant.role)) is None:
                    tree = self._of_role[grant.role] = Trie()
                tree.add(scope_of(grant), grant)
            elif (named := _about(grant)) is not None:
                self._alone.add(named, grant)

    def __repr__(self) -> str:
        return f"<Index of {self._size} grants, {len(self._later)} beside it>"

    def changed(self, ids: AbstractSet[str]) -> Index | None:
        """The same after grants changed; None if it is to be made anew."""
        later = self._later | ids
        if len(later) > max(_FEWEST_LEFT_OUT, self._size // 8):
            return None
        other = Index(())
        other._alone, other._of_role, other._size = self._alone, self._of_role, self._size
        other._later = later
        return other

    def find(
        self, action: str, path: Path, grants: Mapping[str, Grant], roles: Roles
    ) -> Iterator[Grant]:
        """The grants that say something of an action on a path, some of them at another time."""
        permitting = roles.permitting(BITS[action], path)
        trees = [self._alone, *(self._of_role[r] for r in permitting if r in self._of_role)]
        for grant in itertools.chain.from_iterable(tree.find(path) for tree in trees):
            if grant.id not in self._later and _is_of(grant, action):
                yield grant
        for each in self._later:
            changed = grants.get(each)
            if changed is None or not _is_of(changed, action):
                continue
            named = _about(changed)
            if (changed.role is None or changed.role in permitting) and (
                named is not None and matches(named, path)
            ):
                yield changed


def _is_of(grant: Grant, action: str) -> bool:
    return grant.permission is None or grant.permission.action == action


def _about(grant: Grant) -> Path | None:
    scope = scope_of(grant)
    return scope if grant.permission is None else meet(scope, pattern(grant.permission.resource))
