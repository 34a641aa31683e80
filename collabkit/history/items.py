"""★ The items of a history: what they are linked to, and how one is found by its id.

Rules:

1. An item holds clocks of one client that came with one row, are beside each other, and were
   deleted by one row or none. Where that would not hold any more it is cut in two.
2. An item is in a *strand*: the sequence of a shared type, or the chain of values that one key of
   it has had, of which the last counts. What is in no strand, because the place it was to have was
   collected, is in the ledger only: its ids are known, and nothing is shown of it.
3. Items are never removed. So the order of a strand never changes, and of any two moments the
   earlier one is the same strand with less shown.
4. A :class:`Ledger` finds an item in two bisections, whatever its client wrote, and takes a cut
   in its middle in a constant time: it keeps them in short lists.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from ..crdt.contents import ANY, DELETED, STRING
from ..crdt.structs import Id
from .tree import Stamp

__all__ = ["Item", "Ledger", "Path", "Strand"]

Path: TypeAlias = tuple[str, ...]
"""Where something is: a root, then keys, and ``[]`` for an element of a sequence."""

# Halved when twice as long: cutting an item moves 8 KB at most.
_PAGE: Final = 512

_CUT: Final = frozenset((STRING, ANY))


class Strand:
    """A shared type: a sequence, and chains of values by key.

    Attributes:
        item: The item that made it; None for a root.
        ref: Its type ref, see `crdt.contents`; None for a root, whose items say what it is.
        tag: Of an XML element.
        kind: Of a root, ``text`` or ``array`` once an item left no doubt of it.
        path: Where it is.
        first: The sequence's first item.
        last: Of each key the value that counts, the last of its chain.
    """

    __slots__ = ("first", "item", "kind", "last", "path", "ref", "tag")

    def __init__(
        self, path: Path, item: Item | None = None, ref: int | None = None, tag: str = ""
    ) -> None:
        self.path = path
        self.item = item
        self.ref = ref
        self.tag = tag
        self.kind: str | None = None
        self.first: Item | None = None
        self.last: dict[str, Item] = {}

    def __repr__(self) -> str:
        return f"<Strand {'/'.join(self.path)}>"

    def __iter__(self) -> Iterator[Item]:
        """The items of the sequence."""
        item = self.first
        while item is not None:
            yield item
            item = item.right

    def values(self, key: str) -> Iterator[Item]:
        """The values that a key has had, the last one first."""
        item = self.last.get(key)
        while item is not None:
            yield item
            item = item.left


class Item:
    """Content that came at once; see the rules above.

    Attributes:
        client: Who made it.
        clock: Its first clock; it takes ``length`` of them.
        origin: What it was put behind.
        right_origin: What it was put in front of.
        left: What is on its left in its strand.
        right: What is on its right.
        strand: The shared type that it is in; None if it is in none.
        key: Its key there; None for an element of the sequence.
        content: What kind of content it has, see `crdt.contents`.
        value: That content, see `content`; of a shared type the :class:`Strand`.
        born: The row that brought it.
        dead: The row that deleted it, or put another value under its key.
    """

    __slots__ = (
        "born", "client", "clock", "content", "dead", "key", "left", "length", "origin", "right",
        "right_origin", "strand", "value",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - called in few places, and of each item
        self,
        client: int,
        clock: int,
        length: int,
        origin: Id | None,
        right_origin: Id | None,
        content: int,
        value: Any,
        born: Stamp,
    ) -> None:
        self.client = client
        self.clock = clock
        self.length = length
        self.origin = origin
        self.right_origin = right_origin
        self.content = content
        self.value = value
        self.born = born
        self.dead: Stamp | None = None if content > DELETED else born  # below it is GC
        self.left: Item | None = None
        self.right: Item | None = None
        self.strand: Strand | None = None
        self.key: str | None = None

    def __repr__(self) -> str:
        return f"<Item {self.client}:{self.clock}+{self.length} {self.value!r}>"

    @property
    def id(self) -> Id:
        """Client and first clock."""
        return self.client, self.clock

    def outward(self) -> Iterator[Item]:
        """This item, and what it is in, up to the root."""
        item: Item | None = self
        while item is not None:
            yield item
            item = None if item.strand is None else item.strand.item

    def cut(self, length: int) -> Item:
        """Keep the first clocks and return the rest, linked; the ledger must be told of it."""
        value = None
        if self.content in _CUT:
            value = self.value[length:]
            self.value = self.value[:length]
        clock = self.clock + length
        rest = Item(
            self.client, clock, self.length - length, (self.client, clock - 1),
            self.right_origin, self.content, value, self.born,
        )  # fmt: skip
        self.length = length
        rest.dead = self.dead
        strand, key = self.strand, self.key
        if strand is not None:
            rest.strand = strand
            rest.key = key
            rest.left = self
            rest.right = right = self.right
            self.right = rest
            if right is not None:
                right.left = rest
            elif key is not None:
                strand.last[key] = rest
        return rest


class Ledger:
    """All items of one client, by clock."""

    __slots__ = ("_clocks", "_heads", "_pages")

    def __init__(self) -> None:
        self._heads: list[int] = []  # the first clock of each page
        self._clocks: list[list[int]] = []  # the clocks at which the items of each page begin
        self._pages: list[list[Item]] = []

    def __repr__(self) -> str:
        return f"<Ledger of {sum(map(len, self._pages))} items>"

    def __iter__(self) -> Iterator[Item]:
        for page in self._pages:
            yield from page

    def append(self, item: Item) -> None:
        """Take the item that begins where the last one ended."""
        if not self._pages or len(self._pages[-1]) >= _PAGE:
            self._heads.append(item.clock)
            self._clocks.append([])
            self._pages.append([])
        self._clocks[-1].append(item.clock)
        self._pages[-1].append(item)

    def find(self, clock: int) -> Item:
        """The item that has this clock, which must be below the end."""
        page = bisect_right(self._heads, clock) - 1
        return self._pages[page][bisect_right(self._clocks[page], clock) - 1]

    def starting(self, clock: int) -> Item:
        """The item that begins at this clock; there is one afterwards."""
        item = self.find(clock)
        return item if item.clock == clock else self.cut(item, clock - item.clock)

    def ending(self, clock: int) -> Item:
        """The item whose last clock this is; there is one afterwards."""
        item = self.find(clock)
        if item.clock + item.length > clock + 1:
            self.cut(item, clock + 1 - item.clock)
        return item

    def cut(self, item: Item, length: int) -> Item:
        """Cut an item in two behind its first clocks; returns the second."""
        rest = item.cut(length)
        at = bisect_right(self._heads, rest.clock) - 1
        clocks, page = self._clocks[at], self._pages[at]
        place = bisect_right(clocks, rest.clock)
        clocks.insert(place, rest.clock)
        page.insert(place, rest)
        if len(page) > 2 * _PAGE:
            self._heads.insert(at + 1, clocks[_PAGE])
            self._clocks.insert(at + 1, clocks[_PAGE:])
            self._pages.insert(at + 1, page[_PAGE:])
            del clocks[_PAGE:], page[_PAGE:]
        return rest

    def spans(self, clock: int, stop: int) -> Iterator[Item]:
        """The items from one clock up to another, cut at both ends if they live there."""
        item = self.find(clock)
        if item.clock < clock and item.dead is None:
            item = self.cut(item, clock - item.clock)
        while True:
            end = item.clock + item.length
            if end > stop and item.dead is None:
                self.cut(item, stop - item.clock)
            yield item
            if end >= stop:
                return
            item = self.find(end)
