"""Updates made of structs: what a scan cannot tell from an honest client's by shape.

Random bytes stop at the scan, and random structs at its arithmetic. What kills an engine is an
update that is nearly right: it builds on what is there, in a way no client would. So a series
of updates is drawn from what it has told so far, under these rules:

1. A series has one to three authors, and two to six updates over the same ids.
2. What a room's scan refuses, or calls a gap, was not told. Every number is right at first:
   clocks go on where they ended, origins, parents and deletes name what was told. Then, as
   often as the series' ``temper`` says, one is changed: to its neighbour, to nothing, to a
   border of its type.
3. All contents that a scan takes, GC and Skip occur; items stand in roots, in shared types,
   behind, before and between others, whatever those are: under two parents at once, beside a
   deleted one, under a key and not.
4. An author may say again what he said, otherwise: clocks of old with other contents.

The same code is driven by Hypothesis, which shrinks what it finds, and by a plain ``Random``,
which is fifty times as fast.
"""

from __future__ import annotations

from random import Random
from typing import TypeAlias

from hypothesis import strategies as st

from collabkit.crdt.lib0 import var_string, var_uint
from collabkit.crdt.scan import scan
from collabkit.crdt.update import advance, gap
from collabkit.errors import RemoteProtocolError
from crdt.crafting import Id, Where, gc, item, shared, skip, update, values

__all__ = ["Series", "all_series", "draw_series"]

Series: TypeAlias = list[bytes]
"""Updates of a few authors, in the order in which they are to be applied."""

MAX_NUMBER = (1 << 53) - 1
# Of one byte, of five, and the largest that is an id; engines order concurrent items by them.
AUTHORS = (1, 2, 9, 300, 4_000_000_000, MAX_NUMBER)
ROOTS = ("t", "m", "a", "x")
KEYS = ("k", "l", None)
TEMPERS = (0.0, 0.0, 0.02, 0.1, 0.3)
OFF_BY = (-1, 1, -2, 2, 7, 1 << 7, 1 << 31, (1 << 32) - 1, 1 << 53)

TEXTS = ("a", "ab", "abc", "é", "\U0001f600", "x\U0001f600y", "bold")
ANYS = (b"\x7e", b"\x7f", b"\x78", b"\x7d\x05", b"\x77\x02hi", b"\x75\x01\x7e", b"\x76\x00")
JSONS = ("null", "true", "{}", '"s"', "[1]")

Made: TypeAlias = tuple[bytes, int]
"""A struct, and how many clocks it takes."""


class _Teller:
    """Makes one series; knows what it has told."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.temper = dice.choice(TEMPERS)
        self.ends = dict.fromkeys(dice.sample(AUTHORS, dice.randint(1, 3)), 0)
        self.items: list[Id] = []
        self.types: list[Id] = []

    def update(self) -> bytes:
        dice = self.dice
        authors = [each for each in self.ends if dice.random() < 0.6]
        items, types = len(self.items), len(self.types)
        sections = [self.section(author) for author in authors]
        made = update(*sections, deletes=self.deletes() if dice.random() < 0.4 else {})
        if not self.taken(made):
            del self.items[items:], self.types[types:]
        return made

    def taken(self, made: bytes) -> bool:
        """Whether a room would have asked its engine about this update."""
        try:
            found = scan(made)
        except RemoteProtocolError:
            return False
        if gap(found, self.ends):
            return False
        advance(found, self.ends)
        return True

    def section(self, author: int) -> tuple[int, int, list[bytes]]:
        dice = self.dice
        end = self.ends[author]
        start = dice.randint(0, end) if dice.random() < 0.15 else self.slip(end)
        clock, structs = start, []
        for _ in range(dice.choice((1, 1, 1, 2, 3, 5))):
            struct, length = self.struct((author, clock))
            structs.append(struct)
            clock = min(clock + length, MAX_NUMBER)
        return author, start, structs

    def struct(self, own: Id) -> Made:
        dice = self.dice
        roll = dice.random()
        if roll < 0.06:
            length = self.slip(dice.randint(1, 4))
            return gc(length), length
        if roll < 0.1:
            length = self.slip(dice.randint(1, 4))
            return skip(length), length
        where = self.where()
        struct, length, is_type = self.item(where)
        self.items.append(own)
        if length > 1:  # its middle can be named too, which splits it
            self.items.append((own[0], min(own[1] + length - 1, MAX_NUMBER)))
        if is_type:
            self.types.append(own)
        return struct, length

    def where(self) -> Where:
        """Beside what was told, or in a root, or in a shared type."""
        dice = self.dice
        key = dice.choice(KEYS) if dice.random() < 0.5 else None
        roll = dice.random()
        if self.items and roll < 0.55:
            where: Where = {}
            if roll < 0.45:
                where["origin"] = self.known()
            if roll > 0.3:
                where["right"] = self.known()
            if key is not None:
                where["key"] = key
            return where
        if self.types and roll < 0.8:
            return {"parent": self.slipped(dice.choice(self.types)), "key": key}
        return {"root": dice.choice(ROOTS), "key": key}

    def item(self, where: Where) -> tuple[bytes, int, bool]:
        dice = self.dice
        content = dice.choice((1, 3, 4, 4, 4, 5, 6, 7, 7, 7, 8, 8, 9))
        if content == 7:
            kind = dice.choice((0, 1, 2, 3, 4, 6))
            if kind == 3:
                return item(7, b"\x03" + var_string("p"), **where), 1, True
            return shared(kind, **where), 1, True
        if content == 4:
            text = dice.choice(TEXTS)
            return item(4, var_string(text), **where), len(text.encode("utf-16-le")) >> 1, False
        if content == 1:
            length = self.slip(dice.randint(1, 4))
            return item(1, var_uint(length), **where), length, False
        if content == 8:
            parts = dice.choices(ANYS, k=dice.randint(1, 3))
            return values(*parts, **where), len(parts), False
        return item(content, self.single(content), **where), 1, False

    def single(self, content: int) -> bytes:
        """A content that takes one clock."""
        dice = self.dice
        match content:
            case 3:
                return b"\x02\xff\xfe"
            case 5:
                return var_string(dice.choice(JSONS))
            case 6:
                return var_string(dice.choice(("b", "i"))) + var_string(dice.choice(JSONS))
        return var_string("guid") + b"\x76\x00"

    def deletes(self) -> dict[int, list[tuple[int, int]]]:
        dice = self.dice
        ranges: dict[int, list[tuple[int, int]]] = {}
        for author, end in self.ends.items():
            if end and dice.random() < 0.6:
                spans = ranges[author] = []
                for _ in range(dice.choice((1, 1, 2, 4))):
                    start = dice.randrange(end)
                    spans.append((self.slip(start), self.slip(dice.randint(1, end - start))))
        return ranges

    def known(self) -> Id:
        return self.slipped(self.dice.choice(self.items))

    def slipped(self, known: Id) -> Id:
        return (known[0], self.slip(known[1]))

    def slip(self, number: int) -> int:
        """The number, or, as often as the temper says, one that is wrong."""
        if self.temper and self.dice.random() < self.temper:
            return min(max(0, number + self.dice.choice((*OFF_BY, -number))), MAX_NUMBER)
        return number


def draw_series(dice: Random) -> Series:
    """Make a series; the same dice make the same."""
    teller = _Teller(dice)
    return [teller.update() for _ in range(dice.randint(2, 6))]


def all_series() -> st.SearchStrategy[Series]:
    """Any series that :func:`draw_series` can make, and a way to shrink it."""
    return st.randoms(use_true_random=False).map(draw_series)
