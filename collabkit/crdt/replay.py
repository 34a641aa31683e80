"""Documents built from updates, and what each update did to them.

Rules:

1. An update reaches the engine only if it can be integrated at once. What would have to
   wait is a :class:`Gap`, so no document built here ever holds anything that its state
   vector and its encoding do not show.
2. Bytes that do not decode leave the document as it was: :class:`Bad`.
3. An update that contradicts the document may be applied in part, and a panic poisons the
   document. Either way it is lost, and to be built again without that update.
4. Whether an update brings structs is told from the state vector. Only if all it may bring
   is deletions is the engine watched, because watching costs as much as applying.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import EngineLost, MalformedBytes, UpdateRefused
from .budget import DEFAULT_BUDGET, NO_BUDGET, Budget
from .core import Core, is_panic
from .engine import Bad, Gap, Good, NothingNew, Verdict
from .update import StateVector, advance, advances, gap, scan

__all__ = ["Replay"]


class Replay:
    """A document that is built update by update.

    Attributes:
        core: The document.
        vector: How far it has got.
    """

    __slots__ = ("core", "name", "vector")

    def __init__(self, name: str) -> None:
        self.name = name
        self.core = Core()
        self.vector: StateVector = {}

    def __repr__(self) -> str:
        return f"<Replay of {self.name!r}, {len(self.vector)} clients>"

    def taste(self, updates: Iterable[bytes], budget: Budget = DEFAULT_BUDGET) -> list[Verdict]:
        """Apply updates in order and say of each how it went.

        Raises:
            EngineLost: One of them broke the document; it must not be used any more.
        """
        verdicts: list[Verdict] = []
        for index, update in enumerate(updates):
            try:
                verdicts.append(self._taste(update, budget))
            except Exception as error:
                raise EngineLost(self.name, index) from error
            except BaseException as error:
                if is_panic(error):
                    raise EngineLost(self.name, index) from error
                raise
        return verdicts

    def load(self, updates: Iterable[bytes]) -> None:
        """Apply what was accepted before: a checkpoint and rows, of any size.

        Raises:
            UpdateRefused: One of them cannot be applied, or builds on what is not among them.
            EngineLost: One of them broke the document.
        """
        for index, verdict in enumerate(self.taste(updates, NO_BUDGET)):
            if isinstance(verdict, Gap):
                raise UpdateRefused("gap", f"update {index} builds on edits that are not there")
            if isinstance(verdict, Bad):
                raise UpdateRefused(verdict.code, f"update {index}: {verdict.reason}")

    def _taste(self, update: bytes, budget: Budget) -> Verdict:
        try:
            found = scan(update, budget)
        except UpdateRefused as refusal:
            return Bad(refusal.code, refusal.reason)
        except MalformedBytes as error:
            return Bad("malformed", error.what)
        if gap(found, self.vector):
            return _GAP
        brings_structs = advances(found, self.vector)
        if not brings_structs and not found.deletes:
            return _NOTHING_NEW
        core = self.core
        if not brings_structs:
            core.watch()
        try:
            changed = core.apply(update)
        except ValueError as error:
            return Bad("undecodable", str(error))
        finally:
            core.unwatch()
        if not brings_structs:
            return _NOTHING_NEW if changed is None else _GOOD
        advance(found, self.vector)
        return _GOOD


_GOOD = Good()
_NOTHING_NEW = NothingNew()
_GAP = Gap()
