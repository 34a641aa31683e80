"""Writes a difference into a document.

Rules:

1. A difference speaks of what the document holds: whoever applies it has made sure of that,
   and looks afterwards whether the document is what was wanted.
2. Only what differs is written. What stays keeps its ids, and with them everybody's cursors,
   and the edits that others make in it at this moment.
3. A shared type that went is not brought back to life: a new one is made with its content. So it
   is with a document inside the document, of which no more than the name is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..crdt.offsets import EMBED
from ..crdt.pen import Pen, units
from ..errors import ValueNotStorable, WrongRoot
from .changed import (
    Add,
    Changed,
    Delete,
    ElementChanged,
    Insert,
    Keep,
    KeyChange,
    KeyChanged,
    MapChanged,
    Remove,
    SequenceChanged,
    SequenceStep,
    TextChanged,
    TextStep,
    Within,
    length_of,
)
from .difference import Difference
from .live import KINDS
from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Node,
    Run,
    Subdocument,
    TextNode,
    XmlTextNode,
    is_node,
)

__all__ = ["apply"]

_TOO_MUCH = (1 << 63) - 1


def apply(pen: Pen, difference: Difference) -> None:
    """Write a difference.

    Raises:
        ValueNotStorable: A text has strings as embedded objects, or a value is an integer that
            cannot be sent.
        WrongRoot: A root is to be of another kind than it is.
    """
    for name, change in difference.roots.items():
        if isinstance(change, KeyChanged):
            raise WrongRoot(name, _kind(change.old), _kind(change.new))
        _change(pen, pen.root(KINDS[type(change.new)], name), change)


def _kind(entry: Entry | None) -> str:
    return "not there" if entry is None else KINDS[type(entry.value)]


def _change(pen: Pen, branch: Any, change: Changed) -> None:
    """Write what is different in one shared type."""
    match change:
        case TextChanged():
            _write_text(pen, branch, change.old.runs, change.steps)
            _write_keys(pen, branch, change.attributes)
        case MapChanged():
            _write_keys(pen, branch, change.keys)
        case SequenceChanged():
            _write_items(pen, branch, change.steps)
        case ElementChanged():
            _write_keys(pen, branch, change.attributes)
            _write_items(pen, branch, change.steps)


# Keys


def _write_keys(pen: Pen, branch: Any, keys: Mapping[str, KeyChange]) -> None:
    for key, change in keys.items():
        if not isinstance(change, KeyChanged):
            _change(pen, pen.get(branch, key), change)
        elif change.new is None:
            pen.take(branch, key)
        else:
            _put(pen, branch, key, change.new.value)


# Elements


def _write_items(pen: Pen, branch: Any, steps: tuple[SequenceStep, ...]) -> None:
    at = 0
    for step in steps:
        match step:
            case Keep():
                at += step.length
            case Remove():
                pen.cut(branch, at, len(step.entries))
            case Add():
                for entry in step.entries:
                    _put(pen, branch, at, entry.value)
                    at += 1
            case Within():
                _change(pen, pen.get(branch, at), step.changed)
                at += 1


# Text


def _write_text(pen: Pen, branch: Any, old: tuple[Run, ...], steps: tuple[TextStep, ...]) -> None:
    """Write steps that speak of old characters, at places that the engine counts in units."""
    flat = "".join(run.value if isinstance(run.value, str) else EMBED for run in old)
    if pen.length(branch) != units(flat):
        raise ValueNotStorable("an edit of a text that has strings as embedded objects")
    within = any(isinstance(step, Within) for step in steps)
    inside = {at: value for at, value, _ in pen.embedded(branch)} if within else {}
    text = _Rewriting(pen, branch)
    done = passed = 0  # of the old text, in characters and in units
    for step in steps:
        match step:
            case Insert():
                text.insert(step.run)
                continue
            case Keep():
                length, size = step.length, units(flat[done : done + step.length])
                text.keep(size)
            case Within():
                length = size = 1
                _change(pen, inside[passed], step.changed)
                text.keep(size)
            case Delete():
                length, size = length_of(step.run), units(step.run.value)
                text.delete(size)
            case _:
                length, size = length_of(step.run), units(step.run.value)
                text.format(size, _restyled(step.before, step.run.attributes))
        done += length
        passed += size
    text.flush()


class _Rewriting:
    """Writes neighbouring steps at once: each call costs the engine a walk from the start."""

    def __init__(self, pen: Pen, branch: Any) -> None:
        self._pen = pen
        self._branch = branch
        self._at = 0
        self._cut = 0
        self._new: list[Run] = []
        self._size = 0
        self._style: dict[str, Any] = {}

    def keep(self, size: int) -> None:
        """Go on."""
        self.flush()
        self._at += size

    def delete(self, size: int) -> None:
        """Delete what comes next."""
        self._flush_format()
        self._cut += size

    def insert(self, run: Run) -> None:
        """Insert here."""
        self._flush_format()
        if self._new and _alike(self._new[-1], run):
            run = Run(self._new.pop().value + run.value, run.attributes)
        self._new.append(run)

    def format(self, size: int, style: dict[str, Any]) -> None:
        """Format what comes next."""
        if self._cut or self._new or style != self._style:
            self.flush()
        self._style = style
        self._size += size

    def flush(self) -> None:
        """Write what was not yet written."""
        self._flush_format()
        if self._cut:
            self._pen.cut(self._branch, self._at, self._cut)
            self._cut = 0
        for run in self._new:
            _insert(self._pen, self._branch, self._at, run)
            self._at += units(run.value)
        self._new.clear()

    def _flush_format(self) -> None:
        if self._size:
            self._pen.format(self._branch, self._at, self._size, self._style)
            self._at += self._size
            self._size = 0


def _alike(one: Run, other: Run) -> bool:
    """Whether two pieces of text are of one formatting."""
    both = isinstance(one.value, str) and isinstance(other.value, str)
    return both and one.attributes == other.attributes


def _insert(pen: Pen, branch: Any, at: int, run: Run) -> None:
    if isinstance(run.value, Subdocument):
        pen.put_document(branch, at, run.value.guid)
        return
    if not is_node(run.value):
        pen.insert(branch, at, run.value, run.attributes)
        return
    made = pen.make(branch, at, KINDS[type(run.value)], *_tag(run.value), style=run.attributes)
    _fill(pen, made, run.value)


def _restyled(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The formatting that makes one of another; None takes away."""
    gone = dict.fromkeys(before.keys() - after.keys())
    return gone | {name: value for name, value in after.items() if before.get(name) != value}


