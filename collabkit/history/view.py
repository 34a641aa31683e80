"""★ Views: what a weave shows at a moment, as a tree.

Rules:

1. Shown is what was there after a row: made by it or before, and not deleted by then. Anything else
   can be asked for with ``shows``, such as the document without somebody's edits.
2. Of the values of a key the last one that is shown counts.
3. What kind a root is, is told from all that was ever in it, as `crdt.roots` does, so that it is
   of one kind at all moments. A root in which nothing is shown is left out.
4. A sequence shows what its kind can have: text shows strings and whatever is embedded in it, XML
   its elements and texts, an array everything that counts.
5. No recursion: shared types may nest as deep as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from ..crdt.contents import ANY, EMBED, FORMAT, STRING, TYPE
from ..crdt.roots import evidence, kind_of
from ..ids import Seq
from .content import written
from .items import Item, Strand
from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Node,
    Run,
    Stamp,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
)
from .weave import Weave

__all__ = ["Authors", "Shows", "Styles", "shown_at", "tree"]

Shows: TypeAlias = Callable[[Item], bool]
"""Whether a view has an item."""

Styles: TypeAlias = Mapping[Item, dict[str, Any]]
"""The formatting of items."""

Authors: TypeAlias = Mapping[Item, Stamp | None]
"""Whose items are; None if nobody's."""


def tree(
    weave: Weave,
    at: Seq | None = None,
    *,
    shows: Shows | None = None,
    styles: Styles | None = None,
    authors: Authors | None = None,
) -> Tree:
    """The document as it was after a row.

    Args:
        weave: Its history.
        at: The row; by default the last one there is.
        shows: What to show instead; ``at`` is not asked then.
        styles: Formatting of items in texts, where it is not what the formats before them say.
        authors: Whose items are, where it is not whoever brought them.

    >>> from collabkit.history.tree import plain_tree
    >>> weave = Weave()
    >>> _ = weave.add(bytes.fromhex("010107000401017402686900"), Stamp(Seq(1), "user:ada", 0))
    >>> plain_tree(tree(weave)), plain_tree(tree(weave, Seq(0)))
    ({'t': 'hi'}, {})
    """
    look = _Look(shows or shown_at(at), styles or {}, authors or {})
    views = [_View(strand, look) for strand in weave.roots.values()]
    roots = len(views)
    for view in views:  # it grows meanwhile: inside come after outside
        views += [_View(strand, look) for strand in view.inside]
    nodes: dict[Strand, Node | None] = {}
    for view in reversed(views[roots:]):
        nodes[view.strand] = _NODES[view.strand.ref or 0](view, nodes)
    found: Tree = {}
    for view in views[:roots]:
        make = _ROOTS.get(view.told())
        if make is not None and (view.items or view.entries):
            found[view.strand.path[0]] = make(view, nodes)
    return found


def shown_at(at: Seq | None) -> Shows:
    """Whether an item was there after a row; None: after the last one."""
    if at is None:
        return lambda item: item.dead is None
    seq = at

    def shown(item: Item) -> bool:
        return item.born.seq <= seq and (item.dead is None or item.dead.seq > seq)

    return shown


class _Look(msgspec.Struct, frozen=True):
    """How a weave is looked at."""

    shows: Shows
    styles: Styles
    authors: Authors

    def author(self, item: Item) -> Stamp | None:
        return self.authors.get(item, item.born)


class _View:
    """What is shown in one shared type."""

    __slots__ = ("entries", "items", "look", "strand")

    def __init__(self, strand: Strand, look: _Look) -> None:
        self.strand = strand
        self.look = look
        shows = look.shows
        self.items = [item for item in strand if shows(item)]
        self.entries: dict[str, Item] = {}
        for key in strand.last:
            value = next(filter(shows, strand.values(key)), None)
            if value is not None:
                self.entries[key] = value

    @property
    def id(self) -> tuple[int, int] | None:
        item = self.strand.item
        return None if item is None else item.id

    @property
    def inside(self) -> list[Strand]:
        """The shared types that are shown in this one."""
        both = (self.items, self.entries.values())
        return [item.value for items in both for item in items if item.content == TYPE]

    def told(self) -> str:
        """What kind of root this is, by all that was ever in it."""
        strand = self.strand
        if strand.kind is not None:
            return strand.kind
        seen = {"map"} if strand.last else set()
        for item in strand:
            ref = item.value.ref if item.content == TYPE else None
            seen.add(evidence(None, item.content, ref))
        return kind_of(seen)


_Nodes: TypeAlias = dict[Strand, Any]


def _values(item: Item, nodes: _Nodes) -> list[Any]:
    """What an item is in an array."""
    if item.content == ANY:
        return list(item.value)
    if item.content == TYPE:
        return [nodes[item.value]]
    if item.content == STRING:
        return list(written(item.value))
    return [] if item.content == FORMAT else [item.value]


def _entries(view: _View, nodes: _Nodes) -> dict[str, Entry]:
    found = {}
    for key, item in view.entries.items():
        values = _values(item, nodes)
        if values:
            found[key] = Entry(values[-1], view.look.author(item))
    return found


def _children(view: _View, nodes: _Nodes) -> tuple[Entry, ...]:
    return tuple(
        Entry(nodes[item.value], view.look.author(item))
        for item in view.items
        if item.content == TYPE and item.value.ref in _XML
    )


def _runs(view: _View, nodes: _Nodes) -> tuple[Run, ...]:
    runs: list[Run] = []
    style: dict[str, Any] = {}
    pieces: list[str] = []
    before: tuple[dict[str, Any], Stamp | None] | None = None  # formatting and author of the pieces

    def end() -> None:
        if before is not None and pieces:
            runs.append(Run(written("".join(pieces)), *before))
            pieces.clear()

    styles, authors = view.look.styles, view.look.authors
    for item in view.items:
        content = item.content
        style = styles.get(item, style)
        if content == STRING:
            by = authors.get(item, item.born)
            if before is None or before[1] is not by or before[0] != style:
                end()
                before = (style, by)
            pieces.append(item.value)
        elif content == FORMAT:
            style = {key: value for key, value in style.items() if key != item.value.key}
            if item.value.value is not None:
                style[item.value.key] = item.value.value
        elif content in _EMBEDDED:
            end()
            value = nodes[item.value] if content == TYPE else item.value
            runs.append(Run(value, style, view.look.author(item)))
    end()
    return tuple(runs)


def _array(view: _View, nodes: _Nodes) -> Node:
    by = view.look.author
    items = (Entry(value, by(item)) for item in view.items for value in _values(item, nodes))
    return ArrayNode(view.id, tuple(items))


def _map(view: _View, nodes: _Nodes) -> Node:
    return MapNode(view.id, _entries(view, nodes))


def _text(view: _View, nodes: _Nodes) -> Node:
    return TextNode(view.id, _runs(view, nodes))


def _element(view: _View, nodes: _Nodes) -> Node:
    return ElementNode(view.strand.tag, view.id, _entries(view, nodes), _children(view, nodes))


def _fragment(view: _View, nodes: _Nodes) -> Node:
    return XmlNode(view.id, _children(view, nodes))


def _xml_text(view: _View, nodes: _Nodes) -> Node:
    return XmlTextNode(view.id, _runs(view, nodes), _entries(view, nodes))


_EMBEDDED = (EMBED, TYPE)
_XML = (3, 4, 6)
_NODES = (_array, _map, _text, _element, _fragment, _element, _xml_text)  # by type ref
_ROOTS = {"array": _array, "map": _map, "text": _text, "xml": _fragment}
