"""★ Who wrote something first, of what a restore or a revert brought back.

Rules:

1. Who restores or reverts writes again what others wrote: new items, with new ids. Their content
   is that of whoever wrote it first, however often it went and came back.
2. What a row that went back wrote is laid beside what it went back to: the document at the moment
   that was restored, or what it had been without the rows that were reverted. What is in both all
   the time is where it is in both; between that, what the row wrote is aligned with what had gone.
3. What has no counterpart there is of who brought it.
4. Rows are gone through in their order, so what was brought back twice leads to the first author.
5. A row that went back says so in its origin: ``restore:<seq>``, or ``revert:<first>-<last>`` for
   the rows between these two that are of whoever wrote the first.
"""

from __future__ import annotations

import re
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

__all__ = ["Origins", "first_authors", "origins", "put_away"]

_BACK: Final = re.compile(r"(restore|revert):(\d+)(?:-(\d+))?")

# Shared types are compared with what is inside them, as far as types nest in honest documents.
_DEEP: Final = 64


class Origins(msgspec.Struct, frozen=True):
    """What was brought back.

    Attributes:
        authors: Who wrote it first; whoever is not in it wrote it himself.
        alike: Of each place that was written again, and each that it was written to, all of them,
            with the row that wrote it there. A shared type that was there, and was made to hold
            what another one had held, is such a place too.
    """

    authors: dict[Item, Stamp]
    alike: dict[Id, list[tuple[Id, Seq]]]

    def author(self, item: Item) -> Stamp:
        """Who wrote something first."""
        return self.authors.get(item, item.born)

    def wrote(self, rows: Collection[Seq], item: Item) -> bool:
        """Whether some rows wrote something, or what it is a copy of."""
        return item.born.seq in rows or self.author(item).seq in rows

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
            if seq > dead.seq and by(seq)
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


def first_authors(weave: Weave) -> dict[Item, Stamp]:
    """Find of what was brought back who wrote it first; whoever is not in it wrote it himself."""
    return origins(weave).authors


def origins(weave: Weave) -> Origins:
    """Find what was brought back, and what it was before.

    Items are cut where their authors change, which is nothing that anybody sees.
    """
    rows = {
        seq: back for seq, stamp in weave.stamps.items() if (back := _BACK.fullmatch(stamp.origin))
    }
    written: dict[Seq, list[Item]] = {}
    if rows:
        for item in weave.items():
            if item.born.seq in rows and item.strand is not None:
                written.setdefault(item.born.seq, []).append(item)
    found = Origins({}, {})
    for seq in sorted(written):
        source = _source(weave, found, seq, rows[seq])
        _GoneBack(weave, found, seq, source).lay(written[seq])
    return found


def put_away(value: Item, by: Shows) -> bool:
    """Whether a value under a key gave way to the next one there, of those that are asked for."""
    right = value.right
    if value.key is None or value.dead is None or right is None:
        return False
    return value.dead.seq == right.born.seq and by(right)


def _source(weave: Weave, known: Origins, row: Seq, back: re.Match[str]) -> Shows:
    """Whether an item was in what a row went back to."""
    first = Seq(int(back[2]))
    if back[1] == "restore":
        return shown_at(first)
    whose = weave.stamps.get(first)
    span = range(first, int(back[3] or first) + 1)
    reverted = {
        seq
        for seq, stamp in weave.stamps.items()
        if seq in span and whose is not None and stamp.subject == whose.subject
    }

    def mine(item: Item) -> bool:
        return known.wrote(reverted, item)

    def there(item: Item) -> bool:
        return item.dead is None or item.dead.seq >= row or item.dead.seq in reverted

    def stayed(seq: Seq) -> bool:
        return seq < row and seq not in reverted

    def again(item: Item, at: int) -> bool:
        return known.again(weave, item, at, by=stayed, there=there)

    _cut_what_is_there_again(weave, known, reverted, again)

    def was(item: Item) -> bool:
        dead = row if item.dead is None else item.dead.seq
        if item.born.seq >= row or mine(item):
            return False
        lost = item.key is not None and item.dead is item.born  # to another value, at once
        whole = range(item.length)
        if item.key is None and dead in reverted and all(again(item, at) for at in whole):
            return False
        if dead >= row or dead in reverted or lost or put_away(item, mine):
            return True
        around = None if item.strand is None else item.strand.item
        gone = None if around is None or around.dead is None else around.dead.seq
        if gone is None:
            return False
        return gone < item.born.seq or (gone not in reverted and gone <= dead)  # with that alone

    return was


def _cut_what_is_there_again(
    weave: Weave, known: Origins, reverted: set[Seq], again: Callable[[Item, int], bool]
) -> None:
    for place in known.alike:
        item: Item | None = weave.find(place)
        while item is not None and item.dead is not None and item.dead.seq in reverted:
            item = known.cut(weave, item, again)


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
        if item is not before and item.born.seq == self._row:
            stamps = self._found.setdefault(item, {})
            stamps[at] = self._known.author(before)
        if item.content == TYPE and item.value in self._touched:
            self._pairs.append((item.value, before.value))

    def _concerns(self, item: Item) -> bool:
        """Whether the row wrote an item, or in it."""
        inside = item.content == TYPE and item.value in self._touched
        return inside or item.born.seq == self._row

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


def _common(old: list[Any], new: list[Any]) -> list[Block]:
    if all(isinstance(one, str) for one in (*old, *new)):
        return text_blocks("".join(old), "".join(new))
    return blocks(old, new)


def _elements(items: Iterable[Item]) -> list[_Element]:
    return [(item, at) for item in items if item.content != FORMAT for at in range(item.length)]


def _types(elements: list[_Element]) -> list[_Element]:
    return [element for element in elements if element[0].content == TYPE]
