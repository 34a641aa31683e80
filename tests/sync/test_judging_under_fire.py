"""A room under fire: whatever somebody makes up, nothing changes where he may do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collabkit.access.model import Rights
from collabkit.access.rules import Decision
from collabkit.crdt.touches import Touch
from collabkit.crdt.update import decode_state_vector
from collabkit.errors import EngineLost, UpdateRefused
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.messages import Update
from crdt.crafting import string
from crdt.crafting import update as crafted
from crdt.forging import forged
from sync.guarding import DOCUMENT, House, Person, come, judge

RUNS = 600
MAY = judge("theme", "locked")
IN_CI = range(100)
ROOTS = ("m", "free", "locked", "theme")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seeds", [IN_CI, pytest.param(range(RUNS), marks=pytest.mark.fuzz)])
def test_nothing_that_is_made_up_changes_what_is_locked(seeds: range) -> None:
    """By the trees of engines: one that heard what everybody was sent, and one that has the log."""
    assert sum(_fire(Random(seed)) for seed in seeds) > len(seeds)


def _judge(touches: Sequence[Touch], *, now: float) -> list[Decision]:
    """What nobody can place is refused, as always."""
    nowhere = Decision(allowed=False, code="bad-path")
    return [MAY([touch], now=now)[0] if touch.steps else nowhere for touch in touches]


def _fire(dice: Random) -> int:
    house = House()
    owner = house.seat(Person(1, "owner"))
    with owner.doc.transaction():
        owner.doc["m"]["theme"] = Map({"a": 1, "b": Map({"k": 2})})
        owner.doc["m"]["a"] = Map({"l": 1})
        owner.doc.get("locked", type=Text).insert(0, "do not touch", {"b": True})
        page = owner.doc.get("theme", type=XmlFragment)
        page.children.append(XmlElement("p", {"a": "d"}))
        page.children[0].children.append(XmlText("hello"))
    house.say(owner)
    house.settle()
    bystander = come(house, Person(3, "bystander"))
    before, told = _looks(house.replay.core.encode()), 0
    for number in range(10, 15):
        eve = come(house, Person(number, "eve"), RIGHTS)
        house.held = dice.choice(((), (fx.Taste,), (fx.Survey,), (fx.Append,)))
        try:
            for _ in range(dice.choice((1, 3))):
                made_up = forged(dice, house.room.edits.vector, ROOTS)
                house.feed(on.Said(eve.member, Update(made_up)))
            house.go_on()
            house.settle()
        except UpdateRefused:
            house.go_on()
            house.settle()
        except EngineLost:
            break  # a child of its own would be let go, and who did it be put out
        house.feed(on.Left(eve.member))
        house.people.pop(eve.member)
        house.now += 30
        log: Doc[Any] = Doc()
        for row in house.rows:
            log.apply_update(row.body)
        for doc in (bystander.doc, log):
            assert _looks(doc.get_update()) == before
            vector = decode_state_vector(doc.get_state(), 1_000_000)
            assert vector == house.room.edits.vector
        told += 1
    return told


HALF = {
    "text among elements": lambda element, face: crafted((2000, 0, [string("q", origin=element)])),
    "behind half a character": lambda element, face: crafted((2000, 0, [string("q", origin=face)])),
    "half a character": lambda element, face: crafted(deletes={face[0]: [(face[1], 1)]}),
}


@pytest.mark.parametrize("kind", HALF)
def test_what_only_the_engine_can_refuse_is_sent_to_nobody(kind: str) -> None:
    """Even if it is plain and where its author may write: whoever had it would keep it."""
    house = House()
    owner = house.seat(Person(1, "owner"))
    owner.doc["m"]["list"] = Array([1])
    owner.doc.get("free", type=Text).insert(0, "\N{GRINNING FACE}")
    house.say(owner)
    house.settle()
    bystander = come(house, Person(3, "bystander"))
    eve = come(house, Person(2, "eve"), RIGHTS)
    before = bystander.doc.get_state()
    house.feed(on.Said(eve.member, Update(HALF[kind]((1000, 1), (1000, 2)))))
    house.settle()
    assert bystander.said(Update) == []
    assert bystander.doc.get_state() == before
    assert len(house.rows) == 2


def test_what_would_come_back_in_another_order_is_not_taken() -> None:
    """Its author is put out, and nobody else is told anything."""
    house = House()
    owner = house.seat(Person(1, "owner"))
    owner.doc.get("locked", type=Text).insert(0, "do not touch")
    house.say(owner)
    house.settle()
    bystander = come(house, Person(3, "bystander"))
    eve = come(house, Person(2, "eve"), RIGHTS)
    behind = string("x", origin=(1000, 6), right=(1000, 3))
    made_up = crafted((2000, 0, [behind]), deletes={1000: [(2, 3)]})
    house.feed(on.Said(eve.member, Update(made_up)))
    house.settle()
    assert [dismissed.member for dismissed in house.of(fx.Dismiss)] == [eve.member]
    assert bystander.said(Update) == []
    assert bystander.text("locked") == "do not touch"
    assert len(house.rows) == 1


RIGHTS = Rights(judge=_judge, path=DOCUMENT)


def _looks(update: bytes) -> list[Any]:
    """What is to be seen where Eve may do nothing."""
    doc: Doc[Any] = Doc()
    m: Map[Any] = Map()
    text, page = Text(), XmlFragment()
    doc["m"], doc["locked"], doc["theme"] = m, text, page
    doc.apply_update(update)
    return [m["theme"].to_py(), text.diff(), str(page)]
