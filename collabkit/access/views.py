"""Views, made when they are asked for, and what they remember, within a bound.

Rules:

1. There are two generations. What is asked for moves into the young one; when that has remembered
   half of :data:`MOST`, it becomes the old one, and what was the old one is forgotten. So who asked
   among the last so many answers is there, and being asked for what is there costs nothing.
2. A view counts as much as some answers. One that alone remembers too much forgets its answers.
3. Nothing here has to be right: what is forgotten is found out again, and what two threads found
   out at once is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ..ids import is_anonymous
from .clauses import Reader
from .facts import Concern, Facts, Touched
from .paths import Path
from .rules import ANYONE
from .shelves import Confinement, Roles, Shelf, confinement
from .view import Tangle, View

__all__ = ["MOST", "Views"]

# An answer takes some 120 bytes, with its path some 300: so 80 MB for all.
MOST = 262_144
_A_VIEW = 8

# Of those who were asked about; what was granted to most of them takes some kilobytes.
_SHELVES = 16_384


class Views:
    """What each subject may do. They begin with no facts, and go on by :meth:`changed`.

    Attributes:
        young: Views that were asked for lately, by their subjects; some are of another time. It
            stays the same object.
        roles: What roles permit.
        sessions: What sessions confine.
    """

    __slots__ = (
        "_facts",
        "_most",
        "_old",
        "_reader",
        "_shelves",
        "_weight",
        "roles",
        "sessions",
        "young",
    )

    def __init__(self, facts: Facts, reader: Reader, *, most: int = MOST) -> None:
        self.young: dict[str, View] = {}
        self.roles = Roles(facts.roles, reader)
        self.sessions: dict[Path, Confinement] = {}
        self._facts = facts
        self._reader = reader
        self._shelves: dict[str, Shelf] = {}
        self._old: dict[str, View] = {}
        self._weight = 0
        self._most = most

    def __repr__(self) -> str:
        return f"<Views: {len(self.young)} young, {len(self._old)} old, {self._weight} answers>"

    def changed(self, facts: Facts, touched: Touched, concern: Concern) -> Views:
        """Those of other facts; what changes do not concern is shared."""
        others = Views(facts, self._reader, most=self._most)
        others.roles = self.roles
        if touched.roles:
            others.roles = self.roles.replaced(facts.roles, concern.roles)
        others.sessions = self.sessions
        if touched.confines:
            others.sessions = confinement(facts.confines.values(), self._reader)
        others._shelves = _without(self._shelves, touched.holders)
        if concern.subjects is not None:
            others.young = _without(self.young, concern.subjects)
            others._old = _without(self._old, concern.subjects)
            others._weight = self._weight
        return others

    def of(self, subject: str, now: float) -> View:
        """What a subject may do at a time."""
        view = self.young.get(subject) or self._old.pop(subject, None)
        if view is None or not view.since <= now < view.until:
            view = self._made(subject, now)
        if self.young.get(subject) is not view:
            self._keep(subject, view)
        return view

    def glance(self, subject: str, now: float) -> View:
        """The same, and it is not remembered: for whoever asks about everybody, once."""
        view = self.young.get(subject)
        return view if view and view.since <= now < view.until else self._made(subject, now)

    def whenever(self, subject: str) -> View:
        """A view of a subject, of whatever time: for what does not depend on it."""
        return self.young.get(subject) or self.of(subject, 0.0)

    def mask(self, view: View, path: str | Path, segments: Path, now: float) -> int | Tangle:
        """What may be done with a path, under the name that it was asked for."""
        mask = view.masks.get(path)
        if mask is None:
            mask = view.look(segments, now)
            if len(view.masks) >= self._most // 4:
                view.masks.clear()
            self._grow(1)
            view.masks[path] = mask
        return mask

    def _keep(self, subject: str, view: View) -> None:
        self._grow(_A_VIEW + len(view.masks))
        self.young[subject] = view

    def _grow(self, by: int) -> None:
        self._weight += by
        if self._weight > self._most // 2:
            self._old = dict(self.young)
            self.young.clear()
            self._weight = by

    def _made(self, subject: str, now: float) -> View:
        unproven = is_anonymous(subject)
        groups = {} if unproven else self._facts.groups_of(subject)
        holders = (ANYONE,) if unproven else dict.fromkeys((subject, *groups, ANYONE))
        shelves = [self._shelf(each) for each in holders if each in self._facts.held]
        return View(subject, groups, shelves, roles=self.roles, sessions=self.sessions, now=now)

    def _shelf(self, holder: str) -> Shelf:
        if (shelf := self._shelves.get(holder)) is None:
            if len(self._shelves) >= _SHELVES:
                self._shelves.clear()
            shelf = Shelf(holder, self._facts.held[holder].values(), self._reader)
            self._shelves[holder] = shelf
        return shelf


T = TypeVar("T")


def _without(table: dict[str, T], names: Iterable[str]) -> dict[str, T]:
    left = dict(table)
    for name in names:
        left.pop(name, None)
    return left
