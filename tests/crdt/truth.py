"""What updates do, told by others: by a history, which knows the order of all, and by an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import pycrdt

from collabkit.crdt.contents import DELETED, FORMAT
from collabkit.crdt.touches import Touch
from collabkit.history.items import Item, Strand
from collabkit.history.weave import Weave
from history.weaving import stamp

__all__ = ["Clock", "Engine", "Told", "clocks", "paths"]

Clock: TypeAlias = tuple[int, int]
Path: TypeAlias = tuple[str | None, ...]

KINDS: Final[dict[str, type[Any]]] = {
    "text": pycrdt.Text, "map": pycrdt.Map, "array": pycrdt.Array, "xml": pycrdt.XmlFragment
}  # fmt: skip


def clocks(ranges: Iterable[tuple[int, int, int]]) -> set[Clock]:
    """The clocks of ranges."""
    return {(c, clock + n) for c, clock, length in ranges for n in range(length)}


def paths(touches: Iterable[Touch]) -> set[tuple[str, Path]]:
    """What is done where."""
    return {(touch.action, touch.steps) for touch in touches}


class Told:
    """A history, asked at each row what was done.

    Attributes:
        inserted: The new clocks that have content.
        deleted: Those that lived before and do not now.
        done: Which action, where.
    """

    def __init__(self) -> None:
        self.weave = Weave()
        self.seq = 0

    def add(self, update: bytes) -> None:
        """The next row."""
        vector, before = dict(self.weave.vector), self.alive()
        self.seq += 1
        self.weave.add(update, stamp(self.seq))
        now = self.alive()
        self.deleted = before.keys() - now.keys()
        fresh = {
            (item.client, clock): item
            for item in self.weave.items()
            for clock in range(item.clock, item.clock + item.length)
            if clock >= vector.get(item.client, 0) and item.content > DELETED
        }
        self.inserted = set(fresh)
        arrived = {
            (item.strand, item.key)
            for own, item in fresh.items()
            if own in now and item.content != FORMAT
        }
        self.done = {("write", self.path(item)) for item in fresh.values()}
        lost: dict[tuple[Strand | None, str | None], list[Item]] = {}
        for own in self.deleted:
            item = self.weave.find(own)
            lost.setdefault((item.strand, item.key), []).append(item)
        for items in lost.values():
            # The outermost that was deleted decides: what is in it goes with it.
            top = [one for one in items[0].outward() if one.dead and one.dead.seq == self.seq][-1]
            spot = (top.strand, top.key)
            marks = all(one.content == FORMAT for one in lost.get(spot, items))
            action = "write" if marks or spot in arrived else "delete"
            self.done.add((action, self.path(items[0])))

    def alive(self) -> dict[Clock, Item]:
        """What lives."""
        return {
            (item.client, clock): item
            for item in self.weave.items()
            if item.strand is not None and all(one.dead is None for one in item.outward())
            for clock in range(item.clock, item.clock + item.length)
        }

    def path(self, item: Item) -> Path:
        """Where an item is, as touches name it."""
        if item.strand is None:
            return ()
        steps = tuple(None if step == "[]" else step for step in item.strand.path)
        return steps if item.key is None else (*steps, item.key)


class Engine:
    """An engine whose events say what changed where."""

    def __init__(self, roots: Mapping[str, str]) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.changed: set[Path] = set()
        self.roots = {name: self.doc.get(name, type=KINDS[kind]) for name, kind in roots.items()}
        self.kept = [
            root.observe_deep(partial(self._note, name)) for name, root in self.roots.items()
        ]

    def apply(self, update: bytes) -> set[Path]:
        """Apply an update; where it changed something that can be seen, and that was there."""
        self.changed = set()
        self.doc.apply_update(update)
        return self.changed

    def _note(self, root: str, events: list[Any]) -> None:
        for event in events:
            path = (root, *(None if isinstance(step, int) else step for step in event.path))
            self.changed |= {(*path, key) for key in getattr(event, "keys", None) or ()}
            if getattr(event, "delta", None):
                self.changed.add(path)
