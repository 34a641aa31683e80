"""Undo and redo of one's own edits.

The engine's undo manager follows transactions by their origin, and only those of this
replica's edits have ours. Rules:

1. A step is one call or one block; neighbouring blocks of one group are one step. The
   manager groups by time, so it is given a clock that moves on when a new step begins.
2. What an edit deleted stays in the document as long as its step can be undone. That
   costs memory, and is why tracking is asked for and why steps are limited.
3. Undoing is an edit like any other: it has an update, and replicas need not know.
"""

from __future__ import annotations

from typing import Any

from pycrdt import _pycrdt as yrs

from .core import ORIGIN, Core

__all__ = ["History"]


class _Clock:
    """Time as the manager sees it. It must not know the history: the engine would keep both."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 1

    def read(self) -> int:
        return self.now


class History:
    """What can be undone and redone on a live core.

    Args:
        core: The live document.
        steps: How many steps are kept at least; at most twice as many are.
    """

    __slots__ = ("_clock", "_core", "_group", "_manager", "_scopes", "_since", "_steps", "_unready")

    def __init__(self, core: Core, steps: int) -> None:
        self._core = core
        self._steps = steps
        self._clock = _Clock()
        self._group: str | None = None
        self._since = 0
        self._scopes: dict[str, str] = {}
        self._unready: dict[str, str] = {}
        self._manager = self._manage([])
        core.read()
        try:
            for name, kind in core.kinds().items():
                self.follow(kind, name)
        finally:
            core.done()

    def __repr__(self) -> str:
        return f"<History of {len(self._manager.undo_stack())} steps>"

    def follow(self, kind: str, name: str) -> None:
        """Track edits of this root too."""
        self._unready[name] = kind

    def prepare(self) -> None:
        """A local edit is about to begin. The manager takes no orders during a transaction."""
        if self._since > self._steps:
            self._since = 0
            stack = self._manager.undo_stack()
            if len(stack) > 2 * self._steps:
                self._manager = self._manage(stack[-self._steps :])
                self._unready.update(self._scopes)
        for name, kind in self._unready.items():
            self._expand(kind, name)
        self._scopes.update(self._unready)
        self._unready.clear()

    def step(self, group: str | None) -> None:
        """A local edit is about to be carried out."""
        if group is None or group != self._group:
            self._group = group
            self._clock.now += 2
            self._since += 1

    def undo(self) -> bytes | None:
        """Undo the last step; returns the update that does it, if there is one."""
        self._group = None
        return self._core.run(self._manager.undo)

    def redo(self) -> bytes | None:
        """Do again what was undone last; returns the update that does it, if there is one."""
        self._group = None
        return self._core.run(self._manager.redo)

    def _manage(self, undo_stack: list[Any]) -> Any:
        manager = yrs.UndoManager(1, self._clock.read, undo_stack, [])
        manager.include_origin(ORIGIN)
        return manager

    def _expand(self, kind: str, name: str) -> None:
        core = self._core.read()
        try:
            branch = core.root(kind, name)
        finally:
            core.done()
        scope = "xmlfragment" if kind == "xml" else kind
        getattr(self._manager, f"expand_scope_{scope}")(core.raw, branch)
