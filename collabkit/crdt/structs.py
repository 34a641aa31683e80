"""The structs of a scanned update, one by one: what is where, and beside what.

For those who must know more than :func:`collabkit.crdt.scan.scan` tells. It walks an
update that was scanned, so nothing can be missing or malformed, and it takes some three
times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from .contents import CONTENTS, GC, SKIP
from .lib0 import read_var_string, read_var_uint, var_uint
from .scan import Scan

__all__ = ["Id", "Item", "head_behind", "read_id", "read_item", "read_items"]

Id: TypeAlias = tuple[int, int]
"""Client and clock."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """A struct that is neither GC nor Skip.

    Attributes:
        client: Who made it.
        clock: Its first clock; it takes ``length`` of them.
        origin: What it was put behind.
        right_origin: What it was put in front of.
        parent: The name of a root, or the id of the item that holds the parent. None if
            there is an origin: then the parent is that of the origin.
        key: Its key in the parent; None for elements of a sequence, and if there is an
            origin: then the key is that of the origin. (The info byte has a bit for that,
            which Yjs loses when it merges updates.)
        content: Content ref, see `contents`.
        content_at: Offset of its content in the update.
    """

    client: int
    clock: int
    length: int
    origin: Id | None
    right_origin: Id | None
    parent: str | Id | None
    key: str | None
    content: int
    content_at: int


def read_items(update: bytes, found: Scan) -> Iterator[Item]:
    """Walk the items of an update, section by section; GC and Skip are passed over.

    Args:
        update: The update.
        found: Its scan.

    >>> from collabkit.crdt.scan import scan
    >>> update = bytes.fromhex("010107000401017402686900")
    >>> [(item.parent, item.length) for item in read_items(update, scan(update))]
    [('t', 2)]
    """
    for section in found.sections:
        at, clock = section.start, section.clock
        for _ in range(section.structs):
            if update[at] in (GC, SKIP):
                length, at = read_var_uint(update, at + 1)
            else:
                item, at = read_item(update, at, section.client, clock)
                length = item.length
                yield item
            clock += length


def read_item(update: bytes, at: int, client: int, clock: int) -> tuple[Item, int]:
    """Read the item of this client and clock that starts at an offset, which the scan gave."""
    info = update[at]
    at += 1
    origin = right_origin = key = None
    parent: str | Id | None = None
    if info & 0x80:
        origin, at = read_id(update, at)
    if info & 0x40:
        right_origin, at = read_id(update, at)
    if info < 0x40:
        parent, at = read_var_string(update, at + 1) if update[at] else read_id(update, at + 1)
        if info & 0x20:
            key, at = read_var_string(update, at)
    content = info & 31
    # Depth was bounded by the scan, under whatever budget it had.
    length, stop = CONTENTS[content](update, at, len(update))
    item = Item(client, clock, length, origin, right_origin, parent, key, content, at)
    return item, stop


def read_id(update: bytes, at: int) -> tuple[Id, int]:
    """Read the id that starts at an offset of a scanned update."""
    client, at = read_var_uint(update, at)
    clock, at = read_var_uint(update, at)
    return (client, clock), at


def head_behind(origin: Id, right_origin: Id | None, content: int) -> bytes:
    """How a struct begins that was put behind another: all of it that is before its content.

    Args:
        origin: What it was put behind.
        right_origin: What it was put before, if anything was there.
        content: Its content ref.

    >>> head_behind((7, 2), None, 4).hex()
    '840702'
    """
    if right_origin is None:
        return bytes((0x80 | content,)) + b"".join(map(var_uint, origin))
    return bytes((0xC0 | content,)) + b"".join(map(var_uint, (*origin, *right_origin)))
