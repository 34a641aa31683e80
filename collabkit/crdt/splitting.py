"""One update as several that each keep a budget, for those whose work is more than one may hold.

Rules:

1. Applied in their order, the pieces bring what the whole brings. Structs are copied byte by
   byte, as :func:`~collabkit.crdt.update.splice` does it.
2. No piece is a gap to a document that has what the whole needs, and the pieces before: a
   struct comes behind those that it is put beside or into, whoever made them.
3. Deletions come last, when all that they may name is there.
4. A text or a list of values that is longer than half a piece is cut inside, into what Yjs
   makes of it when somebody writes in its middle. What cannot be cut is a piece of its own,
   however large.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from ..errors import UpdateRefused
from .budget import DEFAULT_BUDGET, NO_BUDGET, Budget
from .contents import ANY, GC, STRING, utf16_length
from .lib0 import read_var_bytes, read_var_uint, skip_any, var_bytes, var_uint
from .scan import Scan, Section, scan
from .structs import Id, Item, head_behind, read_item
from .update import encode_deletes, encode_update

__all__ = ["split"]

# The most that the numbers around them take: an update's two counts; a section's structs, client
# and clock; a range's client, count, clock and length. A varUint has 8 bytes for a client, else 5.
_COUNT_BYTES = 10
_SECTION_BYTES = 18
_RANGE_BYTES = 23


def split(update: bytes, budget: Budget = DEFAULT_BUDGET) -> list[bytes]:
    """Cut an update into pieces that keep a budget, to be applied in their order.

    Args:
        update: What somebody made. If it has holes, or a scan refuses it for other reasons than
            its size, it is given back as it is.
        budget: What a piece may hold. Its depth does not count.

    Raises:
        MalformedBytes: This is no update.

    >>> update = bytes.fromhex("010207000401017402686984070102796f00")
    >>> [piece.hex() for piece in split(update, Budget(structs=1))]
    ['010107000401017402686900', '0101070284070102796f00']
    """
    if _scanned(update, budget) is not None:
        return [update]
    found = _scanned(update, NO_BUDGET)
    if found is None or found.holes:
        return [update]
    pieces = [_Piece(budget)]
    for struct in _in_order(update, found, budget.message_bytes // 2):
        if not pieces[-1].take(struct):
            pieces.append(_Piece(budget))
            pieces[-1].take(struct)
    for deleted in found.deletes:
        if not pieces[-1].delete(*deleted):
            pieces.append(_Piece(budget))
            pieces[-1].delete(*deleted)
    return [piece.encode() for piece in pieces]


def _scanned(update: bytes, budget: Budget) -> Scan | None:
    try:
        return scan(update, budget)
    except UpdateRefused:
        return None


class _Struct(NamedTuple):
    """A struct to be copied.

    Attributes:
        links: What it is put beside or into.
        root: The root that it names, if it names one.
    """

    client: int
    clock: int
    length: int
    body: bytes
    links: tuple[Id, ...] = ()
    root: str | None = None


class _Piece:
    """What a piece holds. However much it is, the first thing always has room."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._bytes = _COUNT_BYTES
        self._structs = 0
        self._ranges = 0
        self._sections: dict[int, list[_Struct]] = {}
        self._roots: set[str] = set()
        self._deletes: dict[int, list[tuple[int, int]]] = {}

    def take(self, struct: _Struct) -> bool:
        """Add a struct, if there is room."""
        budget, section, root = self._budget, self._sections.get(struct.client), struct.root
        size = self._bytes + len(struct.body) + (0 if section else _SECTION_BYTES)
        names = root is not None and root not in self._roots
        if self._structs and (
            size > budget.message_bytes
            or self._structs >= budget.structs
            or (section is None and len(self._sections) >= budget.clients)
            or (names and len(self._roots) >= budget.roots)
        ):
            return False
        self._bytes = size
        self._structs += 1
        if root is not None:
            self._roots.add(root)
        if section is None:
            section = self._sections[struct.client] = []
        section.append(struct)
        return True

    def delete(self, client: int, clock: int, length: int) -> bool:
        """Add a deleted range, if there is room."""
        size = self._bytes + _RANGE_BYTES
        full = size > self._budget.message_bytes or self._ranges >= self._budget.delete_ranges
        if full and (self._structs or self._ranges):
            return False
        self._bytes = size
        self._ranges += 1
        self._deletes.setdefault(client, []).append((clock, length))
        return True

    def encode(self) -> bytes:
        """Write it as an update."""
        sections = [
            (client, structs[0].clock, len(structs), (struct.body for struct in structs))
            for client, structs in self._sections.items()
        ]
        return encode_update(sections, encode_deletes(self._deletes))


