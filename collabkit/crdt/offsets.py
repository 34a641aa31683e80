"""★ Where a code point lies in bytes and in UTF-16 units.

The engine counts text in UTF-8 bytes, its sticky positions in UTF-16 units, and
Python in code points. An :class:`Offsets` converts between them for one text.

Rules:

1. While every unit of a text is one byte wide (ASCII, and embedded objects, which
   count one in all three) the text is *narrow*: all three are the same number and
   nothing is kept.
2. Otherwise a copy of the text is kept in chunks of about 10·√n code points, each
   with its length in the three units. A conversion walks the lengths and encodes a
   part of one chunk: O(√n), a few microseconds at a million code points.
3. An embedded object is a NUL in the copy: it is one unit wide, as a real NUL is.
4. A narrow text that takes a wide character only notes that it is *stale*; who
   uses it next loads it from the whole text.
"""

from __future__ import annotations

from enum import IntEnum
from math import isqrt

__all__ = ["EMBED", "Offsets", "Scale"]

EMBED = "\0"

_SMALLEST_CHUNK = 1024


class Scale(IntEnum):
    """In what a position is counted."""

    POINTS = 0
    BYTES = 1
    UTF16 = 2


def _measure(text: str, scale: Scale) -> int:
    """How long a text is."""
    if scale is Scale.POINTS:
        return len(text)
    if scale is Scale.BYTES:
        return len(text.encode())
    return len(text.encode("utf-16-le")) >> 1


def _head(text: str, length: int, scale: Scale) -> str:
    """The first ``length`` units of a text, without half a character at the end."""
    if scale is Scale.POINTS:
        return text[:length]
    if scale is Scale.BYTES:
        return text.encode()[:length].decode()
    return text.encode("utf-16-le")[: 2 * length].decode("utf-16-le", "ignore")


class Offsets:
    """The lengths of a text in three scales, chunk by chunk; nothing at all while it is narrow.

    Attributes:
        narrow: All scales are the same.
        stale: The text is not what was loaded and followed.
        torn: What was loaded is not as long as the engine's text, so nothing can be converted.
        idle: How often it followed since it was last used; the owner counts.

    >>> offsets = Offsets("a€😀")
    >>> offsets.convert(2, Scale.POINTS, Scale.BYTES), offsets.convert(4, Scale.UTF16, Scale.POINTS)
    (4, 3)
    """

    __slots__ = ("_chunks", "_lengths", "_size", "idle", "narrow", "stale", "torn")

    narrow: bool
    stale: bool
    torn: bool

    def __init__(self, text: str) -> None:
        self.idle = 0
        self.load(text)

    def __repr__(self) -> str:
        state = "stale" if self.stale else "narrow" if self.narrow else f"{len(self)} code points"
        return f"<Offsets {state}>"

    def __len__(self) -> int:
        """Length in code points; only a wide text knows it."""
        return sum(self._lengths[Scale.POINTS])

    def load(self, text: str) -> None:
        """Start again from the whole text, with :data:`EMBED` for each embedded object."""
        self.stale = self.torn = False
        self.narrow = text.isascii()
        self._size = max(_SMALLEST_CHUNK, 10 * isqrt(len(text)))
        self._chunks: list[str] = []
        self._lengths: tuple[list[int], list[int], list[int]] = ([], [], [])
        if not self.narrow:
            self._put(0, 0, text)

    def size(self, scale: Scale) -> int:
        """Length in a scale; only a wide text knows it."""
        return sum(self._lengths[scale])

    def convert(self, position: int, source: Scale, target: Scale) -> int:
        """Express a position, at most the length, in another scale."""
        if self.narrow or position == 0:
            return position
        k, rest = self._seek(position, source)
        before = sum(self._lengths[target][:k])
        return before + _measure(_head(self._chunks[k], rest, source), target)

    def insert(self, point: int, text: str) -> None:
        """Follow the insertion of a text at a code point."""
        if self.narrow:
            self.stale = self.stale or not text.isascii()
        elif not self._chunks:
            self._put(0, 0, text)
        else:
            k, rest = self._seek(point, Scale.POINTS)
            chunk = self._chunks[k]
            grown = f"{chunk[:rest]}{text}{chunk[rest:]}"
            if len(grown) > 2 * self._size:
                self._put(k, k + 1, grown)
            else:  # what a keystroke does: nothing but the new text is measured
                self._chunks[k] = grown
                for scale in Scale:
                    self._lengths[scale][k] += _measure(text, scale)

    def delete(self, start: int, stop: int) -> None:
        """Follow the deletion of the code points from start to stop."""
        if self.narrow or start == stop:
            return
        first, head = self._seek(start, Scale.POINTS)
        last, tail = self._seek(stop, Scale.POINTS)
        rest = self._chunks[first][:head] + self._chunks[last][tail:]
        after = last + 1
        if len(rest) < self._size // 4 and after < len(self._chunks):
            rest += self._chunks[after]  # so that deleting leaves no trail of crumbs
            after += 1
        self._put(first, after, rest)

    def _seek(self, position: int, scale: Scale) -> tuple[int, int]:
        """The chunk that holds a position, and how far into it, in the same scale."""
        lengths = self._lengths[scale]
        for k, length in enumerate(lengths):
            if position <= length:
                return k, position
            position -= length
        raise IndexError(position)

    def _put(self, first: int, after: int, text: str) -> None:
        """Replace the chunks from first to after by a text, cut up if it is long."""
        size = self._size
        step = size if len(text) > 2 * size else 2 * size
        pieces = [text[i : i + step] for i in range(0, len(text), step)]
        self._chunks[first:after] = pieces
        for scale in Scale:
            self._lengths[scale][first:after] = [_measure(piece, scale) for piece in pieces]
        if len(self._chunks) * 25 > size:  # four times as many as the size was chosen for
            self.load("".join(self._chunks))
