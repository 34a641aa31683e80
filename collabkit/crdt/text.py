"""Shared text, counted in code points.

An index is a position between characters, from 0 to ``len(text)``, as in a Python string.
An embedded object counts one. It stands in slices as U+FFFC, so that ``text[:]`` has a
character for every index, while ``str(text)`` leaves it out, as Yjs does.

A *string* as an embedded object, which other programs can make, reads as characters, and
nobody can tell what counts as one. Such a text can be read, and not edited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import msgspec
from pycrdt import _pycrdt as yrs

from ..errors import OutOfRange, ValueNotStorable
from .branches import Branch, read_text, render, runs
from .core import Core
from .node import Node, handles
from .offsets import EMBED, Offsets, Scale
from .positions import Position
from .sticking import hold, hold_in_copy, locate
from .values import Attributes, check, check_attributes, check_json, check_text

__all__ = ["OBJECT", "Run", "Text"]

OBJECT = "\ufffc"
"""What stands for an embedded object in a slice: U+FFFC OBJECT REPLACEMENT CHARACTER."""


class Run(msgspec.Struct, frozen=True):
    """A piece of text with one formatting, or one embedded object.

    Attributes:
        value: A string; anything else is an embedded object, a shared type as its content.
        attributes: The formatting.
    """

    value: Any
    attributes: dict[str, Any] = {}


@handles
class Text(Node):
    """A text that several people edit.

    >>> from collabkit.crdt.document import Document
    >>> text = Document().text("body")
    >>> text.insert(0, "naïve")
    >>> text.insert(5, " 😀!")
    >>> text.delete(0, 2)
    >>> str(text), len(text), text[4]
    ('ïve 😀!', 6, '😀')
    """

    __slots__ = ()

    engine_type: ClassVar[type] = yrs.Text
    _has_ids: ClassVar[bool] = True  # the engine tells the ids of its characters

    def _about(self) -> str:
        text = self[:]
        return repr(text if len(text) <= 40 else f"{text[:37]}...")

    # Reading

    def __str__(self) -> str:
        """The characters alone, without formatting and embedded objects."""
        return str(self.plain())

    def __len__(self) -> int:
        with self._desk.reading as core:
            branch = self.branch(core)
            offsets = core.texts.offsets(branch, self.place.key(branch, core), core.txn)
            if offsets.torn:
                return len(read_text(branch, core.txn, OBJECT))
            length: int = branch.len(core.txn) if offsets.narrow else len(offsets)
            return length

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str) and part in self[:]

    def __getitem__(self, index: int | slice) -> str:
        """A character or a slice, as of a string; embedded objects stand as :data:`OBJECT`."""
        with self._desk.reading as core:
            return read_text(self.branch(core), core.txn, OBJECT)[index]

    def runs(self) -> list[Run]:
        """The text as pieces with their formatting.

        >>> from collabkit.crdt.document import Document
        >>> text = Document().text("body")
        >>> text.insert(0, "bold", {"bold": True})
        >>> text.insert(4, " and not", {})
        >>> text.runs()
        [Run(value='bold', attributes={'bold': True}), Run(value=' and not', attributes={})]
        """
        with self._desk.reading as core:
            found = runs(self.branch(core), core.txn)
            return [Run(render(value, core.txn), attributes) for value, attributes in found]

    # Writing

    def insert(self, index: int, value: str, attributes: Attributes | None = None) -> None:
        """Insert a string.

        Args:
            index: Before which character; ``len(text)`` is the end.
            value: What to insert.
            attributes: Its formatting; that of the place by default.

        Raises:
            OutOfRange: There is no such index.
            ValueNotStorable: The value is no text, or the formatting cannot be stored.
        """
        check_text(value)
        check_attributes(attributes)
        with self._desk.writing as core:
            branch = self.branch(core)
            offsets, length = self._measure(core, branch)
            if not 0 <= index <= length:
                raise OutOfRange(index, length)
            at = index if offsets.narrow else offsets.convert(index, Scale.POINTS, Scale.BYTES)
            branch.insert(core.txn, at, value, _pairs(attributes))
            if core.texts.direct:
                offsets.insert(index, value)

    def delete(self, start: int, stop: int) -> None:
        """Delete the characters from start up to stop. Raises OutOfRange."""
        self.replace(start, stop, "")

    def replace(
        self, start: int, stop: int, value: str, attributes: Attributes | None = None
    ) -> None:
        """Put a string where the characters from start up to stop are.

        Raises:
            OutOfRange: The text has no such stretch.
            ValueNotStorable: The value is no text, or the formatting cannot be stored.
        """
        check_text(value)
        check_attributes(attributes)
        with self._desk.writing as core:
            branch = self.branch(core)
            offsets, at, size = self._stretch(core, branch, start, stop)
            if size:
                branch.remove_range(core.txn, at, size)
            if value:
                branch.insert(core.txn, at, value, _pairs(attributes))
            if core.texts.direct:
                offsets.delete(start, stop)
                offsets.insert(start, value)

    def format(self, start: int, stop: int, attributes: Attributes) -> None:
        """Format the characters from start up to stop; None as a value takes formatting away.

        Raises:
            OutOfRange: The text has no such stretch.
            ValueNotStorable: The formatting cannot be stored.
        """
        check_attributes(attributes)
        with self._desk.writing as core:
            branch = self.branch(core)
            _offsets, at, size = self._stretch(core, branch, start, stop)
            if size and attributes:
                branch.format(core.txn, at, size, _pairs(attributes))

    def embed(self, index: int, value: Any, attributes: Attributes | None = None) -> None:
        """Insert an object, such as an image, which counts as one character.

        Raises:
            OutOfRange: There is no such index.
            ValueNotStorable: The value is a string, or cannot be stored.
        """
        if isinstance(value, str):
            raise ValueNotStorable("the embedded object is a string; only text can be one")
        check(value, "the embedded object")
        check_json(value, "the embedded object")
        check_attributes(attributes)
        with self._desk.writing as core:
            branch = self.branch(core)
            offsets, at, _size = self._stretch(core, branch, index, index)
            branch.insert_embed(core.txn, at, value, _pairs(attributes))
            if core.texts.direct:
                offsets.insert(index, EMBED)

    def append(self, value: str) -> None:
        """Insert a string at the end. Raises ValueNotStorable."""
        check_text(value)
        with self._desk.writing as core:
            branch = self.branch(core)
            offsets, length = self._measure(core, branch)
            branch.insert(core.txn, branch.len(core.txn), value, None)
            if core.texts.direct:
                offsets.insert(length, value)

    def __iadd__(self, value: str) -> Self:
        self.append(value)
        return self

    def __setitem__(self, index: int | slice, value: str) -> None:
        self.replace(*self._bounds(index), value)

    def __delitem__(self, index: int | slice) -> None:
        self.replace(*self._bounds(index), "")

    # Positions

    def position_at(self, index: int, *, before: bool = False) -> Position:
        """Make a position that stays put while others edit, such as a cursor.

        Args:
            index: Where it is now.
            before: Stay with the character before it; by default, with the one behind.

        Raises:
            OutOfRange: There is no such index.

        >>> from collabkit.crdt.document import Document
        >>> text = Document().text("body")
        >>> text.append("world")
        >>> cursor = text.position_at(0)
        >>> text.insert(0, "hello ")
        >>> text.index_of(cursor)
        6
        """
        with self._desk.reading as core:
            branch = self.branch(core)
            offsets, length = self._measure(core, branch)
            if not 0 <= index <= length:
                raise OutOfRange(index, length)
            if offsets.narrow and self._has_ids:
                return hold(branch, core.txn, index, length, before=before)
            return hold_in_copy(core, self.place, offsets, index, length, before=before)

    def index_of(self, position: Position) -> int | None:
        """Where a position is now; None if it is not in this text, or not known here (yet)."""
        with self._desk.reading as core:
            branch = self.branch(core)
            offsets, length = self._measure(core, branch)
            return locate(branch, core, position, length, offsets)

    def _measure(self, core: Core, branch: Branch) -> tuple[Offsets, int]:
        """The offsets of this text, and its length in code points. Raises ValueNotStorable."""
        offsets = core.texts.offsets(branch, self.place.key(branch, core), core.txn)
        if offsets.torn:
            raise ValueNotStorable(
                f"an edit of {self.place}, which has strings as embedded objects, from elsewhere"
            )
        return offsets, branch.len(core.txn) if offsets.narrow else len(offsets)

    def _stretch(
        self, core: Core, branch: Branch, start: int, stop: int
    ) -> tuple[Offsets, int, int]:
        """The offsets, and the start and size of a stretch in bytes."""
        offsets, length = self._measure(core, branch)
        if not 0 <= start <= length:
            raise OutOfRange(start, length)
        if not start <= stop <= length:
            raise OutOfRange(stop, length)
        at = offsets.convert(start, Scale.POINTS, Scale.BYTES)
        return offsets, at, offsets.convert(stop, Scale.POINTS, Scale.BYTES) - at

    def _bounds(self, index: int | slice) -> tuple[int, int]:
        """What an index or a slice of a string means."""
        length = len(self)
        if isinstance(index, slice):
            start, stop, step = index.indices(length)
            if step != 1:
                raise OutOfRange(step, length)
            return start, max(start, stop)
        at = index + length if index < 0 else index
        if not 0 <= at < length:
            raise OutOfRange(index, length)
        return at, at + 1


def _pairs(attributes: Attributes | None) -> Iterator[tuple[str, Any]] | None:
    return None if attributes is None else iter(attributes.items())
