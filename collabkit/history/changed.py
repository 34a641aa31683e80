"""★ What is different in one shared type: steps over its old content, keys, and what is nested.

Rules:

1. A step speaks of the old content, from its start to its end; whatever is left over after the
   last step is kept. Applying the steps to the old content gives the new one, exactly but for
   ids and stamps.
2. Text is counted in code points, and an embedded object counts one; a sequence in its elements.
3. Paths are those of the *new* side: a root's name, then keys of maps and attributes, and indexes
   of sequences; in a text, the index of an embedded shared type.
4. ``by`` of what is new says who put it there, of what went who had; ``gone`` says who took it
   away, where the trees that were compared tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    TextNode,
    XmlNode,
    XmlTextNode,
)

__all__ = [
    "Add",
    "Changed",
    "Delete",
    "ElementChanged",
    "Insert",
    "Keep",
    "KeyChange",
    "KeyChanged",
    "MapChanged",
    "Path",
    "Reformat",
    "Remove",
    "SequenceChanged",
    "SequenceStep",
    "TextChanged",
    "TextStep",
    "Within",
    "inside",
    "length_of",
    "walk",
]

Path: TypeAlias = tuple[str | int, ...]
"""Where a shared type is; see rule 3."""


# Steps


class Keep(msgspec.Struct, frozen=True, gc=False):
    """So many characters or elements stay as they are."""

    length: int


class Insert(msgspec.Struct, frozen=True):
    """Text that is new: a piece of one formatting and author, or an embedded object."""

    run: Run


class Delete(msgspec.Struct, frozen=True):
    """Text that went: a piece of one formatting and author, or an embedded object."""

    run: Run
    gone: Stamp | None = None


class Reformat(msgspec.Struct, frozen=True):
    """Text that stays, and is formatted in another way.

    Attributes:
        run: The text with its *new* formatting.
        before: Its whole old formatting.
    """

    run: Run
    before: dict[str, Any]


class Add(msgspec.Struct, frozen=True):
    """Elements that are new."""

    entries: tuple[Entry, ...]


class Remove(msgspec.Struct, frozen=True):
    """Elements that went, by one hand."""

    entries: tuple[Entry, ...]
    gone: Stamp | None = None


class Within(msgspec.Struct, frozen=True):
    """One element, or one embedded shared type, that stays and is different inside."""

    changed: Changed


TextStep: TypeAlias = Keep | Insert | Delete | Reformat | Within
SequenceStep: TypeAlias = Keep | Add | Remove | Within


def length_of(run: Run) -> int:
    """How many places a piece of text takes.

    >>> length_of(Run("naïve")), length_of(Run({"image": "a.png"}))
    (5, 1)
    """
    return len(run.value) if isinstance(run.value, str) else 1


# What steps and keys are about


class KeyChanged(msgspec.Struct, frozen=True):
    """A key of a map, an attribute or a root, where a value came, went, or was replaced whole.

    Attributes:
        old: What was there; None if nothing was.
        new: What is there; None if nothing is.
        gone: Who took ``old`` away; if there is a ``new``, that says it.
    """

    old: Entry | None = None
    new: Entry | None = None
    gone: Stamp | None = None


class TextChanged(msgspec.Struct, frozen=True):
    """A text, and its attributes if it is in XML."""

    path: Path
    old: TextNode | XmlTextNode
    new: TextNode | XmlTextNode
    steps: tuple[TextStep, ...] = ()
    attributes: dict[str, KeyChange] = {}


class MapChanged(msgspec.Struct, frozen=True):
    """A map, by its keys; those that are the same are left out."""

    path: Path
    old: MapNode
    new: MapNode
    keys: dict[str, KeyChange]


class SequenceChanged(msgspec.Struct, frozen=True):
    """An array, or a fragment of XML."""

    path: Path
    old: ArrayNode | XmlNode
    new: ArrayNode | XmlNode
    steps: tuple[SequenceStep, ...]


class ElementChanged(msgspec.Struct, frozen=True):
    """An XML element: its attributes and its children."""

    path: Path
    old: ElementNode
    new: ElementNode
    steps: tuple[SequenceStep, ...] = ()
    attributes: dict[str, KeyChange] = {}


Changed: TypeAlias = TextChanged | MapChanged | SequenceChanged | ElementChanged
"""A shared type that is there on both sides, and different."""

KeyChange: TypeAlias = KeyChanged | Changed
"""What became of a key: another value, or the same shared type, different inside."""


def inside(change: Changed) -> Iterator[Changed]:
    """The shared types that changed directly in another."""
    if isinstance(change, MapChanged):
        yield from _below(change.keys)
        return
    if isinstance(change, TextChanged | ElementChanged):
        yield from _below(change.attributes)
    for step in change.steps:
        if isinstance(step, Within):
            yield step.changed


def walk(changes: Mapping[str, KeyChange]) -> Iterator[Changed]:
    """Go through the shared types that changed, each before what is nested in it."""
    waiting = [*_below(changes)][::-1]
    while waiting:
        change = waiting.pop()
        yield change
        waiting += [*inside(change)][::-1]


def _below(changes: Mapping[str, KeyChange]) -> Iterator[Changed]:
    return (change for change in changes.values() if not isinstance(change, KeyChanged))
