"""★ What a document holds at one moment: shared types as plain values, each part with its author.

Rules:

1. A tree is a value: it knows no document and no log. Two trees can be of two moments of one
   document, of two documents, or of what never was, such as a document without somebody's edits.
2. A node has the id under which its type was created, so that the same list is told from one that
   looks like it. A tree that was not read from a log has no ids; a root has none either.
3. Whose something is, is a :class:`Stamp`. Trees that differ in stamps alone hold the same:
   compare with :func:`same`, never with ``==``.
4. Runs of a text are maximal for one formatting *and* one stamp.
5. Nothing in a tree leads back to what it is in. So runs and entries, of which there may be one a
   keystroke, are left out of the search for such circles: it took twice as long as making them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, TypeAlias

import msgspec

from ..crdt.markup import element, styled
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
    "emptied",
    "id_of",
    "is_node",
    "joined",
    "plain_content",
    "plain_tree",
    "same",
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


class Run(msgspec.Struct, frozen=True, gc=False):
    """A piece of text of one formatting and one author, or one embedded object.

    Attributes:
        value: A string; anything else is an embedded object.
        attributes: Its formatting.
        by: Who wrote it.
    """

    value: Content
    attributes: dict[str, Any] = {}
    by: Stamp | None = None


class Entry(msgspec.Struct, frozen=True, gc=False):
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


def is_node(content: Content) -> bool:
    """Whether a content is a shared type."""
    return isinstance(content, Node)


def id_of(content: Content) -> Id | None:
    """Under which id a content was created; None of what is no node, or was not read from a log."""
    return getattr(content, "id", None)


def text_of(node: TextNode | XmlTextNode) -> str:
    """The characters of a text, without its formatting and embedded objects."""
    return "".join(run.value for run in node.runs if isinstance(run.value, str))


def emptied(node: Any) -> Any:
    """A shared type of the same sort that holds nothing.

    >>> emptied(ElementNode("p", (7, 0), {"align": Entry("left")}))
    ElementNode(tag='p', id=None, attributes={}, children=())
    """
    return ElementNode(node.tag) if isinstance(node, ElementNode) else type(node)()


def plain_tree(tree: Tree) -> dict[str, Any]:
    """All content as plain values by root: what ``Document.to_dict()`` gives of a document.

    >>> plain_tree({"t": TextNode(None, (Run("hi"),)), "m": MapNode(None, {"k": Entry(1)})})
    {'t': 'hi', 'm': {'k': 1}}
    """
    content = {name: plain_content(node) for name, node in tree.items()}
    return {name: value for name, value in content.items() if value}


def plain_content(content: Content) -> Any:
    """A node, or what stands in one, as plain values; XML is markup, see `crdt.branches`."""
    match content:
        case MapNode():
            return {key: plain_content(entry.value) for key, entry in content.entries.items()}
        case ArrayNode():
            return [plain_content(entry.value) for entry in content.items]
        case TextNode() | XmlTextNode():
            return text_of(content)
        case XmlNode() | ElementNode():
            return _markup(content)
        case Subdocument():
            return {"guid": content.guid}
    return content


def _markup(node: Content) -> str:
    if isinstance(node, XmlTextNode):
        return "".join(styled(run.value, run.attributes) for run in joined(node.runs))
    inside = "".join(_markup(child.value) for child in node.children)
    if isinstance(node, XmlNode):
        return inside
    attributes = {name: plain_content(entry.value) for name, entry in node.attributes.items()}
    return element(node.tag, attributes.items(), inside)


def joined(runs: Iterable[Run]) -> list[Run]:
    """Runs without their authors: neighbours of one formatting are one.

    >>> [run.value for run in joined((Run("a"), Run("b"), Run("c", {"bold": True})))]
    ['ab', 'c']
    """
    found: list[Run] = []
    for style, group in groupby(runs, lambda run: (isinstance(run.value, str), run.attributes)):
        if style[0]:
            found.append(Run("".join(run.value for run in group), style[1]))
        else:
            found += (Run(run.value, run.attributes) for run in group)
    return found


def same(one: Tree, other: Tree) -> bool:
    """Whether two trees hold the same: ids and stamps do not count, nor do roots without content.

    >>> by = Stamp(Seq(1), Subject("user:ada"), 0)
    >>> same({"t": TextNode((7, 0), (Run("hi", {}, by),))}, {"t": TextNode(None, (Run("hi"),))})
    True
    """
    return _packed(one) == _packed(other)


def _packed(tree: Tree) -> bytes:
    bare = {name: _bare(node) for name, node in tree.items()}
    filled = {name: node for name, node in bare.items() if any(node[1:])}
    return msgspec.msgpack.encode(filled, order="sorted")


def _bare(content: Content) -> Any:
    """A content as tagged lists, in which nothing can be taken for anything else."""
    match content:
        case MapNode():
            return ["map", _bare_entries(content.entries)]
        case ArrayNode():
            return ["array", [_bare(entry.value) for entry in content.items]]
        case TextNode():
            return ["text", _bare_runs(content)]
        case XmlNode():
            return ["xml", [_bare(child.value) for child in content.children]]
        case ElementNode():
            children = [_bare(child.value) for child in content.children]
            return ["element", content.tag, _bare_entries(content.attributes), children]
        case XmlTextNode():
            return ["xml text", _bare_runs(content), _bare_entries(content.attributes)]
        case Subdocument():
            return ["document", content.guid]
        case dict() | list():
            return ["plain", content]
    return content


def _bare_entries(entries: dict[str, Entry]) -> dict[str, Any]:
    return {key: _bare(entry.value) for key, entry in entries.items()}


def _bare_runs(node: TextNode | XmlTextNode) -> list[Any]:
    return [[_bare(run.value), run.attributes] for run in joined(node.runs)]
