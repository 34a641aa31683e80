"""★ What a row that went back wrote, laid beside what it went back to.

Rules:

1. What is in both all the time is where it is in both; between that, what the row wrote is aligned
   with what had gone.
2. Of two shared types that are alike, what is inside is laid beside each other as well.
3. A repair puts back what it copies, and nothing else. In a sequence each piece stands right before
   what it is a copy of; a shared type comes back with all that was in it, in its order, but for
   what its author may delete, which is his own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import groupby
from typing import Any, Final, TypeAlias

import msgspec

from ..crdt.contents import ANY, FORMAT, STRING, TYPE
from ..crdt.structs import Id
from ..ids import Seq
from .alignment import Block, apart, blocks, text_blocks
from .items import Item, Strand
from .tree import Stamp
from .view import Shows, shown_at
from .weave import Weave

__all__ = ["Origins", "lay", "lay_repair"]

# Shared types are compared with what is inside them, as far as types nest in honest documents.
_DEEP: Final = 64


class Origins(msgspec.Struct, frozen=True):
    """What was brought back.

    Attributes:
        authors: Who wrote it first; whoever is not in it wrote it himself.
        alike: Of each place that was written again, and each that it was written to, all of them,
            with the row that wrote it there. A shared type that was there, and was made to hold
            what another one had held, is such a place too.
        repairs: Of each row that was taken in parts, which client put something back in it. That
            is no work of whose row it is.
    """

    authors: dict[Item, Stamp]
    alike: dict[Id, list[tuple[Id, Seq]]]
    repairs: dict[Seq, int] = {}

    def author(self, item: Item) -> Stamp:
        """Who wrote something first."""
        return self.authors.get(item, item.born)

    def wrote(self, rows: Collection[Seq], item: Item) -> bool:
        """Whether some rows wrote something, or what it is a copy of."""
        row = item.born.seq
        wrote = row in rows and self.repairs.get(row) != item.client
        return wrote or self.author(item).seq in rows

    def again(
        self, weave: Weave, item: Item, at: int, *, by: Callable[[Seq], bool], there: Shows
    ) -> bool:
        """Whether something is there, with all it is in, as rows wrote it since it was deleted.

        Args:
            weave: Its history.
            item: What it is in.
            at: Which of that item's clocks it is.
            by: Which rows are asked for.
            there: What is there.
        """
        dead = item.dead
        if dead is None:
            return False
        copies = (
            weave.find(place)
            for place, seq in self.alike.get((item.client, item.clock + at), ())
            if (seq > dead.seq and by(seq))
            or (seq == dead.seq and self.repairs.get(seq) == place[0])
        )
        return any(all(map(there, copy.outward())) for copy in copies)

    def cut(self, weave: Weave, item: Item, again: Callable[[Item, int], bool]) -> Item | None:
        """Let an item be there again as a whole, or not at all; returns the rest, if any."""
        whole = again(item, 0)
        length = next((at for at in range(1, item.length) if again(item, at) != whole), None)
        if length is None:
            return None
        rest = weave.cut(item, length)
        if item in self.authors:
            self.authors[rest] = self.authors[item]
        return rest


def lay(weave: Weave, known: Origins, row: Seq, source: Shows, written: list[Item]) -> None:
    """Lay what a row wrote beside what it went back to.

    Args:
        weave: The history.
        known: What was brought back before; to which what this row brought back is added.
        row: The row.
        source: Whether an item was in what it went back to.
        written: What it wrote.
    """
    _GoneBack(weave, known, row, source).lay(written)


def lay_repair(weave: Weave, known: Origins, row: Seq, written: list[Item]) -> None:
    """The same of a row that was taken in parts, of which this put something back."""
    _Repaired(weave, known, row, written[0].client).lay(written)


_Element: TypeAlias = tuple[Item, int]
"""An item, and which of its clocks."""


class _GoneBack:
    """One row that went back."""

    def __init__(self, weave: Weave, known: Origins, row: Seq, source: Shows) -> None:
        self._weave = weave
        self._known = known
        self._row = row
        self._now = shown_at(row)
        self._source = source
        self._touched: set[Strand] = set()  # where the row wrote, and what that is in
        self._pairs: list[tuple[Strand, Strand]] = []
        self._found: dict[Item, dict[int, Stamp]] = {}

    def lay(self, written: list[Item]) -> None:
        """Lay what the row wrote beside what it went back to, from outside in."""
        touched = self._touched
        for item in written:
            strand = item.strand
            while strand is not None and strand not in touched:
                touched.add(strand)
                strand = None if strand.item is None else strand.item.strand
        self._pairs += ((root, root) for root in self._weave.roots.values() if root in touched)
        for new, old in self._pairs:  # it grows meanwhile
            self._keys(new, old)
            self._sequence(new, old)
        for item, stamps in self._found.items():
            self._cut(item, stamps)

    def _keys(self, new: Strand, old: Strand) -> None:
        for key in new.last:
            item = next(filter(self._now, new.values(key)), None)
            if item is None or not self._concerns(item):
                continue
            element = item, item.length - 1
            wanted = self._content(*element, self._now)
            for before in filter(self._source, old.values(key)):
                known = before, before.length - 1
                if before is item or self._content(*known, self._source) == wanted:
                    self._match(element, known)
                    break
            else:
                self._match(element, element)

    def _sequence(self, new: Strand, old: Strand) -> None:
        """Align two sequences: one that was there all the time with itself, or two.

        What is left over is aligned once more: of two neighbours that are alike, nobody can tell
        which one was there all the time. So are shared types that have something else in them.
        """
        brought: list[_Element] = []
        gone: list[_Element] = []
        for one, other in self._gaps(new, old):
            more, less = self._align(_elements(one), _elements(other))
            brought += more
            gone += less
        brought, gone = self._align(brought, gone)
        self._align(_types(brought), _types(gone), depth=_DEEP)
        for element in brought:
            self._match(element, element)

    def _gaps(self, new: Strand, old: Strand) -> Iterator[tuple[list[Item], list[Item]]]:
        """What was written and what had gone, between what was there all the time."""
        if new is not old:
            yield list(filter(self._now, new)), list(filter(self._source, old))
            return
        brought: list[Item] = []
        gone: list[Item] = []
        for item in new:
            now, source = self._now(item), self._source(item)
            if item.content == FORMAT or not (now or source):
                continue
            if now and source:
                yield brought, gone
                brought, gone = [], []
                self._match((item, 0), (item, 0))
            else:
                (brought if now else gone).append(item)
        yield brought, gone

    def _align(
        self, brought: list[_Element], gone: list[_Element], depth: int = 0
    ) -> tuple[list[_Element], list[_Element]]:
        """Match what has counterparts; returns what has none, as far as it concerns the row."""
        if not any(self._concerns(item) for item, _ in brought):
            return [], gone
        mine = [self._content(*element, self._source, depth) for element in gone]
        yours = [self._content(*element, self._now, depth) for element in brought]
        more: list[_Element] = []
        less: list[_Element] = []
        found = _common(mine, yours)
        for where, at, (i, j, length) in apart(found, len(gone), len(brought)):
            more += (element for element in brought[at:j] if self._concerns(element[0]))
            less += gone[where:i]
            for old, new in zip(gone[i : i + length], brought[j : j + length], strict=True):
                self._match(new, old)
        return more, less

    def _match(self, new: _Element, old: _Element) -> None:
        (item, at), (before, there) = new, old
        if item is not before and self._concerns(item):
            place, known = (item.client, item.clock + at), (before.client, before.clock + there)
            alike = self._known.alike
            alike[place] = alike.setdefault(known, [(known, before.born.seq)])
            alike[place].append((place, self._row))
        if item is not before and self._wrote(item):
            stamps = self._found.setdefault(item, {})
            stamps[at] = self._known.author(before)
        if item.content == TYPE and item.value in self._touched:
            self._pairs.append((item.value, before.value))

    def _concerns(self, item: Item) -> bool:
        """Whether the row wrote an item, or in it."""
        inside = item.content == TYPE and item.value in self._touched
        return inside or self._wrote(item)

    def _wrote(self, item: Item) -> bool:
        return item.born.seq == self._row

    def _content(self, item: Item, at: int, shows: Shows, depth: int = 0) -> Any:
        """What tells an element from others: a character of a text, or all that there is."""
        if item.content == STRING:
            return item.value[at]
        if item.content != TYPE:
            value = item.value[at] if item.content == ANY else item.value
            return msgspec.msgpack.encode(value)
        strand = item.value
        if depth == _DEEP:
            return (strand.ref, strand.tag)
        inside = tuple(
            self._content(*element, shows, depth + 1)
            for element in _elements(filter(shows, strand))
        )
        keys = ((key, next(filter(shows, strand.values(key)), None)) for key in sorted(strand.last))
        entries = tuple(
            (key, self._content(one, one.length - 1, shows, depth + 1))
            for key, one in keys
            if one is not None
        )
        return (strand.ref, strand.tag, inside, entries)

    def _cut(self, item: Item, stamps: dict[int, Stamp]) -> None:
        """Let each part of an item have one author."""
        own = item.born
        for by, clocks in groupby(stamps.get(at, own) for at in range(item.length)):
            length = len(list(clocks))
            rest = self._weave.cut(item, length) if length < item.length else None
            if by is not own:
                self._known.authors[item] = by
            if rest is not None:
                item = rest


class _Repaired(_GoneBack):
    """One row of which a client wrote what had to be put back."""

    def __init__(self, weave: Weave, known: Origins, row: Seq, client: int) -> None:
        super().__init__(weave, known, row, shown_at(Seq(row - 1)))
        self._client = client

    def _wrote(self, item: Item) -> bool:
        return item.born.seq == self._row and item.client == self._client

    def _sequence(self, new: Strand, old: Strand) -> None:
        if new is not old:
            self._beside(new, old)
            return
        for item in new:
            if self._wrote(item):
                for element in _elements([item]):
                    self._match(element, self._original(*element))
            elif item.content == TYPE and item.value in self._touched:
                self._match((item, 0), (item, 0))

    def _beside(self, new: Strand, old: Strand) -> None:
        """Match what is in a shared type with what was in the one that it is a copy of."""
        brought, gone = _elements(filter(self._now, new)), _elements(filter(self._source, old))
        if len(brought) != len(gone):
            author = self._weave.stamps[self._row].subject
            gone = [one for one in gone if self._known.author(one[0]).subject != author]
        mine = [self._content(*element, self._source, _DEEP) for element in gone]
        if mine != [self._content(*element, self._now, _DEEP) for element in brought]:
            super()._sequence(new, old)
            return
        for element, known in zip(brought, gone, strict=True):
            self._match(element, known)

    def _original(self, item: Item, at: int) -> _Element:
        if item.right_origin is None:
            return item, at
        start = item
        while start.origin == (item.client, start.clock - 1):
            left = self._weave.find(start.origin)
            if not self._wrote(left) or left.right_origin != item.right_origin:
                break
            start = left  # it was one item, and was cut
        client, clock = item.right_origin
        clock += item.clock + at - start.clock
        before = self._weave.find((client, clock))
        return before, clock - before.clock


def _common(old: list[Any], new: list[Any]) -> list[Block]:
    if all(isinstance(one, str) for one in (*old, *new)):
        return text_blocks("".join(old), "".join(new))
    return blocks(old, new)


def _elements(items: Iterable[Item]) -> list[_Element]:
    return [(item, at) for item in items if item.content != FORMAT for at in range(item.length)]


def _types(elements: list[_Element]) -> list[_Element]:
    return [element for element in elements if element[0].content == TYPE]
