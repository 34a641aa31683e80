"""Characters that take two clocks, and who would part them.

Yjs counts UTF-16 code units, so an emoji takes two clocks. An edit may name the place between
them: Yjs then shows a replacement character for each half. The engine keeps the character
whole and loses count: what it encodes afterwards lacks a clock or has a struct without
length, and whoever loads that has another document. So no update may part a pair.

Rules:

1. Of each client the runs of such characters are kept, by clock. Nothing is kept, and next to
   nothing is done, for a document without any.
2. A pair is parted by an item behind its first half, by one in front of its second, by a
   deletion that begins or ends between them, and by an update of which the document knows
   half a pair.
3. Pairs count from the moment at which they are told, in the same update already.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, TypeAlias

from .budget import refuse
from .contents import STRING
from .lib0 import read_var_bytes, read_var_uint
from .scan import Scan, Section
from .structs import read_items

__all__ = ["Pairs", "Runs"]

_WIDE: Final = re.compile("[\U00010000-\U0010ffff]+")
_ENCODED: Final = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")  # one of them; or, seldom, an id

Runs: TypeAlias = dict[int, tuple["array[int]", "array[int]"]]
"""Of each client, where runs of such characters start and stop, in the order of clocks."""


class Pairs:
    """The pairs of a document.

    >>> from collabkit.crdt.scan import scan
    >>> pairs, told = Pairs(), bytes.fromhex("010107000401017405" "61f09f988000")
    >>> found = pairs.find(told, scan(told), {}, strict=True)
    >>> pairs.keep(found)
    >>> pairs.parts(7, 2), pairs.parts(7, 1)
    (True, False)
    """

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: Runs = {}

    def __repr__(self) -> str:
        return f"<Pairs of {len(self._runs)} clients>"

    def concern(self, update: bytes) -> bool:
        """Whether an update has to be looked at; mostly it has not."""
        return bool(self._runs) or _ENCODED.search(update) is not None

    def parts(self, client: int, clock: int) -> bool:
        """Whether this clock is the second half of a pair."""
        return _parts(self._runs, client, clock)

    def find(self, update: bytes, found: Scan, known: Mapping[int, int], *, strict: bool) -> Runs:
        """Find the pairs that an update brings.

        Args:
            update: It leaves no gap.
            found: Its scan.
            known: The document's state vector.
            strict: Refuse an update that parts a pair.

        Raises:
            UpdateRefused: It does.
        """
        if found.plain and not found.deletes and _ENCODED.search(update) is None:
            if strict:
                self._check_typed(update, found.sections[0])
            return {}
        runs: Runs = {}
        links: list[tuple[int, int]] = []  # each would be the second half
        for item in read_items(update, found):
            if item.content == STRING:
                _note(runs, item.client, item.clock, read_var_bytes(update, item.content_at)[0])
            if item.origin is not None:
                links.append((item.origin[0], item.origin[1] + 1))
            if item.right_origin is not None:
                links.append(item.right_origin)
        if strict and (self._runs or runs):
            for client, clock, length in found.deletes:
                links += ((client, clock), (client, clock + length))
            for section in found.sections:
                links.append((section.client, known.get(section.client, 0)))
            for client, clock in links:
                if self.parts(client, clock) or _parts(runs, client, clock):
                    refuse("parted-character", client)
        return {client: _new(spans, known.get(client, 0)) for client, spans in runs.items()}

    def _check_typed(self, update: bytes, section: Section) -> None:
        """The same for one item of narrow characters, which is most of what comes."""
        info, at = update[section.start], section.start + 1
        for here, behind in ((0x80, 1), (0x40, 0)):
            if info & here:
                client, at = read_var_uint(update, at)
                clock, at = read_var_uint(update, at)
                if self.parts(client, clock + behind):
                    refuse("parted-character", client)

    def keep(self, runs: Runs) -> None:
        """The engine took the update that brought these."""
        for client, (starts, stops) in runs.items():
            mine = self._runs.get(client)
            if mine is None:
                self._runs[client] = (starts, stops)
            else:
                mine[0].extend(starts)
                mine[1].extend(stops)


def _note(runs: Runs, client: int, clock: int, text: bytes) -> None:
    if text.isascii():
        return
    wider = 0  # how many before took two
    for match in _WIDE.finditer(text.decode()):
        start = clock + match.start() + wider
        count = match.end() - match.start()
        wider += count
        starts, stops = runs.setdefault(client, (array("Q"), array("Q")))
        starts.append(start)
        stops.append(start + 2 * count)


def _new(spans: tuple[array[int], array[int]], known: int) -> tuple[array[int], array[int]]:
    """Those of runs that were not there; one of which a part was goes on as one of its own."""
    starts, stops = spans
    first = bisect_right(stops, known)
    fresh = starts[first:]
    if fresh and fresh[0] < known:
        fresh[0] = known
    return fresh, stops[first:]


def _parts(runs: Runs, client: int, clock: int) -> bool:
    mine = runs.get(client)
    if mine is None:
        return False
    run = bisect_right(mine[0], clock) - 1
    return run >= 0 and clock < mine[1][run] and (clock - mine[0][run]) % 2 == 1
