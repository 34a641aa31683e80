"""★ Whose everything in a document is: each range of a text, each value, each line.

Rules:

1. Whose something is, is who wrote it first: see `attribution`.
2. Paths are those of `changed`: a root, then keys and indexes; in a text, the index of an embedded
   shared type.
3. A line of text is the last one's who wrote in it, as in ``git blame``; its parts say more. It is
   shown range by range, cut where its authors change, so that nobody's words are another's.
4. What only a checkpoint holds is marked (``<=``), and is of who brought it: the rows are gone that
   could say that they went back, and to what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec

from ..ids import Seq, Subject
from .attribution import first_authors
from .changed import Path
from .outline import embedded
from .tree import (
    ArrayNode,
    Content,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
    is_node,
    plain_content,
)
from .view import tree
from .weave import Weave

__all__ = ["Blame", "Line", "Range", "blame"]


class Range(msgspec.Struct, frozen=True):
    """A piece of a line that one author wrote, in however many rows."""

    parts: tuple[Run, ...]

    @property
    def by(self) -> Stamp | None:
        """The last row that wrote in it; None if nobody is known."""
        return _latest(*self.parts)

    def __str__(self) -> str:
        """Its characters, and embedded objects as people know them."""
        return "".join(
            part.value if isinstance(part.value, str) else embedded(part.value)
            for part in self.parts
        )


class Line(msgspec.Struct, frozen=True):
    """A line of a text.

    Attributes:
        number: Which, from 1.
        parts: What it is made of, without the line break at its end; each part has its author.
        by: Who wrote in it last, or broke it off; None if nobody is known.
    """

    number: int
    parts: tuple[Run, ...]
    by: Stamp | None = None

    @property
    def text(self) -> str:
        """Its characters; embedded objects are none."""
        return "".join(run.value for run in self.parts if isinstance(run.value, str))

    @property
    def ranges(self) -> tuple[Range, ...]:
        """It, cut where its authors change: not at each key that was struck."""
        cut = groupby(self.parts, lambda part: part.by and part.by.subject)
        return tuple(Range(tuple(parts)) for _, parts in cut)

    @property
    def authors(self) -> dict[Subject, int]:
        """How many of its characters and objects are whose."""
        return _counted(self.parts)


class Blame(msgspec.Struct, frozen=True):
    """A document with its authors.

    Attributes:
        tree: All it holds; ``by`` says who wrote each thing first.
    """

    tree: Tree

    @property
    def texts(self) -> dict[Path, TextNode | XmlTextNode]:
        """All texts, wherever they are; their ``runs`` are the ranges."""
        return {
            path: node
            for path, node in _walk(self.tree)
            if isinstance(node, TextNode | XmlTextNode)
        }

    @property
    def values(self) -> dict[Path, Entry]:
        """What stands under each key and index, shared types among it."""
        return {
            (*path, step): entry
            for path, node in _walk(self.tree)
            for step, entry in _entries(node)
        }

    @property
    def authors(self) -> dict[Subject, int]:
        """How many characters and values are whose, those with the most first."""
        pieces: list[Run | Entry] = [run for node in self.texts.values() for run in node.runs]
        pieces += self.values.values()
        counted = _counted(pieces)
        return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))

    def of(self, *path: str | int) -> Content:
        """What is at a path: a shared type or a value; None if nothing is.

        >>> Blame({"m": MapNode(None, {"k": Entry(1)})}).of("m", "k")
        1
        """
        if len(path) == 1:
            return self.tree.get(str(path[0]))
        entry = self.values.get(path)
        return self.texts.get(path) if entry is None else entry.value

    def lines(self, *path: str | int) -> Iterator[Line]:
        r"""The lines of a text; none if no text is there.

        >>> node = TextNode(None, (Run("one\ntw"), Run("o")))
        >>> [(line.number, line.text) for line in Blame({"t": node}).lines("t")]
        [(1, 'one'), (2, 'two')]
        """
        node = self.of(*path)
        if isinstance(node, TextNode | XmlTextNode):
            yield from _lines(node.runs)

    def __str__(self) -> str:
        """Texts range by range and values, each with its author, in columns as of ``git blame``."""
        rows: list[tuple[Stamp | None, str]] = []
        for path, node in self.texts.items():
            for line in _lines(node.runs):
                place = f"{_place(path)}:{line.number}"
                rows += ((each.by, f"{place} {each}") for each in line.ranges)
                if not line.parts:
                    rows.append((line.by, f"{place} "))
        for path, entry in self.values.items():
            if isinstance(entry.value, XmlTextNode | TextNode):
                continue
            shown = _KINDS.get(type(entry.value)) or repr(plain_content(entry.value))
            rows.append((entry.by, f"{_place(path)} = {shown}"))
        width = max((len(_author(by)) for by, _ in rows), default=0)
        return "\n".join(f"{_author(by):<{width}}  {what}" for by, what in rows)


def blame(weave: Weave, at: Seq | None = None) -> Blame:
    """Tell whose everything in a document is.

    Args:
        weave: Its history.
        at: After which row; by default the last one.

    >>> weave = Weave()
    >>> by = Stamp(Seq(1), Subject("user:ada"), 0)
    >>> _ = weave.add(bytes.fromhex("010107000401017402686900"), by)
    >>> print(blame(weave))
    #1 user:ada  t:1 hi
    """
    return Blame(tree(weave, at, authors=first_authors(weave)))


def _walk(found: Tree) -> Iterator[tuple[Path, Any]]:
    """All shared types with their paths, those outside before those inside."""
    left: list[tuple[Path, Any]] = [((name,), node) for name, node in reversed(found.items())]
    while left:
        path, node = left.pop()
        yield path, node
        inside = [(step, entry.value) for step, entry in _entries(node)]
        if isinstance(node, TextNode | XmlTextNode):
            inside += _embedded(node.runs)
        left += (((*path, step), value) for step, value in reversed(inside) if is_node(value))


def _entries(node: Any) -> list[tuple[str | int, Entry]]:
    entries: list[tuple[str | int, Entry]] = []
    if isinstance(node, MapNode):
        entries += node.entries.items()
    if isinstance(node, ElementNode | XmlTextNode):
        entries += node.attributes.items()
    if isinstance(node, ArrayNode):
        entries += enumerate(node.items)
    if isinstance(node, XmlNode | ElementNode):
        entries += enumerate(node.children)
    return entries


def _embedded(runs: tuple[Run, ...]) -> Iterator[tuple[int, Any]]:
    at = 0
    for run in runs:
        if not isinstance(run.value, str):
            yield at, run.value
        at += len(run.value) if isinstance(run.value, str) else 1


def _lines(runs: Iterable[Run]) -> Iterator[Line]:
    number, parts = 1, list[Run]()
    for run in runs:
        last, *more = run.value.split("\n") if isinstance(run.value, str) else [run.value]
        for piece in more:
            parts += [msgspec.structs.replace(run, value=last)] if last else []
            yield Line(number, tuple(parts), _latest(*parts, run))
            number, parts, last = number + 1, [], piece
        parts += [msgspec.structs.replace(run, value=last)] if last != "" else []
    if parts:
        yield Line(number, tuple(parts), _latest(*parts))


def _latest(*runs: Run) -> Stamp | None:
    stamps = (run.by for run in runs if run.by is not None)
    return max(stamps, key=lambda stamp: stamp.seq, default=None)


def _counted(pieces: Iterable[Run | Entry]) -> dict[Subject, int]:
    counted: dict[Subject, int] = {}
    for piece in pieces:
        if piece.by is not None:
            typed = isinstance(piece, Run) and isinstance(piece.value, str)
            size = len(piece.value) if typed else 1
            counted[piece.by.subject] = counted.get(piece.by.subject, 0) + size
    return counted


def _author(by: Stamp | None) -> str:
    if by is None:
        return "nobody"
    return f"{'<=' if by.compacted else ''}#{by.seq} {by.subject or 'unknown'}"


def _place(path: Path) -> str:
    return "/".join(map(str, path))


_KINDS: Mapping[type, str] = {
    MapNode: "a map", ArrayNode: "an array", XmlNode: "XML", ElementNode: "an element"
}  # fmt: skip
