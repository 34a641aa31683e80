"""★ How one text becomes another: the steps between two rows of runs.

Rules:

1. Texts are compared as strings in which a character stands for each embedded object
   (:mod:`.alignment`). That it is the right one is looked at where a step is made: no step rests
   on characters that only look alike.
2. Of one text at two moments it is known what is new: whatever came with rows that the older one
   has nothing of. The rest of the newer one was left of the older one, and is found in it; what
   lies between is compared as it reads.
3. Otherwise, where something new could as well have come one character further on, as the second
   ``l`` of ``hello``, it came where a later author's text starts and ends, else where a line or a
   word does.
4. Formatting differs where its names and values do; ``Reformat`` is for text that stays. An
   embedded shared type stays if it is the same one or alike, and is formatted in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from .alignment import Block, apart, blocks, joined, text_blocks
from .changed import Delete, Insert, Keep, Reformat, TextStep, Within, length_of
from .likeness import Likeness, sort_of
from .tree import Run, id_of, is_node

__all__ = ["Cursor", "Nested", "steps"]

Nested: TypeAlias = Callable[[Any, Any, int], Within | None]
"""Compares two embedded shared types, of which the new one is at an index."""

# The last plane of private use: 65,534 characters that no text should have.
_STAND_INS = 0x100000
_MOST_STAND_INS = 0xFFFE


def steps(
    old: Sequence[Run],
    new: Sequence[Run],
    *,
    like: Likeness,
    nested: Nested,
    gone: Sequence[Run] | None = None,
) -> tuple[TextStep, ...]:
    """Find the steps from one text to another.

    Args:
        old: The runs of the one.
        new: The runs of the other.
        like: Compares formatting and embedded objects.
        nested: Compares embedded shared types.
        gone: The old text again, as who took each part away.
    """
    script = _Script(like, nested)
    old, new = ([run for run in runs if length_of(run)] for runs in (old, new))
    ids = {id_of(run.value) for run in old} & {id_of(run.value) for run in new}
    before, after = (_string(runs, ids, like) for runs in (old, new))
    here, there = Cursor(old), Cursor(new)
    losses = Cursor(gone) if gone is not None else None
    found = _common(_pieces(old, before), _pieces(new, after))
    if found is None:
        found = _slid(text_blocks(before, after), before, after, _edges(old), _edges(new))
    for i, j, n in [*found, (len(before), len(after), 0)]:
        script.delete(here.take(i - here.at), losses)
        script.insert(there.take(j - there.at))
        for left, right in _side_by_side(here.take(n), there.take(n)):
            script.match(left, right, losses)
    return script.finished()


# What both have


_Piece: TypeAlias = tuple[str, int]
"""Some text, and the row that it came with; -1 if nobody knows."""


def _pieces(runs: Sequence[Run], text: str) -> list[_Piece]:
    pieces, at = [], 0
    for run in runs:
        pieces.append((text[at : at + length_of(run)], run.by.seq if run.by else -1))
        at += length_of(run)
    return pieces


def _common(old: list[_Piece], new: list[_Piece]) -> list[Block] | None:
    """What two texts have in common, if one is what became of the other (rule 2)."""
    found = _survived(old, new)
    if found is None and (back := _survived(new, old)):
        found = [(i, j, n) for j, i, n in back]
    if found is None:
        return None
    before, after = ("".join(text for text, _ in pieces) for pieces in (old, new))
    both: list[Block] = []
    for at, opposite, (i, j, n) in apart(found, len(before), len(after)):
        if at < i and opposite < j:
            between = text_blocks(before[at:i], after[opposite:j])
            both += ((at + left, opposite + right, length) for left, right, length in between)
        both.append((i, j, n))
    return joined(both)


def _survived(old: list[_Piece], new: list[_Piece]) -> list[Block] | None:
    """What of an old text is in a newer one; None if the one is not what became of the other."""
    last = max((row for _, row in old), default=-1)
    if last < 0 or any(row < 0 for _, row in (*old, *new)):
        return None
    written, left = dict[int, str](), dict[int, str]()
    for pieces, texts in ((old, written), (new, left)):
        for text, row in pieces:
            if row <= last:
                texts[row] = texts.get(row, "") + text
    if not left or not all(_is_within(text, written.get(row, "")) for row, text in left.items()):
        return None
    places: list[Block] = []  # in what is left, in the new text
    start = at = 0
    for text, row in new:
        if row <= last:
            places.append((start, at, len(text)))
            start += len(text)
        at += len(text)
    kept = [piece for piece in new if piece[1] <= last]
    return _placed(blocks(_elements(old), _elements(kept)), places)


def _elements(pieces: list[_Piece]) -> list[int]:
    """Characters that are told from those of other rows."""
    return [row << 21 | ord(letter) for text, row in pieces for letter in text]


def _is_within(part: str, whole: str) -> bool:
    """Whether a text is another one of which something went."""
    letters = iter(whole)
    return part == whole or all(letter in letters for letter in part)


def _placed(found: list[Block], places: list[Block]) -> list[Block]:
    """Pieces in what is left of a text, as pieces of the text that it is in."""
    placed: list[Block] = []
    rest = iter(places)
    start, at, length = next(rest)
    for i, j, n in found:
        done = 0
        while done < n:
            while start + length <= j + done:
                start, at, length = next(rest)
            skip = j + done - start
            size = min(n - done, length - skip)
            placed.append((i + done, at + skip, size))
            done += size
    return joined(placed)


def _string(runs: Sequence[Run], ids: set[Any], like: Likeness) -> str:
    return "".join(_letters(run.value, ids, like) for run in runs)


def _letters(value: Any, ids: set[Any], like: Likeness) -> str:
    if isinstance(value, str):
        return value
    own = id_of(value)
    return _stand_in(like.form(list(own) if own is not None and own in ids else value))


def _stand_in(number: int) -> str:
    return chr(_STAND_INS + number % _MOST_STAND_INS)


class Cursor:
    """A place in a row of runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = iter(runs)
        self._rest: Run | None = None
        self.at = 0

    def take(self, count: int) -> Iterator[Run]:
        """Go on by so many code points, and give the runs that they are."""
        self.at += count
        while count > 0:
            run = self._rest or next(self._runs)
            length = length_of(run)
            self._rest = _cut(run, count, length) if length > count else None
            yield _cut(run, 0, count) if length > count else run
            count -= length

    def skip(self, count: int) -> None:
        """Go on by so many code points."""
        for _ in self.take(count):
            pass

    def rest(self) -> Iterator[Run]:
        """Go on to the end, and give the runs up to there."""
        if self._rest:
            yield self._rest
        yield from self._runs


