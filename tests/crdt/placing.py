"""Places of updates."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from collabkit.crdt.places import Places
from collabkit.crdt.scan import scan
from collabkit.crdt.touches import Touch
from collabkit.crdt.update import StateVector, advance, gap

__all__ = ["brief", "placed", "touched"]


def placed(
    updates: Iterable[bytes],
    places: Places | None = None,
    vector: StateVector | None = None,
    mine: Callable[[int], bool] = lambda client: True,
) -> tuple[Places, StateVector, list[list[Touch]]]:
    """Add updates one by one, as a room does; and what each touched."""
    places = Places() if places is None else places
    vector = {} if vector is None else vector
    told: list[list[Touch]] = []
    for update in updates:
        found = scan(update)
        assert not gap(found, vector)
        told.append(places.touched(update, found, vector=vector, mine=mine))
        places.add(update, found)
        places.died(found.deletes)
        advance(found, vector)
    return places, vector, told


def touched(
    base: Iterable[bytes], update: bytes, mine: Callable[[int], bool] = lambda client: True
) -> list[Touch]:
    """What an update touches of a document."""
    return placed([*base, update], mine=mine)[2][-1]


def brief(touches: Iterable[Touch]) -> list[str]:
    """Touches as words: action, kind, and where."""
    return [
        " ".join((touch.action, touch.kind, "/".join(step or "[]" for step in touch.steps)))
        for touch in touches
    ]
