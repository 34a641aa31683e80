"""★ Where each struct of a document is, and whether it lives: told from updates, by no engine.

An item names its place in the document, or is beside one that does. So whoever has seen all updates
knows where each struct is, and what an update will do before any engine has it.

Rules:

1. Updates are added in the order in which they are offered, each without a gap to those before.
   What is known is passed over.
2. What a document deletes is told when it is certain. What follows of it by itself is done here: a
   container takes along what is in it, and a new value the one before.
3. What is touched by an update, and how it is counted, is written in :mod:`.touching`; where its
   structs go in :mod:`.landing`; and what is kept of all that in :mod:`.ground`.
4. Typing, and setting a key again, is most of what there is, so it is told without any of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .ground import MARKS, Ground, Place, Range
from .landing import Landing
from .scan import Scan, Section
from .stowing import stow, unstow
from .structs import Id, read_id
from .touches import Touch
from .touching import touches

__all__ = ["Places"]

_UNTOLD: Final = (None, None, False)

# Stretches of what is deleted, living or dead, that are gone through in passing.
_FEW: Final = 64


def _nobody(client: int) -> bool:
    return False


class Places:
    """Where each struct of a document is.

    >>> from collabkit.crdt.scan import scan
    >>> places, hi = Places(), bytes.fromhex("010107000401017402686900")
    >>> [touch] = places.touched(hi, scan(hi), vector={}, mine=lambda client: True)
    >>> touch.action, touch.steps, touch.kind, touch.inserted
    ('write', ('t',), 'insert', ((7, 0, 2),))
    """

    __slots__ = ("_ground", "_landing")

    def __init__(self) -> None:
        self._ground = Ground()
        self._landing: Landing | None = None  # of the update that was asked of last

    def __repr__(self) -> str:
        return f"<Places of {len(self._ground.roots)} roots, {len(self._ground.tracks)} clients>"

    def add(self, update: bytes, found: Scan) -> None:
        """Take in what an update brings; of what it deletes nothing.

        Args:
            update: It leaves no gap to what was added before.
            found: Its scan.
        """
        ground, landing = self._ground, self._landing
        self._landing = None
        if found.plain and found.sections:
            section = found.sections[0]
            if section.clock == ground.end(section.client):
                place, origin, _ = self._beside(update, section)
                if place is not None:
                    own = (section.client, section.clock)
                    ground.settle(section.client, section.length, place)
                    if origin is not None:
                        ground.value(own, 1, place, origin)
                    return
        if landing is None or landing.update is not update:
            known = {section.client: ground.end(section.client) for section in found.sections}
            landing = Landing(ground, update, found, known)
        landing.settle()

    def died(self, ranges: Iterable[Range]) -> None:
        """Take in what was deleted for good, of what was added."""
        self._landing = None
        spans: dict[int, list[tuple[int, int]]] = {}
        for client, clock, length in ranges:
            spans.setdefault(client, []).append((clock, length))
        for client, each in spans.items():
            self._ground.bury(client, each)

    def touched(
        self,
        update: bytes,
        found: Scan,
        *,
        vector: Mapping[int, int],
        mine: Callable[[int], bool],
    ) -> list[Touch]:
        """Tell what an update would do, of what is new in it, place by place.

        Args:
            update: It leaves no gap to what was added before.
            found: Its scan.
            vector: How much of each client the document has.
            mine: Whether a client id belongs to the one whose update it is.

        Returns:
            The touches, in the order of paths. What cannot be placed is touched at no steps.
        """
        ground = self._ground
        if found.plain and found.sections:
            section = found.sections[0]
            if section.clock == vector.get(section.client, 0):
                touch = self._typed(update, section, found.deletes, mine)
                if touch is not None:
                    return [touch]
        elif found.plain:
            touch = self._cut(found.deletes, mine)
            if touch is not None:
                return [touch]
        landing = Landing(ground, update, found, vector)
        if all(vector.get(one.client, 0) == ground.end(one.client) for one in found.sections):
            self._landing = landing  # mostly the update is added next
        return touches(ground, landing, found, mine)

    def tells_at_once(self, update: bytes, found: Scan, vector: Mapping[int, int]) -> bool:
        """Whether it is told in passing what an update touches, however large the document is."""
        if not found.plain:
            return False
        if sum(self._ground.parts(*span) for span in found.deletes) > _FEW:
            return False
        if not found.sections:
            return self._cut(found.deletes, _nobody) is not None
        section = found.sections[0]
        if section.clock != vector.get(section.client, 0):
            return False
        return self._typed(update, section, found.deletes, _nobody) is not None

    def holds(self, ranges: Iterable[Range]) -> bool:
        """Whether there is a container in what these ranges are of; there may be much in that."""
        return any(self._ground.held(*span) for span in ranges)

    def is_dead(self, client: int, clock: int) -> bool:
        """Whether a struct was deleted, or what it was in."""
        track = self._ground.tracks[client]
        return track.buried(clock) or track.at(clock).container.dead

    # What nearly all updates are

    def _typed(
        self,
        update: bytes,
        section: Section,
        deletes: tuple[Range, ...],
        mine: Callable[[int], bool],
    ) -> Touch | None:
        """What the only struct of an update touches, if that is simple to tell."""
        place, origin, appends = self._beside(update, section)
        if place is None:
            return None
        inserted = ((section.client, section.clock, section.length),)
        if origin is None:
            if deletes:
                return None
            return Touch("write", place.steps, "insert", inserted, (), True, appends)
        before = (*origin, 1)
        if deletes and deletes != (before,):
            return None
        if self._ground.held(*before):
            return None
        deleted = () if self._ground.tracks[origin[0]].buried(origin[1]) else (before,)
        return Touch("write", place.steps, "set", inserted, deleted, not deleted or mine(origin[0]))

    def _cut(self, deletes: tuple[Range, ...], mine: Callable[[int], bool]) -> Touch | None:
        """What mere deletions touch, if that is one stretch of a sequence, and no container."""
        alive = list(self._ground.alive(deletes))
        if len(alive) != 1:
            return None
        [(place, span)] = alive
        if place.key is not None or self._ground.held(*span):
            return None
        return Touch("delete", place.steps, "remove", (), (span,), mine(span[0]))

    def _beside(self, update: bytes, section: Section) -> tuple[Place | None, Id | None, bool]:
        """Where the only struct of an update goes: text or a value, beside or instead of another.

        Returns:
            The place, None if it takes more to tell; the value that it replaces, None in a
            sequence; and whether nothing is behind it there.
        """
        at = section.start
        info, at = update[at], at + 1
        place = origin = None
        if info & 0x80:
            origin, at = read_id(update, at)
            place = self._at(origin)
            if place is None:
                return _UNTOLD
            if place.chain is not None:
                if (
                    info & 0x40
                    or section.length > 1
                    or place.container.dead
                    or place.chain.last != origin
                ):
                    return _UNTOLD
                return place, origin, False
        if info < 0x40:
            return _UNTOLD
        if info & 0x40:
            beside = self._at(read_id(update, at)[0])
            if beside is None or beside.chain is not None or place not in (None, beside):
                return _UNTOLD
            return beside, None, False
        return place, None, True

    def _at(self, own: Id) -> Place | None:
        """Where a clock is; the sequence for marks in it."""
        track = self._ground.tracks.get(own[0])
        if track is None or own[1] >= track.end:
            return None
        place = track.at(own[1])
        return place.container.places.get(None) if place.key == MARKS else place

    # Carrying

    def encode(self) -> bytes:
        """Write it down, for another process of the same machine."""
        return stow(self._ground)

    @classmethod
    def decode(cls, data: bytes) -> Places:
        """Read what :meth:`encode` wrote.

        Raises:
            MalformedBytes: It did not write that.
        """
        places = cls()
        places._ground = unstow(data)
        return places
