"""★ What somebody wrote in an update, as plain values that can be kept, shown, and written again.

For an author of whose update parts were not taken: his document will not have them any more.

Rules:

1. It is made of his own update alone, and so of what he knows already.
2. A value is itself, text a string, a sequence a list; a map is an object of its last values, and
   an XML element one of ``tag``, ``attributes`` and ``children``. Bytes are base64. Marks are left
   out.
3. What is more than there is room for is None, and so is what is made of too many pieces or nests
   too deeply for anybody to read it.
4. What stands in a sequence stands behind its origin: nobody else has written between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import msgspec

from .contents import ANY, BINARY, EMBED, STRING, TYPE, XML_ELEMENT
from .lib0 import read_any, read_json, read_var_bytes, read_var_string, read_var_uint
from .scan import Scan
from .structs import Id, Item, read_items
from .touches import Ranges
from .values import plain

__all__ = ["Part", "drafts"]

# What is put in order here is searched piece by piece; a thousand take some 20 ms at worst.
MAX_PIECES = 1000
# What a person has in front of him nests less.
MAX_DEPTH = 32

_MAP, _TEXT, _XML_TEXT = 1, 2, 6


Part: TypeAlias = tuple[Ranges, bool]
"""The structs that write something, and whether only the last of them counts, as under a key."""


def drafts(update: bytes, found: Scan, parts: Sequence[Part], *, room_bytes: int) -> list[Any]:
    """Tell what an update writes, in parts.

    Args:
        update: It was scanned.
        found: Its scan.
        parts: Which parts of it.
        room_bytes: What all of it may take as JSON.

    >>> from collabkit.crdt.scan import scan
    >>> hi = bytes.fromhex("010107000401017402686900")
    >>> drafts(hi, scan(hi), [(((7, 0, 1),), False), (((7, 1, 1),), True)], room_bytes=100)
    ['h', 'i']
    """
    shown: list[Any] = []
    divided = _divided(update, found, [ranges for ranges, _ in parts])
    for pieces, (_, single) in zip(divided, parts, strict=True):
        value = None if pieces is None else _Pieces(update, pieces).value(single=single)
        size = 0 if value is None else len(msgspec.json.encode(value))
        if size > room_bytes:
            value, size = None, 0
        room_bytes -= size
        shown.append(value)
    return shown


_Piece: TypeAlias = tuple[Item, int, int]
"""An item, and the first of its clocks that is meant, and the one behind the last."""


def _divided(update: bytes, found: Scan, parts: Sequence[Ranges]) -> Iterator[list[_Piece] | None]:
    """The pieces of each part; None if there are too many."""
    spans: dict[int, list[tuple[int, int, int]]] = {}
    for number, ranges in enumerate(parts):
        for client, clock, length in ranges:
            spans.setdefault(client, []).append((clock, clock + length, number))
    for each in spans.values():
        each.sort()
    pieces: list[list[_Piece]] = [[] for _ in parts]
    left = MAX_PIECES
    for item in read_items(update, found):
        meant, end = spans.get(item.client, []), item.clock + item.length
        place = max(0, bisect_right(meant, (item.clock,)) - 1)
        for first, stop, number in meant[place:]:
            if first >= end or left < 0:
                break
            if stop > item.clock:
                left -= 1
                pieces[number].append((item, max(first, item.clock), min(stop, end)))
    for each_part in pieces:
        yield each_part if left >= 0 else None


class _Shared:
    """A shared type, and what was put into it: behind each other, and under keys."""

    def __init__(self, ref: int = -1, tag: str = "") -> None:
        self.ref = ref
        self.tag = tag
        self.sequence: list[_Run] = []
        self.keys: dict[str, Any] = {}


class _Run(msgspec.Struct):
    """What one client put somewhere at once: UTF-16, or a list of values."""

    client: int
    clock: int
    content: bytes | list[Any]

    def cut(self, clock: int) -> _Run:
        """Keep what is before a clock; returns the rest."""
        at = (clock - self.clock) * (2 if isinstance(self.content, bytes) else 1)
        self.content, rest = self.content[:at], self.content[at:]
        return _Run(self.client, clock, rest)

    @property
    def stop(self) -> int:
        """The clock behind it."""
        size = len(self.content)
        return self.clock + (size // 2 if isinstance(self.content, bytes) else size)


class _Pieces:
    """Some pieces of an update, put in order."""

    def __init__(self, update: bytes, pieces: Sequence[_Piece]) -> None:
        self._update = update
        self._top = _Shared()
        self._types: dict[Id, _Shared] = {}
        # Of each client, the clocks at which pieces begin and end, and where each of them is.
        self._spans: dict[int, list[tuple[int, int]]] = {}
        self._where: dict[Id, tuple[_Shared, str | None]] = {}
        for item, first, stop in pieces:
            self._put(item, first, stop)

    def value(self, *, single: bool) -> Any:
        """All of it, or the last of it."""
        values = [_plain(value, MAX_DEPTH) for value in self._top.keys.values()]
        values += _values(self._top.sequence, MAX_DEPTH)
        if single:
            return values[-1] if values else None
        return values[0] if len(values) == 1 and isinstance(values[0], str) else values or None

    def _put(self, item: Item, first: int, stop: int) -> None:
        parent, key = self._place_of(item)
        content = self._read(item)
        run = _Run(item.client, item.clock, content).cut(first)
        run.cut(stop)
        self._spans.setdefault(item.client, []).append((first, stop))
        self._where[item.client, first] = parent, key
        for shared in content:
            if isinstance(shared, _Shared):
                self._types[item.client, first] = shared
        if key is None:
            parent.sequence.insert(_behind(parent.sequence, item, new=parent is not self._top), run)
        elif run.content:
            parent.keys.pop(key, None)
            parent.keys[key] = _values([run], 0)[-1] if item.content == STRING else run.content[-1]

    def _place_of(self, item: Item) -> tuple[_Shared, str | None]:
        for neighbour in (item.origin, item.right_origin):
            if neighbour is None:
                continue
            spans = self._spans.get(neighbour[0], [])
            at = bisect_right(spans, neighbour[1], key=_first) - 1
            if at >= 0 and neighbour[1] < spans[at][1]:
                return self._where[neighbour[0], spans[at][0]]
        parent = self._types.get(item.parent) if isinstance(item.parent, tuple) else None
        return parent or self._top, item.key

    def _read(self, item: Item) -> bytes | list[Any]:
        update, at = self._update, item.content_at
        if item.content == STRING:
            return read_var_string(update, at)[0].encode("utf-16-le")
        if item.content == ANY:
            count, at = read_var_uint(update, at)
            values = []
            for _ in range(count):
                value, at = read_any(update, at)
                values.append(value)
            return values
        if item.content == EMBED:
            return [read_json(read_var_bytes(update, at)[0])]
        if item.content == BINARY:
            return [read_var_bytes(update, at)[0]]
        if item.content == TYPE:
            ref, at = read_var_uint(update, at)
            return [_Shared(ref, read_var_string(update, at)[0] if ref == XML_ELEMENT else "")]
        return []


def _behind(runs: list[_Run], item: Item, *, new: bool) -> int:
    """Where an item goes among runs: behind its origin, at the very front of a ``new`` type."""
    origin = item.origin
    for at in range(len(runs) - 1, -1, -1):
        run = runs[at]
        if origin is None:
            if (run.client, run.clock) == item.right_origin:
                return at
        elif run.client == origin[0] and run.clock <= origin[1] < run.stop:
            if origin[1] + 1 < run.stop:
                runs.insert(at + 1, run.cut(origin[1] + 1))
            return at + 1
    return 0 if new and origin is None else len(runs)


def _first(span: tuple[int, int]) -> int:
    return span[0]


def _plain(value: Any, depth: int) -> Any:
    if not isinstance(value, _Shared):
        return plain(value)
    if depth == 0:
        return None
    if value.ref == _MAP:
        return {key: _plain(inside, depth - 1) for key, inside in value.keys.items()}
    values = _values(value.sequence, depth - 1)
    if value.ref in (_TEXT, _XML_TEXT) and all(isinstance(each, str) for each in values):
        return "".join(values)
    if value.ref != XML_ELEMENT:
        return values
    attributes = {key: _plain(inside, depth - 1) for key, inside in value.keys.items()}
    return {"tag": value.tag, "attributes": attributes, "children": values}


def _values(runs: Sequence[_Run], depth: int) -> list[Any]:
    """What stands in a sequence, text that is in pieces put together."""
    values: list[Any] = []
    for is_text, some in groupby(runs, lambda run: isinstance(run.content, bytes)):
        if is_text:
            values.append(b"".join(run.content for run in some).decode("utf-16-le", "replace"))  # type: ignore[misc]
        else:
            values += [_plain(value, depth) for run in some for value in run.content]
    return values
