"""The engine's shared types, as far as several modules must know them.

A branch is a raw pointer into the engine and lives as long as a transaction; see
:mod:`collabkit.crdt.core`, rule 1. What tells it from others, in this document and in every
copy, is its identity.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from pycrdt import _pycrdt as yrs

from .offsets import EMBED

__all__ = ["AFTER", "BEFORE", "Branch", "child_at", "identity", "read_text"]

Branch: TypeAlias = Any
"""A shared type of the engine, such as ``yrs.Text`` or ``yrs.XmlElement``."""

# Which side a sticky position of the engine holds on to.
AFTER: Final = 0
BEFORE: Final = -1


def read_text(branch: Branch, txn: Any, embed: str = EMBED) -> str:
    """Read a text, with a character for each embedded object."""
    if not isinstance(branch, yrs.XmlText):  # whose get_string is XML
        text: str = branch.get_string(txn)
        if branch.len(txn) == (len(text) if text.isascii() else len(text.encode())):
            return text
    pieces = (piece for piece, _attributes in branch.diff(txn))
    return "".join(piece if isinstance(piece, str) else embed for piece in pieces)


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
