"""★ XML content as text: elements, their attributes, and formatting as tags around what it formats.

Rules:

1. Equal content is equal markup: attributes and formatting stand in order of their names.
2. An attribute that is no string is written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .values import plain

__all__ = ["element", "styled"]


def element(tag: str, attributes: Iterable[tuple[str, Any]], inside: str) -> str:
    """Write an element around its content.

    >>> element("a", [("href", "/x"), ("count", 2)], "here")
    '<a count="2" href="/x">here</a>'
    """
    return f"<{tag}{_attributes(attributes)}>{inside}</{tag}>"


def styled(piece: Any, style: Mapping[str, Any]) -> str:
    """Write a piece of text, each kind of formatting as a tag around it; an object is nothing.

    >>> styled("a < b", {"link": {"href": "/x"}, "b": True})
    '<b><link href="/x">a &lt; b</link></b>'
    """
    names = sorted(style)
    opening = (f"<{name}{_attributes(_details(style[name]))}>" for name in names)
    closing = (f"</{name}>" for name in reversed(names))
    return "".join((*opening, escape(piece) if isinstance(piece, str) else "", *closing))


def _attributes(attributes: Iterable[tuple[str, Any]]) -> str:
    return "".join(f" {name}={quoteattr(_quoted(value))}" for name, value in sorted(attributes))


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(plain(value), sort_keys=True, default=repr)


def _details(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()
