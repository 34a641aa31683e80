"""★ Which pieces of two sequences, or of two texts, are the same, as a person would say.

Rules:

1. What is the same at both ends is, and so is an element that each side has once, as far as their
   order is one (patience diff). Between these, the longest common pieces are, and what lies
   beside them (Ratcliff and Obershelp, as in :mod:`difflib`).
2. The second half of that is quadratic for elements that come often, so it is done only while
   there are few pairs to look at. Where there are more, rows of elements count that come once; a
   stretch without any has nothing in common. So time grows with the length, whatever somebody
   may have written.
3. A text is compared by lines first, then by words inside lines that changed, then by characters
   inside words that changed, and there only if most of them stayed.
4. A few characters that stayed between two larger pieces that did not are an accident: who reads
   them loses the thread.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any, TypeAlias

__all__ = ["Block", "apart", "blocks", "joined", "text_blocks"]

Block: TypeAlias = tuple[int, int, int]
"""Where a common piece starts on the one side and on the other, and how long it is."""

# Pairs of equal elements that the search for the longest pieces may look at: between two anchors,
# and in one comparison. A quarter of a million takes 50 ms, and 500 ms if the pieces are short.
PAIRS = 250_000
ALL_PAIRS = 2_000_000
# Anchors between anchors between anchors: texts of people need three levels.
LEVELS = 16
# So many elements in a row are anchors where single ones come too often: eight words or so.
WINDOW = 16
# Longer stretches than this without a common word are no changed word.
WORD = 100
# Rule 4: what is longer is no accident.
ISLAND = 8

_Idle: TypeAlias = Callable[[Any], bool]
_Closer: TypeAlias = Callable[[str, str], Iterable[Block]]

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


def blocks(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Block]:
    """Find the common pieces of two sequences.

    Returns:
        The pieces, in order; between two of them at least one side has something else.

    >>> blocks("abcde", "abXde")
    [(0, 0, 2), (3, 3, 2)]
    """
    return _Search().blocks(old, new)


def text_blocks(old: str, new: str) -> list[Block]:
    r"""Find the common pieces of two texts, in code points.

    >>> old, new = "The quick fox\nsleeps.\n", "The slow fox\nsleeps.\n"
    >>> [old[i : i + n] for i, j, n in text_blocks(old, new)]
    ['The ', ' fox\nsleeps.\n']
    """
    return joined(_Search().lines(old, new))


class _Search:
    """One comparison, and how many pairs it may still look at."""

    def __init__(self) -> None:
        self._pairs_left = ALL_PAIRS

    # Sequences

    def blocks(
        self, old: Sequence[Hashable], new: Sequence[Hashable], idle: _Idle | None = None
    ) -> list[Block]:
        """Find common pieces; what is ``idle`` only belongs to one that it lies beside."""
        return joined(self._find(old, new, idle))

    def _find(
        self,
        old: Sequence[Hashable],
        new: Sequence[Hashable],
        idle: _Idle | None,
        *,
        level: int = 0,
    ) -> Iterator[Block]:
        shorter = min(len(old), len(new))
        head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
        rest = shorter - head
        tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
        stop, to = len(old) - tail, len(new) - tail
        yield 0, 0, head
        if head < stop and head < to:
            for i, j, n in self._between(old[head:stop], new[head:to], idle, level):
                yield head + i, head + j, n
        yield stop, to, tail

    def _between(
        self, old: Sequence[Hashable], new: Sequence[Hashable], idle: _Idle | None, level: int
    ) -> Iterator[Block]:
        """Find common pieces where neither end is one."""
        anchors = _anchors(old, new, idle) if level < LEVELS else []
        if not anchors:
            longest = self._longest(old, new, idle)
            if longest is not None or level == LEVELS:
                yield from longest or ()
                return
            anchors = _anchors(_windows(old), _windows(new), None)
        for at, opposite, (i, j, n) in apart(anchors, len(old), len(new)) if anchors else ():
            for left, right, length in self._find(
                old[at:i], new[opposite:j], idle, level=level + 1
            ):
                yield at + left, opposite + right, length
            yield i, j, n

    def _longest(
        self, old: Sequence[Hashable], new: Sequence[Hashable], idle: _Idle | None
    ) -> Sequence[Block] | None:
        """Find the longest common pieces; None if that would be too much work."""
        yours = Counter(new)
        pairs = sum(yours[each] for each in old if idle is None or not idle(each))
        if pairs > min(PAIRS, self._pairs_left):
            return None
        self._pairs_left -= pairs
        return SequenceMatcher(idle, old, new, autojunk=False).get_matching_blocks()

    # Texts

    def lines(self, old: str, new: str) -> Iterable[Block]:
        """Compare two texts by lines, and look closer at those that changed."""
        return _one_sided(old, new) or self._pieces(
            old.splitlines(keepends=True), new.splitlines(keepends=True), None, self._words
        )

    def _words(self, old: str, new: str) -> Iterable[Block]:
        if one_sided := _one_sided(old, new):
            return one_sided
        found = self._pieces(
            _WORDS.findall(old), _WORDS.findall(new), str.isspace, self._characters
        )
        return _without_islands(joined(found), len(old), len(new))

    def _characters(self, old: str, new: str) -> Iterable[Block]:
        if one_sided := _one_sided(old, new):
            return one_sided
        if max(len(old), len(new)) > WORD:
            return ()
        found = self.blocks(old, new)
        common = sum(n for _, _, n in found)
        return found if 2 * common > max(len(old), len(new)) else ()

    def _pieces(
        self, old: list[str], new: list[str], idle: _Idle | None, closer: _Closer
    ) -> Iterator[Block]:
        mine, yours = _starts(old), _starts(new)
        found = self.blocks(old, new, idle)
        for at, opposite, (i, j, n) in apart(found, len(old), len(new)):
            if at < i and opposite < j:
                for left, right, length in closer("".join(old[at:i]), "".join(new[opposite:j])):
                    yield mine[at] + left, yours[opposite] + right, length
            yield mine[i], yours[j], mine[i + n] - mine[i]


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable], idle: _Idle | None) -> list[Block]:
    """Elements that each side has once, in one order: the longest such row (patience sorting)."""
    mine, yours = Counter(old), Counter(new)
    once = {each for each, count in mine.items() if count == 1 and yours.get(each) == 1}
    if idle is not None:
        once = {each for each in once if not idle(each)}
    where = {each: at for at, each in enumerate(new) if each in once}
    pairs = [(at, where[each]) for at, each in enumerate(old) if each in once]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, right) in enumerate(pairs):
        pile = bisect_left(ends, right)
        before.append(last[pile - 1] if pile else -1)
        ends[pile : pile + 1] = [right]
        last[pile : pile + 1] = [number]
    row: list[Block] = []
    number = last[-1] if last else -1
    while number >= 0:
        row.append((*pairs[number], 1))
        number = before[number]
    return row[::-1]


def _windows(elements: Sequence[Hashable]) -> list[Hashable]:
    """Each element with those behind it: what comes often comes seldom in one row."""
    return [tuple(elements[at : at + WINDOW]) for at in range(len(elements) - WINDOW + 1)]


def joined(found: Iterable[Block]) -> list[Block]:
    """Pieces that touch on both sides become one."""
    joined: list[Block] = []
    for i, j, n in found:
        if not n:
            continue
        if joined and joined[-1][0] + joined[-1][2] == i and joined[-1][1] + joined[-1][2] == j:
            joined[-1] = (*joined[-1][:2], joined[-1][2] + n)
        else:
            joined.append((i, j, n))
    return joined


def apart(found: Iterable[Block], old: int, new: int) -> Iterator[tuple[int, int, Block]]:
    """Each common piece, and where what is apart before it begins; then the end of both sides.

    Args:
        found: The pieces.
        old: How long the one side is.
        new: How long the other is.

    >>> list(apart([(1, 0, 2)], 4, 2))
    [(0, 0, (1, 0, 2)), (3, 2, (4, 2, 0))]
    """
    at = opposite = 0
    for i, j, n in (*found, (old, new, 0)):
        yield at, opposite, (i, j, n)
        at, opposite = i + n, j + n


def _one_sided(old: str, new: str) -> list[Block] | None:
    """The common pieces, if the one text is the other with something in it."""
    shorter = min(len(old), len(new))
    head = _most(shorter, lambda n: old[:n] == new[:n])
    tail = _most(shorter, lambda n: old[len(old) - n :] == new[len(new) - n :])
    if head + tail < shorter:
        return None
    tail = shorter - head
    return [(0, 0, head), (len(old) - tail, len(new) - tail, tail)]


def _most(most: int, same: Callable[[int], bool]) -> int:
    """How much of an end is the same: comparing slices is far quicker than characters."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if same(middle) else (least, middle - 1)
    return least


def _starts(pieces: list[str]) -> list[int]:
    return [0, *accumulate(map(len, pieces))]


def _without_islands(found: list[Block], old: int, new: int) -> list[Block]:
    """Rule 4."""
    kept: list[Block] = []
    at = opposite = 0
    for number, (i, j, n) in enumerate(found):
        ahead = found[number + 1] if number + 1 < len(found) else (old, new, 0)
        behind = max(i - at, j - opposite)
        before = max(ahead[0] - i - n, ahead[1] - j - n)
        if n >= ISLAND or n >= min(behind, before):
            kept.append((i, j, n))
            at, opposite = i + n, j + n
    return kept
