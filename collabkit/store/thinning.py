"""★ Which versions are thinned out: dense lately, sparse long ago, pinned for ever.

Rules:

1. All of the last hour stay; of each hour of the last day, of each day of the last 30, and of
   each 30 days before that, the last one does. Hours and days are those of the clock (UTC), so
   what was left once is left again.
2. What is pinned stays. What somebody kept by hand does too, unless that is asked for.
3. Versions of different documents, and those of all, are thinned apart.
4. What stays fills its place: an hour with a pinned version in it needs no other.
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import Version

__all__ = ["thinned"]

_HOUR = 60 * 60 * 1000
_DAY = 24 * _HOUR


def thinned(versions: Sequence[Version], *, now_ms: int, manual: bool = False) -> list[Version]:
    """Choose the versions that go; all others stay.

    Args:
        versions: All there are.
        now_ms: Wall clock in Unix milliseconds.
        manual: Also those that somebody kept by hand.

    >>> from ..ids import Seq, Subject
    >>> day = 24 * 60 * 60 * 1000
    >>> at = [9 * day, 9 * day + 1, 10 * day]
    >>> kept = [Version(str(ms), Seq(ms), Subject("ada"), ms, kind="auto") for ms in at]
    >>> [version.name for version in thinned(kept, now_ms=12 * day)]
    ['777600000']
    """
    newest_first = sorted(versions, key=lambda one: (one.at_ms, one.seq), reverse=True)
    stays = {one.name for one in versions if one.pinned or (one.kind == "manual" and not manual)}
    filled = {_place(one, now_ms) for one in newest_first if one.name in stays}
    gone: list[Version] = []
    for version in newest_first:
        place = _place(version, now_ms)
        if version.name in stays or place is None:
            continue
        if place in filled:
            gone.append(version)
        filled.add(place)
    return gone


def _place(version: Version, now_ms: int) -> tuple[str | None, int, int] | None:
    """Which hour or day it is of; None while all are kept."""
    at_ms = version.at_ms
    if now_ms - at_ms < _HOUR:
        return None
    # Whole hours and days grow old at once, so what stays does not hang on when one looks.
    if now_ms // _HOUR - at_ms // _HOUR < 24:
        width = _HOUR
    elif now_ms // _DAY - at_ms // _DAY < 30:
        width = _DAY
    else:
        width = 30 * _DAY
    return version.document, width, at_ms // width
