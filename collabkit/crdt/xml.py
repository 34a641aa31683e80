"""Shared XML: what ProseMirror editors (Tiptap, BlockNote) keep their documents in.

A root fragment holds elements and texts; an element has a tag, attributes and children.
Fragments and elements are sequences of their children: ``fragment[0]``, ``len(element)``,
``for child in element``. Children are put in as values, a string or :class:`NewText` for a
text and :class:`Element` for an element, and read as handles.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, ClassVar, TypeAlias, overload

from pycrdt import _pycrdt as yrs

from ..errors import CollabError, OutOfRange, ValueNotStorable
from .branches import Branch
from .node import Child, Node, handle, handles
from .text import Text
from .values import (
    MAX_DEPTH,
    Element,
    NewText,
    check,
    check_attributes,
    check_plain,
    check_text,
    plain,
)

__all__ = ["NewNode", "XmlAttributes", "XmlElement", "XmlFragment", "XmlText"]

NewNode: TypeAlias = str | NewText | Element
"""What can be put into an XML tree."""


@handles
class XmlFragment(Node, Sequence["XmlElement | XmlText"]):
    """A sequence of XML nodes without a tag: what a root is.

    >>> from collabkit.crdt.document import Document
    >>> page = Document().xml("page")
    >>> page.append(Element("h1", {"id": "top"}, ["Hello"]), Element("p"))
    >>> page[1].append("Some ", NewText("bold", {"strong": True}))
    >>> str(page)
    '<h1 id="top">Hello</h1><p>Some <strong>bold</strong></p>'
    >>> page[0].tag, page[0].attributes["id"], str(page[0][0])
    ('h1', 'top', 'Hello')
    """

    __slots__ = ()

    engine_type: ClassVar[type] = yrs.XmlFragment

    def _about(self) -> str:
        return f"with {len(self)} children"

    def __str__(self) -> str:
        """The nodes as XML, with formatting as tags and attributes in order of their names."""
        return str(self.plain())

    def __len__(self) -> int:
        with self._desk.reading as core:
            length: int = self.branch(core).len(core.txn)
            return length

    def __iter__(self) -> Iterator[XmlElement | XmlText]:
        """The children there are at this moment."""
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> XmlElement | XmlText: ...
    @overload
    def __getitem__(self, index: slice) -> list[XmlElement | XmlText]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """A child, or a list of them."""
        with self._desk.reading as core:
            children = self.branch(core).children(core.txn)
            if isinstance(index, slice):
                return [self._child(child) for child in children[index]]
            if not -len(children) <= index < len(children):
                raise OutOfRange(index, len(children))
            return self._child(children[index])

    def _child(self, branch: Branch) -> Any:
        return handle(branch, self._desk, lambda: Child(self, hash(branch)))

    def insert(self, index: int, *nodes: NewNode) -> None:
        """Insert nodes before the child at an index; ``len(self)`` is the end.

        Raises:
            OutOfRange: There is no such index.
            ValueNotStorable: A node, or something in it, cannot be stored.
        """
        self._replace(index, index, nodes)

    def append(self, *nodes: NewNode) -> None:
        """Add nodes at the end. Raises ValueNotStorable."""
        self._replace(None, None, nodes)

    def delete(self, start: int, stop: int) -> None:
        """Delete the children from start up to stop. Raises OutOfRange."""
        self._replace(start, stop, ())

    def replace(self, start: int, stop: int, *nodes: NewNode) -> None:
        """Put nodes where the children from start up to stop are, in one transaction.

        Raises:
            OutOfRange: There is no such stretch.
            ValueNotStorable: A node, or something in it, cannot be stored.
        """
        self._replace(start, stop, nodes)

    def _replace(self, start: int | None, stop: int | None, nodes: Sequence[NewNode]) -> None:
        for number, node in enumerate(nodes):
            _check_node(node, f"node {number}", 0)
        with self._desk.writing as core:
            branch = self.branch(core)
            length = branch.len(core.txn)
            first = length if start is None else start
            last = length if stop is None else stop
            if not 0 <= first <= length:
                raise OutOfRange(first, length)
            if not first <= last <= length:
                raise OutOfRange(last, length)
            if last > first:
                branch.remove_range(core.txn, first, last - first)
            for at, node in enumerate(nodes, first):
                _put(branch, core.txn, at, node)


@handles
class XmlElement(XmlFragment):
    """An XML element: a tag, attributes, and children."""

    __slots__ = ()

    engine_type: ClassVar[type] = yrs.XmlElement

    @property
    def tag(self) -> str:
        """The name of the element; it never changes."""
        with self._desk.reading as core:
            tag: str = self.branch(core).tag()
            return tag

    @property
    def attributes(self) -> XmlAttributes:
        """Its attributes, as a dict that can be written to."""
        return XmlAttributes(self)


@handles
class XmlText(Text):
    """A text inside an XML tree; all that :class:`Text` does, and attributes."""

    __slots__ = ()

    engine_type: ClassVar[type] = yrs.XmlText
    _has_ids: ClassVar[bool] = False

    @property
    def attributes(self) -> XmlAttributes:
        """Its attributes, as a dict that can be written to."""
        return XmlAttributes(self)


class XmlAttributes(MutableMapping[str, Any]):
    """The attributes of an element or text: strings, or whatever an editor puts there."""

    __slots__ = ("_node",)

    def __init__(self, node: XmlElement | XmlText) -> None:
        self._node = node

    def __repr__(self) -> str:
        try:
            return f"<XmlAttributes {self._all()}>"
        except CollabError as error:
            return f"<XmlAttributes ({error})>"

    def _all(self) -> dict[str, Any]:
        with self._node._desk.reading as core:
            return {
                name: plain(value) for name, value in self._node.branch(core).attributes(core.txn)
            }

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Set an attribute. Raises ValueNotStorable."""
        _check_attribute(name, value, "the element")
        with self._node._desk.writing as core:
            self._node.branch(core).insert_attribute(core.txn, name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self._all():
            raise KeyError(name)
        with self._node._desk.writing as core:
            self._node.branch(core).remove_attribute(core.txn, name)


def _check_node(node: NewNode, path: str, depth: int) -> None:
    if isinstance(node, str):
        check_text(node, path)
    elif isinstance(node, NewText):
        check_text(node.value, path)
        check_attributes(node.attributes, path)
    elif not isinstance(node, Element):
        raise ValueNotStorable(f"{path} is a {type(node).__name__}, not a node")
    elif depth >= MAX_DEPTH:
        raise ValueNotStorable(f"{path} is nested more than {MAX_DEPTH} deep")
    else:
        check_text(node.tag, f"the tag of {path}")
        if not node.tag:
            raise ValueNotStorable(f"the tag of {path} is empty")
        for name, value in node.attributes.items():
            _check_attribute(name, value, path)
        for number, child in enumerate(node.children):
            _check_node(child, f"{path} <{node.tag}>[{number}]", depth + 1)


def _check_attribute(name: str, value: Any, path: str) -> None:
    check_text(name, f"an attribute's name in {path}")
    if value is None:
        raise ValueNotStorable(f"attribute {name!r} of {path} is None; delete it instead")
    check(value, f"attribute {name!r} of {path}")
    check_plain(value, f"attribute {name!r} of {path}")


def _put(branch: Branch, txn: Any, index: int, node: NewNode) -> None:
    """Insert a checked node, with all that is inside it."""
    if isinstance(node, str):
        branch.insert_str(txn, index, node)
    elif isinstance(node, NewText):
        text = branch.insert_str(txn, index, "")
        text.insert(txn, 0, node.value, iter((node.attributes or {}).items()))
    else:
        element = branch.insert_element_prelim(txn, index, node.tag)
        for name, value in node.attributes.items():
            element.insert_attribute(txn, name, value)
        for at, child in enumerate(node.children):
            _put(element, txn, at, child)
