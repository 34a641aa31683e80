"""Hears what a transaction does to each shared type, and puts it down as parts of a change.

Rules:

1. It listens at every root; a root that is new is told of as if it had been empty.
2. What it hears it renders at once, inside the transaction: nothing of the engine's is
   kept (see `core`, rule 1).
3. The engine tells text in bytes. To have code points one must know what was there before,
   so the offsets of every text are kept while an ear listens, from the moment a text appears.
4. Which text an event is about can be asked only when the transaction is over, by its path.
   The same holds for the texts in what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import msgspec
from pycrdt import _pycrdt as yrs

from .branches import Branch, child_at, elements, identity, render, runs
from .changes import (
    ArrayChanged,
    Delete,
    Insert,
    KeyChanged,
    MapChanged,
    Part,
    Path,
    Retain,
    Step,
    TextChanged,
    XmlChanged,
)
from .core import Core
from .following import Delta
from .values import plain

__all__ = ["Ear"]

# How many texts may come and go before those that went are looked for.
_SLACK = 256


class Ear:
    """Listens to a live core. Call :meth:`take` after each transaction to get what it did."""

    __slots__ = (
        "__weakref__", "_core", "_heard", "_new", "_points", "_roots", "_subscriptions", "_texts",
    )  # fmt: skip

    def __init__(self, core: Core) -> None:
        self._core = core
        self._heard: list[Part] = []
        self._new: list[Path] = []
        self._points: dict[object, tuple[Step, ...]] = {}
        self._roots: set[str] = set()
        self._subscriptions: dict[str, yrs.Subscription] = {}
        self._texts = 0
        core.texts.tell(_noting(ref(self)))
        core.read()
        try:
            self._attend(tell=False)
        finally:
            core.done()

    def __repr__(self) -> str:
        return f"<Ear on {len(self._subscriptions)} roots>"

    def close(self) -> None:
        """Stop listening."""
        self._core.texts.tell(None)
        for subscription in self._subscriptions.values():
            subscription.drop()
        self._subscriptions.clear()

    def take(self) -> tuple[Part, ...]:
        """What the last transaction did, by shared type."""
        core = self._core
        core.read()
        try:
            parts = [self._in_points(part) for part in self._heard]
            for path in self._new:
                self._follow(self._at(path))
            self._heard.clear()
            if not self._roots.issuperset(core.raw.roots(core.txn)):
                self._attend(tell=True)
            if len(core.texts) > 2 * self._texts + _SLACK:
                self._forget_gone()
        finally:
            core.done()
            self._new.clear()
            self._points.clear()
        parts += self._heard
        self._heard.clear()
        return tuple(parts)

    def _attend(self, *, tell: bool) -> None:
        """Listen to the roots that are new."""
        core = self._core
        self._roots.update(core.raw.roots(core.txn))
        for name, kind in core.kinds().items():
            if name in self._subscriptions:
                continue
            branch = core.root(kind, name)
            self._subscriptions[name] = branch.observe_deep(_hearing(ref(self), name))
            self._follow(branch, name)
            part = _as_new(branch, (name,), core.txn) if tell else None
            if part is not None:
                self._heard.append(part)
        self._texts = len(core.texts)

    def _follow(self, branch: Branch, root: str | None = None) -> set[object]:
        """Keep the offsets of a text, or of all texts inside; returns their keys."""
        txn = self._core.txn
        keys: set[object] = set()
        for text in _texts(branch, txn):
            key = root if root is not None and text is branch else identity(text, txn)
            self._core.texts.offsets(text, key, txn)
            keys.add(key)
        return keys

    def _forget_gone(self) -> None:
        """Drop the offsets of texts that were deleted."""
        core = self._core
        there: set[object] = set()
        for name, kind in core.kinds().items():
            there |= self._follow(core.root(kind, name), name)
        core.texts.forget(there)
        self._texts = len(core.texts)

    def _hear(self, name: str, events: list[Any]) -> None:
        txn = events[0].transaction
        for event in events:
            path = (name, *event.path)
            kind = type(event)
            if kind is yrs.MapEvent:
                news = {key: change.get("newValue") for key, change in event.keys.items()}
                self._heard.append(MapChanged(path, _keys(event.keys, txn)))
                self._new.extend((*path, key) for key, value in news.items() if _is_shared(value))
                continue
            delta = event.delta
            in_text = type(event.target) in (yrs.Text, yrs.XmlText)
            steps = tuple(_step(step, txn, in_text) for step in delta)
            if not in_text:
                self._new.extend((*path, at) for at in _shared_in(delta))
            if kind is yrs.TextEvent:
                self._heard.append(TextChanged(path, steps))
            elif kind is yrs.ArrayEvent:
                self._heard.append(ArrayChanged(path, steps))
            else:
                self._heard.append(XmlChanged(path, steps, _keys(event.keys, txn)))

    def _in_points(self, part: Part) -> Part:
        """The part, and if it is about a text, in code points."""
        if isinstance(part, ArrayChanged | MapChanged):
            return part
        branch = self._at(part.path)
        if type(branch) not in (yrs.Text, yrs.XmlText):
            return part
        key = part.path[0] if len(part.path) == 1 else identity(branch, self._core.txn)
        return msgspec.structs.replace(part, delta=self._points.get(key, part.delta))

    def _at(self, path: Path) -> Branch | None:
        """What is at a path."""
        core = self._core
        name = str(path[0])
        branch: Branch = core.root(core.kinds()[name], name)
        for step in path[1:]:
            branch = child_at(branch, step, core.txn)
        return branch


def _noting(ear_ref: ref[Ear]) -> Callable[[object, Delta, Any], None]:
    def note(key: object, delta: Delta, txn: Any) -> None:
        ear = ear_ref()
        if ear is not None:
            ear._points[key] = tuple(_step(step, txn, True) for step in delta)

    return note


def _hearing(ear_ref: ref[Ear], name: str) -> Callable[[list[Any]], None]:
    def hear(events: list[Any]) -> None:
        ear = ear_ref()
        if ear is None:
            return
        try:
            ear._hear(name, events)
        except Exception as error:
            ear._core.texts.trouble = error

    return hear


def _is_shared(value: Any) -> bool:
    return type(value) in _SHARED


_SHARED = {yrs.Text, yrs.Map, yrs.Array, yrs.XmlText, yrs.XmlElement, yrs.XmlFragment}


def _shared_in(delta: Delta) -> Iterator[int]:
    """The indexes of what is new and shared."""
    at = 0
    for step in delta:
        for value in step.get("insert", ()):
            if _is_shared(value):
                yield at
            at += 1
        at += step.get("retain", 0)


def _texts(value: Branch, txn: Any) -> Iterator[Branch]:
    """The texts in a branch, itself included."""
    kind = type(value)
    if kind in (yrs.Text, yrs.XmlText):
        yield value
    elif kind is yrs.Map:
        for key in value.keys(txn):
            yield from _texts(value.get(txn, key), txn)
    elif kind is yrs.Array:
        for item in elements(value, txn):
            yield from _texts(item, txn)
    elif kind in (yrs.XmlFragment, yrs.XmlElement):
        for child in value.children(txn):
            yield from _texts(child, txn)


def _step(step: dict[str, Any], txn: Any, in_text: bool) -> Step:
    if "delete" in step:
        return Delete(step["delete"])
    attributes = plain(step.get("attributes") or {})
    if "retain" in step:
        return Retain(step["retain"], attributes)
    value = step["insert"]
    if in_text:
        return Insert(render(value, txn), attributes)
    return Insert([render(item, txn) for item in value])


def _keys(keys: dict[str, Any], txn: Any) -> dict[str, KeyChanged]:
    return {
        key: KeyChanged(
            change["action"],
            render(change.get("oldValue"), txn),
            render(change.get("newValue"), txn),
        )
        for key, change in keys.items()
    }


def _as_new(branch: Branch, path: Path, txn: Any) -> Part | None:
    """What happened to a root that was not there before."""
    kind = type(branch)
    if kind is yrs.Map:
        keys = {
            key: KeyChanged("add", None, render(branch.get(txn, key), txn))
            for key in branch.keys(txn)
        }
        return MapChanged(path, keys) if keys else None
    if kind is yrs.Text:
        pieces = tuple(Insert(render(piece, txn), style) for piece, style in runs(branch, txn))
        return TextChanged(path, pieces) if pieces else None
    if kind is yrs.Array:
        values = render(branch, txn)
        return ArrayChanged(path, (Insert(values),)) if values else None
    nodes = [render(child, txn) for child in branch.children(txn)]
    return XmlChanged(path, (Insert(nodes),), {}) if nodes else None
