"""The ground of a document: its containers, in which place of them each struct is, and what lives.

Rules:

1. A *container* is a root, or a shared type that an item holds. In it are *places*: one for each
   key, one for the sequence, and one for the marks that format the sequence.
2. Every clock that a client has used is in some place. Mostly he goes on where he was, so only
   the clocks are kept at which he did not.
3. What was collected is in :attr:`Ground.gone`, and what cannot be told, since no client makes
   such a thing and engines need not agree about it, in :attr:`Ground.nowhere`.
4. A struct is dead if it was deleted, or if its container is dead: what held it was deleted, or
   was in a dead one itself. The dead never live again.
5. Of a key only the last value lives, see :mod:`.chains`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from .chains import Chain
from .structs import Id
from .update import merged

__all__ = ["MARKS", "Container", "Ground", "Key", "Place", "Range", "Steps", "Track"]

Steps: TypeAlias = tuple[str | None, ...]
"""A root, and keys from there; None is an element of a sequence."""

Key: TypeAlias = str | int | None
"""What tells the places of a container apart: a key, None for the sequence, or ``MARKS``."""

Range: TypeAlias = tuple[int, int, int]
"""A client, a first clock, and a length."""

MARKS: Final = 0

# Deletions of one client in one update, from which on it is faster to sort all that he ever had.
_MANY: Final = 500


class Container:
    """A root, or a shared type that an item holds.

    Attributes:
        steps: Where it is; nothing if that cannot be told.
        places: Those in which something ever was.
    """

    __slots__ = ("dead", "places", "steps")

    def __init__(self, steps: Steps, *, dead: bool = False) -> None:
        self.steps = steps
        self.dead = dead
        self.places: dict[Key, Place] = {}

    def __repr__(self) -> str:
        return f"<Container {self.steps}{' dead' if self.dead else ''}>"

    def place(self, key: Key) -> Place:
        """The place of a key, which is made if it was not there."""
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = Place(self, key)
        return place


class Place:
    """Where structs are.

    Attributes:
        chain: The values of a key; None if this is no key.
        starts: Of what is no key, a client and a clock wherever one went on here; see
            :meth:`Track.run`.
    """

    __slots__ = ("chain", "container", "key", "starts")

    def __init__(self, container: Container, key: Key) -> None:
        self.container = container
        self.key = key
        self.chain = Chain() if isinstance(key, str) else None
        self.starts: array[int] | None = None if isinstance(key, str) else array("Q")

    def __repr__(self) -> str:
        return f"<Place {self.steps}>"

    @property
    def steps(self) -> Steps:
        """Where it is. The sequence of a container is where the container is."""
        steps, key = self.container.steps, self.key
        return (*steps, key) if isinstance(key, str) and steps else steps

    def inside(self) -> Container:
        """A container for an item here."""
        steps = self.steps
        if steps and not isinstance(self.key, str):
            steps = (*steps, None)
        return Container(steps, dead=self.container.dead)


class Track:
    """What one client did: where, and what of it was deleted.

    Attributes:
        end: The clock that the client's next struct will have.
        starts: The clocks at which he went on in another place than before.
        places: These places.
        clocks: The clocks of items that hold a container.
        held: These containers.
        dead_from: Where what was deleted begins.
        dead_to: Where it ends.
    """

    __slots__ = ("clocks", "dead_from", "dead_to", "end", "held", "places", "starts")

    def __init__(self, end: int = 0) -> None:
        self.end = end
        self.starts = array("Q")
        self.places: list[Place] = []
        self.clocks = array("Q")  # of the items that hold a container
        self.held: list[Container] = []
        self.dead_from = array("Q")
        self.dead_to = array("Q")

    def __repr__(self) -> str:
        return f"<Track of {self.end} clocks in {len(self.starts)} runs>"

    def go(self, length: int, place: Place) -> bool:
        """Go on in a place; return whether that is another one than before."""
        clock = self.end
        self.end = clock + length
        if self.places and self.places[-1] is place:
            return False
        self.starts.append(clock)
        self.places.append(place)
        return True

    def hold(self, clock: int, container: Container) -> None:
        """The item of the last clocks holds a container."""
        self.clocks.append(clock)
        self.held.append(container)

    def at(self, clock: int) -> Place:
        """The place of a clock."""
        return self.places[bisect_right(self.starts, clock) - 1]

    def run(self, clock: int, stop: int) -> Iterator[tuple[Place, int, int]]:
        """The places from a clock up to another, each with where it begins and ends."""
        starts = self.starts
        index = bisect_right(starts, clock) - 1
        while clock < stop:
            end = starts[index + 1] if index + 1 < len(starts) else self.end
            yield self.places[index], clock, min(end, stop)
            clock, index = end, index + 1

    def parts(self, clock: int, stop: int) -> int:
        """How many stretches there are at most, by place and life, from a clock up to another."""
        told = (self.starts, self.dead_from)
        return 1 + sum(bisect_left(one, stop) - bisect_left(one, clock) for one in told)

    def run_end(self, start: int) -> int:
        """Where the run ends that begins at a clock."""
        index = bisect_right(self.starts, start)
        return self.starts[index] if index < len(self.starts) else self.end

    def container(self, clock: int) -> Container | None:
        """What an item holds."""
        index = bisect_left(self.clocks, clock)
        if index < len(self.clocks) and self.clocks[index] == clock:
            return self.held[index]
        return None

    def containers(self, clock: int, stop: int) -> list[Container]:
        """What the items from a clock up to another hold."""
        low = bisect_left(self.clocks, clock)
        return self.held[low : bisect_left(self.clocks, stop)]

    def buried(self, clock: int) -> bool:
        """Whether a clock was deleted."""
        index = bisect_right(self.dead_from, clock) - 1
        return index >= 0 and clock < self.dead_to[index]

    def unburied(self, clock: int, stop: int) -> Iterator[tuple[int, int]]:
        """What was not deleted of the clocks from one up to another."""
        begins, ends = self.dead_from, self.dead_to
        index = bisect_right(ends, clock)
        while clock < stop:
            begin = begins[index] if index < len(begins) else stop
            if clock < begin:
                yield clock, min(begin, stop)
            clock = ends[index] if index < len(ends) else stop
            index += 1

    def bury(self, clock: int, stop: int) -> None:
        """The clocks from one up to another were deleted."""
        begins, ends = self.dead_from, self.dead_to
        low = bisect_left(ends, clock)
        high = bisect_right(begins, stop)
        if low < high:
            clock, stop = min(clock, begins[low]), max(stop, ends[high - 1])
        begins[low:high] = array("Q", (clock,))
        ends[low:high] = array("Q", (stop,))

    def bury_all(self, spans: Sequence[tuple[int, int]]) -> None:
        """Many clocks, each with a length, were deleted."""
        known = zip(self.dead_from, self.dead_to, strict=True)
        joined = merged([*((begin, end - begin) for begin, end in known), *spans])
        self.dead_from = array("Q", [clock for clock, _ in joined])
        self.dead_to = array("Q", [clock + length for clock, length in joined])


class Ground:
    """All tracks, and the roots."""

    __slots__ = ("gone", "nowhere", "roots", "tracks")

    def __init__(self) -> None:
        self.tracks: dict[int, Track] = {}
        self.roots: dict[str, Container] = {}
        self.gone = Container((), dead=True)
        self.nowhere = Container(())

    def __repr__(self) -> str:
        return f"<Ground of {len(self.roots)} roots, {len(self.tracks)} clients>"

    def end(self, client: int) -> int:
        """The clock that a client's next struct will have."""
        track = self.tracks.get(client)
        return 0 if track is None else track.end

    def track(self, client: int) -> Track:
        """What a client did, to go on."""
        track = self.tracks.get(client)
        if track is None:
            track = self.tracks[client] = Track()
        return track

    # Reading

    def alive(self, ranges: Iterable[Range]) -> Iterator[tuple[Place, Range]]:
        """What lives of ranges, and where it is."""
        for client, start, length in ranges:
            track = self.tracks.get(client)
            if track is None:
                continue
            for place, clock, stop in track.run(start, min(start + length, track.end)):
                if not place.container.dead:
                    for begin, end in track.unburied(clock, stop):
                        yield place, (client, begin, end - begin)

    def held(self, client: int, clock: int, length: int) -> list[Container]:
        """What the items of a range hold, living or not."""
        track = self.tracks.get(client)
        return [] if track is None else track.containers(clock, clock + length)

    def parts(self, client: int, start: int, length: int) -> int:
        """How many stretches a range has at most, by where they are and whether they live."""
        track = self.tracks.get(client)
        return 0 if track is None else track.parts(start, start + length)

    def here(self, place: Place) -> list[Range]:
        """What lives in a place."""
        if place.container.dead:
            return []
        if place.chain is not None:
            last = place.chain.last
            dead = last is None or self.tracks[last[0]].buried(last[1])
            return [] if last is None or dead else [(*last, 1)]
        ranges: list[Range] = []
        starts = iter(place.starts or ())
        for client, start in zip(starts, starts, strict=True):
            track = self.tracks[client]
            ranges += (
                (client, begin, end - begin)
                for begin, end in track.unburied(start, track.run_end(start))
            )
        return ranges

    # Changing

    def settle(self, client: int, length: int, place: Place) -> None:
        """A client goes on in a place."""
        track = self.track(client)
        clock = track.end
        if track.go(length, place) and place.starts is not None and not place.container.dead:
            place.starts.extend((client, clock))

    def value(self, own: Id, length: int, place: Place, origin: Id | None) -> None:
        """A client put a value under a key: the one before dies, or itself."""
        chain = place.chain
        if chain is None or place.container.dead:
            return
        before = chain.last
        if not chain.put(own, length, origin):
            self.bury(own[0], [(own[1], length)])
            return
        if length > 1:
            self.bury(own[0], [(own[1], length - 1)])
        if before is not None:
            self.bury(before[0], [(before[1], 1)])

    def bury(self, client: int, spans: Sequence[tuple[int, int]]) -> None:
        """Clocks and lengths of a client were deleted, and all in the containers that they held."""
        track = self.track(client)
        if len(spans) < _MANY:
            for clock, length in spans:
                track.bury(clock, clock + length)
        else:
            track.bury_all(spans)
        falling = [
            held for clock, length in spans for held in track.containers(clock, clock + length)
        ]
        while falling:
            container = falling.pop()
            if container.dead:
                continue
            for place in container.places.values():
                for one, start, many in self.here(place):
                    falling += self.tracks[one].containers(start, start + many)
            container.dead = True
            for place in container.places.values():
                place.chain = None if place.chain is None else Chain()
                place.starts = None if place.starts is None else array("Q")
