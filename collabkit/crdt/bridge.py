"""The link between a document and a pycrdt document that somebody else works on.

Both are replicas. Each edit of one is applied to the other inside the same call, so code on
either side never sees them differ. A callback of pycrdt runs inside its transaction, in which
nothing can be applied, so while one side tells the other, the other cannot be edited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import pycrdt

from .changes import Change
from .desk import Desk

__all__ = ["Bridge"]

_ORIGIN = "pycrdt"


class Bridge:
    """Keeps a desk and a pycrdt document equal, for as long as it is kept."""

    __slots__ = ("__weakref__", "_desk", "_doc", "_passing")

    def __init__(self, doc: pycrdt.Doc[Any], desk: Desk) -> None:
        self._doc = doc
        self._desk = desk
        self._passing = False
        with desk.lock:
            desk.take(doc.get_update(), _ORIGIN)
        desk.listen(self._tell)
        doc.observe(_hearing(ref(self)))  # weakly, or neither would ever be freed

    def __repr__(self) -> str:
        return f"<Bridge to {self._desk.name!r}>"

    def _tell(self, change: Change) -> None:
        """Pass on what happened to the desk."""
        if change.origin == _ORIGIN:
            return
        self._passing = True
        try:
            self._doc.apply_update(change.update)
        finally:
            self._passing = False

    def _hear(self, update: bytes) -> None:
        """Take over what happened to the pycrdt document."""
        if self._passing:
            return
        desk = self._desk
        with desk.lock:
            desk.take(update, _ORIGIN, local=True, frozen="inside a callback of pycrdt")


def _hearing(bridge_ref: ref[Bridge]) -> Callable[[pycrdt.TransactionEvent], None]:
    def hear(event: pycrdt.TransactionEvent) -> None:
        bridge = bridge_ref()
        if bridge is not None:
            bridge._hear(event.update)

    return hear
