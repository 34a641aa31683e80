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
4. Typing is most of what there is, so it is told without any of that: one string beside items of
   one known place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .contents import STRING
from .ground import Ground, Place, Range
from .landing import Landing
from .scan import Scan, Section
from .stowing import stow, unstow
from .structs import read_id
from .touches import Touch
from .touching import touches

__all__ = ["Places"]


class Places:
    """Where each struct of a document is.

    >>> from collabkit.crdt.scan import scan
    >>> places, hi = Places(), bytes.fromhex("010107000401017402686900")
    >>> [touch] = places.touched(hi, scan(hi), vector={}, mine=lambda client: True)
    >>> touch.action, touch.steps, touch.kind, touch.inserted
    ('write', ('t',), 'insert', ((7, 0, 2),))
    """

    __slots__ = ("_ground",)

    def __init__(self) -> None:
        self._ground = Ground()

    def __repr__(self) -> str:
        return f"<Places of {len(self._ground.roots)} roots, {len(self._ground.tracks)} clients>"

    def add(self, update: bytes, found: Scan) -> None:
        """Take in what an update brings; of what it deletes nothing.

        Args:
            update: It leaves no gap to what was added before.
            found: Its scan.
        """
        ground = self._ground
        if found.plain and not found.deletes:
            section = found.sections[0]
            if section.clock == ground.end(section.client):
                place, _ = self._typed(update, section)
                if place is not None:
                    ground.settle(section.client, section.length, place)
                    return
        known = {section.client: ground.end(section.client) for section in found.sections}
        Landing(ground, update, found, known).settle()

    def died(self, ranges: Iterable[Range]) -> None:
        """Take in what was deleted for good, of what was added."""
        for client, clock, length in ranges:
            self._ground.bury(client, clock, length)

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
        if found.plain and not found.deletes:
            section = found.sections[0]
            if section.clock == vector.get(section.client, 0):
                place, appends = self._typed(update, section)
                if place is not None:
                    inserted = ((section.client, section.clock, section.length),)
                    steps = place.container.steps
                    return [Touch("write", steps, "insert", inserted, (), True, appends)]
        landing = Landing(self._ground, update, found, vector)
        return touches(self._ground, landing, found, mine)

    def is_dead(self, client: int, clock: int) -> bool:
        """Whether a struct was deleted, or what it was in."""
        track = self._ground.tracks[client]
        return track.buried(clock) or track.at(clock).container.dead

    def _typed(self, update: bytes, section: Section) -> tuple[Place | None, bool]:
        """Where the only struct of an update goes, if it is text beside text or the like.

        None if it takes more to tell. And whether it is put before nothing.
        """
        at = section.start
        info, at = update[at], at + 1
        if info & 31 != STRING or info < 0x40:
            return None, False
        place = None
        if info & 0x80:
            place, at = self._beside(update, at)
            if place is None:
                return None, False
        if not info & 0x40:
            return place, True
        right, _ = self._beside(update, at)
        if place is None:
            return right, False
        return (place if right is place else None), False

    def _beside(self, update: bytes, at: int) -> tuple[Place | None, int]:
        """The sequence that the struct of an id is in; None if it is in none that lives."""
        (client, clock), at = read_id(update, at)
        track = self._ground.tracks.get(client)
        if track is None or clock >= track.end:
            return None, at
        place = track.at(clock)
        if isinstance(place.key, str):
            return None, at
        if place.key is not None:
            place = place.container.places.get(None, place)
            if place.key is not None:
                return None, at
        return place, at

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
