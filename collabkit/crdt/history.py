"""Undo and redo of one's own edits.

The engine's undo manager costs a fifth of every edit, and keeps what was deleted in the
document, where every peer gets it. So the document has none. Rules:

1. From the first local edit on, the state before it and all updates since are noted: a few
   bytes an edit. When the updates outgrow the state, a new state is noted and the updates
   before the last one are forgotten, and with them the oldest steps.
2. The first undo builds a *twin* from what was noted, with an undo manager that sees which
   updates were local edits. The twin is kept, and catches up with the document when needed.
3. Undoing happens in the twin, under the same client id. The update that makes is then an
   edit of the document like any other: judged by its guard, told to its listeners. If it is
   refused the twin is ahead of the document, so the history ends.
4. A step is one call or one block; neighbouring blocks of one group are one step. The
   manager groups by time, so the number of the step is its time.
5. A twin that is not where the document is, because code outside changed it in a way that
   no update tells, is thrown away: better no undo than a wrong one.
"""

from __future__ import annotations

from typing import Any

from pycrdt import _pycrdt as yrs

from .budget import NO_BUDGET
from .core import ORIGIN, REMOTE, Core
from .update import StateVector, decode_state_vector

__all__ = ["History"]

# What a new document may have noted before a state is noted again.
_LEAST_BYTES = 1 << 16

# How many steps a twin keeps at least; the manager has no limit of its own.
_STEPS = 1000

# A step's time must differ from its neighbour's by more than the manager's timeout, which is 1.
_TICKS = 2


class History:
    """What can be undone and redone in a live document."""

    __slots__ = (
        "_group", "_live", "_log", "_noted", "_older",
        "_room", "_roots", "_state", "_step", "_twin",
    )  # fmt: skip

    def __init__(self, live: Core) -> None:
        self._live = live
        self._roots: dict[str, str] = {}
        self._step = 0
        self.forget()

    def __repr__(self) -> str:
        return f"<History at step {self._step}{', with a twin' if self._twin else ''}>"

    def forget(self) -> None:
        """Forget all steps; the next edit is the first."""
        self._state: bytes | None = None
        self._older: tuple[bytes, list[tuple[bytes, int]]] | None = None
        self._log: list[tuple[bytes, int]] = []
        self._noted = 0
        self._room = _LEAST_BYTES
        self._group: str | None = None
        self._twin: _Twin | None = None

    def follow(self, name: str, kind: str) -> None:
        """Edits of this root can be undone too."""
        self._roots[name] = kind

    def begin(self) -> None:
        """A local edit is about to be made."""
        if self._state is None:
            self._live.watch()
            self._state = self._live.encode()

    def note(self, update: bytes, group: str | None, *, edit: bool) -> None:
        """Note a change of the document, which is a local edit or is not."""
        if self._state is None:
            return
        if edit and (group is None or group != self._group):
            self._step += 1
        if edit:
            self._group = group
        self._log.append((update, self._step if edit else 0))
        self._noted += len(update)
        if self._noted > self._room:
            self._turn_over()

    def undo(self) -> bytes | None:
        """Undo the last step in the twin; returns the update that does it, if there is a step."""
        return self._travel("undo")

    def redo(self) -> bytes | None:
        """Do again what was undone last, in the twin; returns the update that does it."""
        return self._travel("redo")

    def _travel(self, way: str) -> bytes | None:
        if self._state is None:
            return None
        self._group = None
        if self._twin is None:
            self._twin = _Twin(self._live)
            state, log = self._older or (self._state, [])
            self._twin.core.apply(state)
            self._twin.catch_up(log, self._roots)
        self._catch_up()
        if _vector(self._twin.core) != _vector(self._live):
            self.forget()
            return None
        return self._twin.travel(way)

    def _catch_up(self) -> None:
        if self._twin is not None:
            self._twin.catch_up(self._log, self._roots)
            self._older = None
            self._log.clear()
            self._noted = 0

    def _turn_over(self) -> None:
        if self._twin is not None:
            self._catch_up()
            return
        if self._state is not None:
            self._older = (self._state, self._log)
        self._log = []
        self._noted = 0
        self._state = self._live.encode()
        self._room = max(_LEAST_BYTES, len(self._state))


def _vector(core: Core) -> StateVector:
    return decode_state_vector(core.state_vector(), NO_BUDGET.clients)


class _Clock:
    """Time as a manager sees it. It knows no manager, or the engine would keep both for ever."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = _TICKS

    def read(self) -> int:
        return self.now


class _Twin:
    """A second document that makes the same edits, with an undo manager."""

    __slots__ = ("_clock", "_manager", "_roots", "_trimmed", "core")

    def __init__(self, live: Core) -> None:
        self.core = Core(live.raw.client_id(), staged=True)
        self.core.watch()
        self._clock = _Clock()
        self._roots: set[str] = set()
        self._trimmed = 0
        self._manager: Any = None
        self._manage([])

    def catch_up(self, log: list[tuple[bytes, int]], roots: dict[str, str]) -> None:
        """Make the edits that the document made."""
        for name in roots.keys() - self._roots:
            self._expand(name, roots[name])
        for update, step in log:
            if step:
                self._clock.now = step * _TICKS
            self.core.apply(update, ORIGIN if step else REMOTE)
            if step > self._trimmed + 2 * _STEPS:
                self._trimmed = step
                self._manage(self._manager.undo_stack()[-_STEPS:])
                for name in self._roots:
                    self._expand(name, roots[name])

    def travel(self, way: str) -> bytes | None:
        """Undo or redo; returns the update that does it, if there was anything."""
        return self.core.run(getattr(self._manager, way))

    def _manage(self, steps: list[Any]) -> None:
        self._manager = yrs.UndoManager(1, self._clock.read, steps, [])
        self._manager.include_origin(ORIGIN)

    def _expand(self, name: str, kind: str) -> None:
        core = self.core.read()
        try:
            branch = core.root(kind, name)
        finally:
            core.done()  # the manager takes no orders during a transaction
        scope = "xmlfragment" if kind == "xml" else kind
        getattr(self._manager, f"expand_scope_{scope}")(core.raw, branch)
        self._roots.add(name)
