"""The values that one key of a map has had, in the order that all replicas give them.

Rules:

1. Only the last value of a key lives. Whoever puts another one behind it deletes it, and a value
   that comes to stand before another is dead as it comes.
2. A value goes behind its origin: the one that its author saw. Of several with the same origin
   the one of the higher client id is later, and takes along what was put behind it. This is the
   algorithm of Yjs (YATA) where nothing has a right origin, which no client gives to values.
3. Values that one client put behind each other one by one are kept as one run, and of a value an
   origin only if it is not the value before: a key that is set in turns takes 24 bytes a turn.
4. An origin that is kept is the end of a run: it was when it was told, because it was the end of
   all or the run was cut behind it, and no run goes on but the last.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from .structs import Id

__all__ = ["Chain"]


class Chain:
    """The values of a key.

    >>> chain = Chain()
    >>> chain.put((7, 0), 1, None), chain.put((9, 0), 1, (7, 0)), chain.put((8, 0), 1, (7, 0))
    (True, True, False)
    >>> list(chain)
    [(7, 0, 1), (8, 0, 1), (9, 0, 1)]
    """

    __slots__ = ("odd", "runs")

    def __init__(
        self, runs: array[int] | None = None, odd: dict[Id, Id | None] | None = None
    ) -> None:
        # Client, first clock and length of each run, one after the other.
        self.runs: array[int] = array("Q") if runs is None else runs
        self.odd = odd  # the origins that are not the value before

    def __repr__(self) -> str:
        return f"<Chain of {len(self.runs) // 3} runs>"

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        runs = iter(self.runs)
        return zip(runs, runs, runs, strict=True)

    @property
    def last(self) -> Id | None:
        """The value that counts."""
        runs = self.runs
        return (runs[-3], runs[-2] + runs[-1] - 1) if runs else None

    def copy(self) -> Chain:
        """Another one, to try something."""
        return Chain(self.runs[:], None if self.odd is None else dict(self.odd))

    def put(self, own: Id, length: int, origin: Id | None) -> bool:
        """Put a value in its place; return whether it is the last one now.

        Args:
            own: Its id.
            length: How many there are, each behind the one before.
            origin: What it is put behind.
        """
        runs = self.runs
        if origin == self.last:
            if origin is not None and origin[0] == own[0] and origin[1] + 1 == own[1]:
                runs[-1] += length
            else:
                runs.extend((*own, length))
            return True
        index = self._place(own[0], origin, self._behind(origin))
        if self.odd is None:
            self.odd = {}
        before = self._end(index - 3)
        if index < len(runs):
            # What follows was put behind the value before, which is this one from now on.
            self.odd.setdefault((runs[index], runs[index + 1]), before)
        if origin != before:
            self.odd[own] = origin
        runs[index:index] = array("Q", (*own, length))
        return index == len(runs) - 3

    def _end(self, index: int) -> Id | None:
        """The last value of the run at an index; None before the first."""
        runs = self.runs
        return (runs[index], runs[index + 1] + runs[index + 2] - 1) if index >= 0 else None

    def _behind(self, origin: Id | None) -> int:
        """The index behind a value, whose run is cut there."""
        if origin is None:
            return 0
        runs = self.runs
        for index in range(len(runs) - 3, -1, -3):
            start = runs[index + 1]
            if runs[index] == origin[0] and start <= origin[1] < start + runs[index + 2]:
                kept = origin[1] - start + 1
                rest = runs[index + 2] - kept
                if rest:
                    runs[index + 2] = kept
                    runs[index + 3 : index + 3] = array("Q", (origin[0], origin[1] + 1, rest))
                return index + 3
        return 0

    def _place(self, client: int, origin: Id | None, start: int) -> int:
        """The index at which a value goes, at or behind the one where its origin ends.

        Of a run all goes as its first value does, since each of the others was put behind the
        one before.
        """
        runs, odd = self.runs, self.odd or {}
        passed: dict[Id | None, int] = {}  # the ends of runs behind the origin, and where
        here = start
        for index in range(start, len(runs), 3):
            theirs = odd.get((runs[index], runs[index + 1]), self._end(index - 3))
            if theirs == origin:
                if runs[index] >= client:
                    break
                here = index + 3
            elif theirs not in passed:
                break
            elif passed[theirs] < here:
                here = index + 3
            passed[self._end(index)] = index
        return here
