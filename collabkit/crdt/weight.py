"""How much of a document is found only by walking to it."""

from __future__ import annotations

from .budget import NO_BUDGET
from .contents import DELETED, FORMAT, STRING
from .scan import scan
from .structs import read_items

__all__ = ["count_values", "is_heavy"]

# To read so many takes a second.
MOST = 10_000
_LIGHT = frozenset({STRING, DELETED, FORMAT})


def count_values(update: bytes) -> int:
    """Count the values of a document, given whole: elements, entries and shared types, not text.

    The engine finds an element of an array by walking from the first one, so that reading all
    takes their square: what reads whole documents of others looks at this first.

    >>> from collabkit.crdt.document import Document
    >>> document = Document()
    >>> document.text("t").insert(0, "any length")
    >>> document.array("a").extend([1, 2, {"three": 4}])
    >>> count_values(document.update())
    4
    """
    found = scan(update, NO_BUDGET)
    return sum(item.length for item in read_items(update, found) if item.content not in _LIGHT)


def is_heavy(update: bytes) -> bool:
    """Whether a document, given whole, is nothing to be read on the side."""
    return count_values(update) > MOST
