"""★ A difference as lines to be read, like a unified diff.

Rules:

1. Each shared type that is different has a part, under its path twice: ``---`` and ``+++``. XML is
   one part: an outline in which an element stands inside the one that it is in.
2. A part is cut into hunks, with a little around each of what stayed. The head of a hunk says
   where it is, in lines or elements, and whose doing it is: the people, and the rows of the log.
3. A line begins with what it is: a space stayed, ``-`` went, ``+`` came, ``~`` is said of the line
   before it. This is for people: what takes a difference to a document are its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from .changed import (
    Add,
    Changed,
    ElementChanged,
    Keep,
    KeyChange,
    KeyChanged,
    MapChanged,
    Remove,
    SequenceChanged,
    TextChanged,
    Within,
    inside,
)
from .outline import brief, outline, spelled
from .rows import Kind, Line, Span, line, text_rows
from .tree import ArrayNode, ElementNode, Entry, Stamp, XmlNode, XmlTextNode

__all__ = ["SIGNS", "unified"]

SIGNS: dict[Kind, str] = {"head": "", "hunk": "", "same": " ", "old": "-", "new": "+", "note": "~"}
"""How a line of a kind begins."""

# As in diff -u.
CONTEXT_LINES = 3
CONTEXT_ELEMENTS = 1


def unified(roots: dict[str, KeyChange]) -> Iterator[Line]:
    """Write the changes of a document's roots, as :attr:`.Difference.roots` has them, as lines.

    >>> from .tree import MapNode
    >>> changed = MapChanged(("m",), MapNode(), MapNode(), {"due": KeyChanged(None, Entry(2027))})
    >>> [SIGNS[line.kind] + line.text for line in unified({"m": changed})]
    ['--- m', '+++ m', '@@ 1 key @@', '+due: 2027']
    """
    for name, change in roots.items():
        if isinstance(change, KeyChanged):
            yield from _head(spelled((name,)))
            yield from _hunk("@@ replaced @@", _key("", change))
        else:
            yield from _part(change)


def _part(change: Changed) -> Iterator[Line]:
    hunks = list(_hunks_of(change))
    if hunks:
        yield from _head(spelled(change.path))
        yield from hunks
    for nested in _apart(change):
        yield from _part(nested)


def _hunks_of(change: Changed) -> Iterator[Line]:
    match change:
        case MapChanged():
            changed = [each for each in change.keys.values() if isinstance(each, KeyChanged)]
            if changed:
                count = f"@@ {len(changed)} key{'s' * (len(changed) > 1)} @@"
                yield from _hunk(count, _keys(change.keys))
        case TextChanged() if not isinstance(change.new, XmlTextNode):
            yield from _hunks(_text(change), CONTEXT_LINES)
        case SequenceChanged():
            yield from _hunks(_elements(change), CONTEXT_ELEMENTS)
        case _:
            yield from _hunk("@@ xml @@", _xml(change))


def _apart(change: Changed) -> Iterator[Changed]:
    """What is nested in a part and has one of its own."""
    for nested in inside(change):
        if _is_outlined(change) and _is_outlined(nested):
            yield from _apart(nested)
        else:
            yield nested


def _is_outlined(change: Changed) -> bool:
    return isinstance(change.new, XmlNode | ElementNode | XmlTextNode)


def _head(path: str) -> Iterator[Line]:
    yield line("head", f"--- {path}")
    yield line("head", f"+++ {path}")


def _hunk(head: str, rows: Iterable[Line]) -> Iterator[Line]:
    """Rows under a head that says whose they are."""
    shown = list(rows)
    by = tuple(dict.fromkeys(stamp for row in shown for stamp in row.by))
    yield line("hunk", f"{head} {_authors(by)}".rstrip(), *by)
    yield from shown


def _authors(stamps: Iterable[Stamp]) -> str:
    """People, each with the first and last row of theirs."""
    seqs: dict[str, list[int]] = {}
    for stamp in stamps:
        seqs.setdefault(stamp.subject or "somebody", []).append(stamp.seq)
    return ", ".join(
        f"{who} #{min(rows)}" + f"-{max(rows)}" * (len(set(rows)) > 1) for who, rows in seqs.items()
    )


# Keys


def _keys(keys: Mapping[str, KeyChange], sign: str = ": ") -> Iterator[Line]:
    for key, change in keys.items():
        if isinstance(change, KeyChanged):
            yield from _key(f"{spelled((key,))}{sign}", change)


def _key(label: str, change: KeyChanged) -> Iterator[Line]:
    if change.old is not None:
        by = change.gone if change.new is None else change.new.by
        yield from _outlined("old", change.old.value, label, by)
    if change.new is not None:
        yield from _outlined("new", change.new.value, label, change.new.by)


def _outlined(kind: Kind, content: Any, label: str, by: Stamp | None) -> Iterator[Line]:
    return (line(kind, text, by) for text in outline(content, label))


# Sequences


class _Piece(msgspec.Struct, frozen=True):
    """A line of a text, or an element of a sequence.

    Attributes:
        old: How many the old side has of it.
        new: How many the new side has of it.
        rows: Writes it.
        stays: Whether it is only there to show where others are.
    """

    old: int
    new: int
    rows: Callable[[], Iterable[Line]]
    stays: bool = False


def _hunks(pieces: Sequence[_Piece], around: int) -> Iterator[Line]:
    before = after = 1
    at = 0
    for start, stop in _ranges(pieces, around):
        before += sum(piece.old for piece in pieces[at:start])
        after += sum(piece.new for piece in pieces[at:start])
        old = sum(piece.old for piece in pieces[start:stop])
        new = sum(piece.new for piece in pieces[start:stop])
        head = f"@@ {_range('-', before, old)} {_range('+', after, new)} @@"
        yield from _hunk(head, _rows(pieces[start:stop]))
        before, after, at = before + old, after + new, stop


def _range(sign: str, start: int, count: int) -> str:
    # As diff -u has it: what is empty is said to be behind the line before it.
    return f"{sign}{start}" if count == 1 else f"{sign}{start if count else start - 1},{count}"


def _ranges(pieces: Sequence[_Piece], around: int) -> Iterator[tuple[int, int]]:
    """Where hunks begin and end: those that would touch are one."""
    start, stop = 0, -1
    for at, piece in enumerate(pieces):
        if piece.stays:
            continue
        if at - around > stop >= 0:
            yield start, stop
            start = at - around
        elif stop < 0:
            start = max(at - around, 0)
        stop = min(at + around + 1, len(pieces))
    if stop >= 0:
        yield start, stop


def _rows(pieces: Iterable[_Piece]) -> Iterator[Line]:
    for piece in pieces:
        yield from piece.rows()


def _text(change: TextChanged) -> list[_Piece]:
    return [
        _Piece(
            row.kind in {"same", "old"},
            row.kind in {"same", "new"},
            lambda row=row: (row,),  # type: ignore[misc]
            row.kind == "same",
        )
        for row in text_rows(change.old.runs, change.steps)
    ]


def _elements(change: SequenceChanged | ElementChanged) -> list[_Piece]:
    """The elements of a sequence; one that is different inside counts if it is outlined there."""
    label = "- " if isinstance(change.old, ArrayNode) else ""
    old = change.old.items if isinstance(change.old, ArrayNode) else change.old.children
    pieces: list[_Piece] = []
    at = 0
    for step in (*change.steps, Keep(len(old))):
        match step:
            case Keep():
                kept = old[at : at + step.length]
                pieces += (_Piece(1, 1, partial(_brief, entry, label), True) for entry in kept)
                at += len(kept)
            case Add():
                pieces += (
                    _Piece(0, 1, partial(_outlined, "new", entry.value, label, entry.by))
                    for entry in step.entries
                )
            case Remove():
                pieces += (
                    _Piece(1, 0, partial(_outlined, "old", entry.value, label, step.gone))
                    for entry in step.entries
                )
                at += len(step.entries)
            case Within():
                if _is_outlined(change):
                    pieces.append(_Piece(1, 1, partial(_xml, step.changed)))
                else:
                    entry = Entry(step.changed.new)
                    pieces.append(_Piece(1, 1, partial(_brief, entry, label), True))
                at += 1
    return pieces


def _brief(entry: Entry, label: str) -> Iterator[Line]:
    yield line("same", label + brief(entry.value))


def _xml(change: Changed) -> Iterator[Line]:
    """An element or a text, outlined: of what is in it, what is different and what is beside."""
    match change:
        case ElementChanged():
            yield line("same", f"<{change.new.tag}>")
            attributes, pieces, around = change.attributes, _elements(change), CONTEXT_ELEMENTS
        case TextChanged():
            attributes, pieces, around = change.attributes, _text(change), CONTEXT_LINES
        case _:
            yield line("same", brief(change.new))  # nothing else stands in XML
            return
    for row in _keys(attributes, "="):
        yield _indented(row)
    end = 0
    for start, stop in _ranges(pieces, around):
        if start > end:
            yield _indented(line("same", "…"))
        for row in _rows(pieces[start:stop]):
            yield _indented(row)
        end = stop


def _indented(row: Line) -> Line:
    return msgspec.structs.replace(row, spans=(Span("  "), *row.spans))
