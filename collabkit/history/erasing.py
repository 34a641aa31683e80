"""★ Updates without what somebody wrote: the same items, with nothing in them.

Rules:

1. Ids, lengths, origins, parents and deletions stay, so whatever others built on an item finds it.
   What it held becomes deleted content of the same length, as Yjs itself leaves behind what was
   deleted, and its range is deleted by the same update: who has it empty and who has it whole are
   replicas of one document, and agree once both have the update.
2. A shared type stays: others' work may be inside. So do an element's tag, and a mark that is
   null, true or false: it says where a formatting begins or ends, and is nothing that anybody
   wrote. Marks that say more, such as a link, go.
3. Names stay: of roots, and of keys, which are part of where an item is. Replicas that were away
   know an item under its key, and what they put there would otherwise land under another one.
   :func:`names_left` tells them. What kind a root is, only its content tells: where that went, it
   may be taken for another by who does not know what it is.
4. What is erased is told in ranges of clocks (:data:`Spans`). Text and values are cut where a
   range ends inside them, as Yjs cuts what somebody writes into; other items go whole, and so
   does a character that takes two clocks: yrs 0.28 makes structs without length of its halves.
5. A client id is one author's: its owner's, or, if nobody owns it, his whose row brought it first.
   Under it he may have brought back what others wrote, and others what he wrote, by a restore or
   a revert (:mod:`.attribution`): that is of whoever wrote it first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from ..crdt.budget import CLOCK_LIMIT
from ..crdt.contents import ANY, DELETED, FORMAT, GC, SKIP, STRING, TYPE, XML_ELEMENT
from ..crdt.lib0 import (
    read_var_bytes,
    read_var_string,
    read_var_uint,
    skip_any,
    var_string,
    var_uint,
)
from ..crdt.scan import Scan, Section
from ..crdt.structs import Item as Struct
from ..crdt.structs import head_behind, read_item, read_items
from ..crdt.update import encode_deletes, encode_update, merged
from ..ids import Subject
from ..store.base import Row
from .items import Item
from .tree import Stamp

__all__ = [
    "Erased",
    "Spans",
    "erased",
    "names_left",
    "whole",
    "written_by",
    "written_first",
]

Spans: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
"""Of each client id, ranges of a clock and a length, in order and apart."""

_PLAIN_MARKS = (b"null", b"true", b"false")


class Erased(NamedTuple):
    """What is left of an update.

    Attributes:
        body: The update; the very same bytes if nothing had to go.
        ranges: What was emptied now, of each client; not what was empty before.
    """

    body: bytes
    ranges: dict[int, list[tuple[int, int]]]


def whole(clients: Iterable[int]) -> Spans:
    """All that was ever written under these ids."""
    return dict.fromkeys(clients, ((0, CLOCK_LIMIT),))


def written_by(subject: Subject, rows: Iterable[Row], owners: Mapping[int, Subject]) -> set[int]:
    """The client ids of an author, as rule 5 says.

    Args:
        subject: The author.
        rows: The rows of one document, in their order.
        owners: Whose each client id of the document is.
    """
    clients = {client for client, owner in owners.items() if owner == subject}
    known = set(owners)
    for row in rows:
        fresh = set(row.clients) - known
        known |= fresh
        if row.subject == subject:
            clients |= fresh
    return clients


def written_first(
    subject: Subject, clients: Collection[int], authors: Mapping[Item, Stamp]
) -> Spans:
    """What an author wrote, and not what he brought back of others.

    Args:
        subject: The author.
        clients: His client ids.
        authors: Who wrote first what was brought back, as :func:`.first_authors` finds it.
    """
    his: dict[int, list[tuple[int, int]]] = {client: [] for client in clients}
    others: dict[int, list[tuple[int, int]]] = {client: [] for client in clients}
    for item, stamp in authors.items():
        if item.client not in others:
            if stamp.subject == subject:
                his.setdefault(item.client, []).append((item.clock, item.length))
        elif stamp.subject != subject:
            others[item.client].append((item.clock, item.length))
    spans = {client: merged(each) for client, each in his.items()}
    return spans | {client: _between(merged(each)) for client, each in others.items()}


def _between(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """All that is in none of some spans."""
    gaps, reached = [], 0
    for clock, length in spans:
        if clock > reached:
            gaps.append((reached, clock - reached))
        reached = clock + length
    return [*gaps, (reached, CLOCK_LIMIT - reached)]


def erased(update: bytes, found: Scan, spans: Spans) -> Erased:
    """Empty the items of an update that lie in some spans.

    Args:
        update: The update.
        found: Its scan.
        spans: What goes.

    >>> from collabkit.crdt.scan import scan
    >>> update = bytes.fromhex("010107000401017402686900")
    >>> left = erased(update, scan(update), whole({7}))
    >>> left.body.hex(), left.ranges
    ('0101070001010174020107010002', {7: [(0, 2)]})
    """
    ranges: dict[int, list[tuple[int, int]]] = {}
    sections = []
    for section in found.sections:
        marked, old = spans.get(section.client), update[section.start : section.stop]
        count, structs = section.structs, [old]
        if marked:
            pieces = list(_emptied(update, section, marked))
            gone = [(piece.clock, piece.length) for piece in pieces if piece.emptied]
            if gone:
                ranges[section.client] = gone
                count, structs = len(pieces), [piece.body for piece in pieces]
        sections.append((section.client, section.clock, count, structs))
    if not ranges:
        return Erased(update, {})
    return Erased(encode_update(sections, _deletes(found, ranges)), ranges)


def names_left(update: bytes, found: Scan, clients: Collection[int]) -> set[str]:
    """The names that stay though these clients' items are emptied: of roots, keys, tags, marks."""
    names: set[str] = set()
    for item in read_items(update, found):
        if item.client not in clients:
            continue
        if isinstance(item.parent, str):
            names.add(item.parent)
        if item.key is not None:
            names.add(item.key)
        if item.content == FORMAT and not _goes(update, item):
            names.add(read_var_string(update, item.content_at)[0])
        if item.content == TYPE and update[item.content_at] == XML_ELEMENT:
            names.add(read_var_string(update, item.content_at + 1)[0])
    return names


