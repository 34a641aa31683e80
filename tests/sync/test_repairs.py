"""How many repairs everybody has, and what heavy ones cost."""

from __future__ import annotations

from pycrdt import Map

from collabkit.ids import Subject
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.messages import Update
from collabkit.sync.repairs import BYTES_A_REPAIR, PLACES_A_REPAIR, REPAIRS, Repairs
from crdt.crafting import string, update
from sync.guarding import LOCKED, House, Person, come

EVE = Subject("user:eve")


def test_heavy_repairs_are_owed_for() -> None:
    """For what is sent and for what is looked at, until as many seconds have passed."""
    repairs = Repairs()
    repairs.charge(EVE, size_bytes=BYTES_A_REPAIR * 15, places=PLACES_A_REPAIR * 15, now=0)
    assert [repairs.owes(EVE, now=now) for now in (0, 9.9, 10)] == [True, True, False]
    assert not repairs.owes(Subject("user:ada"), now=0)


def test_light_ones_are_counted_alone() -> None:
    """Somebody who is refused much and little each time owes nothing."""
    repairs = Repairs()
    for _ in range(REPAIRS + 5):
        repairs.take(1, EVE, now=0)
        repairs.charge(EVE, size_bytes=BYTES_A_REPAIR - 1, places=PLACES_A_REPAIR - 1, now=0)
    assert not repairs.owes(EVE, now=0)
    assert not repairs.take(1, EVE, now=0.9)
    assert repairs.take(1, EVE, now=1)


def test_who_proved_nothing_owes_with_all_others_who_did_not() -> None:
    """Another connection has its repairs, and no way around what the last one owes."""
    repairs = Repairs()
    one, other = Subject("anonymous:1"), Subject("anonymous:2")
    assert sum(repairs.take(1, one, now=0) for _ in range(REPAIRS + 1)) == REPAIRS
    assert repairs.take(2, other, now=0)
    repairs.left(1)
    assert repairs.take(1, one, now=0)
    repairs.charge(one, places=PLACES_A_REPAIR * (REPAIRS + 1), now=0)
    assert repairs.owes(other, now=0)


def test_a_large_thing_is_not_put_back_over_and_over(house: House, owner: Person) -> None:
    """A few bytes delete it; what comes back is paid for before its author is heard again."""
    owner.doc["m"]["locked"] = Map({f"key {n}": "x" * 2_000 for n in range(1_500)})
    house.say(owner)
    house.settle()
    eve, rows = come(house, Person(7, "eve"), LOCKED), len(house.rows)
    for _ in range(2):
        del eve.doc["m"]["locked"]
        house.say(eve)
        house.settle()
    assert len(house.rows) == rows + 1
    assert [(one.member, one.code) for one in house.of(fx.Dismiss)] == [(7, 4429)]
    house.now += 90
    house.say(eve)
    eve.doc["m"]["size"] = 3
    house.say(eve)
    house.settle()
    assert owner.m["size"] == 3
    assert len(owner.m["locked"]) == 1_500


def test_nothing_is_put_back_where_there_is_no_room(house: House, eve: Person) -> None:
    """A document that is as large as it may be does not grow by what is refused."""
    house.room.edits.stored_bytes = house.room.edits.budget.document_bytes + 1
    del eve.doc["m"]["theme"]
    house.say(eve)
    assert [one.code for one in house.of(fx.Dismiss)] == [4429]
    assert house.room.edits.idle


def test_names_that_no_path_has_are_not_taken(house: House, eve: Person) -> None:
    """They would stay of what is refused."""
    names = "x" * 5_000
    for struct in (string("t", root=names), string("t", root="m", key=names)):
        made_up = update((eve.key, 0, [struct]))
        house.feed(on.Said(eve.member, Update(made_up)))
    assert [one.code for one in house.of(fx.Dismiss)] == [1008, 1008]
    assert house.room.edits.idle
