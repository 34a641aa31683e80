"""The engine's shared types: what tells one from others, and what is in it.

A branch is a raw pointer into the engine and lives as long as a transaction; see
:mod:`collabkit.crdt.core`, rule 1. What tells it from others, in this document and in every
copy, is its identity.

Its content reads as plain Python values, equal content the same in every replica: shared maps
as dicts and arrays as lists; text as a string, without embedded objects as in Yjs; XML as
markup, attributes in order of their names, formatting as tags around what it formats.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pycrdt import _pycrdt as yrs

from .markup import element, styled
from .offsets import EMBED
from .values import plain

__all__ = [
    "AFTER",
    "BEFORE",
    "Branch",
    "child_at",
    "elements",
    "identity",
    "read_text",
    "render",
    "runs",
]

Branch: TypeAlias = Any
"""A shared type of the engine, such as ``yrs.Text`` or ``yrs.XmlElement``."""

# Which side a sticky position of the engine holds on to.
AFTER: Final = 0
BEFORE: Final = -1

# An array of so many elements is read one by one as fast as through JSON.
_FEW: Final = 32


def identity(branch: Branch, txn: Any) -> object:
    """What tells a nested text from all others, in every copy of the document."""
    if isinstance(branch, yrs.XmlText):
        return hash(branch)  # of its id
    return branch.sticky_index(txn, 0, BEFORE).encode()


def child_at(branch: Branch, step: str | int, txn: Any) -> Branch | None:
    """What a branch holds under a key or at an index; None if nothing. The engine would panic."""
    if isinstance(step, str):
        found = isinstance(branch, yrs.Map) and branch.has(txn, step)
    else:
        sequences = (yrs.Array, yrs.XmlFragment, yrs.XmlElement)
        found = isinstance(branch, sequences) and step < branch.len(txn)
    return branch.get(txn, step) if found else None


# Content


def read_text(branch: Branch, txn: Any, embed: str = EMBED) -> str:
    """Read a text, with a character for each embedded object."""
    if not isinstance(branch, yrs.XmlText):  # whose get_string is XML
        text: str = branch.get_string(txn)
        if branch.len(txn) == (len(text) if text.isascii() else len(text.encode())):
            return text
    pieces = (piece for piece, _attributes in branch.diff(txn))
    return "".join(piece if isinstance(piece, str) else embed for piece in pieces)


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
    return [render(value, txn) for value in elements(branch, txn)]


def _text(branch: Branch, txn: Any) -> str:
    return read_text(branch, txn, "")


def _fragment(branch: Branch, txn: Any) -> str:
    return "".join(_NODES[type(child)](child, txn) for child in branch.children(txn))


def _element(branch: Branch, txn: Any) -> str:
    return element(branch.tag(), branch.attributes(txn), _fragment(branch, txn))


def _styled(branch: Branch, txn: Any) -> str:
    return "".join(styled(piece, style) for piece, style in runs(branch, txn))


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
