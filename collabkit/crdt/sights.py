"""What is to be seen at some places of a document, held against what was to be seen there before.

To undo what may not stay is the engine's work, and where structs contradict each other, as no
client makes them, it can come to something else. So it is looked at: where all was refused nothing
may have changed, whatever the structs were.

Rules:

1. A place is a root, or a key in it and in what that holds. Elements have no names: in their place
   the sequence is looked at that they are in.
2. Text is looked at with its formats, and with what is embedded in it.
3. What kind a root is of is told where it does not matter what that does to a document: on a copy.
   What holds text is a text: to read it as an array would never end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from pycrdt import _pycrdt as yrs

from .branches import Branch, elements, render, runs

__all__ = ["Root", "Sights"]

Root: TypeAlias = Callable[[str, str], Branch]
"""Gives the root of a kind and a name, inside a transaction."""

_NOTHING: Final = "nothing is there"
_XML: Final = (yrs.XmlElement, yrs.XmlText)
_TYPES: Final = (yrs.Map, yrs.Array, yrs.Text, *_XML)


class Sights:
    """Some places, and what was to be seen there.

    Args:
        steps: The places. Of one within another only the other is looked at.
    """

    __slots__ = ("_before", "_kinds", "_steps")

    def __init__(self, steps: Iterable[tuple[str | None, ...]]) -> None:
        self._steps = _outermost(steps)
        self._kinds: dict[str, str] | None = None
        self._before: list[Any] = []

    def __repr__(self) -> str:
        return f"<Sights of {len(self._steps)} places>"

    def __bool__(self) -> bool:
        return bool(self._steps)

    def note(self, root: Root, txn: Any) -> None:
        """Look how it is before; once, on a copy."""
        if self._kinds is None:
            names = {steps[0] for steps in self._steps}
            self._kinds = {name: _kind(root, name, txn) for name in names}
            self._before = self._look(root, txn)

    def are_as_before(self, root: Root, txn: Any) -> bool:
        """Whether the same is to be seen as was noted."""
        return self._look(root, txn) == self._before

    def _look(self, root: Root, txn: Any) -> list[Any]:
        assert self._kinds is not None
        return [_seen(root(self._kinds[name], name), keys, txn) for name, *keys in self._steps]


def _outermost(steps: Iterable[tuple[str | None, ...]]) -> list[tuple[str, ...]]:
    """The places that have names, without those within others."""
    named = set()
    for each in steps:
        keys: tuple[str, ...] = ()
        for key in each:
            if key is None:
                break
            keys += (key,)
        if keys:
            named.add(keys)
    return sorted(
        keys for keys in named if not any(keys[:stop] in named for stop in range(1, len(keys)))
    )


def _kind(root: Root, name: str, txn: Any) -> str:
    """What kind a root is of, by what is in it."""
    pieces = [piece for piece, _formatting in root("text", name).diff(txn)]
    if not all(isinstance(piece, _TYPES) for piece in pieces):
        return "text"
    found = elements(root("array", name), txn)
    if found:
        return "xml" if all(isinstance(one, _XML) for one in found) else "array"
    return "map"


def _seen(branch: Branch, keys: Iterable[str], txn: Any) -> Any:
    """What is seen at a place; that of a root and what is in its keys."""
    for key in keys:
        if isinstance(branch, yrs.Map):
            if not branch.has(txn, key):
                return _NOTHING
            branch = branch.get(txn, key)
        elif isinstance(branch, _XML):
            branch = dict(branch.attributes(txn)).get(key, _NOTHING)
        else:
            return _NOTHING
    return _look(branch, txn)


def _look(branch: Branch, txn: Any) -> Any:
    match branch:
        case yrs.Map():
            # The engine names keys that have no value as well: if they hold a mark, say.
            keys = [key for key in branch.keys(txn) if branch.has(txn, key)]  # type: ignore[attr-defined]
            return {key: _look(branch.get(txn, key), txn) for key in keys}
        case yrs.Array():
            return [_look(one, txn) for one in elements(branch, txn)]
        case yrs.Text() | yrs.XmlText():
            return [
                (_look(piece, txn), _same(formatting)) for piece, formatting in runs(branch, txn)
            ]
        case _:
            return _same(render(branch, txn))


def _same(value: Any) -> Any:
    """A plain value that is equal to itself, as what is no number is not."""
    match value:
        case dict():
            return {key: _same(one) for key, one in value.items()}
        case list():
            return [_same(one) for one in value]
        case float() if value != value:  # noqa: PLR0124
            return "not a number"
        case _:
            return value
