"""What is in a document, as plain Python values.

Shared maps read as dicts and arrays as lists. Text reads as a string, without embedded
objects as in Yjs, and XML as markup: attributes in order of their names, formatting as tags
around what it formats. Equal content reads the same in every replica.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pycrdt import _pycrdt as yrs

from .branches import Branch, read_text
from .values import plain

__all__ = ["elements", "render", "runs"]

# An array of so many elements is read one by one as fast as through JSON.
_FEW = 32


def render(branch: Branch, txn: Any) -> Any:
    """The content of a branch as plain Python values: dicts, lists, and strings for text and XML.

    A value that is no branch is rendered as :func:`plain` does.
    """
    reader = _RENDER.get(type(branch))
    return plain(branch) if reader is None else reader(branch, txn)


def _map(branch: Branch, txn: Any) -> dict[str, Any]:
    return {key: render(branch.get(txn, key), txn) for key in branch.keys(txn)}


def elements(branch: Branch, txn: Any) -> list[Any]:
    """The elements of an array, as the engine gives them.

    It finds each by walking from the first, and can write all as JSON in one walk. There what
    is a number, true or false is what it is. What is text in JSON may be a shared text, an
    object a shared map, a list bytes, and null a NaN, so these are asked for.
    """
    length = branch.len(txn)
    if length <= _FEW:
        return [branch.get(txn, index) for index in range(length)]
    found = json.loads(branch.to_json(txn))
    return [
        value if isinstance(value, bool | int | float) else branch.get(txn, index)
        for index, value in enumerate(found)
    ]


def _array(branch: Branch, txn: Any) -> list[Any]:
    return [render(element, txn) for element in elements(branch, txn)]


def _text(branch: Branch, txn: Any) -> str:
    return read_text(branch, txn, "")


def _fragment(branch: Branch, txn: Any) -> str:
    return "".join(_NODES[type(child)](child, txn) for child in branch.children(txn))


def _element(branch: Branch, txn: Any) -> str:
    tag = branch.tag()
    return f"<{tag}{_attributes(branch.attributes(txn))}>{_fragment(branch, txn)}</{tag}>"


def _styled(branch: Branch, txn: Any) -> str:
    """A text in XML, each kind of formatting as a tag around what it formats."""
    parts = []
    for piece, style in runs(branch, txn):
        names = sorted(style)
        opening = (f"<{name}{_attributes(_details(style[name]))}>" for name in names)
        closing = (f"</{name}>" for name in reversed(names))
        content = escape(piece) if isinstance(piece, str) else ""
        parts.append("".join((*opening, content, *closing)))
    return "".join(parts)


def _attributes(attributes: Iterable[tuple[str, Any]]) -> str:
    return "".join(f" {name}={quoteattr(_quoted(value))}" for name, value in sorted(attributes))


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(plain(value), sort_keys=True, default=repr)


def _details(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()


_NODES = {yrs.XmlElement: _element, yrs.XmlText: _styled, yrs.XmlFragment: _fragment}

_RENDER: dict[type, Callable[[Branch, Any], Any]] = {
    yrs.Map: _map,
    yrs.Array: _array,
    yrs.Text: _text,
    yrs.XmlText: _text,
    yrs.XmlFragment: _fragment,
    yrs.XmlElement: _element,
    yrs.Doc: lambda branch, _txn: {"guid": branch.guid()},
}


def runs(branch: Branch, txn: Any) -> list[tuple[Any, dict[str, Any]]]:
    """The pieces of a text with their formatting; neighbours with equal formatting are joined."""
    joined: list[tuple[Any, dict[str, Any]]] = []
    for piece, attributes in branch.diff(txn):
        formatting = plain(attributes or {})
        if isinstance(piece, str) and joined and joined[-1][1] == formatting:
            before = joined[-1][0]
            if isinstance(before, str):
                joined[-1] = (before + piece, formatting)
                continue
        joined.append((piece, formatting))
    return joined
