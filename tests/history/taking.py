"""Takes the steps of a difference, as :mod:`collabkit.history.changed` says they are to be read."""

from __future__ import annotations

from typing import Any

from collabkit.history.changed import (
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
    TextChanged,
    Within,
)
from collabkit.history.difference import Difference
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
)

Place = tuple[Any, dict[str, Any]]
"""One code point, or an embedded object, and its formatting."""


def take(old: Tree, steps: Difference) -> Tree:
    """The tree that the steps lead to."""
    new = dict(old)
    for name, change in steps.roots.items():
        if isinstance(change, KeyChanged):
            assert change.new is not None
            new[name] = change.new.value
        else:
            # An empty root is of every kind.
            root = old.get(name)
            new[name] = _changed(root if type(root) is type(change.old) else change.old, change)
    return new


def _changed(old: Any, change: Changed) -> Any:
    match change:
        case MapChanged():
            return MapNode(None, _keys(old.entries, change.keys))
        case TextChanged() if isinstance(old, TextNode):
            return TextNode(None, _text(old.runs, change.steps))
        case TextChanged():
            runs = _text(old.runs, change.steps)
            return XmlTextNode(None, runs, _keys(old.attributes, change.attributes))
        case SequenceChanged() if isinstance(old, ArrayNode):
            return ArrayNode(None, _sequence(old.items, change.steps))
        case SequenceChanged():
            return XmlNode(None, _sequence(old.children, change.steps))
        case ElementChanged():
            attributes = _keys(old.attributes, change.attributes)
            return ElementNode(old.tag, None, attributes, _sequence(old.children, change.steps))


def _keys(old: dict[str, Entry], changes: dict[str, KeyChange]) -> dict[str, Entry]:
    new = dict(old)
    for key, change in changes.items():
        if not isinstance(change, KeyChanged):
            new[key] = Entry(_changed(old[key].value, change))
        elif change.new is None:
            assert new.pop(key) == change.old
        else:
            assert old.get(key) == change.old
            new[key] = change.new
    return new


def _sequence(old: tuple[Entry, ...], steps: tuple[Any, ...]) -> tuple[Entry, ...]:
    rest, new = list(old), []
    for step in steps:
        match step:
            case Keep():
                assert 0 < step.length <= len(rest)
                new += rest[: step.length]
                del rest[: step.length]
            case Add():
                new += step.entries
            case Remove():
                assert tuple(rest[: len(step.entries)]) == step.entries
                del rest[: len(step.entries)]
            case Within():
                assert step.changed.path[-1] == len(new)
                new.append(Entry(_changed(rest.pop(0).value, step.changed)))
    return tuple(new + rest)


def _places(runs: tuple[Run, ...]) -> list[Place]:
    return [
        (each, run.attributes)
        for run in runs
        for each in (run.value if isinstance(run.value, str) else [run.value])
    ]


def _text(old: tuple[Run, ...], steps: tuple[Any, ...]) -> tuple[Run, ...]:
    rest, new = _places(old), []
    for step in steps:
        match step:
            case Keep():
                assert 0 < step.length <= len(rest)
                new += rest[: step.length]
                del rest[: step.length]
            case Insert():
                new += _places((step.run,))
            case Delete():
                lost = _places((step.run,))
                assert rest[: len(lost)] == lost
                del rest[: len(lost)]
            case Reformat():
                after = _places((step.run,))
                before = [(each, step.before) for each, _ in after]
                assert rest[: len(after)] == before
                del rest[: len(after)]
                new += after
            case Within():
                assert step.changed.path[-1] == len(new)
                value, attributes = rest.pop(0)
                new.append((_changed(value, step.changed), attributes))
    return tuple(Run(value, attributes) for value, attributes in new + rest)
