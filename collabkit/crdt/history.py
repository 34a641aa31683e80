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
4. A step is one call or one block; neighbouring blocks of one group are one step.
5. A twin that is not where the document is, because code outside changed it in a way that
   no update tells, is thrown away: better no undo than a wrong one.
"""

from __future__ import annotations

from .budget import NO_BUDGET
from .core import Core
from .twin import Twin
from .update import StateVector, decode_state_vector

__all__ = ["History"]

# What a new document may have noted before a state is noted again.
_LEAST_BYTES = 1 << 16


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
        self._twin: Twin | None = None

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
            self._twin = Twin(self._live.raw.client_id())
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
