"""★ Where an item goes in its strand: the algorithm of Yjs, step by step.

Yjs calls it YATA: Nicolaescu, Jahns, Derntl, Klamma, "Near Real-Time Peer-to-Peer Shared Editing on
Extensible Data Types", GROUP 2016; with the right origins that Yjs has added since.

Rules:

1. An item goes between its origins: what was on its left and on its right when it was written.
2. What lies between them was put there at the same time. Among those, items whose origin is further
   left come first; of one origin, the lower client id does. An item whose origin is another of
   them stays with it.
3. Of the chain of a key only the last item counts. Who comes to be the last buries the one before;
   who comes to another place is dead from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..crdt.structs import Id
from .items import Item, Strand

__all__ = ["link", "succeed"]

_Find: TypeAlias = Callable[[Id], Item]


def link(item: Item, left: Item | None, right: Item | None, find: _Find) -> None:
    """Put an item into its strand.

    Args:
        item: It knows its strand, and its key if it has one.
        left: The item that ends with its origin.
        right: The item that begins with its right origin.
        find: Finds items by id.
    """
    strand, key = item.strand, item.key
    assert strand is not None
    if left is not None:
        after = left.right
    elif key is None:
        after = strand.first
    else:
        after = strand.last.get(key)
        while after is not None and after.left is not None:
            after = after.left
    if after is not right:
        left, after = _among(item, left, after, right, find)
    item.left, item.right = left, after
    if left is not None:
        left.right = item
    elif key is None:
        strand.first = item
    if after is not None:
        after.left = item


def _among(
    item: Item, left: Item | None, other: Item | None, right: Item | None, find: _Find
) -> tuple[Item | None, Item | None]:
    """Find the place of an item among those that were put at one place at one time (rule 2)."""
    after = other
    passed: set[Item] = set()  # all behind the origin so far
    rivals: set[Item] = set()  # those of them that are behind where it goes by now
    while other is not None and other is not right:
        passed.add(other)
        rivals.add(other)
        if other.origin == item.origin:
            if other.client < item.client:
                left, after = other, other.right
                rivals.clear()
            elif other.right_origin == item.right_origin:
                break
        else:
            origin = None if other.origin is None else find(other.origin)
            if origin is None or origin not in passed:
                break
            if origin not in rivals:
                left, after = other, other.right
                rivals.clear()
        other = other.right
    return left, after


def succeed(item: Item, strand: Strand, key: str) -> tuple[int, int]:
    """Let a new item of a key's chain count, or not; tells how many values came and went."""
    if item.right is not None:
        if item.dead is None:
            item.dead = item.born
        return 0, 0
    strand.last[key] = item
    before = item.left
    gone = before is not None and before.dead is None
    if before is not None and gone:
        before.dead = item.born
    return int(item.dead is None), int(gone)
