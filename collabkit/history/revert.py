"""★ What a document would hold if some rows of its log had not been.

Rules:

1. What these rows wrote goes, where it is still there, and so does what a restore or a revert
   wrote again of it (see `attribution`). A shared type that others have written in stays, with
   what they wrote and nothing else.
2. What these rows deleted comes back at its place, unless it is there as somebody wrote it again.
   What several deleted counts as deleted by the first of them: a client that comes back tells all
   deletions that it knows of again, and nobody can tell those from its own.
3. What stands under a key is owned by the row that set or removed it last. If that is one of
   these, or wrote again what one of these had set, the key goes back to what it held before; if
   not, it stays as it is.
4. So it is with formatting, character by character and name by name. Text that was typed where
   formatting was already has it from there, and not from who typed.
5. All that stays although these rows did something to it is told, with whose it is now.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from ..crdt.contents import FORMAT, TYPE
from ..errors import MomentNotFound
from ..ids import Seq, Subject
from .attribution import origins, put_away
from .items import Item, Path, Strand
from .tree import Stamp, Tree
from .view import tree
from .weave import Weave

__all__ = ["Kept", "Reverted", "without"]


class Kept(msgspec.Struct, frozen=True):
    """Something that stays as it is, although the rows did something to it.

    Attributes:
        path: Where: a root, then keys, and ``[]`` for an element of a sequence.
        reason: Why it stays.
        by: Who owns it.
    """

    path: Path
    reason: str
    by: Stamp


class Reverted(msgspec.Struct, frozen=True):
    """What a document would hold without some rows, and what of their work stays."""

    tree: Tree
    kept: tuple[Kept, ...]


def without(weave: Weave, rows: Collection[Seq]) -> Reverted:
    """The document as it is now, as if some rows had never been.

    Args:
        weave: Its history.
        rows: The rows.

    Raises:
        MomentNotFound: Not all of them are in the log any more, one by one.

    >>> from collabkit.crdt.document import Document
    >>> from collabkit.history.tree import plain_tree
    >>> weave, document = Weave(), Document()
    >>> for number, word in enumerate(("one ", "two ", "three "), 1):
    ...     known = document.state_vector
    ...     document.text("t").append(word)
    ...     _ = weave.add(document.update(known), Stamp(Seq(number), "user:ada", 0))
    >>> plain_tree(without(weave, {Seq(2)}).tree)
    {'t': 'one three '}
    """
    for seq in rows:
        stamp = weave.stamps.get(seq)
        if stamp is None or stamp.compacted:
            why = "there is no such row" if stamp is None else "only a checkpoint holds it"
            raise MomentNotFound(f"#{seq}", why)
    return _Revert(weave, frozenset(rows)).reverted()


class _Revert:
    """The view of a weave without some rows, from outside in."""

    def __init__(self, weave: Weave, rows: frozenset[Seq]) -> None:
        self._weave = weave
        self._rows = rows
        self._origins = origins(weave)
        self._shown: set[Item] = set()
        self._styles: dict[Item, dict[str, Any]] = {}
        self._inside: list[Strand] = []
        self._kept: dict[tuple[Path, str, Seq | Subject], Kept] = {}

    def reverted(self) -> Reverted:
        self._inside += self._weave.roots.values()
        for strand in self._inside:  # it grows meanwhile
            for item in strand:
                self._cut(item)
                if self._stays(item):
                    self._show(item)
            for key, last in strand.last.items():
                value = self._value((*strand.path, key), last)
                if value is not None:
                    self._show(value)
            self._restyle(strand)
        self._tell_lost()
        view = tree(self._weave, shows=self._shown.__contains__, styles=self._styles)
        return Reverted(view, tuple(self._kept.values()))

    def _show(self, item: Item) -> None:
        self._shown.add(item)
        if item.content == TYPE:
            self._inside.append(item.value)

    def _keep(self, path: Path, reason: str, by: Stamp) -> None:
        self._kept.setdefault((path, reason, by.seq), Kept(path, reason, by))

    def _keep_format(self, path: Path, name: str, by: Stamp) -> None:
        """Tell once whose formatting stays in a text, with the last row, in however many places."""
        reason = f"later formatting owns {name!r}"
        told = self._kept.get((path, reason, by.subject))
        if told is None or told.by.seq < by.seq:
            self._kept[path, reason, by.subject] = Kept(path, reason, by)

    def _mine(self, item: Item) -> bool:
        """Whether these rows wrote something, or what it is a copy of."""
        return self._origins.wrote(self._rows, item)

    # Elements

    def _stays(self, item: Item) -> bool:
        """Whether an element is there (rules 1 and 2)."""
        if item.content == FORMAT:
            return item.dead is None
        if self._mine(item):
            return self._has_guests(item)
        return self._lives(item)

    def _lives(self, item: Item) -> bool:
        """Whether something that others wrote was deleted by nobody but these rows."""
        dead = item.dead
        if dead is None or self._there(item):
            return True
        around = item.strand and item.strand.item
        gone = around and around.dead
        if not gone or dead.seq in self._rows:
            return False
        # What came into a deleted type was deleted for that, by whoever told of it first; and
        # with it what was inside.
        return gone.seq < item.born.seq or (gone.seq not in self._rows and gone.seq <= dead.seq)

    def _there(self, item: Item) -> bool:
        """Whether something was never deleted, or comes back (rule 2)."""
        if item.dead is None:
            return True
        again = (self._again(item, at) for at in range(item.length))
        return item.dead.seq in self._rows and not all(again)

    def _again(self, item: Item, at: int) -> bool:
        """Whether something that was deleted is there as somebody else wrote it again."""
        return self._origins.again(
            self._weave,
            item,
            at,
            by=lambda seq: seq not in self._rows,
            there=lambda one: one.dead is None or one.dead.seq in self._rows,
        )

    def _cut(self, item: Item) -> None:
        """Let an item that these rows deleted be there again as a whole, or not at all."""
        if item.dead is None or item.dead.seq not in self._rows or not self._origins.alike:
            return
        self._origins.cut(self._weave, item, self._again)

    def _has_guests(self, item: Item) -> bool:
        """Whether others wrote in a shared type of these rows, so that it stays."""
        if item.content != TYPE or not self._there(item):
            return False
        guest = self._guest(item.value)
        if guest is None:
            return False
        self._keep(item.value.path, "others wrote in it", guest)
        return True

    def _guest(self, strand: Strand) -> Stamp | None:
        """Whose the first thing is in a shared type that is not of these rows, if any."""
        for item in (*strand, *strand.last.values()):
            if item.content == FORMAT or not self._there(item):
                continue
            if not self._mine(item):
                return self._origins.author(item)
            inner = self._guest(item.value) if item.content == TYPE else None
            if inner is not None:
                return inner
        return None

    def _tell_lost(self) -> None:
        """Tell what cannot come back because what it was in is gone."""
        for item in self._weave.items():
            dead = item.dead
            if dead is None or item.strand is None or dead.seq not in self._rows:
                continue
            if item in self._shown or self._mine(item) or item.content == FORMAT:
                continue
            if not self._there(item):
                continue
            *_, outer = (one for one in item.outward() if one not in self._shown)
            gone = outer.dead
            if gone is not None and gone.seq > dead.seq:
                self._keep(outer.value.path, "what was deleted in it is gone with it", gone)

    # Keys

    def _value(self, path: Path, last: Item) -> Item | None:
        """What a key holds (rule 3)."""
        owner = last.dead or last.born
        mine = self._mine(last)
        theirs = mine if last.dead is None else owner.seq in self._rows
        if not theirs and not (not mine and self._lives(last)):
            if self._touched(last, owner):
                self._keep(path, "a later edit owns it", owner)
            return None
        if not mine:
            if last.dead is None and self._touched(last, owner):
                self._keep(path, "a later edit owns it", owner)
            return last
        if self._has_guests(last):
            return last
        before: Item | None = last
        while before is not None and self._mine(before):
            if not (before.dead is None or self._gave_way(before)):
                return None  # it was removed by somebody else, who wanted nothing there
            before = before.left
        if before is None or self._lives(before) or self._gave_way(before) or _lost(before):
            return before
        return None

    def _gave_way(self, value: Item) -> bool:
        """Whether these rows put an end to a value, or something that was written again of them."""
        dead = value.dead
        return dead is not None and (dead.seq in self._rows or put_away(value, self._mine))

    def _touched(self, last: Item, owner: Stamp) -> bool:
        """Whether these rows set or removed a key before its owner did."""
        value: Item | None = last
        while value is not None:
            seqs = {stamp.seq for stamp in (value.born, value.dead) if stamp is not None}
            if not _lost(value) and any(seq < owner.seq for seq in seqs & self._rows):
                return True
            value = value.left
        return False

    # Formatting

    def _restyle(self, strand: Strand) -> None:
        """Work out the formatting of a text in which these rows formatted something (rule 4)."""
        stamps = [
            stamp
            for item in strand
            if item.content == FORMAT
            for stamp in (item.born, item.dead)
            if stamp is not None
        ]
        if self._rows.isdisjoint(stamp.seq for stamp in stamps):
            return
        lines: dict[str, _Line] = {}
        style: dict[str, Any] | None = None
        for item in strand:
            if item.content == FORMAT:
                line = lines.setdefault(item.value.key, _Line())
                line.cover(item.born, item.dead, item.value.value)
                style = None
            elif item in self._shown:
                if style is None:
                    style = self._style(strand.path, lines)
                self._styles[item] = style

    def _style(self, path: Path, lines: dict[str, _Line]) -> dict[str, Any]:
        """The formatting of one place, of which is known what it was after each row."""
        style = {}
        for name, line in lines.items():
            changes = list(line.changes())
            theirs = [change for change in changes if change[0].seq in self._rows]
            if theirs and changes[-1] is not theirs[-1]:
                self._keep_format(path, name, changes[-1][0])
            elif theirs:
                changes = [change for change in changes if change[0].seq not in self._rows]
            if changes and changes[-1][1] is not None:
                style[name] = changes[-1][1]
        return style


class _Line:
    """The formatting of one name at one place, as it went on: what it was from each row on.

    Formats count in their order in the text: of those that are there, the last.
    """

    __slots__ = ("_seqs", "_stamps", "_values")

    def __init__(self) -> None:
        self._seqs: list[int] = []
        self._stamps: list[Stamp] = []
        self._values: list[Any] = []

    def cover(self, start: Stamp, stop: Stamp | None, value: Any) -> None:
        """Let a format count from the row that made it to the one that took it away."""
        if stop is not None and stop.seq == start.seq:
            return
        first = bisect_left(self._seqs, start.seq)
        if stop is None:
            last, stamps, values = len(self._seqs), [start], [value]
        else:
            last = bisect_right(self._seqs, stop.seq)
            behind = self._values[last - 1] if last else None
            stamps, values = [start, stop], [value, behind]
        self._seqs[first:last] = [stamp.seq for stamp in stamps]
        self._stamps[first:last] = stamps
        self._values[first:last] = values

    def changes(self) -> Iterator[tuple[Stamp, Any]]:
        """Each row that changed it, and to what."""
        before: Any = None
        for stamp, value in zip(self._stamps, self._values, strict=True):
            if value != before:
                yield stamp, value
            before = value


def _lost(value: Item) -> bool:
    """Whether a value never stood under its key: one that was there before won over it."""
    if value.dead is None or value.dead.seq != value.born.seq:
        return False
    other = value.right
    while other is not None and other.born.seq >= value.born.seq:
        other = other.right
    return other is not None
