"""Making positions, and finding them again.

What the engine offers for this panics behind the last character and for ids that a
document does not have, does not know XML text, and counts in a unit of its own: the bytes of
all blocks before, and UTF-16 units in the block itself. So:

1. Where all units are one (arrays, and text while it is narrow) the engine is asked.
   Elsewhere, and in XML text, the character to hold on to is deleted in a throw-away copy:
   its id is in the update that makes.
2. A position behind the last character holds on to the end of its text.
3. A position is looked up only if the document has its id. Where it lies is told by
   stepping back through the clocks for as long as each is one unit before the other: a step
   of one from block to block means that the first is ASCII, so that behind the last step
   there are bytes alone, and UTF-16 units from there on.
4. An id that was deleted with all around it has no place any more, which the engine tells
   by a panic. That comes from reading, and harms nothing.
"""

from __future__ import annotations

from typing import Any

from pycrdt import _pycrdt as yrs

from .branches import AFTER, BEFORE, Branch
from .budget import NO_BUDGET
from .core import Core, is_panic
from .node import Place
from .offsets import Offsets, Scale
from .positions import Position
from .scan import scan
from .structs import Id, read_items
from .update import EMPTY_UPDATE, decode_state_vector

__all__ = ["hold", "hold_in_copy", "locate"]


def hold(branch: Branch, txn: Any, at: int, length: int, *, before: bool) -> Position:
    """Make a position in an array or a narrow text, of this length."""
    home = _home(branch, txn)
    item = None
    if before or at < length:
        side = BEFORE if before else AFTER
        item = Position.decode(branch.sticky_index(txn, at, side).encode()).item
    return Position(item, home.root, home.type, before)


def hold_in_copy(
    core: Core, place: Place, offsets: Offsets, index: int, length: int, *, before: bool
) -> Position:
    """Make a position in any text, of this length in code points."""
    twin = core.copy().begin()
    branch: Branch = place.find(twin)
    in_xml = isinstance(branch, yrs.XmlText)
    if in_xml:
        branch.insert_attribute(twin.txn, "\0", "")  # its item names the text that it is in
        home = Position()
    else:
        home = _home(branch, twin.txn)
    first = index - 1 if before else index
    if 0 <= first < length:
        at, stop = (offsets.convert(i, Scale.POINTS, Scale.BYTES) for i in (first, first + 1))
        branch.remove_range(twin.txn, at, stop - at)
    update = twin.commit() or EMPTY_UPDATE
    found = scan(update)
    if in_xml:
        parent = next(read_items(update, found)).parent
        home = Position(type=parent if isinstance(parent, tuple) else None)
    item = None
    for client, clock, units in found.deletes:
        # Marks of formatting beside the character went with it, on whichever side.
        ids = ((client, clock + unit) for unit in range(units))
        seen = [held for held in ids if _is_visible(held, core.txn)]
        if seen:
            item = seen[-1 if before else 0]
    return Position(item, home.root, home.type, before)


def locate(
    branch: Branch, core: Core, position: Position, length: int, offsets: Offsets | None = None
) -> int | None:
    """Find a position again.

    Args:
        branch: A text or array.
        core: What it is in, inside a transaction.
        position: What to find.
        length: Of the text in code points, or of the array.
        offsets: Of the text.

    Returns:
        Its index; None if it is not in this text or array, or holds on to what is not here.
    """
    if not isinstance(branch, yrs.XmlText):  # of which the engine tells no id
        home = _home(branch, core.txn)
        if (position.root, position.type) not in ((None, None), (home.root, home.type)):
            return None
    if position.item is None:
        return 0 if position.before else length
    client, clock = position.item
    vector = decode_state_vector(core.raw.get_state(core.txn), NO_BUDGET.clients)
    if vector.get(client, 0) <= clock:
        return None
    try:
        index = _index_of(position.item, core.txn, offsets, before=position.before)
    except BaseException as error:
        if is_panic(error):
            return None
        raise
    return index if index <= length else None


def _index_of(item: Id, txn: Any, offsets: Offsets | None, *, before: bool) -> int:
    client, clock = item
    there = _offset(item, txn)
    behind = before and _is_visible(item, txn)
    if offsets is None or offsets.narrow:
        return there + behind
    steps = 0
    while steps < clock and _offset((client, clock - steps - 1), txn) == there - steps - 1:
        steps += 1
    start = offsets.convert(there - steps, Scale.BYTES, Scale.UTF16)
    return offsets.convert(start + steps + behind, Scale.UTF16, Scale.POINTS)


def _is_visible(item: Id, txn: Any) -> bool:
    """Whether an id is of a character: neither deleted nor a mark of formatting."""
    return _offset(item, txn) != _offset(item, txn, before=True)


def _offset(item: Id, txn: Any, *, before: bool = False) -> int:
    sticky = yrs.decode_sticky_index(Position(item, before=before).encode())
    offset: int = sticky.get_offset(txn)
    return offset


def _home(branch: Branch, txn: Any) -> Position:
    """The position that holds on to the start: it names the root or type itself."""
    return Position.decode(branch.sticky_index(txn, 0, BEFORE).encode())
