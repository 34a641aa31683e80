"""An update without what a document has already, as its author would have made it for that.

Whoever sends again what is known could put anything into it: documents look at its ids, and pass
over what it holds. So where content matters that no document takes, it goes.

Rules:

1. Structs that are known are left out, and of one that is known in part the part: what is left of
   it is put behind that, as Yjs does it.
2. Deletions stay. They name ids alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from .budget import NO_BUDGET, refuse
from .contents import ANY, DELETED, GC, SKIP, STRING
from .lib0 import read_var_bytes, read_var_uint, skip_any, var_bytes, var_uint
from .scan import Scan, Section, scan
from .structs import head_behind, read_item
from .touches import Ranges
from .update import encode_update, merged

__all__ = ["collected", "trimmed"]


def trimmed(update: bytes, found: Scan, vector: Mapping[int, int]) -> tuple[bytes, Scan]:
    """Leave out of an update what a document with this vector has; returns its scan, too.

    Raises:
        UpdateRefused: What is known of it ends within a character.

    >>> hi = bytes.fromhex("010107000401017402686900")
    >>> trimmed(hi, scan(hi), {7: 1})[0].hex()
    '01010701840700016900'
    """
    if all(section.clock >= vector.get(section.client, 0) for section in found.sections):
        return update, found
    sections = []
    for section in found.sections:
        known = vector.get(section.client, 0)
        first = max(section.clock, known)
        structs = list(_behind(update, section, known))
        if structs:
            sections.append((section.client, first, len(structs), structs))
    rest = encode_update(sections, update[found.deletes_start :])
    return rest, scan(rest, NO_BUDGET)


def collected(update: bytes, found: Scan, ranges: Ranges) -> bytes:
    """Leave of some structs only how long they are, as if they had been collected.

    >>> hi = bytes.fromhex("010107000401017402686900")
    >>> collected(hi, scan(hi), ((7, 0, 1),)).hex()
    '01010700000200'
    """
    meant: dict[int, list[tuple[int, int]]] = {}
    for client, clock, length in ranges:
        meant.setdefault(client, []).append((clock, length))
    sections = []
    for section in found.sections:
        spans = merged(meant.get(section.client, ()))
        structs = list(_collected(update, section, spans))
        sections.append((section.client, section.clock, len(structs), structs))
    return encode_update(sections, update[found.deletes_start :])


def _collected(
    update: bytes, section: Section, spans: Sequence[tuple[int, int]]
) -> Iterator[bytes]:
    at, clock = section.start, section.clock
    for _ in range(section.structs):
        start = at
        if update[at] in (GC, SKIP):
            length, at = read_var_uint(update, at + 1)
        else:
            item, at = read_item(update, at, section.client, clock)
            length = item.length
        last = bisect_left(spans, (clock + length,)) - 1
        if last >= 0 and sum(spans[last]) > clock:
            yield bytes((GC,)) + var_uint(length)
        else:
            yield update[start:at]
        clock += length


def _behind(update: bytes, section: Section, known: int) -> Iterator[bytes]:
    at, clock = section.start, section.clock
    for _ in range(section.structs):
        start, tag = at, update[at]
        if tag in (GC, SKIP):
            length, at = read_var_uint(update, at + 1)
            if clock + length > known:
                yield bytes((tag,)) + var_uint(length - max(0, known - clock))
        else:
            item, at = read_item(update, at, section.client, clock)
            length = item.length
            if clock >= known:
                yield update[start:at]
            elif clock + length > known:
                head = head_behind((section.client, known - 1), item.right_origin, item.content)
                yield head + _cut(item.content, update[item.content_at : at], known - clock)
        clock += length


def _cut(content: int, data: bytes, known: int) -> bytes:
    """What an item holds, without the first of its clocks; only what follows takes several."""
    if content == DELETED:
        return var_uint(read_var_uint(data, 0)[0] - known)
    if content == ANY:
        count, at = read_var_uint(data, 0)
        for _ in range(known):
            at = skip_any(data, at)
        return var_uint(count - known) + data[at:]
    assert content == STRING
    units = read_var_bytes(data, 0)[0].decode().encode("utf-16-le")[2 * known :]
    try:
        return var_bytes(units.decode("utf-16-le").encode())
    except UnicodeDecodeError:
        refuse("parted-character", known)
