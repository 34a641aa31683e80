"""★ The weave: all rows of a document's log, integrated as Yjs does, and nothing forgotten.

Rules:

1. Rows are added in the order of the log. Each must fit, see :func:`collabkit.crdt.update.gap`;
   what is known already is passed over.
2. Items are placed by the algorithm of Yjs (YATA), so the weave has the order that every replica
   has: an item goes between its origins; of several that were put there at one time, those whose
   origin is further left go first, and among equals the lower client id.
3. A deletion takes nothing away: it is noted at the item. Only the first counts. A value under a
   key is also dead from the row on that put another one behind it.
4. What is inside a deleted type is hidden with it, and not marked: if that deletion had not been,
   it would be there.
5. What builds on something that was collected can be placed nowhere, and never shows.
6. A root is text or an array as the first row said that left no doubt: nobody can make anything
   else of it later.
7. A checkpoint that stands for rows which are gone is added first. Of what it holds the owners of
   the clients are known, and no more: see :attr:`.Stamp.compacted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.contents import ANY, BINARY, DOC, EMBED, FORMAT, GC, SKIP, STRING, TYPE
from ..crdt.lib0 import read_var_uint
from ..crdt.scan import Scan, Section, scan
from ..crdt.structs import Id, read_id, read_item
from ..crdt.structs import Item as Struct
from ..crdt.update import StateVector, gap
from ..errors import UpdateRefused
from ..ids import Seq, Subject
from .content import read_content
from .items import Item, Ledger, Path, Strand
from .tree import Stamp
from .yata import link, succeed

__all__ = ["Part", "Weave"]


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a row, or several, did to one part of a document.

    Attributes:
        path: The root, then keys, and ``[]`` for an element of a sequence. Of what stands under a
            key the key is in it; of an element that came or went only its sequence.
        inserted: How much came: UTF-16 units of text, or elements. Formatting alone is nothing.
        deleted: How much went.
    """

    path: Path
    inserted: int
    deleted: int

    def __str__(self) -> str:
        return f"{'/'.join(self.path)} +{self.inserted} -{self.deleted}"


