"""What is in a document: as plain Python values, and as a digest.

Both walk the engine's branches inside one transaction. The plain form is for people and
programs; the digest is for comparing replicas:

1. It is of content and types alone. How edits were cut into structs, in which order they
   came and what was deleted leave no trace, so equal content has an equal digest in every
   replica, after every checkpoint.
2. A text counts as its formatted pieces, neighbours with equal formatting joined.
3. Keys are sorted. A plain dict and a shared map differ, as do a text and an array of
   letters; 1 and 1.0 do not.
4. An empty root is no content: nobody else can know that somebody asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pycrdt import _pycrdt as yrs

from .core import Branch, read_text
from .values import plain

__all__ = ["OBJECT", "render", "runs"]

OBJECT = "\ufffc"
"""Stands in a text for an embedded object: U+FFFC OBJECT REPLACEMENT CHARACTER."""


def render(branch: Branch, txn: Any) -> Any:
    """The content of a branch as plain Python values: dicts, lists, and strings for text and XML.

    A value that is no branch is rendered as :func:`plain` does.
    """
    reader = _RENDER.get(type(branch))
    return plain(branch) if reader is None else reader(branch, txn)


def _map(branch: Branch, txn: Any) -> dict[str, Any]:
    return {key: render(branch.get(txn, key), txn) for key in branch.keys(txn)}


def _array(branch: Branch, txn: Any) -> list[Any]:
    return [render(branch.get(txn, index), txn) for index in range(branch.len(txn))]


def _text(branch: Branch, txn: Any) -> str:
    return read_text(branch, txn, OBJECT)


def _xml(branch: Branch, txn: Any) -> str:
    text: str = branch.get_string(txn)
    return text


_RENDER: dict[type, Callable[[Branch, Any], Any]] = {
    yrs.Map: _map,
    yrs.Array: _array,
    yrs.Text: _text,
    yrs.XmlText: _text,
    yrs.XmlFragment: _xml,
    yrs.XmlElement: _xml,
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
