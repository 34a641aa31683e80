"""Several people who edit every shared type at random, on one log, as a relay keeps it.

A :class:`Crowd` has one `Document` for each person and the log of rows. Each edits what is before
him, sends when he likes, and hears of others when he likes; so edits are concurrent, and arrive
in the order of the log. The first row has something in each root, which tells its kind. Dice of
one seed give the same trace each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from collabkit.crdt.document import Document
from collabkit.crdt.pen import Pen, kind_of, units, writing
from collabkit.history.tree import Stamp
from collabkit.ids import Seq, Subject

__all__ = ["Crowd", "Person", "Row", "edit_at_random"]

ROOTS = {"body": "text", "meta": "map", "list": "array", "page": "xml", "other": "text"}
VALUES: tuple[Any, ...] = (
    1,
    1.5,
    True,
    False,
    None,
    "text",
    "",
    b"\x00bytes",
    {"a": [1, {"b": None}]},
    [],
    2**60,
)
KINDS = ("map", "array", "text", "xml", "element", "xml text")
WORDS = ("a", "word ", "naïve ", "😀", "line\n", "日本")
STYLES: tuple[dict[str, Any], ...] = (
    {"bold": True},
    {"bold": None},
    {"em": True},
    {"link": {"href": "a"}},
    {"link": None, "em": None},
)


class Row(msgspec.Struct, frozen=True):
    """One row of the log."""

    seq: Seq
    subject: Subject
    update: bytes
    origin: str = "relay"

    @property
    def stamp(self) -> Stamp:
        """Who and when."""
        return Stamp(self.seq, self.subject, self.seq * 1000, self.origin)


class Person:
    """Somebody with a document of his own.

    Attributes:
        heard: Up to which row.
        unsent: His own updates that the log has not.
    """

    def __init__(self, number: int) -> None:
        self.subject = Subject(f"user:{number}")
        self.document = Document(client_id=1000 + number)
        self.heard = 0
        self.unsent: list[bytes] = []
        self.document.on_update(
            lambda change: self.unsent.append(change.update) if change.local else None
        )

    def edit(self, dice: Random) -> None:
        """Edit something."""
        edit_at_random(self.document, dice)

    def apply(self, updates: list[bytes]) -> None:
        """Take in what others did."""
        for update in updates:
            self.document.apply(update)


class Crowd:
    """Some people and their log.

    Args:
        dice: Choose who does what.
        people: Who they are.
    """

    def __init__(self, dice: Random, people: Sequence[Person] | None = None) -> None:
        self.dice = dice
        self.people = people or [Person(number) for number in range(3)]
        self.rows: list[Row] = []
        document = self.people[0].document
        with document.edit(), writing(document) as pen:
            for name, kind in ROOTS.items():
                _begin(pen, pen.root(kind, name))
        self.settle()

    def step(self) -> None:
        """Somebody edits; somebody sends, perhaps; somebody hears of some rows, perhaps."""
        dice = self.dice
        dice.choice(self.people).edit(dice)
        if dice.random() < 0.6:
            self.send(dice.choice(self.people), dice.randrange(1, 4))
        if dice.random() < 0.6:
            self.hear(dice.choice(self.people), dice.randrange(1, 8))

    def send(self, person: Person, most: int = 1 << 30) -> None:
        """Put what somebody did into the log."""
        for update in person.unsent[:most]:
            self.rows.append(Row(Seq(len(self.rows) + 1), person.subject, update))
        del person.unsent[:most]

    def hear(self, person: Person, most: int = 1 << 30) -> None:
        """Let somebody have the next rows."""
        stop = min(len(self.rows), person.heard + most)
        news = self.rows[person.heard : stop]
        person.apply([row.update for row in news if row.subject != person.subject])
        person.heard = stop

    def settle(self) -> None:
        """Let all be sent and heard, and what some have to say to that."""
        while any(person.unsent or person.heard < len(self.rows) for person in self.people):
            for person in self.people:
                self.send(person)
            for person in self.people:
                self.hear(person)


def edit_at_random(document: Document, dice: Random) -> None:
    """Edit some shared type, however deep, in a way that fits it."""
    name, kind = dice.choice(tuple(ROOTS.items()))
    with document.edit(), writing(document) as pen:
        branch = pen.root(kind, name)
        while dice.random() < 0.6:
            inside = [one for one in _within(pen, branch) if kind_of(one)]
            if not inside:
                break
            branch = dice.choice(inside)
        _EDITS[kind_of(branch) or ""](pen, branch, dice)


def _begin(pen: Pen, root: Any) -> None:
    match kind_of(root):
        case "text":
            pen.insert(root, 0, "begun", {})
        case "map":
            pen.put(root, "a", 0)
        case "array":
            pen.put(root, 0, 0)
        case _:
            pen.make(root, 0, "element", "p")


def _within(pen: Pen, branch: Any) -> list[Any]:
    match kind_of(branch):
        case "map":
            return list(pen.keys(branch).values())
        case "text" | "xml text":
            return [value for value, _style in pen.runs(branch)]
        case _:
            return pen.items(branch)


def _text(pen: Pen, branch: Any, dice: Random) -> None:
    places = _places(pen, branch)
    start = dice.randrange(len(places))
    stop = min(len(places) - 1, start + dice.randrange(1, 9))
    size = places[stop] - places[start]
    roll = dice.random()
    if roll < 0.45:
        style = dice.choice(({}, {}, {"bold": True}, {"em": True, "bold": True}))
        pen.insert(branch, places[start], dice.choice(WORDS) * dice.randrange(1, 4), style)
    elif roll < 0.6 and size:
        pen.cut(branch, places[start], size)
    elif roll < 0.8 and size:
        pen.format(branch, places[start], size, dice.choice(STYLES))
    elif roll < 0.87:
        pen.insert(branch, places[start], {"image": dice.randrange(9)}, {})
    elif roll < 0.94:
        pen.make(branch, places[start], dice.choice(KINDS), "q", style={})
    elif kind_of(branch) == "xml text":
        _attribute(pen, branch, dice)


def _places(pen: Pen, branch: Any) -> list[int]:
    """Where each character begins, and the end."""
    places = [0]
    for value, _style in pen.runs(branch):
        for piece in value if isinstance(value, str) else (None,):
            places.append(places[-1] + units(piece))
    return places


def _map(pen: Pen, branch: Any, dice: Random) -> None:
    key = dice.choice("abc")
    if dice.random() < 0.2 and key in pen.keys(branch):
        pen.take(branch, key)
    elif dice.random() < 0.5:
        pen.put(branch, key, dice.choice(VALUES))
    else:
        pen.make(branch, key, dice.choice(KINDS), "q")


def _array(pen: Pen, branch: Any, dice: Random) -> None:
    length = pen.length(branch)
    at = dice.randrange(length + 1)
    roll = dice.random()
    if roll < 0.3 and at < length:
        pen.cut(branch, at, min(length - at, dice.randrange(1, 3)))
    elif roll < 0.65:
        for _ in range(dice.randrange(1, 4)):
            pen.put(branch, at, dice.choice(VALUES))
    else:
        pen.make(branch, at, dice.choice(KINDS), "q")


def _nodes(pen: Pen, branch: Any, dice: Random) -> None:
    length = pen.length(branch)
    at = dice.randrange(length + 1)
    roll = dice.random()
    if roll < 0.25 and at < length:
        pen.cut(branch, at, 1)
    elif roll < 0.4 and kind_of(branch) == "element":
        _attribute(pen, branch, dice)
    elif roll < 0.7:
        pen.make(branch, at, "element", dice.choice("pq"))
    else:
        text = pen.make(branch, at, "xml text")
        pen.insert(text, 0, dice.choice(WORDS), {})


def _attribute(pen: Pen, branch: Any, dice: Random) -> None:
    name = dice.choice("kl")
    if name in pen.keys(branch) and dice.random() < 0.3:
        pen.take(branch, name)
    else:
        pen.put(branch, name, dice.choice(("left", "", 3, True)))


_EDITS = {
    "text": _text,
    "xml text": _text,
    "map": _map,
    "array": _array,
    "xml": _nodes,
    "element": _nodes,
}
