"""What a document holds now, as a tree that nobody signed.

For documents that have no log, and to see whether one is what it should be. Read from a log,
the same content has ids and stamps besides: see `view`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..crdt.document import Document
from ..crdt.pen import Kind, Pen, kind_of, reading
from ..crdt.values import plain
from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Subdocument,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
    emptied,
)

__all__ = ["KINDS", "tree_by", "tree_of"]

KINDS: Final[dict[type, Kind]] = {
    TextNode: "text",
    MapNode: "map",
    ArrayNode: "array",
    XmlNode: "xml",
    ElementNode: "element",
    XmlTextNode: "xml text",
}
"""What each node stands for, as a pen calls it."""


def tree_of(document: Document, *, like: Tree | None = None) -> Tree:
    """Read the content of a document; inside an edit block, as the block has left it so far.

    Args:
        document: What to read.
        like: Says what kind a root is that holds shared types alone: that tells nobody.

    >>> document = Document()
    >>> document.map("task")["done"] = True
    >>> tree_of(document)["task"].entries["done"].value
    True
    """
    with reading(document) as pen:
        return tree_by(pen, like)


def tree_by(pen: Pen, like: Tree | None = None) -> Tree:
    """As :func:`tree_of`, in the transaction of a pen. Roots without content are left out."""
    known = {name: KINDS[type(node)] for name, node in (like or {}).items()}
    roots = pen.roots_like(known).items()
    read: Tree = {name: _NODES[kind](pen, pen.root(kind, name)) for name, kind in roots}
    return {name: node for name, node in read.items() if node != emptied(node)}


def _content(pen: Pen, value: Any) -> Any:
    kind = kind_of(value)
    return plain(value) if kind is None else _NODES[kind](pen, value)


def _map(pen: Pen, branch: Any) -> MapNode:
    return MapNode(entries=_entries(pen, branch))


def _array(pen: Pen, branch: Any) -> ArrayNode:
    return ArrayNode(items=_items(pen, branch))


def _text(pen: Pen, branch: Any) -> TextNode:
    return TextNode(runs=_runs(pen, branch))


def _xml(pen: Pen, branch: Any) -> XmlNode:
    return XmlNode(children=_items(pen, branch))


def _element(pen: Pen, branch: Any) -> ElementNode:
    attributes = _entries(pen, branch)
    return ElementNode(pen.tag(branch), attributes=attributes, children=_items(pen, branch))


def _xml_text(pen: Pen, branch: Any) -> XmlTextNode:
    attributes = _entries(pen, branch)
    return XmlTextNode(runs=_runs(pen, branch), attributes=attributes)


def _items(pen: Pen, branch: Any) -> tuple[Entry, ...]:
    return tuple(Entry(_content(pen, value)) for value in pen.items(branch))


def _entries(pen: Pen, branch: Any) -> dict[str, Entry]:
    return {key: Entry(_content(pen, value)) for key, value in pen.keys(branch).items()}


def _runs(pen: Pen, branch: Any) -> tuple[Run, ...]:
    return tuple(Run(_content(pen, value), style) for value, style in pen.runs(branch))


_NODES: dict[str, Callable[[Pen, Any], Any]] = {
    "map": _map,
    "array": _array,
    "text": _text,
    "xml": _xml,
    "element": _element,
    "xml text": _xml_text,
    "document": lambda _pen, branch: Subdocument(branch.guid()),
}