# Order


def _in_order(update: bytes, found: Scan, most: int) -> Iterator[_Struct]:
    """All structs, each behind those that it is linked to.

    A client's structs are handed out until one is linked to what another client has not been
    asked for yet. Then that one's turn comes first, and who waits for it is told at what clock.
    """
    rest = {section.client: _structs(update, section, most) for section in found.sections}
    heads = {client: next(structs, None) for client, structs in rest.items()}
    reached = {section.client: section.clock for section in found.sections}
    waiting: dict[int, list[Id]] = {client: [] for client in rest}
    turns = list(rest)
    while turns:
        client = turns.pop()
        while (head := heads[client]) is not None:
            missing = _missing(head, reached)
            if missing is not None:
                author, clock = missing
                heappush(waiting[author], (clock, client))
                break
            yield head
            heads[client] = next(rest[client], None)
            reached[client] += head.length
        while waiting[client] and waiting[client][0][0] < reached[client]:
            turns.append(heappop(waiting[client])[1])
    for client, head in heads.items():  # they wait for each other, which no engine's structs do
        if head is not None:
            yield head
            yield from rest[client]


def _missing(struct: _Struct, reached: dict[int, int]) -> Id | None:
    for author, clock in struct.links:
        if author != struct.client and clock >= reached.get(author, clock + 1):
            return author, clock
    return None


# Structs


def _structs(update: bytes, section: Section, most: int) -> Iterator[_Struct]:
    at, clock = section.start, section.clock
    for _ in range(section.structs):
        start = at
        if update[at] == GC:
            length, at = read_var_uint(update, at + 1)
            yield _Struct(section.client, clock, length, update[start:at])
        else:
            item, at = read_item(update, at, section.client, clock)
            length = item.length
            body, parent = update[start:at], item.parent
            links = tuple(i for i in (item.origin, item.right_origin, parent) if type(i) is tuple)
            root = parent if isinstance(parent, str) else None
            struct = _Struct(section.client, clock, length, body, links, root)
            if len(body) > most and item.content in _CHUNKS and not body[0] & 0x20:
                yield from _cut(struct, item, item.content_at - start, most)
            else:
                yield struct
        clock += length


def _cut(whole: _Struct, item: Item, content_at: int, most: int) -> Iterator[_Struct]:
    """Cut as Yjs does: what is behind a cut was put behind what is before it."""
    client, clock, _, body, links, root = whole
    head = body[:content_at]
    for length, content in _CHUNKS[item.content](body, content_at, most):
        yield _Struct(client, clock, length, head + content, links, root)
        clock += length
        head = head_behind((client, clock - 1), item.right_origin, item.content)


def _texts(body: bytes, at: int, most: int) -> Iterator[tuple[int, bytes]]:
    text, _ = read_var_bytes(body, at)
    start = 0
    while start < len(text):
        stop = start + most
        while stop < len(text) and text[stop] & 0xC0 == 0x80:  # inside a character
            stop += 1
        part = text[start:stop]
        yield utf16_length(part, at), var_bytes(part)
        start = stop


def _values(body: bytes, at: int, most: int) -> Iterator[tuple[int, bytes]]:
    left, at = read_var_uint(body, at)
    while left:
        start, count = at, 0
        while count < left and (at - start < most or not count):
            at = skip_any(body, at)
            count += 1
        yield count, var_uint(count) + body[start:at]
        left -= count


_CHUNKS = {STRING: _texts, ANY: _values}