class Weave:
    """The history of a document.

    Attributes:
        vector: How far it has got, as a state vector.
        roots: The root types by name.
        stamps: Of each row that was added, its stamp.

    >>> weave = Weave()
    >>> row = Stamp(Seq(1), Subject("user:ada"), 0)
    >>> weave.add(bytes.fromhex("010107000401017402686900"), row)
    (Part(path=('t',), inserted=2, deleted=0),)
    """

    __slots__ = ("_ledgers", "_touched", "roots", "stamps", "vector")

    def __init__(self) -> None:
        self.vector: StateVector = {}
        self.roots: dict[str, Strand] = {}
        self.stamps: dict[Seq, Stamp] = {}
        self._ledgers: dict[int, Ledger] = {}
        self._touched: dict[Path, tuple[int, int]] = {}

    def __repr__(self) -> str:
        return f"<Weave of {len(self.stamps)} rows, {len(self._ledgers)} clients>"

    # Adding

    def add(self, update: bytes, stamp: Stamp, found: Scan | None = None) -> tuple[Part, ...]:
        """Weave in the next row of the log.

        Args:
            update: Its body.
            stamp: Whose it is.
            found: The update's scan, if somebody has it already.

        Returns:
            What it changed. Nothing if it brings nothing new.

        Raises:
            MalformedBytes: It is no update.
            UpdateRefused: It breaks a rule, or builds on what is not here. The weave is as it was,
                unless clients of the update build on each other in a circle.
        """
        if found is None:
            found = scan(update, NO_BUDGET)
        if gap(found, self.vector):
            raise UpdateRefused("gap", f"row {stamp.seq} builds on edits that are not here")
        self.stamps[stamp.seq] = stamp
        if found.plain and not found.deletes:
            touches = self._type(update, found.sections[0], stamp)
            if touches is not None:
                return touches
        return self._weave(_Row(update, found, stamp, {}))

    def add_base(
        self, update: bytes, owners: Mapping[int, Subject], *, seq: Seq, at_ms: int
    ) -> tuple[Part, ...]:
        """Begin with a checkpoint, which stands for all rows up to one.

        Args:
            update: The checkpoint's body.
            owners: Whose each client id is; what belongs to others is nobody's.
            seq: The row.
            at_ms: When the checkpoint was made.

        Raises:
            MalformedBytes: It is no update.
            UpdateRefused: It is no whole document.
        """
        found = scan(update, NO_BUDGET)
        if gap(found, self.vector):
            raise UpdateRefused("gap", "a checkpoint builds on edits that are not in it")
        nobody = Stamp(seq, Subject(""), at_ms, "checkpoint", compacted=True)
        own = {
            section.client: msgspec.structs.replace(nobody, subject=owners[section.client])
            for section in found.sections
            if section.client in owners
        }
        self.stamps[seq] = nobody
        return self._weave(_Row(update, found, nobody, own))

    def _type(self, update: bytes, section: Section, stamp: Stamp) -> tuple[Part, ...] | None:
        """Weave in what typing makes, which nearly all rows are; None if it is something else."""
        client, clock, length = section.client, section.clock, section.length
        text = update[section.stop - length : section.stop]
        info = update[section.start]
        # As many bytes as units, from the end, are ASCII only if all of the string is.
        if info & 31 != STRING or info < 0x40 or not text.isascii():
            return None
        if clock != self.vector.get(client, 0):
            return None
        origin = right_origin = left = right = None
        at = section.start + 1
        if info & 0x80:
            origin, at = read_id(update, at)
            left = self._ledgers[origin[0]].ending(origin[1])
        if info & 0x40:
            right_origin, at = read_id(update, at)
            right = self._ledgers[right_origin[0]].starting(right_origin[1])
        beside = left or right
        strand = None if beside is None or beside.key is not None else beside.strand
        if strand is None or (right is not None and right.strand is None):
            return None
        item = Item(client, clock, length, origin, right_origin, STRING, text.decode(), stamp)
        item.strand = strand
        link(item, left, right, self.find)
        self._keep(item)
        self.vector[client] = clock + length
        if strand.ref is None and strand.kind is None:
            strand.kind = "text"
        return (Part(strand.path, length, 0),)

    def _weave(self, row: _Row) -> tuple[Part, ...]:
        self._take_all(row)
        for client, clock, length in row.found.deletes:
            for item in self._ledgers[client].spans(clock, clock + length):
                if item.dead is None:
                    self._bury(item, row.stamp)
        touched, self._touched = self._touched, {}
        return tuple(Part(path, *count) for path, count in touched.items())

    def _take_all(self, row: _Row) -> None:
        """Weave in the structs of several clients, who may build on each other."""
        fronts = {section.client: _Front(section) for section in row.found.sections}
        for first in fronts.values():
            waiting = [(first, first.stop)]  # each for the one behind it
            while waiting:
                front, stop = waiting[-1]
                lacking = self._take(row, front, stop)
                if lacking is None:
                    waiting.pop()
                    continue
                other = fronts.get(lacking[0])
                if other is None or any(other is one for one, _ in waiting):
                    raise UpdateRefused("gap", "its clients build on each other in a circle")
                waiting.append((other, lacking[1] + 1))

    def _take(self, row: _Row, front: _Front, stop: int) -> Id | None:
        """Weave in the structs of one client up to a clock; returns what has to come before."""
        client, update, vector = front.client, row.update, self.vector
        known = vector.get(client, 0)
        stamp = row.own.get(client, row.stamp)
        while front.clock < stop:
            at, clock = front.at, front.clock
            if update[at] in _NO_ITEM:
                length, behind = read_var_uint(update, at + 1)
                new = min(length, clock + length - known)
                if new > 0:
                    start = clock + length - new
                    self._keep(Item(client, start, new, None, None, GC, None, stamp))
            else:
                struct, behind = read_item(update, at, client, clock)
                length = struct.length
                if clock + length > known:
                    lacking = _lacking(struct, vector)
                    if lacking is not None:
                        return lacking
                    self._place(struct, update, stamp, max(known - clock, 0))
            front.at, front.clock = behind, clock + length
            if front.clock > known:
                known = vector[client] = front.clock
        return None

    def _place(self, struct: Struct, update: bytes, stamp: Stamp, offset: int) -> None:
        """Make an item of a struct, without what is known of it, and put it where it belongs."""
        client = struct.client
        value = read_content(struct.content, update, struct.content_at)
        item = Item(
            client, struct.clock, struct.length, struct.origin, struct.right_origin,
            struct.content, value, stamp,
        )  # fmt: skip
        if offset:
            item = item.cut(offset)
        left = right = None
        if item.origin is not None:
            left = self._ledgers[item.origin[0]].ending(item.origin[1])
        if item.right_origin is not None:
            right = self._ledgers[item.right_origin[0]].starting(item.right_origin[1])
        self._keep(item)
        if isinstance(struct.parent, str):
            strand: Strand | None = self._root(struct.parent)
            item.key = struct.key
        elif struct.parent is not None:
            strand = self._inside(struct.parent)
            item.key = struct.key
        else:
            beside = left or right
            assert beside is not None
            strand, item.key = beside.strand, beside.key
        if (left is not None and left.strand is None) or (
            right is not None and right.strand is None
        ):
            strand = None
        if strand is not None:
            item.strand = strand
            link(item, left, right, self.find)
            self._begin(item, strand)

    def _root(self, name: str) -> Strand:
        strand = self.roots.get(name)
        if strand is None:
            strand = self.roots[name] = Strand((name,))
        return strand

    def _inside(self, parent: Id) -> Strand | None:
        """The shared type that an item holds; None if it was collected."""
        item = self._ledgers[parent[0]].find(parent[1])
        return item.value if item.content == TYPE and item.strand is not None else None

    def _begin(self, item: Item, strand: Strand) -> None:
        """What an item does that is in its place now."""
        content = item.content
        if content == TYPE:
            shared, last = item.value, item.key or "[]"
            item.value = Strand((*strand.path, last), item, shared.ref, shared.tag)
        if item.key is not None:
            self._touch(item, *succeed(item, strand, item.key))
            return
        if strand.ref is None and strand.kind is None:
            strand.kind = _CERTAIN.get(content)
        if item.dead is None:
            self._touch(item, item.length, 0)

    def _keep(self, item: Item) -> None:
        ledger = self._ledgers.get(item.client)
        if ledger is None:
            ledger = self._ledgers[item.client] = Ledger()
        ledger.append(item)

    def _bury(self, item: Item, stamp: Stamp) -> None:
        item.dead = stamp
        if item.strand is not None:
            self._touch(item, 0, item.length)

    def _touch(self, item: Item, inserted: int, deleted: int) -> None:
        strand, content, key = item.strand, item.content, item.key
        assert strand is not None
        path = strand.path if key is None else (*strand.path, key)
        if content == FORMAT:
            inserted = deleted = 0
        came, went = self._touched.get(path, (0, 0))
        self._touched[path] = came + inserted, went + deleted

    # Reading

    def find(self, place: Id) -> Item:
        """The item that has this id. Raises KeyError if the weave has not got so far."""
        client, clock = place
        if clock >= self.vector.get(client, 0):
            raise KeyError(place)
        return self._ledgers[client].find(clock)

    def cut(self, item: Item, length: int) -> Item:
        """Cut an item in two behind its first clocks, which changes nothing; returns the second."""
        return self._ledgers[item.client].cut(item, length)

    def items(self) -> Iterator[Item]:
        """All items there are, shown or not, in any strand or none; client by client."""
        for ledger in self._ledgers.values():
            yield from ledger


class _Row(msgspec.Struct, frozen=True):
    """An update on its way in.

    Attributes:
        stamp: Whose it is.
        own: Of clients of which more is known, that.
    """

    update: bytes
    found: Scan
    stamp: Stamp
    own: Mapping[int, Stamp] = {}


class _Front:
    """How far the structs of one client have been taken."""

    __slots__ = ("at", "client", "clock", "stop")

    def __init__(self, section: Section) -> None:
        self.client = section.client
        self.at = section.start
        self.clock = section.clock
        self.stop = section.clock + section.length


def _lacking(struct: Struct, vector: StateVector) -> Id | None:
    """What a struct builds on that is not here yet."""
    for base in (struct.origin, struct.right_origin, struct.parent):
        if isinstance(base, tuple) and base[1] >= vector.get(base[0], 0):
            return base
    return None


_NO_ITEM: Final = (GC, SKIP)
_CERTAIN: Final = {
    STRING: "text", EMBED: "text", FORMAT: "text", BINARY: "array", ANY: "array", DOC: "array",
}  # fmt: skip