def _cut(run: Run, start: int, stop: int) -> Run:
    return Run(run.value[start:stop], run.attributes, run.by)


def _side_by_side(old: Iterator[Run], new: Iterator[Run]) -> Iterator[tuple[Run, Run]]:
    """Cut two rows of runs of one length, so that each piece of one is as long as the other's."""
    here = there = None
    while True:
        here, there = here or next(old, None), there or next(new, None)
        if here is None or there is None:
            return
        mine, yours = length_of(here), length_of(there)
        if mine == yours:
            yield here, there
            here = there = None
        elif mine < yours:
            yield here, _cut(there, 0, mine)
            here, there = None, _cut(there, mine, yours)
        else:
            yield _cut(here, 0, yours), there
            here, there = _cut(here, yours, mine), None


class _Script:
    """Steps as they are found."""

    def __init__(self, like: Likeness, nested: Nested) -> None:
        self._like = like
        self._nested = nested
        self._steps: list[TextStep] = []
        self._kept = 0  # behind the last step
        self._at = 0  # in the new text

    def delete(self, runs: Iterator[Run], losses: Cursor | None) -> None:
        for run in runs:
            self._delete(run, losses)

    def insert(self, runs: Iterator[Run]) -> None:
        for run in runs:
            self._step(Insert(run), length_of(run))

    def match(self, old: Run, new: Run, losses: Cursor | None) -> None:
        """Go from one run to another of its length, which may only look alike."""
        form, length = self._like.form, length_of(old)
        formatted_alike = form(old.attributes) == form(new.attributes)
        if form(old.value) == form(new.value):
            if formatted_alike:
                self._kept += length
                self._at += length
            else:
                self._step(Reformat(new, old.attributes), length)
        elif formatted_alike and is_node(old.value) and sort_of(old.value) == sort_of(new.value):
            within = self._nested(old.value, new.value, self._at)
            assert within is not None, "what has two forms is different"
            self._step(within, 1)
        else:
            self._delete(old, losses)
            self._step(Insert(new), length)
            return
        if losses is not None:
            losses.skip(length)

    def _delete(self, run: Run, losses: Cursor | None) -> None:
        if losses is None:
            self._step(Delete(run), 0)
            return
        at = 0
        for loss in losses.take(length_of(run)):
            length = length_of(loss)
            part = run if length == length_of(run) else _cut(run, at, at + length)
            self._step(Delete(part, loss.by), 0)
            at += length

    def _step(self, step: TextStep, length: int) -> None:
        if self._kept:
            self._steps.append(Keep(self._kept))
            self._kept = 0
        self._steps.append(step)
        self._at += length

    def finished(self) -> tuple[TextStep, ...]:
        return tuple(self._steps)


# Where something new begins


_Edges: TypeAlias = dict[int, int]
"""Where runs begin, and by which row."""


def _edges(runs: Sequence[Run]) -> _Edges:
    edges, at = {}, 0
    for run in runs:
        edges[at] = run.by.seq if run.by else 0
        at += length_of(run)
    edges[at] = 0
    return edges


def _slid(
    found: list[Block], old: str, new: str, old_edges: _Edges, new_edges: _Edges
) -> list[Block]:
    """Rule 3: move what lies between two common pieces to where it was put."""
    slid = [(0, 0, 0), *found, (len(old), len(new), 0)]
    for number in range(len(slid) - 1):
        i, j, n = slid[number]
        next_i, next_j, next_n = slid[number + 1]
        if i + n == next_i and j + n < next_j:
            by = _shift(new, new_edges, (j + n, next_j), (n, next_n))
        elif j + n == next_j and i + n < next_i:
            by = _shift(old, old_edges, (i + n, next_i), (n, next_n))
        else:
            continue
        slid[number] = i, j, n + by
        slid[number + 1] = next_i + by, next_j + by, next_n - by
    return [block for block in slid if block[2]]


def _shift(text: str, edges: _Edges, piece: tuple[int, int], room: tuple[int, int]) -> int:
    """How far to move a piece of a text, back or ahead, with as much room as there is."""
    (start, stop), (back, ahead) = piece, room
    least = most = 0
    while -least < back and text[start + least - 1] == text[stop + least - 1]:
        least -= 1
    while most < ahead and text[start + most] == text[stop + most]:
        most += 1
    if least == most:
        return 0

    def fits(by: int) -> tuple[int, bool, bool, int]:
        left, right = start + by, stop + by
        return (
            edges[left] if left in edges and right in edges else -1,
            left == 0 or text[left - 1] == "\n",
            left == 0 or not (text[left - 1].isalnum() and text[left].isalnum()),
            by,
        )

    return max(range(least, most + 1), key=fits)
