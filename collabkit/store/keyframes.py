"""★ Which checkpoints of a document are kept.

Rules:

1. The newest two: one to load from, and one should that be damaged.
2. Where a row is set aside, the newest two from before it: the later ones lack it, and would not
   do once it is let back.
3. Where rows were compacted away, the oldest that holds them: history begins there.
4. Those that end at a version.
5. Of the others so many that no moment is far behind one (keyframes): between two that are kept
   lie at most :data:`NEAR_ROWS` rows, or :data:`SHARE` of the rows behind them, as far as
   there ever was one. So they are dense lately and sparse long ago.
6. Keyframes never take more than the rows do: if they would, they are thinned further.

Measured on 100,000 keystrokes of a paper, a row each and a checkpoint every 500: 45 are kept,
1.7 MB beside rows of 2.5 MB, and the dearest moment costs 12 % of a replay of everything. Of those
of a flooded room, one each 8,000 rows, all 12 are kept, and it costs 15 %.

A mark says where a checkpoint is (its number in the file), where it ends and how large it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

__all__ = ["KEPT", "Mark", "chosen", "cuts"]

KEPT = 2

# Replaying so many rows takes 2 to 6 ms.
NEAR_ROWS = 125

# What is behind a keyframe costs as much of a replay of everything, and loading it comes to that.
SHARE = 1 / 8


class Mark(NamedTuple):
    """A checkpoint in its table."""

    no: int
    seq: int
    size_bytes: int


def chosen(
    marks: Sequence[Mark],
    *,
    floor: int = 0,
    aside: int | None = None,
    versions: Collection[int] = (),
    most_bytes: int = 0,
) -> set[int]:
    """Choose the checkpoints of a document that are kept; returns their numbers.

    Args:
        marks: All of them, newest first.
        floor: Rows up to here were compacted away.
        aside: The first row that is set aside.
        versions: The moments that have a name.
        most_bytes: What keyframes may take.
    """
    needed = {*marks[:KEPT]}
    if aside is not None:
        needed.update([mark for mark in marks if mark.seq < aside][:KEPT])
    if floor:
        needed.update([mark for mark in marks if mark.seq >= floor][-1:])
    latest = {mark.seq: mark for mark in reversed(marks)}
    needed.update(mark for seq, mark in latest.items() if seq in versions)
    spaced, share = marks, SHARE
    while spaced and share <= 1:
        spaced = list(_spaced(marks, needed, floor, share))
        if sum(mark.size_bytes for mark in spaced if mark not in needed) <= most_bytes:
            break
        spaced, share = [], share * 2
    return {mark.no for mark in (*needed, *spaced)}


def cuts(rows: int) -> list[int]:
    """Where a replay of so many rows that have no keyframes passes by one that is worth keeping.

    They are so far apart that those behind them stay when the newest two are others.
    """
    step = max(NEAR_ROWS, round(rows * SHARE))
    return list(range(rows - step, 0, -step))[::-1]


def _spaced(
    marks: Sequence[Mark], needed: Collection[Mark], floor: int, share: float
) -> Iterator[Mark]:
    """Walk back in time, and leave out what is near enough to both its neighbours together."""
    newest = last = marks[0].seq
    for mark, older in zip(marks, [*(mark.seq for mark in marks[1:]), floor], strict=True):
        near = last - older <= max(NEAR_ROWS, (newest - last) * share)
        if mark in needed or (not near and mark.seq < last):
            last = mark.seq
            yield mark
