"""A digest of what a document contains.

Rules:

1. It is of content and types alone. How edits were cut into structs, the order in which
   they came and what was deleted leave no trace, so replicas with equal content have equal
   digests, also after a checkpoint.
2. A text counts as its formatted runs, neighbours with equal formatting joined.
3. Keys are sorted. A plain dict and a shared map differ, and so do a text and a string;
   1 and 1.0 do not, because JavaScript knows no difference.
4. An empty root is no content: no other replica can know that somebody asked for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from pycrdt import _pycrdt as yrs

from .branches import Branch, elements, runs
from .core import Core
from .roots import UNKNOWN, root_kinds
from .values import plain

__all__ = ["content_digest"]


def content_digest(core: Core) -> str:
    """Digest the content of a document.

    The kinds of its roots are told from what is in them, never from what was asked for here. A
    root that was used as text and as array counts as the text and the map that it is as well:
    of such an array the engine can loop for ever, where a wide character is among the elements.
    """
    core.read()
    try:
        tree = {
            name: [_tree(core.root(kind, name), core.txn) for kind in _READ_AS.get(kind, (kind,))]
            for name, kind in root_kinds(core.encode()).items()
        }
    finally:
        core.done()
    filled = {name: trees for name, trees in tree.items() if any(tree[1] for tree in trees)}
    return hashlib.sha256(msgspec.msgpack.encode(filled, order="sorted")).hexdigest()


_READ_AS = {UNKNOWN: ("text", "map")}


def _tree(value: Branch, txn: Any) -> Any:
    """A value as tagged lists, in which nothing can be taken for anything else."""
    reader = _TREES.get(type(value))
    if reader is not None:
        return reader(value, txn)
    if isinstance(value, dict | list):
        return ["plain", plain(value)]
    return plain(value)


def _map(branch: Branch, txn: Any) -> list[Any]:
    # A format under a key is listed among the keys, and is no value.
    keys = [key for key in branch.keys(txn) if branch.has(txn, key)]
    return ["map", {key: _tree(branch.get(txn, key), txn) for key in keys}]


def _array(branch: Branch, txn: Any) -> list[Any]:
    return ["array", [_tree(element, txn) for element in elements(branch, txn)]]


def _text(branch: Branch, txn: Any) -> list[Any]:
    return ["text", [[_tree(piece, txn), style] for piece, style in runs(branch, txn)]]


def _fragment(branch: Branch, txn: Any) -> list[Any]:
    return ["xml", [_tree(child, txn) for child in branch.children(txn)]]


def _element(branch: Branch, txn: Any) -> list[Any]:
    children = [_tree(child, txn) for child in branch.children(txn)]
    return ["element", branch.tag(), _attributes(branch, txn), children]


def _xml_text(branch: Branch, txn: Any) -> list[Any]:
    return ["xml text", _text(branch, txn)[1], _attributes(branch, txn)]


def _attributes(branch: Branch, txn: Any) -> dict[str, Any]:
    return {key: _tree(value, txn) for key, value in branch.attributes(txn)}


_TREES: dict[type, Callable[[Branch, Any], list[Any]]] = {
    yrs.Map: _map,
    yrs.Array: _array,
    yrs.Text: _text,
    yrs.XmlFragment: _fragment,
    yrs.XmlElement: _element,
    yrs.XmlText: _xml_text,
    yrs.Doc: lambda branch, _txn: ["document", branch.guid()],
}