class _Piece(NamedTuple):
    clock: int
    length: int
    body: bytes
    emptied: bool


def _emptied(
    update: bytes, section: Section, marked: Sequence[tuple[int, int]]
) -> Iterator[_Piece]:
    at, clock = section.start, section.clock
    for _ in range(section.structs):
        start = at
        if update[at] in (GC, SKIP):
            length, at = read_var_uint(update, at + 1)
            yield _Piece(clock, length, update[start:at], emptied=False)
        else:
            item, at = read_item(update, at, section.client, clock)
            length = item.length
            if _goes(update, item):
                yield from _pieces(update, start, at, item, _cuts(update, item, marked))
            else:
                yield _Piece(clock, length, update[start:at], emptied=False)
        clock += length


def _goes(update: bytes, item: Struct) -> bool:
    if item.content in (DELETED, TYPE):
        return False
    if item.content == FORMAT:
        _, at = read_var_bytes(update, item.content_at)
        return read_var_bytes(update, at)[0] not in _PLAIN_MARKS
    return True


def _cuts(
    update: bytes, item: Struct, marked: Sequence[tuple[int, int]]
) -> list[tuple[int, int, bool]]:
    """Where an item is cut: offsets of a start and a stop, and whether that part goes."""
    cuts: list[tuple[int, int, bool]] = []
    units: bytes | None = None
    reached = 0
    for clock, length in marked:
        start = max(clock - item.clock, reached)
        stop = min(clock + length - item.clock, item.length)
        if start >= stop:
            continue
        if item.content == STRING and (start or stop < item.length):
            units = units or _units(update, item)
            start, stop = start - _is_inside(units, start), stop + _is_inside(units, stop)
        if start > reached:
            cuts.append((reached, start, False))
        cuts.append((start, stop, True))
        reached = stop
    if reached < item.length:
        cuts.append((reached, item.length, False))
    return cuts


def _pieces(
    update: bytes, start: int, stop: int, item: Struct, cuts: Sequence[tuple[int, int, bool]]
) -> Iterator[_Piece]:
    for first, last, emptied in cuts:
        clock, length = item.clock + first, last - first
        if emptied:
            content, body = DELETED, var_uint(length)
        elif length == item.length:
            content, body = item.content, update[item.content_at : stop]
        else:
            content, body = item.content, _SLICES[item.content](update, item, first, last)
        if first:
            head = head_behind((item.client, clock - 1), item.right_origin, content)
        else:
            head = bytes((update[start] & 0xE0 | content,)) + update[start + 1 : item.content_at]
        yield _Piece(clock, length, head + body, emptied)


def _units(update: bytes, item: Struct) -> bytes:
    return read_var_string(update, item.content_at)[0].encode("utf-16-le")


def _is_inside(units: bytes, at: int) -> bool:
    """Whether a place is inside a character that takes two units."""
    return b"\xdc" <= units[2 * at + 1 : 2 * at + 2] <= b"\xdf"


def _text(update: bytes, item: Struct, first: int, last: int) -> bytes:
    return var_string(_units(update, item)[2 * first : 2 * last].decode("utf-16-le"))


def _values(update: bytes, item: Struct, first: int, last: int) -> bytes:
    _, at = read_var_uint(update, item.content_at)
    for _ in range(first):
        at = skip_any(update, at)
    start = at
    for _ in range(last - first):
        at = skip_any(update, at)
    return var_uint(last - first) + update[start:at]


# What takes more than one clock, and is cut.
_SLICES = {STRING: _text, ANY: _values}


def _deletes(found: Scan, ranges: Mapping[int, Sequence[tuple[int, int]]]) -> bytes:
    """The deletions of an update, and those of what was emptied."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for client, clock, length in found.deletes:
        spans.setdefault(client, []).append((clock, length))
    for client, gone in ranges.items():
        spans.setdefault(client, []).extend(gone)
    return encode_deletes({client: merged(each) for client, each in spans.items()})
