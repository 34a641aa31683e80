"""Where the structs of an update go, told before they are there.

Rules:

1. An item names its parent and key, or is where its origins are. A struct of which the document
   has a part goes on where that is.
2. Structs of an update may be beside and in each other, in any order of clients, but not in a
   circle.
3. Where all engines agree that content comes to nothing it is in `Ground.gone`: beside what was
   collected, or in it. What is put into an item that held a container, and was deleted, is in a
   dead container that is where that one was.
4. What no client makes is in `Ground.nowhere`: an item between two of different places, or in one
   that holds no container; several values of a key in one struct, and one in front of something;
   a struct that says it is elsewhere than the part of it that is known; clients that build on each
   other in a circle; and what is beside something that is nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .contents import DELETED, FORMAT, GC, SKIP, TYPE
from .ground import MARKS, Container, Ground, Key, Place, Range, Track
from .lib0 import read_var_uint
from .scan import Scan, Section
from .structs import Id, Item, read_item

__all__ = ["Landed", "Landing"]


class Landed(msgspec.Struct, frozen=True, gc=False):
    """A new struct, or the new part of one.

    Attributes:
        origin: What it is put behind; of a part, the clock before.
        right: What it is put in front of.
        content: What kind of content it has, see `contents`.
        place: Where it goes.
        held: The container that it brings.
    """

    client: int
    clock: int
    length: int
    origin: Id | None
    right: Id | None
    content: int
    place: Place
    held: Container | None = None

    @property
    def range(self) -> Range:
        """Its clocks."""
        return self.client, self.clock, self.length


class Landing:
    """The new structs of an update.

    Attributes:
        items: They, in an order in which each comes behind what it builds on.
        fresh: The places that are new, of containers which are or are not.
    """

    __slots__ = (
        "_containers",
        "_ground",
        "_known",
        "_tracks",
        "fresh",
        "items",
        "roots",
        "update",
    )

    def __init__(
        self, ground: Ground, update: bytes, found: Scan, known: Mapping[int, int]
    ) -> None:
        self._ground = ground
        self.update = update
        self._known = known
        self._tracks: dict[int, Track] = {}
        self._containers: dict[Id, Container] = {}
        self.items: list[Landed] = []
        self.fresh: dict[tuple[Container, Key], Place] = {}
        self.roots: dict[str, Container] = {}
        fronts = {section.client: _Front(section) for section in found.sections}
        for first in fronts.values():
            waiting = [(first, first.stop)]  # each for the one behind it
            while waiting:
                front, stop = waiting[-1]
                lacking = self._take(front, stop)
                if lacking is None:
                    waiting.pop()
                    continue
                other = fronts.get(lacking[0])
                if other is None or any(other is one for one, _ in waiting):
                    front.lost = True  # in a circle, or the update is a gap
                else:
                    waiting.append((other, lacking[1] + 1))

    def __repr__(self) -> str:
        return f"<Landing of {len(self.items)} structs>"

    def _take(self, front: _Front, stop: int) -> Id | None:
        """Land the structs of a client up to a clock; returns what has to come before."""
        client, update = front.client, self.update
        known = self._known.get(client, 0)
        while front.clock < stop:
            at, clock = front.at, front.clock
            if update[at] in _NO_ITEM:
                length, behind = read_var_uint(update, at + 1)
                struct = None
            else:
                struct, behind = read_item(update, at, client, clock)
                length = struct.length
            skipped = max(known - clock, 0)
            if skipped < length:
                if struct is None:
                    place, held = self._ground.gone.place(None), None
                else:
                    lacking = None if front.lost else self._lacking(struct)
                    if lacking is not None:
                        return lacking
                    place, held = self._place(struct, skipped, front)
                self._land(client, clock + skipped, length - skipped, struct, place, held)
            front.at, front.clock = behind, clock + length
        return None

    def _lacking(self, struct: Item) -> Id | None:
        """What a struct builds on that is neither there nor landed."""
        for base in (struct.origin, struct.right_origin, struct.parent):
            if isinstance(base, tuple) and self._track(base) is None:
                return base
        return None

    def _land(  # noqa: PLR0917 - called in one place
        self,
        client: int,
        clock: int,
        length: int,
        struct: Item | None,
        place: Place,
        held: Container | None,
    ) -> None:
        track = self._tracks.get(client)
        if track is None:
            track = self._tracks[client] = Track(clock)
        track.end = clock  # behind a hole
        track.go(length, place)
        if struct is None:
            item = Landed(client, clock, length, None, None, GC, place)
        else:
            origin, content = struct.origin, struct.content
            if clock > struct.clock:
                origin = (client, clock - 1)
            item = Landed(client, clock, length, origin, struct.right_origin, content, place, held)
            if held is not None:
                track.hold(clock, held)
                self._containers[client, clock] = held
            elif content == DELETED:
                track.bury(clock, clock + length)
        self.items.append(item)

    # Where

    def _place(self, struct: Item, skipped: int, front: _Front) -> tuple[Place, Container | None]:
        """Where a struct goes, and the container that it brings."""
        ground = self._ground
        if struct.clock + skipped < ground.end(struct.client):
            # It came before, and was not taken yet.
            track = ground.tracks[struct.client]
            return track.at(struct.clock + skipped), track.container(struct.clock)
        found = None if front.lost else self._told(struct)
        if found is not None and skipped:
            before = self._at((struct.client, struct.clock + skipped - 1))
            if not _same(before, *found):
                found = None
        if found is None:
            place = ground.nowhere.place(None)
        else:
            container: Container = found[0]
            key: Key = found[1]
            if not container.steps:
                key = None  # what has no place has no keys
            elif key is None and struct.content == FORMAT:
                key = MARKS
            elif isinstance(key, str) and not _is_value(struct):
                container, key = ground.nowhere, None
            place = self._in(container, key)
        return place, place.inside() if struct.content == TYPE else None

    def _told(self, struct: Item) -> tuple[Container, str | None] | None:
        """The container and key that a struct tells; None if it contradicts itself."""
        ground = self._ground
        if isinstance(struct.parent, str):
            return self._root(struct.parent), struct.key
        if struct.parent is not None:
            inside = self._inside(struct.parent)
            return None if inside is None else (inside, struct.key)
        origin, right = struct.origin, struct.right_origin
        left = None if origin is None else self._at(origin)
        beside = left if right is None else self._at(right)
        assert beside is not None
        key = beside.key if isinstance(beside.key, str) else None
        if left is None or left is beside or _same(left, beside.container, key):
            return beside.container, key
        if beside.container.dead and left.container.dead:
            return ground.gone, None
        return None

    def _at(self, place: Id) -> Place:
        """The place of a clock that is there or has landed."""
        track = self._track(place)
        return self._ground.nowhere.place(None) if track is None else track.at(place[1])

    def _track(self, place: Id) -> Track | None:
        """Whatever has this clock."""
        client, clock = place
        for tracks in (self._ground.tracks, self._tracks):
            track = tracks.get(client)
            if track is not None and clock < track.end:
                return track
        return None

    def _root(self, name: str) -> Container:
        root = self._ground.roots.get(name) or self.roots.get(name)
        if root is None:
            root = self.roots[name] = Container((name,))
        return root

    def _inside(self, parent: Id) -> Container | None:
        """What an item holds, or held; None if it holds nothing."""
        track, clock = self._track(parent), parent[1]
        if track is None:
            return None
        held = track.container(clock)
        if held is not None:
            return held
        place = track.at(clock)
        if place.container.steps and (place.container.dead or track.buried(clock)):
            held = place.inside()
            held.dead = True
            return held
        return self._ground.gone if place.container is self._ground.gone else None

    def _in(self, container: Container, key: Key) -> Place:
        place = container.places.get(key)
        if place is None:
            place = self.fresh.get((container, key))
            if place is None:
                place = self.fresh[container, key] = Place(container, key)
        return place

    def settle(self) -> None:
        """Let the ground have it all."""
        ground = self._ground
        ground.roots |= self.roots
        for (container, key), place in self.fresh.items():
            container.places[key] = place
        for item in self.items:
            client, clock, length = item.range
            ground.settle(client, length, item.place)
            if item.held is not None:
                ground.track(client).hold(clock, item.held)
            ground.value((client, clock), length, item.place, item.origin)
            if item.content == DELETED:
                ground.bury(client, [(clock, length)])


class _Front:
    """How far the structs of one client have been taken."""

    __slots__ = ("at", "client", "clock", "lost", "stop")

    def __init__(self, section: Section) -> None:
        self.client = section.client
        self.at = section.start
        self.clock = section.clock
        self.stop = section.clock + section.length
        self.lost = False


def _is_value(struct: Item) -> bool:
    """Whether a struct may stand under a key."""
    return struct.right_origin is None and (struct.length == 1 or struct.content == DELETED)


def _same(place: Place, container: Container, key: str | None) -> bool:
    """Whether a place is this key, or of the sequence if there is none."""
    return place.container is container and (
        place.key == key if isinstance(place.key, str) else key is None
    )


_NO_ITEM = (GC, SKIP)
