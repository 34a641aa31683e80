"""Structs, one by one: what is where, and beside what."""

from __future__ import annotations

from collabkit.crdt.scan import scan
from collabkit.crdt.structs import Item, read_item, read_items
from crdt.crafting import gc, item, shared, skip, string, update

A, B = 7, 4_000_000_000


def items(data: bytes) -> list[Item]:
    return list(read_items(data, scan(data)))


def test_items_tell_their_place() -> None:
    """Origins, parent and key come out as they went in; clocks run on over GC and Skip."""
    data = update(
        (
            A,
            2,
            [
                gc(3),
                string("né", origin=(A, 1), right=(B, 300)),
                skip(2),
                shared(1, root="m", key="k"),
                shared(2, parent=(B, 1), key="é"),
                item(1, b"\x02", origin=(B, 0), key="k"),
            ],
        ),
        (B, 0, [string("x", root="t")]),
    )
    first, second, third, fourth, last = items(data)
    assert (first.client, first.clock, first.length, first.content) == (A, 5, 2, 4)
    assert (first.origin, first.right_origin, first.parent) == ((A, 1), (B, 300), None)
    assert (second.clock, second.parent, second.key) == (9, "m", "k")
    assert data[second.content_at] == 1
    assert (third.parent, third.key) == ((B, 1), "é")
    assert (fourth.origin, fourth.key, fourth.length) == ((B, 0), None, 2)
    assert (last.client, last.clock, last.parent, last.key) == (B, 0, "t", None)


def test_an_item_is_read_where_the_scan_found_it() -> None:
    """The offsets of `named` lead to items that name a root."""
    data = update((A, 0, [gc(1), string("x", root="t"), string("y", origin=(A, 1))]))
    (at,) = scan(data).named
    read, stop = read_item(data, at, A, 1)
    assert read == items(data)[0]
    assert data[stop] == 0x84
