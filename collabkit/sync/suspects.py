"""Edits of which one may have killed the engine: examined together, then acquitted or not."""

from __future__ import annotations

from collections.abc import Sequence

from ..crdt.engine import Death
from .effects import Examine
from .pending import Pending

__all__ = ["Suspects"]

# Nobody dies twice over the same update by chance.
MAX_DEATHS = 2


class Suspects:
    """Those of one room. While there are any, nobody is tasted."""

    __slots__ = ("_all", "_examined")

    def __init__(self) -> None:
        self._all: list[Pending] = []
        self._examined: list[Pending] | None = None  # those that are, at the moment

    def __repr__(self) -> str:
        return f"<Suspects: {len(self._all)}>"

    def __bool__(self) -> bool:
        return bool(self._all)

    def died(self, trip: Sequence[Pending], culprit: int) -> None:
        """The engine died while it was at one of a trip; those before it are suspects too."""
        tried = [edit for edit in trip if edit.update][: culprit + 1]
        tried[-1].deaths += 1
        self._all = tried

    def clear(self) -> None:
        """None of them is on its way any more."""
        self._all = []

    def examine(self) -> list[Examine]:
        """Have them examined, unless that is being done."""
        if not self._all or self._examined is not None:
            return []
        self._examined = self._all
        return [Examine(tuple(edit.asked for edit in self._all))]

    def examined(self, deaths: Sequence[Death]) -> list[tuple[Pending, str]]:
        """Who is guilty, and what the engine died of. The others are suspects no more."""
        suspects, self._examined = self._examined, None
        if suspects is None or suspects is not self._all:  # they are others, since
            return []
        self._all = []
        found = [(suspects[death.index], death.how) for death in deaths]
        if not found and suspects[-1].deaths >= MAX_DEATHS:
            found = [(suspects[-1], f"died {MAX_DEATHS} times while it was at this")]
        return found
