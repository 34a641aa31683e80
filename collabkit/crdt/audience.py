"""Who hears of a document's changes, and in what order.

Rules:

1. Every listener hears every change, in the order in which they were made.
2. A listener may edit the document: the changes it makes are told after the one at hand.
3. What a listener raises does not keep the change from the others. It is raised, when all
   have been told, by the edit that told them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from .changes import Change

__all__ = ["Audience", "Listener"]

Listener: TypeAlias = Callable[[Change], None]


class Audience:
    """The listeners of one document."""

    __slots__ = ("_listeners", "_name", "_telling", "_untold")

    def __init__(self, name: str) -> None:
        self._name = name
        self._listeners: tuple[Listener, ...] = ()
        self._untold: deque[Change] = deque()
        self._telling = False

    def __repr__(self) -> str:
        return f"<Audience of {self._name!r}, {len(self._listeners)} listeners>"

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        """Tell this listener too, from now on."""
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Tell it no more; one that is not there is fine."""
        listeners = list(self._listeners)
        if listener in listeners:
            listeners.remove(listener)
        self._listeners = tuple(listeners)

    def tell(self, change: Change) -> None:
        """Tell all listeners of a change."""
        self._untold.append(change)
        if self._telling:
            return  # by a listener: the loop that called it comes to this change next
        self._telling = True
        errors: list[Exception] = []
        try:
            while self._untold:
                change = self._untold.popleft()
                for listener in self._listeners:
                    try:
                        listener(change)
                    except Exception as error:
                        errors.append(error)
        finally:
            self._telling = False
        if errors:
            raise _joined(errors, self._name)


def _joined(errors: list[Exception], name: str) -> Exception:
    if len(errors) == 1:
        return errors[0]
    return ExceptionGroup(f"listeners of document {name!r} failed", errors)
