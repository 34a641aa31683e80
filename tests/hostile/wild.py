"""Random edits of a Document's shared types, as ``interop/js/wild.mjs`` makes them of Yjs's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from collabkit.crdt.containers import Array, Map
from collabkit.crdt.document import Document
from collabkit.crdt.text import Text
from collabkit.crdt.values import Element, NewText
from collabkit.crdt.xml import XmlElement, XmlFragment

__all__ = ["show", "wild"]

ATTRIBUTES = re.compile(r"<(\w+)((?: \w+=\"[^\"]*\")+)>")


def wild(document: Document, dice: Sequence[float], mark: str) -> None:
    """Make the edit that the dice choose."""
    what, a, b = dice
    with document.edit():
        EDITS[_at(what, len(EDITS) - 1)](document, a, b, mark)


def show(document: Document) -> dict[str, Any]:
    """All that a document shows, as Yjs shows it."""
    found = document.to_dict()
    runs = document.text("text").runs()
    return {
        "text": [
            {"insert": run.value} | ({"attributes": run.attributes} if run.attributes else {})
            for run in runs
        ],
        "map": found.get("map", {}),
        "array": found.get("array", []),
        "xml": ATTRIBUTES.sub(_sorted, str(document.xml("xml"))),
    }


def _sorted(tag: re.Match[str]) -> str:
    """Yjs writes attributes by name, the engine in any order."""
    return f"<{tag[1]} {' '.join(sorted(tag[2].split()))}>"


def _at(dice: float, length: int) -> int:
    return min(int(dice * (length + 1)), length)


def _shared(dice: float, mark: str) -> Any:
    return ({"mark": mark}, [mark, 1], NewText(mark))[_at(dice, 2)]


def _remove(sequence: Any, a: float, b: float) -> None:
    start = _at(a, len(sequence))
    stop = min(start + 1 + _at(b, 3), len(sequence))
    if stop > start:
        del sequence[start:stop]


def _element(document: Document, dice: float) -> XmlFragment:
    root = document.xml("xml")
    elements = [node for node in root if isinstance(node, XmlElement)]
    return elements[_at(dice / 0.6, len(elements) - 1)] if elements and dice < 0.6 else root


def _grow(nested: Any, mark: str) -> None:
    match nested:
        case Map():
            nested["more"] = mark
        case Array():
            nested.append(mark)
        case Text():
            nested.insert(0, mark)


def _format(document: Document, a: float, b: float, mark: str) -> None:
    text = document.text("text")
    start = _at(a, len(text))
    text.format(start, min(start + 4, len(text)), {"bold": True if b < 0.5 else None})


def _grow_element(document: Document, a: float, b: float, mark: str) -> None:
    array = document.array("array")
    if len(array):
        _grow(array[_at(a, len(array) - 1)], mark)


def _attribute(document: Document, a: float, b: float, mark: str) -> None:
    node = _element(document, a)
    if isinstance(node, XmlElement):
        node.attributes["kl"[_at(b, 1)]] = mark


def _prune(document: Document, a: float, b: float, mark: str) -> None:
    node = _element(document, a)
    start = _at(b, len(node))
    if start < len(node):
        node.delete(start, start + 1)


def _set(document: Document, a: float, value: Any) -> None:
    document.map("map")["abc"[_at(a, 2)]] = value


def _put(document: Document, a: float, *values: Any) -> None:
    array = document.array("array")
    at = _at(a, len(array))
    array[at:at] = values


EDITS: Sequence[Callable[[Document, float, float, str], object]] = (
    lambda doc, a, b, mark: doc.text("text").insert(_at(a, len(doc.text("text"))), mark),
    lambda doc, a, b, mark: _remove(doc.text("text"), a, b),
    _format,
    lambda doc, a, b, mark: _set(doc, a, mark),
    lambda doc, a, b, mark: doc.map("map").pop("abc"[_at(a, 2)], None),
    lambda doc, a, b, mark: _set(doc, a, _shared(b, mark)),
    lambda doc, a, b, mark: _grow(doc.map("map").get("abc"[_at(a, 2)]), mark),
    lambda doc, a, b, mark: _put(doc, a, mark, 7),
    lambda doc, a, b, mark: _remove(doc.array("array"), a, b),
    lambda doc, a, b, mark: _put(doc, a, _shared(b, mark)),
    _grow_element,
    lambda doc, a, b, mark: _element(doc, a).insert(0, Element("pq"[_at(b, 1)])),
    lambda doc, a, b, mark: _element(doc, a).append(mark),
    _attribute,
    _prune,
)
