"""★ Who wrote something first, of what a restore, a revert or a repair brought back.

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
6. A row that was taken in parts has the origin ``repair:<client>``: what this client wrote in it is
   what its author had deleted and may not, and the rest is his own. What was put back went back to
   the moment before; in a sequence each piece of it is right before what it is a copy of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..ids import Seq
from .items import Item
from .laying import Origins, lay, lay_repair
from .tree import Stamp
from .view import Shows, shown_at
from .weave import Weave

__all__ = ["first_authors", "origins", "put_away"]

_BACK: Final = re.compile(r"(restore|revert|repair):(\d+)(?:-(\d+))?")


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
    repairs = {seq: int(back[2]) for seq, back in rows.items() if back[1] == "repair"}
    written: dict[Seq, list[Item]] = {}
    if rows:
        for item in weave.items():
            back = rows.get(item.born.seq)
            if back is None or item.strand is None:
                continue
            if repairs.get(item.born.seq, item.client) == item.client:
                written.setdefault(item.born.seq, []).append(item)
    found = Origins({}, {}, repairs)
    for seq in sorted(written):
        if seq in repairs:
            lay_repair(weave, found, seq, written[seq])
        else:
            lay(weave, found, seq, _source(weave, found, seq, rows[seq]), written[seq])
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
