"""The document: named roots of shared text, maps, arrays and XML, and how they change.

::

    document = Document()
    with document.edit():                      # all of it, in one transaction, or nothing
        document.text("title").insert(0, "Plan")
        document.map("meta")["due"] = 2027

Every replica of a document, and every stock Yjs client, ends with the same content
once it has had the same updates, in whatever order they came.

All methods may be called from any thread; each call is atomic. A block keeps other
threads waiting from its first line to its last, so it should not wait for anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import pycrdt

from ..errors import UpdateRefused, WrongRoot
from ..ids import new_client_id
from .block import Block
from .branches import render
from .bridge import Bridge
from .budget import NO_BUDGET
from .changes import Change
from .containers import Array, Map
from .desk import SEALED, Desk, Guard
from .digest import content_digest
from .history import History
from .node import Node, Root
from .text import Text
from .update import Scan, StateVector, advance, decode_state_vector, gap, scan
from .values import check_text
from .xml import XmlFragment

__all__ = ["Change", "Document"]

_KINDS: dict[str, type[Node]] = {"text": Text, "map": Map, "array": Array, "xml": XmlFragment}


class Document:
    """A shared document.

    >>> here, there = Document(), Document()
    >>> here.text("body").insert(0, "hello")
    >>> there.apply(here.update())
    >>> str(there.text("body"))
    'hello'

    Attributes:
        gate: Called with each update from elsewhere before it is applied, as ``guard`` is with
            each local edit.
    """

    def __init__(self, name: str = "main", *, client_id: int | None = None) -> None:
        self.name = name
        self.gate: Guard | None = None
        self._desk = Desk(name, new_client_id() if client_id is None else client_id)
        self._roots: dict[str, tuple[str, Node]] = {}
        self._vector: StateVector = {}
        self._bridge: Bridge | None = None

    @classmethod
    def wrap(cls, doc: pycrdt.Doc[Any], name: str = "main") -> Self:
        """Give a pycrdt document this interface.

        What is edited on one side is on the other at once. The two are two replicas, with a
        client id each, because what keeps this one safe cannot be had while other code writes
        to it. What is edited with pycrdt counts as local, under the origin ``pycrdt``.
        """
        document = cls(name)
        document._bridge = Bridge(doc, document._desk)  # the document keeps it alive
        return document

    def __repr__(self) -> str:
        return f"<Document {self.name!r} client {self.client_id}>"

    @property
    def client_id(self) -> int:
        """The Yjs client id under which this replica edits."""
        number: int = self._desk.live.raw.client_id()
        return number

    @property
    def guard(self) -> Guard | None:
        """Called with the update of each local edit before it happens; it stops it by raising."""
        return self._desk.guard

    @guard.setter
    def guard(self, guard: Guard | None) -> None:
        self._desk.guard = guard

    # Content

    def text(self, name: str) -> Text:
        """The root text of this name. Raises WrongRoot if the name is another kind of root."""
        return self._root("text", name)  # type: ignore[return-value]

    def map(self, name: str) -> Map:
        """The root map of this name. Raises WrongRoot if the name is another kind of root."""
        return self._root("map", name)  # type: ignore[return-value]

    def array(self, name: str) -> Array:
        """The root array of this name. Raises WrongRoot if the name is another kind of root."""
        return self._root("array", name)  # type: ignore[return-value]

    def xml(self, name: str) -> XmlFragment:
        """The root XML fragment of this name. Raises WrongRoot if it is another kind of root."""
        return self._root("xml", name)  # type: ignore[return-value]

    def _root(self, kind: str, name: str) -> Node:
        known = self._roots.get(name)
        if known is None:
            check_text(name, "the name of a root")
            with self._desk.reading as core:
                found = core.kinds().get(name, kind)
                if found != kind and core.could_be(name, kind):
                    found = kind
            known = (found, _KINDS[found](self._desk, Root(found, name)))
            if found == kind:
                self._roots[name] = known
                self._desk.history.follow(name, kind)
        if known[0] != kind:
            raise WrongRoot(name, known[0], kind)
        return known[1]

    @property
    def roots(self) -> dict[str, str]:
        """What the document has: each root's name and whether it is text, map, array or xml.

        Roots made elsewhere are told by what is in them. Those without content may be missing.
        """
        with self._desk.reading as core:
            return core.kinds()

    def to_dict(self) -> dict[str, Any]:
        """All content, as plain values by root; roots without content are left out.

        >>> document = Document()
        >>> document.map("task")["done"] = True
        >>> document.text("notes").append("…")
        >>> document.to_dict() == {"task": {"done": True}, "notes": "…"}
        True
        """
        with self._desk.reading as core:
            content = {
                name: render(core.root(kind, name), core.txn) for name, kind in core.kinds().items()
            }
        return {name: value for name, value in content.items() if value}

    def digest(self) -> str:
        """A digest of the content and its types, equal for equal content in every replica."""
        with self._desk.reading as core:
            return content_digest(core)

    # Changing

    def edit(self, group: str | None = None) -> Block:
        """Edit in one transaction that happens as a whole, or not at all if the block raises.

        Args:
            group: What to call this change. Neighbouring blocks of one group are undone together.

        Raises:
            ValueNotStorable: The group is no text.

        >>> document = Document()
        >>> try:
        ...     with document.edit():
        ...         document.text("body").append("half a th")
        ...         raise RuntimeError("changed my mind")
        ... except RuntimeError:
        ...     str(document.text("body"))
        ''
        """
        if group is not None:
            check_text(group, "the group")
        return Block(self._desk, group)

    def apply(self, update: bytes, *, origin: str = "remote", trusted: bool = False) -> None:
        """Take in an update from elsewhere.

        Args:
            update: A Yjs v1 update.
            origin: What to call where it came from, in the change that listeners get.
            trusted: It was accepted before, as the rows of a log were: it is not scanned.

        Raises:
            MalformedBytes: It is no update. The document is as it was.
            UpdateRefused: It is outside the limits; or its code is ``gap``, and it builds on edits
                that are not here: ask for all that is missing since :attr:`state_vector`.
            EngineLost: It contradicts the document, or broke the engine. This document cannot be
                used any more.
            ValueNotStorable: The origin is no text.
        """
        check_text(origin, "the origin")
        desk = self._desk
        with desk.lock:
            found = None if trusted else self._fitting(update)
            if self.gate is not None:
                self.gate(update)
            try:
                desk.take(update, origin)
            except ValueError as error:
                raise UpdateRefused("undecodable", str(error)) from None
            if found is not None:
                advance(found, self._vector)

    def _fitting(self, update: bytes) -> Scan:
        """Scan an update, and make sure that the engine can integrate it at once."""
        found = scan(update)
        if gap(found, self._vector):
            self._vector = decode_state_vector(self.state_vector, NO_BUDGET.clients)
            if gap(found, self._vector):
                raise UpdateRefused("gap", "it builds on edits that are not here")
        return found

    def undo(self) -> bool:
        """Undo the last call or block edited here that is not undone; never anybody else's edit.

        How far back it goes depends on how much was edited since: some hundred steps at least.
        In XML what it leaves may differ from what was there before: the engine's undo went wrong
        in 21 of 6,472 runs of random edits.

        >>> document = Document()
        >>> document.text("body").append("hello")
        >>> document.text("body").append(" world")
        >>> document.undo(), str(document.text("body"))
        (True, 'hello')

        Returns:
            Whether there was one.

        Raises:
            LocalProtocolError: A block is open.
        """
        return self._desk.travel(History.undo, "undo")

    def redo(self) -> bool:
        """Do again what :meth:`undo` undid, unless something was edited here since.

        Returns:
            Whether there was something.

        Raises:
            LocalProtocolError: A block is open.
        """
        return self._desk.travel(History.redo, "redo")

    def seal(self) -> Self:
        """Let nothing change this replica any more: from now on it only shows.

        Edits and updates raise ReadOnlyDocument.

        >>> from collabkit.errors import ReadOnlyDocument
        >>> document = Document()
        >>> document.text("body").append("as it was")
        >>> try:
        ...     document.seal().text("body").append("!")
        ... except ReadOnlyDocument:
        ...     str(document.text("body"))
        'as it was'
        """
        with self._desk.lock:
            self._desk.frozen = SEALED
        return self

    # Hearing of changes

    def on_update(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after each transaction that changed something; returns what stops it.

        Callbacks are told in the order of the changes, and may edit.
        """
        return self._desk.listen(callback)

    def observe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """As :meth:`on_update`, with ``change.parts`` saying what changed in which shared type."""
        return self._desk.listen(callback, in_parts=True)

    # State

    def update(self, since: bytes | None = None) -> bytes:
        """What a replica with this state vector lacks, as one update; everything by default.

        Raises:
            MalformedBytes: This is no state vector.
        """
        if since is not None:
            # The engine believes the count that a vector begins with: five bytes cost it 1 GB.
            decode_state_vector(since, NO_BUDGET.clients)
        with self._desk.lock:
            return self._desk.committed().encode(b"\0" if since is None else since)

    @property
    def state_vector(self) -> bytes:
        """How far this replica has got: what a peer needs to know to send the rest."""
        with self._desk.lock:
            return self._desk.committed().state_vector()
