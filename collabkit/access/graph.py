"""What leads to what: ways that never end, and all that is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

__all__ = ["Follow", "Reached", "reached", "way_to", "winding"]

Follow: TypeAlias = Callable[[str], Iterable[str]]
"""Where it goes on from a place."""

Reached: TypeAlias = dict[str, str | None]
"""What was reached, and from where; starts are from nowhere."""


def winding(starts: Iterable[str], follow: Follow, most: int) -> list[str] | None:
    """A way that comes back to where it was, or has more than ``most`` steps; None if none does.

    Returns:
        The places on it, in order. Its last is there twice if it comes back.

    >>> winding("a", {"a": "b", "b": "ca", "c": ""}.__getitem__, 9)
    ['a', 'b', 'a']
    """
    heights: dict[str, int] = {}  # of places that are done with: the most steps from there
    for start in starts:
        way, on_it, branches = [start], {start}, [iter(follow(start))]
        height = [0]
        while way:
            place = next(branches[-1], None)
            if place is None:
                done = way.pop()
                on_it.discard(done)
                branches.pop()
                heights[done] = height.pop()
                if height:
                    height[-1] = max(height[-1], heights[done] + 1)
            elif place in on_it:
                return [*way[way.index(place) :], place]
            elif len(way) + heights.get(place, 0) > most:
                return [*way, place]
            elif place in heights:
                height[-1] = max(height[-1], heights[place] + 1)
            else:
                way.append(place)
                on_it.add(place)
                branches.append(iter(follow(place)))
                height.append(0)
    return None


def reached(starts: Iterable[str], follow: Follow) -> Reached:
    """All that is reached, the starts too, nearest first; :func:`way_to` tells how.

    >>> list(reached("a", {"a": "b", "b": "a"}.__getitem__))
    ['a', 'b']
    """
    came: Reached = dict.fromkeys(starts)
    nearest = list(came)
    while nearest:
        following = []
        for place in nearest:
            for each in follow(place):
                if each not in came:
                    came[each] = place
                    following.append(each)
        nearest = following
    return came


def way_to(came: Mapping[str, str | None], place: str) -> tuple[str, ...]:
    """The shortest way to what was reached, from a start.

    >>> way_to({"a": None, "b": "a"}, "b")
    ('a', 'b')
    """
    way = [place]
    while (before := came[way[-1]]) is not None:
        way.append(before)
    return tuple(reversed(way))
