"""Who may do something: found from what was granted, without asking everybody.

All grants stand in one tree, at what they may be about. When some change, the tree stays, and these
are looked at one by one beside it, until they are too many. Whoever holds a grant that could say
something of a path, or is in a group that does, is asked about; nobody else can differ from
:data:`~.rules.ANYONE`.
"""

from __future__ import annotations

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
    """All grants, by what they may be about."""

    __slots__ = ("_later", "_tree")

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._tree: Trie[Grant] = Trie()
        self._later: frozenset[str] = frozenset()
        for grant in grants:
            if (named := _about(grant)) is not None:
                self._tree.add(named, grant)

    def __repr__(self) -> str:
        return f"<Index of {len(self._tree)} grants, {len(self._later)} beside it>"

    def changed(self, ids: AbstractSet[str]) -> Index | None:
        """The same after grants changed; None if it is to be made anew."""
        later = self._later | ids
        if len(later) > max(_FEWEST_LEFT_OUT, len(self._tree) // 8):
            return None
        other = Index(())
        other._tree, other._later = self._tree, later
        return other

    def find(
        self, action: str, path: Path, grants: Mapping[str, Grant], roles: Roles
    ) -> Iterator[Grant]:
        """The grants that say something of an action on a path, some of them at another time."""
        bit = BITS[action]
        known: dict[str, bool] = {}
        for grant in self._candidates(path, grants):
            if grant.role is None:
                if grant.permission is not None and grant.permission.action == action:
                    yield grant
                continue
            if grant.role not in known:
                known[grant.role] = any(each.bit == bit for each in roles[grant.role].find(path))
            if known[grant.role]:
                yield grant

    def _candidates(self, path: Path, grants: Mapping[str, Grant]) -> Iterator[Grant]:
        for grant in self._tree.find(path):
            if grant.id not in self._later:
                yield grant
        for each in self._later:
            changed = grants.get(each)
            if changed is not None:
                named = _about(changed)
                if named is not None and matches(named, path):
                    yield changed


def _about(grant: Grant) -> Path | None:
    scope = scope_of(grant)
    return scope if grant.permission is None else meet(scope, pattern(grant.permission.resource))
