"""The second document in which undo happens: it makes the same edits, with an undo manager.

The manager keeps of each step which ids it inserted and which it deleted. To undo one is to
delete the former, and to insert the latter anew: the engine makes *copies* under new ids, and
marks each original with the id at which its copy begins. When an older step is undone whose
insertions were deleted and brought back in between, the engine follows those marks. A mark
leads to one item: where the copy begins, and as far as that item goes. By then the copy may be
in pieces, since somebody typed in it or deleted of it, or in one piece with another copy. So:

1. A manager groups by time, so the number of a step is its time.
2. **Where marks are followed, originals are cut up** before: an original of one character
   leads to one character. That is the twin's own affair, and no peer sees any of it.
3. **What several steps inserted is brought back apart**, so that no two of their copies are in
   one piece; and what has had its originals cut up, by the character, because the engine may
   look at each of them while it puts the neighbours into place, and forgets what that cuts off.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from pycrdt import _pycrdt as yrs

from .budget import NO_BUDGET
from .contents import STRING
from .core import ORIGIN, REMOTE, Core
from .lib0 import read_var_string, read_var_uint
from .scan import scan
from .structs import read_items
from .update import decode_state_vector, encode_deletes

__all__ = ["Twin"]

# How many steps a twin keeps at least; the manager has no limit of its own.
_STEPS: Final = 1000

# A step's time must differ from its neighbour's by more than the manager's timeout, which is 1.
_TICKS: Final = 2

# Following the marks of n characters in k pieces copies about n * k characters, 2 ns each. So
# above 16,384 characters at once the pieces grow: undo may leave some next to later edits.
_WORK_LOG2: Final = 28

# Of a string that is cut from left to right the rest is copied each time: cut coarsely first.
_COARSER: Final = 64

# What a character beyond the first 65,536 begins with in UTF-8; other bytes look like it too.
_PAIR: Final = re.compile(rb"[\xf0-\xf4]")

Spans: TypeAlias = list[tuple[int, int]]


class Twin:
    """A document that makes the same edits as the live one, and can take them back."""

    __slots__ = (
        "_client", "_clock", "_copies", "_elsewhere", "_inner", "_manager", "_roots", "_torn",
        "_trimmed", "core",
    )  # fmt: skip

    def __init__(self, client_id: int) -> None:
        self.core = Core(client_id, staged=True)
        self.core.watch()
        self._client = client_id
        self._clock = _Clock()
        self._roots: dict[str, str] = {}
        self._trimmed = 0
        self._copies: list[tuple[Spans, tuple[int, int]]] = []  # originals, and their copies
        self._torn: Spans = []  # copies whose originals are cut up
        self._inner: set[int] = set()  # clocks in the middle of a character
        self._elsewhere = Core()
        self._manager: Any = None
        self._manage([], [])

    def __repr__(self) -> str:
        return f"<Twin of client {self._client}>"

    def catch_up(self, log: list[tuple[bytes, int]], roots: dict[str, str]) -> None:
        """Make the edits that the document made."""
        for name in roots.keys() - self._roots.keys():
            self._roots[name] = roots[name]
            self._look_after(self._manager, self.core, roots[name], name)
        for update, step in log:
            if step:
                self._clock.now = step * _TICKS
            self._note_pairs(update)
            self.core.apply(update, ORIGIN if step else REMOTE)
            if step > self._trimmed + 2 * _STEPS:
                self._trimmed = step
                self._manage(self._manager.undo_stack()[-_STEPS:], [])

    def travel(self, way: str) -> bytes | None:
        """Undo or redo; returns the update that does it, if there was anything."""
        undo, redo = self._manager.undo_stack(), self._manager.redo_stack()
        stack, other = (undo, redo) if way == "undo" else (redo, undo)
        update = None
        while stack and update is None:
            step = self._prepared(stack.pop(), [*undo, *redo])
            # Alone in its stack, or the engine would go on to the next if it changes nothing.
            rest = [*other, *stack]
            self._manage(*([step], rest) if way == "undo" else (rest, [step]))
            reached = self._reached()
            update = self.core.run(getattr(self._manager, way))
            if update is not None:
                done = self._manager.redo_stack() if way == "undo" else self._manager.undo_stack()
                other += done[len(rest) :]
                self._note_pairs(update)
                copies = (reached, self._reached())
                if copies[0] < copies[1]:
                    self._copies.append((_merge(self._spans(step.deletions)), copies))
        self._manage(undo, redo)
        return update

    def _prepared(self, step: Any, others: Sequence[Any]) -> Any:
        """A step whose insertions can be followed, and whose deletions are brought back apart."""
        self._cut(self._spans(step.insertions))
        ids = _decode(step.deletions.encode())
        deletions = ids.get(self._client)
        if not deletions:
            return step
        ids[self._client] = self._parts(deletions, others)
        return yrs.StackItem(self.core.raw, _encode(ids), step.insertions, None)

    def _note_pairs(self, update: bytes) -> None:
        """Note where a character takes two clocks, as it does in UTF-16."""
        if not _PAIR.search(update):
            return
        for item in read_items(update, scan(update, NO_BUDGET)):
            if item.client == self._client and item.content == STRING:
                clock = item.clock
                for character in read_var_string(update, item.content_at)[0]:
                    clock += 1
                    if character > "\uffff":
                        self._inner.add(clock)
                        clock += 1

    def _reached(self) -> int:
        vector = decode_state_vector(self.core.state_vector(), NO_BUDGET.clients)
        return vector.get(self._client, 0)

    def _cut(self, followed: Spans) -> None:
        """Cut up the originals that are followed to take these insertions back (rule 2)."""
        originals: Spans = []
        for brought_back, copies in self._copies:
            found = _common(brought_back, followed)
            if found:
                originals += found
                followed = _merge([*followed, copies])
                self._torn = _merge([*self._torn, copies])
        size = sum(stop - start for start, stop in originals)
        finest = max(1, size * size >> _WORK_LOG2)
        for width in (finest * _COARSER**2, finest * _COARSER, finest):
            self._split([span for span in originals if span[1] - span[0] > width], width)

    def _split(self, spans: Spans, width: int) -> None:
        """Let the engine look at every other piece of this width, for which it makes items.

        A manager that looks after a root of another document does nothing more with them.
        """
        comb: Spans = []
        for start, stop in spans:
            cuts = [*(at for at in range(start, stop, width) if at not in self._inner), stop]
            comb += zip(cuts[::2], cuts[1::2], strict=False)
        if comb:
            ids = _encode({self._client: comb})
            step: Any = yrs.StackItem(self.core.raw, ids, yrs.IdSet(), None)
            splitter = yrs.UndoManager(1, self._clock.read, [step], [])
            self._look_after(splitter, self._elsewhere, "text", "")
            self.core.run(splitter.undo)

    def _parts(self, deletions: Spans, steps: Sequence[Any]) -> Spans:
        """What is brought back, in pieces that are copied apart (rule 3)."""
        ends = {stop for step in steps for _start, stop in self._spans(step.insertions)}
        for start, stop in _common(deletions, self._torn):
            ends.update(range(start, stop + 1))
        borders = sorted(ends - self._inner)
        parts: Spans = []
        for start, stop in deletions:
            inner = borders[bisect_right(borders, start) : bisect_left(borders, stop)]
            parts += zip([start, *inner], [*inner, stop], strict=True)
        return parts

    def _spans(self, ids: Any) -> Spans:
        """What is our own in a set of ids; all that we insert is, but we delete others' as well."""
        return _decode(ids.encode()).get(self._client, [])

    def _manage(self, undo: list[Any], redo: list[Any]) -> None:
        self._manager = yrs.UndoManager(1, self._clock.read, undo, redo)
        self._manager.include_origin(ORIGIN)
        for name, kind in self._roots.items():
            self._look_after(self._manager, self.core, kind, name)

    def _look_after(self, manager: Any, owner: Core, kind: str, name: str) -> None:
        core = owner.read()
        try:
            branch = core.root(kind, name)
        finally:
            core.done()  # the manager takes no orders during a transaction
        scope = "xmlfragment" if kind == "xml" else kind
        getattr(manager, f"expand_scope_{scope}")(self.core.raw, branch)


