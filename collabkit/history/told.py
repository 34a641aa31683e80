"""★ A difference as plain values, for programs in other languages.

======================= ========================================================================
step                    what it says
======================= ========================================================================
``{"keep": 3}``         so many characters, or elements, stay
``{"insert": "a"}``     a piece of text, or an embedded object, came; with ``attributes`` and ``by``
``{"delete": "a"}``     one went; with ``attributes``, ``by`` who had written it, and ``gone``
``{"format": "a"}``     one stays, and is formatted anew; with ``attributes``, ``before`` and ``by``
``{"add": […]}``        elements came, each a ``value`` and ``by`` whom
``{"remove": […]}``     elements went, as ``add``; with ``gone``
``{"within": […]}``     one element stays and is different inside: the path of its own part
======================= ========================================================================

A key that changed has ``old`` and ``new``, or one of them, as elements are told. Shared types are
plain values as `Document.to_dict` gives them, and their kind says that they are ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

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
    SequenceStep,
    TextChanged,
    TextStep,
    Within,
    walk,
)
from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    TextNode,
    XmlNode,
    XmlTextNode,
    is_node,
    plain_content,
)

__all__ = ["told"]

_KINDS: dict[Any, str] = {
    MapNode: "map",
    ArrayNode: "array",
    TextNode: "text",
    XmlNode: "xml",
    ElementNode: "element",
    XmlTextNode: "xml-text",
}


def told(roots: Mapping[str, KeyChange]) -> dict[str, Any]:
    """Tell the changes of a document's roots, as :attr:`.Difference.roots` has them.

    >>> changed = TextChanged(("t",), TextNode(), TextNode(), (Insert(Run("a")),))
    >>> told({"t": changed})["parts"]
    [{'path': ('t',), 'kind': 'text', 'steps': [{'insert': 'a'}]}]
    """
    replaced = {
        name: _key(change) for name, change in roots.items() if isinstance(change, KeyChanged)
    }
    answer = {"parts": [_part(part) for part in walk(roots)], "replaced": replaced}
    plain: dict[str, Any] = msgspec.to_builtins(answer)
    return plain


def _part(part: Changed) -> dict[str, Any]:
    shown: dict[str, Any] = {"path": part.path, "kind": _KINDS[type(part.new)]}
    if isinstance(part, MapChanged):
        return {**shown, "keys": _keys(part.keys)}
    if isinstance(part, TextChanged | ElementChanged) and part.attributes:
        shown["keys"] = _keys(part.attributes)
    return {**shown, "steps": [_step(step) for step in part.steps]}


def _keys(changes: Mapping[str, KeyChange]) -> dict[str, Any]:
    return {
        key: _key(change) if isinstance(change, KeyChanged) else {"within": change.path}
        for key, change in changes.items()
    }


def _key(change: KeyChanged) -> dict[str, Any]:
    sides = {"old": change.old, "new": change.new}
    shown = {side: _entry(entry) for side, entry in sides.items() if entry is not None}
    return {**shown, **_stamps(gone=change.gone)}


def _step(step: TextStep | SequenceStep) -> dict[str, Any]:
    match step:
        case Keep():
            return {"keep": step.length}
        case Insert():
            return {"insert": _value(step.run), **_styled(step.run)}
        case Delete():
            return {"delete": _value(step.run), **_styled(step.run), **_stamps(gone=step.gone)}
        case Reformat():
            attributes = {"attributes": step.run.attributes, "before": step.before}
            return {"format": _value(step.run), **attributes, **_stamps(by=step.run.by)}
        case Add():
            return {"add": _entries(step.entries)}
        case Remove():
            return {"remove": _entries(step.entries), **_stamps(gone=step.gone)}
        case Within():
            return {"within": step.changed.path}


def _value(run: Run) -> Any:
    return plain_content(run.value)


def _styled(run: Run) -> dict[str, Any]:
    attributes = {"attributes": run.attributes} if run.attributes else {}
    return {**attributes, **_stamps(by=run.by)}


def _entries(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [_entry(entry) for entry in entries]


def _entry(entry: Entry) -> dict[str, Any]:
    kind = {"kind": _KINDS[type(entry.value)]} if is_node(entry.value) else {}
    return {"value": plain_content(entry.value), **kind, **_stamps(by=entry.by)}


def _stamps(**stamps: Stamp | None) -> dict[str, Any]:
    return {name: stamp for name, stamp in stamps.items() if stamp is not None}