# What is new


def _put(pen: Pen, branch: Any, where: str | int, value: Any) -> None:
    if isinstance(value, Subdocument):
        pen.put_document(branch, where, value.guid)
    elif is_node(value):
        _fill(pen, pen.make(branch, where, KINDS[type(value)], *_tag(value)), value)
    else:
        _check(value)
        pen.put(branch, where, value)


def _check(value: Any) -> None:
    """Make sure that the engine sends what it is given: it would send 2**63 - 1 as a float."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            _check(one)
    elif isinstance(value, int) and value >= _TOO_MUCH:
        raise ValueNotStorable("2**63 - 1 is one more than the engine can send")


def _tag(node: Node) -> tuple[str, ...]:
    return (node.tag,) if isinstance(node, ElementNode) else ()


def _fill(pen: Pen, branch: Any, node: Node) -> None:
    """Write all that a new shared type holds."""
    match node:
        case MapNode():
            for key, entry in node.entries.items():
                _put(pen, branch, key, entry.value)
        case TextNode() | XmlTextNode():
            at = 0
            for run in node.runs:
                _insert(pen, branch, at, run)
                at += units(run.value)
        case _:
            items = node.items if isinstance(node, ArrayNode) else node.children
            for at, entry in enumerate(items):
                _put(pen, branch, at, entry.value)
    if isinstance(node, ElementNode | XmlTextNode):
        for name, entry in node.attributes.items():
            _put(pen, branch, name, entry.value)
