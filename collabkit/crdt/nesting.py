"""Where the items of a document are: in which shared type, of which kind, how deep.

A scan of an update tells how deep shared types nest in it alone. Engines, and programs, recurse
into what many updates have made, and crash if it is deep enough. And there is content on
which an engine loops for ever, if it is among the elements of an array.

Rules:

1. An item without origins names where it is; any other is where its origins are. So it takes
   an index of all items to know where one is. It holds the clocks at which a client went on
   in another type; mostly he goes on where he was.
2. Before the first shared type everything is in a root, and nothing is kept.
3. Roots have no kind here: a program gives them one when it asks for them.
4. What is gone without a trace of where it was is in a root; so is what is put beside it, which
   the engine lets go at once.
5. What was placed is kept only when the engine has taken it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from .budget import refuse
from .contents import EMBED, FORMAT, STRING, TYPE
from .lib0 import read_var_uint
from .scan import Note, Section
from .structs import Id

__all__ = ["Nesting", "Placed"]

_ROOTS: Final = 0
_NO_KIND: Final = -1
_ARRAY: Final = 0  # a type ref
_TEXTUAL: Final = frozenset((STRING, EMBED, FORMAT))


class Placed(msgspec.Struct, frozen=True):
    """Where the new items of an update go, and the types that they hold.

    Attributes:
        notes: The items; clients one after the other, each in the order of his clocks.
        types: The number of the type in which each is.
        numbers: Of each item that holds a type, the type's number.
        depths: How deep each new type is.
        kinds: Its type ref.
    """

    notes: Sequence[Note]
    types: list[int]
    numbers: dict[Id, int]
    depths: list[int]
    kinds: list[int]


class Nesting:
    """The shared types of a document, numbered as they came, and what is in which.

    The first, 0, stands for all roots.
    """

    __slots__ = ("depths", "kinds", "numbers", "turns")

    def __init__(self) -> None:
        self.depths = [0]
        self.kinds = [_NO_KIND]
        self.numbers: dict[Id, int] = {}
        # Of each client, the clocks at which he went on in another type, and in which.
        self.turns: dict[int, tuple[list[int], list[int]]] = {}

    def __repr__(self) -> str:
        return f"<Nesting of {len(self.numbers)} types, {max(self.depths)} deep>"

    def place(
        self,
        update: bytes,
        notes: Sequence[Note],
        known: Mapping[int, int],
        levels: int,
        *,
        strict: bool,
    ) -> Placed | None:
        """Tell where the items of an update go; None if there is nothing to keep.

        Args:
            update: It leaves no gap.
            notes: Its items, as its scan put them down.
            known: The document's state vector.
            levels: How deep shared types may nest.
            strict: Refuse what no client makes and engines hang at.

        Raises:
            UpdateRefused: It nests deeper, or puts text among the elements of an array.
        """
        if not self.numbers and not any(note[2] & 31 == TYPE for note in notes):
            return None
        # One of which a part is known goes on where that is.
        new = [note for note in notes if note[1] >= known.get(note[0], 0)]
        return _Placing(self, update, new, levels, strict=strict).placed() if new else None

    def place_typed(self, update: bytes, section: Section, *, strict: bool) -> Placed | None:
        """The same for the one string beside others that the scan does not put down.

        Raises:
            UpdateRefused: It puts text among the elements of an array.
        """
        if not self.numbers:
            return None
        client, at = read_var_uint(update, section.start + 1)
        number = self.type_at((client, read_var_uint(update, at)[0]))
        if strict and self.kinds[number] == _ARRAY:
            refuse("text-in-array", section.client)
        if number == self.type_at((section.client, section.clock)):
            return None
        note = (section.client, section.clock, STRING, None, 0, 0)
        return Placed((note,), [number], {}, [], [])

    def keep(self, placed: Placed) -> None:
        """The engine took the update."""
        self.depths += placed.depths
        self.kinds += placed.kinds
        self.numbers |= placed.numbers
        turns = self.turns
        for note, number in zip(placed.notes, placed.types, strict=True):
            mine = turns.get(note[0])
            if mine is None:
                if number:
                    turns[note[0]] = ([note[1]], [number])
            elif number != mine[1][-1]:
                mine[0].append(note[1])
                mine[1].append(number)

    def type_at(self, place: Id) -> int:
        """The type in which a clock of a client is."""
        turns = self.turns.get(place[0])
        if turns is None:
            return _ROOTS
        turn = bisect_right(turns[0], place[1]) - 1
        return turns[1][turn] if turn >= 0 else _ROOTS


class _Placing:
    """One update, whose items may be beside and in each other in any order."""

    __slots__ = ("levels", "made", "nesting", "notes", "starts", "strict", "types", "update")

    def __init__(
        self, nesting: Nesting, update: bytes, notes: list[Note], levels: int, *, strict: bool
    ) -> None:
        self.nesting = nesting
        self.update = update
        self.notes = notes
        self.levels = levels
        self.strict = strict
        self.types = [_ROOTS] * len(notes)
        self.made = Placed(notes, self.types, {}, [], [])
        self.starts: dict[int, tuple[list[int], int]] = {}  # their clocks, and the first's index
        for index, note in enumerate(notes):
            starts = self.starts.get(note[0])
            if starts is None:
                starts = self.starts[note[0]] = ([], index)
            starts[0].append(note[1])

    def placed(self) -> Placed:
        notes, done = self.notes, bytearray(len(self.notes))
        for index in range(len(notes)):
            trail: list[tuple[int, int]] = []  # each with the new item that it is beside, or in
            here = index
            while here >= 0 and not done[here]:
                done[here] = True  # met again on this trail, it goes in a circle: in a root
                author = notes[here][3]
                near = -1 if author is None else self.find(author, notes[here][4])
                trail.append((here, near))
                here = near
            for here, near in reversed(trail):
                self.settle(here, near)
        return self.made

    def find(self, client: int, clock: int) -> int:
        """Which of the new items has this clock; less than 0 if none has."""
        starts = self.starts.get(client)
        if starts is None or clock < starts[0][0]:
            return -1
        return bisect_right(starts[0], clock) - 1 + starts[1]

    def settle(self, index: int, near: int) -> None:
        """Place an item whose neighbour, or parent, has a place."""
        client, clock, info, author, number, content_at = self.notes[index]
        nesting, made = self.nesting, self.made
        inside = _ROOTS
        if author is not None:
            if info & 0xC0:
                inside = self.types[near] if near >= 0 else nesting.type_at((author, number))
            elif near >= 0:
                inside = made.numbers.get((author, number), _ROOTS)
            else:
                inside = nesting.numbers.get((author, number), _ROOTS)
            self.types[index] = inside
        content = info & 31
        if content == TYPE:
            depth = 1 + self.of(inside, nesting.depths, made.depths)
            if depth > self.levels:
                refuse("too-deep", self.levels)
            made.numbers[client, clock] = len(nesting.depths) + len(made.depths)
            made.depths.append(depth)
            made.kinds.append(self.update[content_at])
        elif (
            inside
            and self.strict
            and content in _TEXTUAL
            and self.of(inside, nesting.kinds, made.kinds) == _ARRAY
        ):
            refuse("text-in-array", client)

    def of(self, number: int, known: list[int], new: list[int]) -> int:
        """What is told of a type, of those that were there or those that come."""
        return known[number] if number < len(known) else new[number - len(known)]
