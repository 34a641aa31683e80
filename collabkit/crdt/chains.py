"""Which of the values that a key of a map was given counts, as all replicas say it.

A value is put behind the one that its author saw. So values are a tree, in which a client who
saw what all others did has put his behind theirs, and those who did not know of each other have
put theirs behind the same one.

Rules:

1. Only one value of a key lives. By the algorithm of Yjs (YATA), where nothing has a right origin,
   as no value has, it is found from the root of the tree by going on to that of the values behind
   it which is of the highest client id, and among those of one client to the first. What is passed
   on that way is the *chain*.
2. A value behind the last of the chain goes on with it. One behind another of the chain replaces
   all that followed, if it is of a higher client id than what followed next. Any other never
   counts, and nothing that is put behind it does; so it is not kept.
3. Values that one client put behind each other one by one are one run of 24 bytes.
4. Along the chain the clocks of a client ascend. So a value in it is found by bisection, once
   somebody has asked for another than the last.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import TypeAlias

from .structs import Id

__all__ = ["Chain"]

Index: TypeAlias = dict[int, tuple["array[int]", "array[int]"]]
"""Of each client, the clocks at which its runs begin, and where these are."""


class Chain:
    """The values of a key that count, or counted before those behind them.

    >>> chain = Chain()
    >>> chain.put((7, 0), 1, None), chain.put((9, 0), 1, (7, 0)), chain.put((8, 0), 1, (7, 0))
    (True, True, False)
    >>> list(chain)
    [(7, 0, 1), (9, 0, 1)]
    """

    __slots__ = ("_index", "runs")

    def __init__(self, runs: array[int] | None = None) -> None:
        # Client, first clock and length of each run, one after the other.
        self.runs: array[int] = array("Q") if runs is None else runs
        self._index: Index | None = None

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
        """Another one, to try something that is not behind the last value."""
        copy = Chain(self.runs[:])
        copy._index = {one: (begins[:], at[:]) for one, (begins, at) in self._indexed().items()}
        return copy

    def put(self, own: Id, length: int, origin: Id | None) -> bool:
        """Take a value; return whether it is the one that counts now.

        Args:
            own: Its id.
            length: How many there are, each behind the one before.
            origin: What it is put behind.
        """
        runs = self.runs
        if origin != self.last:
            stop = self._stop(own[0], origin)
            if stop is None:
                return False
            self._cut(*stop)
        elif origin is not None and origin[0] == own[0] and origin[1] + 1 == own[1]:
            runs[-1] += length
            return True
        if self._index is not None:
            begins, at = self._index.setdefault(own[0], (array("Q"), array("Q")))
            begins.append(own[1])
            at.append(len(runs))
        runs.extend((*own, length))
        return True

    def _stop(self, client: int, origin: Id | None) -> tuple[int, int] | None:
        """Where the chain is cut for a value behind an origin, if it is.

        Returns:
            The index of the last run that stays, less than 0 if none does, and what stays of it;
            None if nothing is cut, and the value does not count.
        """
        runs = self.runs
        if origin is None:
            return (-3, 0) if runs[0] < client else None
        begins, at = self._indexed().get(origin[0], _NEVER)
        index = bisect_right(begins, origin[1]) - 1
        if index < 0:
            return None
        here = at[index]
        kept = origin[1] - runs[here + 1] + 1
        if kept > runs[here + 2]:
            return None
        follows = here + 3 if kept == runs[here + 2] else here
        return (here, kept) if runs[follows] < client else None

    def _cut(self, last: int, kept: int) -> None:
        """Drop what is behind so much of a run."""
        runs, index = self.runs, self._indexed()
        for place in range(last + 3, len(runs), 3):
            begins, at = index[runs[place]]
            begins.pop()
            at.pop()
        del runs[last + 3 :]
        if last >= 0:
            runs[last + 2] = kept

    def _indexed(self) -> Index:
        if self._index is None:
            self._index = {}
            for place in range(0, len(self.runs), 3):
                client, begin = self.runs[place], self.runs[place + 1]
                begins, at = self._index.setdefault(client, (array("Q"), array("Q")))
                begins.append(begin)
                at.append(place)
        return self._index


_NEVER = array("Q"), array("Q")
