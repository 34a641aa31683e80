"""A room at random: several are judged, engine and disk fail, people come and go, and all agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Map, Text

from collabkit.access.model import Rights
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.messages import Edit, SyncStep1, SyncStep2
from sync.guarding import DOCUMENT, SECRET, House, Person, judge

LOCKED = Rights(judge=judge("theme", "locked", "array"), path=DOCUMENT)
FREE = Rights(path=DOCUMENT)
NOBODY = Rights(can_write=False, path=DOCUMENT)

STEPS = 60


def _nested(person: Person, dice: Random) -> None:
    m = person.doc["m"]
    if "box" in m and dice.random() < 0.7:
        m["box"][dice.choice("xy")] = dice.randrange(9)
    else:
        m["box"] = Map({"x": 0})


def _write(person: Person, dice: Random) -> None:
    text = person.doc.get("free", type=Text)
    text.insert(dice.randrange(len(str(text)) + 1), dice.choice("abc"))


def _cut(person: Person, dice: Random) -> None:
    text = person.doc.get("free", type=Text)
    if str(text):
        del text[dice.randrange(len(str(text)))]


def _shorten(person: Person, dice: Random) -> None:
    sequence: Any = person.doc.get("locked", type=Text)
    if dice.random() < 0.5:
        sequence = person.doc.get("array", type=Array)
    if len(sequence):
        del sequence[0]


def _secret(person: Person) -> str:
    return f"{SECRET} {person.key}"


# What everybody may do, and what only the owner may, who does not.
ALLOWED: list[Callable[[Person, Random], object]] = [
    lambda person, dice: person.doc["m"].update({dice.choice("ab"): dice.randrange(9)}),
    lambda person, dice: person.doc["m"].pop(dice.choice("ab"), None),
    _nested,
    _write,
    _cut,
]
REFUSED: list[Callable[[Person, Random], object]] = [
    lambda person, _: person.doc["m"].update({"theme": _secret(person)}),
    lambda person, _: person.doc["m"].pop("theme", None),
    lambda person, _: person.doc["m"].update({"theme": Map({"x": _secret(person)})}),
    lambda person, _: person.doc.get("locked", type=Text).insert(0, _secret(person)),
    _shorten,
    lambda person, _: person.doc.get("array", type=Array).append(_secret(person)),
]


class Crowd:
    """A house whose people do what dice say."""

    def __init__(self, seed: str) -> None:
        self.dice = Random(seed)
        self.house = House()
        self.owner = self.house.seat(Person(1, "owner"), FREE)
        with self.owner.doc.transaction():
            self.owner.doc["m"]["theme"] = "dark"
            self.owner.doc.get("locked", type=Text).insert(0, "do not touch")
            self.owner.doc.get("array", type=Array).extend([1, 2, 3])
        self.house.say(self.owner)
        self.house.settle()
        self.rights = {self.owner.key: FREE}
        self.people = [self.owner]
        for number, rights in enumerate((LOCKED, LOCKED, LOCKED, FREE), 2):
            person = Person(number, f"p{number}", follows=number == 4)
            self.rights[person.key] = rights
            self.people.append(person)
            person.take(self.house.replay.core.encode())
            self.house.seat(person, rights)
        self.connections = len(self.people)
        self.lost_repairs = False

    def step(self) -> None:
        """Something happens."""
        house, dice = self.house, self.dice
        person = dice.choice(self.people)
        match dice.choices(range(9), (8, 6, 6, 3, 1, 1, 1, 1, 1))[0]:
            case 0:
                self.edit(person)
            case 1:
                self.say(person)
            case 2:
                house.feed(on.Woke(soon=dice.random() < 0.5))
            case 3:
                house.held = dice.choice(((), (fx.Taste,), (fx.Survey,), (fx.Append,)))
            case 4:
                house.go_on()
            case 5:
                self.fail()
            case 6:
                if person is not self.owner:
                    rights = self.rights[person.key] = dice.choice((LOCKED, NOBODY, LOCKED))
                    house.feed(on.Requalified(person.member, rights))
            case 7:
                self.come_again(person)
            case 8:
                house.now += dice.choice((0.1, 5, 60))

    def edit(self, person: Person) -> None:
        """Somebody edits; whoever is judged also what he may not."""
        kinds = ALLOWED if self.rights[person.key] is FREE else ALLOWED + REFUSED
        with person.doc.transaction():
            for _ in range(self.dice.choice((1, 1, 3))):
                self.dice.choice(kinds)(person, self.dice)

    def say(self, person: Person) -> None:
        """Send what was written, and answer what the room asked."""
        asked = [message for message in person.heard if isinstance(message, SyncStep1)]
        if asked:
            person.heard = [m for m in person.heard if not isinstance(m, SyncStep1)]
            person.unsaid.clear()
            lacking = person.doc.get_update(asked[-1].vector)
            words = Edit(0, "", lacking) if person.follows else SyncStep2(lacking)
            self.house.feed(on.Said(person.member, words))
        self.house.say(person)

    def fail(self) -> None:
        """What is held up fails, if something is; or the engine dies."""
        house = self.house
        waiting, house.held = list(house.waiting), ()
        house.waiting.clear()
        for effect in waiting:
            match effect:
                case fx.Append():
                    self.lost_repairs |= any(edit.repairs for edit in house.room.edits.way)
                    house.feed(on.AppendFailed("full"))
                case fx.Taste():
                    house.feed(on.EngineDied())
                case fx.Survey():
                    house.feed(on.Surveyed(None))
        if not waiting and self.dice.random() < 0.5:
            house.feed(on.EngineDied(question=b"\0"))

    def come_again(self, person: Person) -> None:
        """A connection is lost, and there is another: with all that was written."""
        house = self.house
        house.feed(on.Left(person.member))
        house.people.pop(person.member, None)
        person.unsaid.clear()
        self.connections += 1
        person.member = self.connections
        house.seat(person, self.rights[person.key])
        person.take(house.replay.core.encode())
        words = SyncStep2(person.doc.get_update())
        house.feed(on.Said(person.member, Edit(0, "", words.update) if person.follows else words))

    def end(self) -> None:
        """Let everything come to rest, and see that it is as it must be."""
        house = self.house
        for _ in range(3):
            house.go_on()
            house.now += 60
            house.settle()
            for person in self.people:
                rights = self.rights[person.key]
                if rights is NOBODY:
                    rights = self.rights[person.key] = LOCKED
                    house.feed(on.Requalified(person.member, rights))
                self.come_again(person)
            house.settle()
        for person in self.people:
            assert person.m == self.owner.m
            for root in ("free", "locked"):
                assert person.text(root) == self.owner.text(root)
            for other in self.people:
                if other is not person:
                    assert not any(_secret(person) in str(message) for message in other.heard)
        assert self.owner.m["theme"] == "dark"
        text, array = self.owner.text("locked"), list(self.owner.doc.get("array", type=Array))
        if self.lost_repairs:  # what one had put back may be there twice
            assert (set(text), set(array)) == (set("do not touch"), {1, 2, 3})
        else:
            assert (text, array) == ("do not touch", [1, 2, 3])
        kept = [row.body for row in house.rows]
        kept += [effect.update for effect in house.of(fx.Quarantine)]
        assert not any(SECRET.encode() in body for body in (*kept, house.replay.core.encode()))
        assert not [effect for effect in house.of(fx.Dismiss) if effect.code != 4429]


def run(seed: str) -> int:
    """A crowd from beginning to end; returns how many edits were repaired."""
    print(f"seed {seed}")
    crowd = Crowd(seed)
    for _ in range(STEPS):
        crowd.step()
    crowd.end()
    return sum(row.origin.startswith("repair") for row in crowd.house.rows)


def test_whatever_happens_all_come_to_what_is_allowed(seed: int) -> None:
    """And nobody sees anything else, nor is it in the log."""
    assert sum(run(f"{seed}.{number}") for number in range(12)) > 12


@pytest.mark.fuzz
def test_whatever_happens_for_long(seed: int, for_s: float) -> None:
    """The same for a long time."""
    number, end = 12, time.monotonic() + for_s
    while time.monotonic() < end:
        run(f"{seed}.{number}")
        number += 1
