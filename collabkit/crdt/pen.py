"""The shared types of a document themselves, for who must reach every part of it.

Handles find their place anew at each call, and write what people write by hand. A pen holds
one transaction open, and within it works on branches: it reads and writes any shared type
wherever the engine can have one, text with types embedded in it and XML in maps included,
and takes one step for what costs a handle a search.

Rules:

1. Branches are good while the pen is held, and until what they stand for is deleted.
2. In a text, what is counted are the engine's units: see :func:`units`.
3. A pen writes inside an edit block alone, so that what fails half-way leaves no trace. It
   does not check values: what could not be stored as it is must be known beforehand.
4. What the engine has a call to make where, :data:`_MAKE` lists. All else is grafted, see
   :mod:`.grafting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from pycrdt import _pycrdt as yrs

from ..errors import LocalProtocolError, ValueNotStorable
from .branches import Branch, elements, runs
from .core import Core
from .document import Document
from .grafting import document_content, graft, type_content
from .roots import UNKNOWN, root_kinds

__all__ = ["Kind", "Pen", "kind_of", "reading", "units", "writing"]

Kind: TypeAlias = str
"""``text``, ``map``, ``array``, ``xml``, ``element``, ``xml text`` or ``document``."""

_KINDS: Final[dict[type, Kind]] = {
    yrs.Text: "text",
    yrs.Map: "map",
    yrs.Array: "array",
    yrs.XmlFragment: "xml",
    yrs.XmlElement: "element",
    yrs.XmlText: "xml text",
    yrs.Doc: "document",
}

_SHARED = {
    "map": "insert_map_prelim",
    "array": "insert_array_prelim",
    "text": "insert_text_prelim",
}
_XML = ("xml", "element")
_TEXTS = ("text", "xml text")
_NODES = {"element": "insert_element_prelim", "xml text": "insert_str"}

# By the kind around it, the method that makes each kind in it.
_MAKE: Final[dict[Kind, dict[Kind, str]]] = {
    "map": {**_SHARED, "xml": "insert_xmlfragment_prelim"},
    "array": {**_SHARED, "xml": "insert_xmlfragment_prelim"},
    "text": _SHARED,
    "xml text": {
        **_SHARED,
        "element": "insert_xmlelement_prelim",
        "xml text": "insert_xmltext_prelim",
    },
    "xml": _NODES,
    "element": _NODES,
}


def kind_of(value: Any) -> Kind | None:
    """What kind of shared type a value is; None if it is a plain one."""
    return _KINDS.get(type(value))


def units(value: Any) -> int:
    """How long a piece of a text is to the engine: a string its UTF-8 bytes, all else one."""
    if not isinstance(value, str):
        return 1
    return len(value) if value.isascii() else len(value.encode())


@contextmanager
def reading(document: Document) -> Iterator[Pen]:
    """Hold a pen that only reads."""
    with document._desk.reading as core:
        yield Pen(core)


@contextmanager
def writing(document: Document) -> Iterator[Pen]:
    """Hold a pen that writes as well, inside an edit block of the caller's.

    Raises:
        LocalProtocolError: No such block is open.
    """
    desk = document._desk
    with desk.lock:
        if desk.block is None or not desk.is_mine():
            raise LocalProtocolError(f"document {document.name!r} is in no edit block")
        with desk.writing as core:
            try:
                yield Pen(core, desk.history.follow)
            finally:
                core.texts.forget(frozenset())  # the pen keeps no offsets: they are not true now


class Pen:
    """The branches of a document, in one transaction.

    >>> document = Document()
    >>> with document.edit(), writing(document) as pen:
    ...     page = pen.make(pen.root("map", "pages"), "first", "xml")
    ...     pen.insert(pen.make(page, 0, "xml text"), 0, "Hello", {})
    >>> document.to_dict()
    {'pages': {'first': 'Hello'}}
    """

    __slots__ = ("_core", "_follow", "_txn")

    def __init__(self, core: Core, follow: Callable[[str, Kind], None] | None = None) -> None:
        self._core = core
        self._follow = follow  # has the edits of a root undone
        self._txn: Any = core.txn

    def __repr__(self) -> str:
        return f"<Pen on {self._core!r}>"

    # Reading

    def roots(self) -> dict[str, Kind]:
        """The roots that have content, as told from what is in them."""
        kinds = root_kinds(self._core.encode())
        return {name: kind for name, kind in kinds.items() if kind != UNKNOWN}

    def roots_like(self, known: Mapping[str, Kind]) -> dict[str, Kind]:
        """As :meth:`roots`, but of a kind that is known from elsewhere, where it can be of that.

        A root that holds shared types alone does not tell: they lie in an array, or are embedded
        in a text whose characters are gone, or are XML.
        """
        return {
            name: known[name] if name in known and self._could_be(name, told, known[name]) else told
            for name, told in self.roots().items()
        }

    def _could_be(self, name: str, told: Kind, kind: Kind) -> bool:
        if told == kind or "map" in (told, kind):
            return told == kind
        within = {kind_of(value) for value in self.items(self._core.root("array", name))}
        return None not in within and (kind != "xml" or within <= _NODES.keys())

    def root(self, kind: Kind, name: str) -> Branch:
        """The root of this name, as this kind."""
        if self._follow is not None:
            self._follow(name, kind)
        return self._core.root(kind, name)

    def keys(self, branch: Branch) -> dict[str, Any]:
        """What a map holds, or the attributes of an XML element or text."""
        if kind_of(branch) != "map":
            return dict(branch.attributes(self._txn))
        keys = [key for key in branch.keys(self._txn) if branch.has(self._txn, key)]
        return {key: branch.get(self._txn, key) for key in keys}

    def items(self, branch: Branch) -> list[Any]:
        """The elements of an array, or the children of an XML fragment or element."""
        if kind_of(branch) == "array":
            return elements(branch, self._txn)
        children: list[Any] = branch.children(self._txn)
        return children

    def get(self, branch: Branch, where: str | int) -> Any:
        """One of those that :meth:`keys` and :meth:`items` list."""
        if isinstance(where, str) and kind_of(branch) != "map":
            return self.keys(branch)[where]
        return branch.get(self._txn, where)

    def runs(self, branch: Branch) -> list[tuple[Any, dict[str, Any]]]:
        """The pieces of a text with their formatting."""
        return runs(branch, self._txn)

    def embedded(self, branch: Branch) -> Iterator[tuple[int, Any, dict[str, Any]]]:
        """What is embedded in a text, with its place and formatting."""
        at = 0
        for value, style in self.runs(branch):
            if not isinstance(value, str):
                yield at, value, style
            at += units(value)

    def length(self, branch: Branch) -> int:
        """How many units, elements or children there are."""
        length: int = branch.len(self._txn)
        return length

    def tag(self, branch: Branch) -> str:
        """The tag of an XML element."""
        tag: str = branch.tag()
        return tag

    # Writing

    def make(
        self,
        branch: Branch,
        where: str | int,
        kind: Kind,
        tag: str = "",
        *,
        style: Mapping[str, Any] | None = None,
    ) -> Branch:
        """Make an empty shared type under a key or before an index.

        Args:
            branch: Where to make it.
            where: A key of a map, an attribute's name, an index of a sequence, units of a text.
            kind: What to make.
            tag: Of an element.
            style: Its formatting, in a text.

        Raises:
            ValueNotStorable: It would be among nodes of XML, and is none.
        """
        around = _KINDS[type(branch)]
        method = _MAKE[around].get(kind)
        if method is not None and (isinstance(where, int) or around == "map"):
            more = [""] if method == "insert_str" else [tag] if kind == "element" else []
            styles = [] if style is None else [iter(style.items())]
            return getattr(branch, method)(self._txn, where, *more, *styles)
        if isinstance(where, int) and around in _XML and kind in _SHARED:
            raise ValueNotStorable(f"a {kind} among the nodes of XML")
        graft(self._core, branch, where, type_content(kind, tag))
        if isinstance(where, int) and around in _TEXTS:
            return self._restyled(branch, where, style or {})
        return self.get(branch, where)

    def put_document(self, branch: Branch, where: str | int, guid: str) -> None:
        """Put a document inside the document, of which only the name is known here."""
        graft(self._core, branch, where, document_content(guid))

    def _restyled(self, branch: Branch, where: int, style: Mapping[str, Any]) -> Branch:
        """Give what is embedded at a place just this formatting, and return it."""
        value, before = next(
            (value, before) for at, value, before in self.embedded(branch) if at == where
        )
        self.format(branch, where, 1, dict.fromkeys(before) | dict(style))
        return value

    def put(self, branch: Branch, where: str | int, value: Any) -> None:
        """Store a plain value under a key, as an attribute, or before an index of an array."""
        if isinstance(where, str) and kind_of(branch) != "map":
            branch.insert_attribute(self._txn, where, value)
        else:
            branch.insert(self._txn, where, value)

    def take(self, branch: Branch, key: str) -> None:
        """Remove a key of a map, or an attribute."""
        if kind_of(branch) == "map":
            branch.remove(self._txn, key)
        else:
            branch.remove_attribute(self._txn, key)

    def cut(self, branch: Branch, start: int, size: int) -> None:
        """Remove a stretch of a sequence."""
        branch.remove_range(self._txn, start, size)

    def insert(self, branch: Branch, at: int, value: Any, style: Mapping[str, Any]) -> None:
        """Insert a string or an embedded object with just this formatting."""
        pairs = iter(style.items())
        if isinstance(value, str):
            branch.insert(self._txn, at, value, pairs)
        else:
            branch.insert_embed(self._txn, at, value, pairs)

    def format(self, branch: Branch, start: int, size: int, style: Mapping[str, Any]) -> None:
        """Format a stretch of a text; None as a value takes formatting away."""
        branch.format(self._txn, start, size, iter(style.items()))