class _Clock:
    """Time as a manager sees it. It knows no manager, or the engine would keep both for ever."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = _TICKS

    def read(self) -> int:
        return self.now


def _decode(ids: bytes) -> dict[int, Spans]:
    """A set of ids: of each client, spans of clocks."""
    found: dict[int, Spans] = {}
    clients, at = read_var_uint(ids, 0)
    for _ in range(clients):
        client, at = read_var_uint(ids, at)
        count, at = read_var_uint(ids, at)
        spans = found[client] = []
        for _ in range(count):
            start, at = read_var_uint(ids, at)
            length, at = read_var_uint(ids, at)
            spans.append((start, start + length))
        spans.sort()
    return found


def _encode(ids: dict[int, Spans]) -> yrs.IdSet:
    return yrs.IdSet.decode(
        encode_deletes(
            {client: [(start, stop - start) for start, stop in ids[client]] for client in ids}
        )
    )


def _merge(spans: Spans) -> Spans:
    """The same clocks, in order and as few spans."""
    merged: Spans = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def _common(some: Spans, others: Spans) -> Spans:
    """The clocks that are in both; either is in order."""
    common: Spans = []
    one = other = 0
    while one < len(some) and other < len(others):
        start = max(some[one][0], others[other][0])
        stop = min(some[one][1], others[other][1])
        if start < stop:
            common.append((start, stop))
        if some[one][1] < others[other][1]:
            one += 1
        else:
            other += 1
    return common
