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
    Reformat,
    Remove,
    SequenceChanged,
    SequenceStep,
    TextChanged,
    TextStep,
    Within,
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
)

__all__ = ["apply"]

_HOLE = "\0"  # stands for an embedded object where text is measured: one unit, as it is


def apply(pen: Pen, difference: Difference) -> None:
    """Write a difference.

    Raises:
        ValueNotStorable: A text has strings as embedded objects.
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
            _write_attributes(pen, branch, change.attributes)
        case MapChanged():
            _write_keys(pen, branch, change.keys)
        case SequenceChanged():
            _write_items(pen, branch, change.steps)
        case ElementChanged():
            _write_attributes(pen, branch, change.attributes)
            _write_items(pen, branch, change.steps)


# Keys


def _write_keys(pen: Pen, branch: Any, keys: Mapping[str, KeyChange]) -> None:
    for key, change in keys.items():
        if not isinstance(change, KeyChanged):
            _change(pen, pen.entry(branch, key), change)
        elif change.new is None:
            pen.take(branch, key)
        else:
            _put(pen, branch, key, change.new.value)


def _write_attributes(pen: Pen, branch: Any, names: Mapping[str, KeyChange]) -> None:
    for name, change in names.items():
        if not isinstance(change, KeyChanged):
            _change(pen, pen.attributes(branch)[name], change)
        elif change.new is None:
            pen.drop_attribute(branch, name)
        else:
            _set_attribute(pen, branch, name, change.new.value)


def _set_attribute(pen: Pen, branch: Any, name: str, value: Any) -> None:
    if isinstance(value, Node | Subdocument):
        _put(pen, branch, name, value)
    else:
        pen.set_attribute(branch, name, value)


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
                _change(pen, pen.item(branch, at), step.changed)
                at += 1


# Text


def _write_text(pen: Pen, branch: Any, old: tuple[Run, ...], steps: tuple[TextStep, ...]) -> None:
    """Write steps that speak of old characters, at places that the engine counts in units."""
    flat = "".join(run.value if isinstance(run.value, str) else _HOLE for run in old)
    if pen.length(branch) != units(flat):
        raise ValueNotStorable("an edit of a text that has strings as embedded objects")
    within = any(isinstance(step, Within) for step in steps)
    inside = _embedded(pen, branch) if within else {}
    done = at = 0
    for step in steps:
        match step:
            case Keep():
                at += units(flat[done : done + step.length])
                done += step.length
            case Insert():
                _insert(pen, branch, at, step.run)
                at += units(step.run.value)
            case Delete():
                size = units(step.run.value)
                pen.cut(branch, at, size)
                done += len(step.run.value) if isinstance(step.run.value, str) else 1
            case Reformat():
                size = units(step.run.value)
                pen.format(branch, at, size, _restyled(step.before, step.run.attributes))
                at += size
                done += len(step.run.value) if isinstance(step.run.value, str) else 1
            case Within():
                _change(pen, inside[done], step.changed)
                at += 1
                done += 1


def _embedded(pen: Pen, branch: Any) -> dict[int, Any]:
    """What is embedded in a text, by its place in characters."""
    found: dict[int, Any] = {}
    at = 0
    for value, _style in pen.runs(branch):
        if isinstance(value, str):
            at += len(value)
        else:
            found[at] = value
            at += 1
    return found


def _insert(pen: Pen, branch: Any, at: int, run: Run) -> None:
    if isinstance(run.value, Subdocument):
        pen.put_document(branch, at, run.value.guid)
        return
    if not isinstance(run.value, Node):
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
    elif isinstance(value, Node):
        _fill(pen, pen.make(branch, where, KINDS[type(value)], *_tag(value)), value)
    else:
        pen.put(branch, where, value)


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
            _set_attribute(pen, branch, name, entry.value)
