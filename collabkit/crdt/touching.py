"""What an update touches: its new structs and its deletions, by the places where they are.

Rules:

1.  There is one touch for all that an update does alike at one place. Of what it brings only what
    is new is looked at, and of what it deletes only what lives.
2.  A value under a key is a ``write`` there, *set*. It deletes the value that lived before, and
    all in it, also if the update does not say so.
3.  Text, elements and nodes are a ``write`` at their sequence, *insert*; marks that format are a
    ``write`` there, *format*.
4.  What is in a container that the update brings is touched as well, each place in it; and where
    the container is inserted all in it is said to be inserted.
5.  What a key loses is a ``delete``, *remove*, if afterwards it has no value; else it is part of
    the ``write`` that gave it one. What a sequence loses is a ``delete`` at the sequence, unless
    the update inserts something there that stays: it is replaced, and that is the ``write``.
6.  Marks that are deleted are part of the *format*, if there is one or nothing else is deleted;
    or else of what is deleted or replaced around them.
7.  With a container all in it is deleted: each place in it that has something which lives is
    touched as the container's own place is, ``write`` or ``delete``; and where the container was
    all in it is said to be deleted.
8.  Content that is put into a dead container, or is deleted by the same update, is judged as if it
    stayed: it is in the bytes. What comes without its content is not.
9.  ``own``: each range that a touch deletes is of the subject's clients, and so is the value that a
    key keeps although another one is set: its author meant to take its place.
10. ``appends``: nothing that a touch inserts has a right origin, and it deletes nothing; or it is
    in a container of which that is so. An author tells by the missing right origin that he saw
    nothing behind. Where he saw it is not asked: others may have appended meanwhile.
11. What cannot be placed (see :mod:`.landing`) is touched at no steps at all, and with or without
    content: nobody can tell what an engine makes of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from .budget import CLOCK_LIMIT
from .contents import DELETED, FORMAT
from .ground import MARKS, Container, Ground, Place, Range
from .landing import Landed, Landing
from .scan import Scan
from .structs import Id
from .touches import Ranges, Touch
from .update import by_client

__all__ = ["touches"]

Kind: TypeAlias = Literal["set", "insert", "format", "remove"]

Spot: TypeAlias = tuple[Container, str | None]
"""A key of a container, or its sequence with the marks in it."""


def touches(
    ground: Ground, landing: Landing, found: Scan, mine: Callable[[int], bool]
) -> list[Touch]:
    """Tell what an update touches, in the order of paths.

    Args:
        ground: Without the update.
        landing: Where its structs go.
        found: Its scan.
        mine: Whether a client id is the subject's.
    """
    judging = _Judging(ground, landing, found, mine)
    for spot in judging.spots():
        judging.judge(spot)
    return sorted(judging.touches, key=_order)


class _Judging:
    """One update.

    Attributes:
        new: Its structs, by where they go; and by container where that is.
        brought: The item that brings a container.
        ending: Whether all that comes to a spot goes to the end.
        filling: All that comes in a container.
        lost: What it deletes, by where it is; marks are in ``marks``.
        valued: Of keys that are set, whether they have a value afterwards.
        kept: Of keys that keep a value though they are set, whose it is.
        dying: Each container that is deleted, and what lives in it.
    """

    def __init__(
        self, ground: Ground, landing: Landing, found: Scan, mine: Callable[[int], bool]
    ) -> None:
        self.ground = ground
        self.mine = mine
        self.touches: list[Touch] = []
        self.deletes = by_client(found.deletes)
        self.new: dict[Spot, list[Landed]] = {}
        self.inside: dict[Container, list[Spot]] = {}
        self.brought: dict[Container, Landed] = {}
        self.ending: dict[Spot, bool] = {}
        self.filling: dict[Container, Ranges] = {}
        self.lost: dict[Spot, list[Range]] = {}
        self.marks: dict[Spot, list[Range]] = {}
        self.valued: dict[Spot, bool] = {}
        self.kept: dict[Spot, int] = {}
        self.dying: dict[Container, list[tuple[Spot, list[Range]]]] = {}
        for item in landing.items:
            spot = _spot(item.place)
            if spot not in self.new:
                self.new[spot] = []
                self.inside.setdefault(spot[0], []).append(spot)
            self.new[spot].append(item)
            if item.held is not None:
                self.brought[item.held] = item
        for place, span in ground.alive(found.deletes):
            lost = self.marks if place.key == MARKS else self.lost
            lost.setdefault(_spot(place), []).append(span)
        for spot, items in self.new.items():
            if spot[1] is not None and not spot[0].dead:
                self.succeed(spot, items[0].place, items)
        for ranges in self.lost.values():
            self.fell(ranges)

    def spots(self) -> list[Spot]:
        """Those to be judged; what dies with a container is judged where that was."""
        lost = [spot for spot in (*self.lost, *self.marks) if spot[0] not in self.dying]
        return list(dict.fromkeys((*self.new, *lost)))

    # What becomes of what there is

    def succeed(self, spot: Spot, place: Place, items: Sequence[Landed]) -> None:
        """Tell what the new values of a key do to the one that it has."""
        ground, chain = self.ground, place.chain
        assert chain is not None
        before = last = chain.last
        trial = None
        values: dict[Id, Landed] = {}
        for item in items:
            if item.clock < ground.end(item.client):
                continue  # it came before, and was not taken yet
            end = (item.client, item.clock + item.length - 1)
            if trial is None and item.origin != last:
                trial = chain.copy()
                for value in values.values():
                    trial.put((value.client, value.clock), value.length, value.origin)
            if trial is not None:
                trial.put((item.client, item.clock), item.length, item.origin)
            values[end] = item
            last = end if trial is None else trial.last
        if last in values:
            item = values[last]
            self.valued[spot] = item.content > DELETED and not self.deleted(item.range)
        elif last is not None and next(ground.alive(((*last, 1),)), None):
            self.kept[spot] = last[0]
        if before is not None and last != before:
            was = (*before, 1)
            lost = self.lost.setdefault(spot, [])
            if was not in lost:
                lost += (span for _, span in ground.alive((was,)))

    def fell(self, ranges: Iterable[Range]) -> None:
        """Note the containers that die with ranges, and what lives in them."""
        ground = self.ground
        falling = [held for span in ranges for held in ground.held(*span)]
        while falling:
            container = falling.pop()
            if container.dead or container in self.dying:
                continue
            inside: dict[Spot, list[Range]] = {}
            for place in container.places.values():
                if here := ground.here(place):
                    inside.setdefault(_spot(place), []).extend(here)
                    falling += (held for span in here for held in ground.held(*span))
            self.dying[container] = list(inside.items())

    def deleted(self, span: Range) -> bool:
        """Whether the update deletes all of a range."""
        client, clock, length = span
        spans = self.deletes.get(client, ())
        at = bisect_right(spans, (clock, CLOCK_LIMIT)) - 1
        return at >= 0 and clock + length <= sum(spans[at])

    # What is touched

    def judge(self, spot: Spot) -> None:
        """Tell what is touched at a spot, and in what was there."""
        container, key = spot
        items = [item for item in self.new.get(spot, ()) if _counts(item)]
        marks = [item for item in items if key is None and item.content == FORMAT]
        if marks:
            items = [item for item in items if item.content != FORMAT]
        lost: list[Range] = []
        unmarked: list[Range] = []
        if container not in self.dying:
            lost, unmarked = self.lost.get(spot, []), self.marks.get(spot, [])
        if marks or (unmarked and not lost):
            self.tell("write", spot, "format", marks, unmarked)
        else:
            lost = lost + unmarked
        if key is not None:
            kind: Kind = "set"
            stays = self.valued.get(spot, False)
        else:
            kind = "insert"
            stays = any(not self.deleted(item.range) for item in items)
        if lost and not stays:
            self.tell("delete", spot, "remove", (), lost)
            lost = []
        if items or lost:
            self.tell("write", spot, kind, items, lost)

    def tell(
        self,
        action: Literal["write", "delete"],
        spot: Spot,
        kind: Kind,
        items: Sequence[Landed],
        lost: list[Range],
    ) -> Ranges:
        """Add a touch, and those in the containers that it deletes; returns all that it deletes."""
        ranges = lost[:]
        for span in lost:
            for container in self.ground.held(*span):
                for inner, here in self.dying.get(container, ()):
                    ranges += self.tell(action, inner, kind, (), here)
        deleted = _ranges(ranges)
        container, key = spot
        steps = container.steps if key is None or not container.steps else (*container.steps, key)
        whose = {span[0] for span in deleted}
        if kind == "set" and spot in self.kept:
            whose.add(self.kept[spot])
        own = all(map(self.mine, whose))
        appends = not lost and self.appends(spot)
        inserted = self.whole(items)
        self.touches.append(Touch(action, steps, kind, inserted, deleted, own=own, appends=appends))
        return deleted

    def whole(self, items: Iterable[Landed]) -> Ranges:
        """The ranges of new items, and of all that is in them."""
        ranges: list[Range] = []
        for item in items:
            if _counts(item):
                ranges.append(item.range)
            if item.held is not None:
                ranges += self.within(item.held)
        return _ranges(ranges)

    def within(self, container: Container) -> Ranges:
        """The ranges of all that is in a container which the update brings."""
        known = self.filling.get(container)
        if known is None:
            items = [item for spot in self.inside.get(container, ()) for item in self.new[spot]]
            known = self.filling[container] = self.whole(items)
        return known

    def appends(self, spot: Spot) -> bool:
        """Whether all that comes to a spot goes to the end."""
        known = self.ending.get(spot)
        if known is None:
            bringer = self.brought.get(spot[0])
            if bringer is not None:
                known = self.appends(_spot(bringer.place))
            elif spot[1] is not None or spot in self.lost or spot in self.marks:
                known = False
            else:
                known = all(item.right is None for item in self.new.get(spot, ()))
            self.ending[spot] = known
        return known


def _spot(place: Place) -> Spot:
    return place.container, place.key if isinstance(place.key, str) else None


def _counts(item: Landed) -> bool:
    """Whether a new struct is judged."""
    container = item.place.container
    return item.content > DELETED or not (container.steps or container.dead)


def _order(touch: Touch) -> tuple[Sequence[str | None], Ranges, Ranges]:
    steps: Sequence[str | None] = touch.steps
    if None in steps:
        steps = [step or "" for step in steps]
    return tuple(steps), touch.inserted, touch.deleted


def _ranges(ranges: Sequence[Range]) -> Ranges:
    """Ranges in order, those joined that touch."""
    if len(ranges) < 2:
        return tuple(ranges)
    joined: list[Range] = []
    last, first, end = -1, 0, 0
    for client, clock, length in sorted(ranges):
        if client == last and clock <= end:
            end = max(end, clock + length)
            joined[-1] = (client, first, end - first)
        else:
            last, first, end = client, clock, clock + length
            joined.append((client, clock, length))
    return tuple(joined)
