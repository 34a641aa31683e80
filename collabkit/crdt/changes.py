"""★ What happened to a document: one :class:`Change` a transaction, and its parts.

The parts say what changed in which shared type, with positions in code points and values
as plain Python ones. They are worked out only while somebody observes the document.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

__all__ = [
    "ArrayChanged",
    "Change",
    "Delete",
    "Insert",
    "KeyChanged",
    "MapChanged",
    "Part",
    "Path",
    "Retain",
    "Step",
    "TextChanged",
    "XmlChanged",
]

Path: TypeAlias = tuple[str | int, ...]
"""Where a shared type is: its root's name, then keys of maps and indexes of arrays and XML."""


class Insert(msgspec.Struct, frozen=True, tag=True):
    """Something new.

    Attributes:
        value: Of a text: a string, or one embedded object. Of an array or of XML: a list.
        attributes: Its formatting, in a text.
    """

    value: Any
    attributes: dict[str, Any] = {}


class Retain(msgspec.Struct, frozen=True, tag=True):
    """Something that stays, and in a text may have got other formatting."""

    length: int
    attributes: dict[str, Any] = {}


class Delete(msgspec.Struct, frozen=True, tag=True):
    """Something that went."""

    length: int


Step: TypeAlias = Insert | Retain | Delete


class KeyChanged(msgspec.Struct, frozen=True):
    """A key of a map, or an attribute.

    Attributes:
        action: ``add``, ``update`` or ``delete``.
        old: The value before; a shared type that went reads as empty.
        new: The value now.
    """

    action: str
    old: Any = None
    new: Any = None


class TextChanged(msgspec.Struct, frozen=True, tag=True):
    """A text changed."""

    path: Path
    delta: tuple[Step, ...]


class ArrayChanged(msgspec.Struct, frozen=True, tag=True):
    """An array got or lost elements."""

    path: Path
    delta: tuple[Step, ...]


class MapChanged(msgspec.Struct, frozen=True, tag=True):
    """Keys of a map changed."""

    path: Path
    keys: dict[str, KeyChanged]


class XmlChanged(msgspec.Struct, frozen=True, tag=True):
    """An XML node changed: its children (of an element), its text, or its attributes."""

    path: Path
    delta: tuple[Step, ...]
    attributes: dict[str, KeyChanged]


Part: TypeAlias = TextChanged | ArrayChanged | MapChanged | XmlChanged


class Change(msgspec.Struct, frozen=True, gc=False):
    """One committed transaction.

    Attributes:
        update: What it changed. Of an update from elsewhere, the bytes as they came.
        local: It was made here.
        origin: ``local``, ``undo`` or ``redo``; else what ``apply`` was told, or ``pycrdt`` for
            what other code did to a wrapped document.
        group: What the edit block was called.
        parts: What changed, by shared type; empty unless somebody observes.
    """

    update: bytes
    local: bool
    origin: str
    group: str | None = None
    parts: tuple[Part, ...] = ()
