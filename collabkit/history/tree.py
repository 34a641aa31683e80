"""★ What a document holds at one moment: shared types as plain values, each part with its author.

Rules:

1. A tree is a value: it knows no document and no log. Two trees can be of two moments of one
   document, of two documents, or of what never was, such as a document without somebody's edits.
2. A node has the id under which its type was created, so that the same list is told from one that
   looks like it. A tree that was not read from a log has no ids; a root has none either.
3. Whose something is, is a :class:`Stamp`. Trees that differ in stamps alone hold the same:
   compare with :func:`same`, never with ``==``.
4. Runs of a text are maximal for one formatting *and* one stamp.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from ..crdt.structs import Id
from ..ids import Seq, Subject

__all__ = [
    "ArrayNode",
    "Content",
    "ElementNode",
    "Entry",
    "MapNode",
    "Node",
    "Run",
    "Stamp",
    "Subdocument",
    "TextNode",
    "Tree",
    "XmlNode",
    "XmlTextNode",
    "text_of",
]


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """Who did something, and when: the row of the log that holds it.

    Attributes:
        seq: The row; of what only a checkpoint still holds, the last row that it stands for.
        subject: Who; empty if nobody knows any more.
        at_ms: Wall clock in Unix milliseconds; of a checkpoint, when it was made.
        origin: How it came in, as the row says.
        group: What the author called it.
        compacted: Only a checkpoint holds it: it happened at ``seq`` or before.
    """

    seq: Seq
    subject: Subject
    at_ms: int
    origin: str = "relay"
    group: str | None = None
    compacted: bool = False


class Subdocument(msgspec.Struct, frozen=True):
    """A document inside a document: only its name is here."""

    guid: str


class Run(msgspec.Struct, frozen=True):
    """A piece of text of one formatting and one author, or one embedded object.

    Attributes:
        value: A string; anything else is an embedded object.
        attributes: Its formatting.
        by: Who wrote it.
    """

    value: Content
    attributes: dict[str, Any] = {}
    by: Stamp | None = None


class Entry(msgspec.Struct, frozen=True):
    """What stands under a key or at an index, and who put it there."""

    value: Content
    by: Stamp | None = None


class MapNode(msgspec.Struct, frozen=True):
    """A shared map."""

    id: Id | None = None
    entries: dict[str, Entry] = {}


class ArrayNode(msgspec.Struct, frozen=True):
    """A shared array."""

    id: Id | None = None
    items: tuple[Entry, ...] = ()


class TextNode(msgspec.Struct, frozen=True):
    """A shared text."""

    id: Id | None = None
    runs: tuple[Run, ...] = ()


class XmlNode(msgspec.Struct, frozen=True):
    """An XML fragment: a sequence of elements and texts."""

    id: Id | None = None
    children: tuple[Entry, ...] = ()


class ElementNode(msgspec.Struct, frozen=True):
    """An XML element."""

    tag: str
    id: Id | None = None
    attributes: dict[str, Entry] = {}
    children: tuple[Entry, ...] = ()


class XmlTextNode(msgspec.Struct, frozen=True):
    """A text inside XML."""

    id: Id | None = None
    runs: tuple[Run, ...] = ()
    attributes: dict[str, Entry] = {}


Node: TypeAlias = MapNode | ArrayNode | TextNode | XmlNode | ElementNode | XmlTextNode
"""A shared type."""

Content: TypeAlias = Any
"""A :data:`Node`, a :class:`Subdocument`, or a plain value as `crdt.values` describes it; a dict or
list that is no node was stored as one piece."""

Tree: TypeAlias = dict[str, Node]
"""A document: its roots by name."""


def text_of(node: TextNode | XmlTextNode) -> str:
    """The characters of a text, without its formatting and embedded objects."""
    return "".join(run.value for run in node.runs if isinstance(run.value, str))
