"""Documents built from updates, and what each update did to them.

Rules:

1. An update reaches the engine only if it can be integrated at once. What would have to
   wait is a :class:`Gap`, so no document built here ever holds anything that its state
   vector and its encoding do not show.
2. Bytes that do not decode leave the document as it was: :class:`Bad`.
3. An update that contradicts the document may be applied in part, one whose clients build on
   each other in a circle is never integrated, and a panic poisons the document. In each case
   it is lost, and to be built again without that update.
4. Shared types nest no deeper than a budget allows, over all updates; and text is never
   among the elements of an array. Who reads that would crash, or loop for ever. Nor is a
   character parted that takes two clocks: the engine would lose count, see `pairs`.
5. What is contested is taken in parts, see :mod:`.mending`. What is put back is put back under
   one client id, drawn anew each time that a document is opened: nobody can know it before.
6. Whether an update brings structs is told from the state vector. Only if all it may bring
   is deletions is the engine watched, because watching costs as much as applying.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..errors import EngineLost, MalformedBytes, UpdateRefused
from ..ids import new_client_id
from .budget import DEFAULT_BUDGET, NO_BUDGET, REFUSALS, Budget, refuse
from .core import Core, is_panic
from .engine import Bad, Contested, Gap, Good, Mended, NothingNew, Verdict
from .mending import emptied, lives_not, putting_back, taken
from .nesting import Nesting, Placed
from .pairs import Pairs, Runs
from .places import Places
from .scan import Note, Scan
from .sights import Sights
from .update import EMPTY_UPDATE, StateVector, advance, advances, decode_state_vector, gap, scan

__all__ = ["Replay"]


class Replay:
    """A document that is built update by update.

    Args:
        name: What to call it.
        budget: What an update may hold that is tasted.
        guarded: Where its items are is kept, so that rule 4 can be held. Not for one that only
            loads what was accepted before.

    Attributes:
        core: The document.
        vector: How far it has got.
        weight_bytes: How much it has taken.
    """

    __slots__ = (
        "_budget", "_mender", "_nesting", "_pairs", "core", "name", "vector", "weight_bytes",
    )  # fmt: skip

    def __init__(self, name: str, budget: Budget = DEFAULT_BUDGET, *, guarded: bool = True) -> None:
        self.name = name
        self._budget = budget
        self.core = Core()
        self.vector: StateVector = {}
        self.weight_bytes = 0
        self._mender: int | None = None
        self._nesting = Nesting() if guarded else None
        self._pairs = Pairs() if guarded else None

    def __repr__(self) -> str:
        return f"<Replay of {self.name!r}, {len(self.vector)} clients>"

    def taste(
        self, updates: Iterable[bytes | Contested], budget: Budget | None = None
    ) -> list[Verdict]:
        """Apply updates in order and say of each how it went, by this budget or the document's.

        Raises:
            EngineLost: One of them broke the document; it must not be used any more.
        """
        verdicts: list[Verdict] = []
        for index, update in enumerate(updates):
            try:
                verdicts.append(self._taste(update, budget or self._budget))
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

    def survey(self) -> bytes:
        """Say where each struct is; as :class:`.Places` encode it."""
        body = self.core.encode()
        found = scan(body, NO_BUDGET)
        places = Places()
        places.add(body, found)
        places.died(found.deletes)
        return places.encode()

    def _taste(self, asked: bytes | Contested, budget: Budget) -> Verdict:
        try:
            if isinstance(asked, Contested):
                return self._mend(asked, budget)
            looked = self._look(asked, budget)
        except UpdateRefused as refusal:
            return Bad(refusal.code, refusal.reason)
        except MalformedBytes as error:
            return Bad("malformed", error.what)
        if looked is None:
            return _GAP
        found, brings_structs, placed, runs = looked
        if not brings_structs and not found.deletes:
            return _NOTHING_NEW
        core = self.core
        if not brings_structs:
            core.watch()
        try:
            changed = core.apply(asked)
        except ValueError as error:
            return Bad("undecodable", str(error))
        finally:
            core.unwatch()
        if not brings_structs:
            return _NOTHING_NEW if changed is None else _GOOD
        self.weight_bytes += len(asked)
        self._took(found, placed, runs)
        return _GOOD

    def _mend(self, contested: Contested, budget: Budget) -> Verdict:
        """Take an update in parts, or else nothing of it, see :mod:`.mending`."""
        whole = scan(contested.update, budget)
        everything = tuple([(part.client, part.clock, part.length) for part in whole.sections])
        sights = Sights(contested.unchanged)
        for refused, kept in ((contested.refused, contested.kept), (everything, ())):
            update = emptied(contested.update, whole, refused)
            looked = self._look(update, budget)
            if looked is None:
                return _GAP
            found, brings_structs, _, _ = looked
            if not brings_structs and not found.deletes:
                return _NOTHING_NEW
            mender = self._mender = self._mender or self._nobody(found)
            try:
                back = putting_back(
                    self.core,
                    update,
                    found,
                    kept,
                    client=mender,
                    vector=self.vector,
                    sights=sights,
                )
            except ValueError as error:
                return Bad("undecodable", str(error))
            if back is None:
                continue
            if back == EMPTY_UPDATE and update == contested.update:
                return self._taste(update, budget)  # there is nothing to undo
            if len(update) + len(back) > budget.message_bytes:
                refuse("unmendable", f"that takes more than {budget.message_bytes} bytes")
            return self._take(update, back, sights)
        return Bad("unmendable", REFUSALS["unmendable"].format("not all of it comes back"))

    def _take(self, update: bytes, back: bytes, sights: Sights) -> Verdict:
        """Take what is left of an update, and what puts back the rest."""
        mended = taken(self.core, (update, back))
        if mended is None:
            return _NOTHING_NEW
        looked = self._look(mended, NO_BUDGET)
        assert looked is not None
        found, _, placed, runs = looked
        if self._mender is not None and lives_not(found, self._mender):
            raise RuntimeError("what was put back was deleted again")
        if sights:
            self._check_unchanged(sights)
        self.weight_bytes += len(mended)
        self._took(found, placed, runs)
        return Mended(mended)

    def _check_unchanged(self, sights: Sights) -> None:
        core = self.core.read()
        try:
            if not sights.are_as_before(core.root, core.txn):
                raise RuntimeError("what was put back is not as it was")
        finally:
            core.done()

    def _nobody(self, found: Scan) -> int:
        """A client id of which neither the document nor an update knows anything.

        A high one: of two who take a key at once the higher has it, so it is more seldom taken
        from who puts back what was there by what an author wrote meanwhile.
        """
        taken_ids = {*self.vector, *found.needs, *(section.client for section in found.sections)}
        while (client := new_client_id() | _HIGH) in taken_ids:
            pass
        return client

    def _look(self, update: bytes, budget: Budget) -> tuple[Scan, bool, Placed | None, Runs] | None:
        """Read an update: what it holds, whether it brings structs, and where they go.

        None if it leaves a gap.
        """
        vector, placed = self.vector, None
        pairs, nesting = self._pairs, self._nesting
        runs: Runs = {}
        notes: list[Note] = []
        found = scan(update, budget, notes=notes if nesting is not None else None)
        if gap(found, vector):
            return None
        brings_structs = advances(found, vector)
        if brings_structs and nesting is not None and (notes or nesting.numbers):
            placed = self._place(update, found, notes, budget)
        if pairs is not None and pairs.concern(update):
            runs = pairs.find(update, found, vector, strict=budget is not NO_BUDGET)
        return found, brings_structs, placed, runs

    def _took(self, found: Scan, placed: Placed | None, runs: Runs) -> None:
        """The engine says that it applied an update: hold it to that, and keep what is where."""
        advance(found, self.vector)
        if len(found.sections) > 1:
            self._check_integrated(found)
        if placed is not None and self._nesting is not None:
            self._nesting.keep(placed)
        if runs and self._pairs is not None:
            self._pairs.keep(runs)

    def _check_integrated(self, found: Scan) -> None:
        reached = decode_state_vector(self.core.state_vector(), NO_BUDGET.clients)
        for section in found.sections:
            if reached.get(section.client) != self.vector[section.client]:
                raise RuntimeError("clients of this update build on each other in a circle")

    def _place(
        self, update: bytes, found: Scan, notes: list[Note], budget: Budget
    ) -> Placed | None:
        assert self._nesting is not None
        strict = budget is not NO_BUDGET  # what was taken before is there, whatever it is
        if notes:
            return self._nesting.place(update, notes, self.vector, budget.levels, strict=strict)
        if not found.plain:  # nothing but what is gone
            return None
        [typed] = found.sections
        return self._nesting.place_typed(update, typed, strict=strict)


_HIGH: Final = 0xF000_0000

_GOOD = Good()
_NOTHING_NEW = NothingNew()
_GAP = Gap()
