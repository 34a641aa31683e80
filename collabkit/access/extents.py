"""How far it goes, what somebody may do: in all of a document, in a session, and in general.

Rules:

1. Of a document, what is inside it counts: a rule that names the document alone says nothing.
2. ``all`` is said where one rule without conditions allows everything, and none denies anything;
   ``none`` where nothing is allowed, or one rule without conditions denies everything that is.
   ``some`` is all else: then each place is to be asked about.
3. So ``all`` and ``none`` are true. Where several narrow rules add up to everything, ``some`` is
   said: it costs time, and allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import msgspec

from ..ids import RoomName
from .clauses import BITS, Clause, narrowed
from .paths import Path, covers, document_path, meet, overlaps, session_path, show
from .shelves import Given, standing
from .trie import Trie
from .view import View

__all__ = ["Reach", "Share", "Uniform", "has_something_in", "reach", "uniform"]

Share: TypeAlias = Literal["all", "some", "none"]

_Named: TypeAlias = tuple[Path, Clause]


class Uniform(msgspec.Struct, frozen=True):
    """How much of what is inside a document somebody may write and delete.

    Attributes:
        until: Unix seconds at which it may change by itself.
    """

    write: Share
    delete: Share
    until: float = float("inf")


class Reach(msgspec.Struct, frozen=True):
    """What somebody may do something to, as patterns, sorted.

    Attributes:
        allowed: He may, where none of the others says otherwise,
        conditional: or if conditions hold.
        denied: He may not, or may not under conditions.
        confined: Sessions that let nobody do more than they list.
    """

    allowed: tuple[str, ...] = ()
    conditional: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    confined: tuple[str, ...] = ()


def uniform(view: View, room: RoomName, now: float) -> Uniform:
    """Say how much of a document somebody may write and delete."""
    document = document_path(room)
    inside = (*document, "*", "**")
    own = list(_standing(view.given_below(document), inside, now))
    confined = view.session_of(document)
    session = (
        None
        if confined is None
        else list(_standing(confined.tree.overlapping(document), inside, now))
    )

    def share(action: str) -> Share:
        bit = BITS[action]
        shares = {_share(each, bit, inside) for each in (own, session) if each is not None}
        return "none" if "none" in shares else "some" if "some" in shares else "all"

    return Uniform(share("write"), share("delete"), view.until)


def reach(view: View, bit: int, under: Path, now: float) -> Reach:
    """List the patterns of what somebody may do something to."""
    whole = (*under, "**")
    standing_there = _standing(view.given_below(under), whole, now)
    found = [each for each in standing_there if each[1].bit == bit]
    denials: Trie[Path] = Trie()
    for pattern, clause in found:
        if clause.deny and not clause.conditions:
            denials.add(pattern, pattern)
    left = [
        (pattern, clause)
        for pattern, clause in found
        if not clause.deny and not denials.covering(pattern)
    ]
    return Reach(
        _shown(pattern for pattern, clause in left if not clause.conditions),
        _shown(pattern for pattern, clause in left if clause.conditions),
        _shown(pattern for pattern, clause in found if clause.deny),
        _shown(each for each in view.sessions if overlaps((*each, "**"), whole)),
    )


def has_something_in(view: View, room: RoomName, now: float) -> bool:
    """Whether somebody was granted something in a session itself, not in all that are like it."""
    session = session_path(room)
    return any(
        not clause.deny
        and not standing(grant, now)
        and (narrowed(grant, clause) or ())[: len(session)] == session
        for grant, clause in view.given_below(session)
    )


def _standing(given: Iterable[Given], within: Path, now: float) -> Iterator[_Named]:
    """What each rule that holds at a time names within a pattern."""
    for grant, clause in given:
        if standing(grant, now):
            continue
        named = narrowed(grant, clause)
        if named is not None and (met := meet(named, within)) is not None:
            yield met, clause


def _share(named: Iterable[_Named], bit: int, whole: Path) -> Share:
    allowed: list[_Named] = []
    denied: list[_Named] = []
    for each in named:
        if each[1].bit == bit:
            (denied if each[1].deny else allowed).append(each)
    outright = [pattern for pattern, clause in denied if not clause.conditions]
    left = [each for each in allowed if not any(covers(one, each[0]) for one in outright)]
    if not left:
        return "none"
    if denied or not any(
        covers(pattern, whole) for pattern, clause in left if not clause.conditions
    ):
        return "some"
    return "all"


def _shown(patterns: Iterable[Path]) -> tuple[str, ...]:
    return tuple(sorted({show(pattern) for pattern in patterns}))
