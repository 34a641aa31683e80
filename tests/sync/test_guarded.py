"""Those who are judged: what waits for that, what goes wrong meanwhile, and how much it may be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pycrdt import Map, Text

from collabkit.access.model import Rights
from collabkit.crdt.engine import Bad, Contested, Death
from collabkit.crdt.update import scan
from collabkit.ids import Subject
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.guarded import LARGE_BYTES, PASSING_BYTES
from collabkit.sync.judging import MAX_JUDGED_BYTES
from collabkit.sync.messages import (
    Ack,
    Refused,
    SyncStep1,
    SyncStep2,
    Update,
)
from collabkit.sync.repairs import REPAIRS
from sync.guarding import LOCKED, SECRET, House, Person, agree, come

# While it cannot be


def test_what_is_judged_waits_for_the_survey(house: House, owner: Person) -> None:
    """Others are heard meanwhile, and what they write is known when it is over."""
    house.held = (fx.Survey,)
    eve = come(house, Person(2, "eve"), LOCKED)
    owner.doc["m"]["box"] = Map({})
    house.say(owner)
    house.settle()
    eve.doc["m"]["box"]["theme"] = "inside"
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    house.settle()
    assert len(house.rows) == 2
    house.go_on()
    assert agree(house)["m"] == {"theme": "dark", "size": 1, "box": {"theme": "inside"}}
    assert [len(receipt["items"]) for receipt in eve.receipts] == [1]


def test_what_waits_is_heard_when_its_author_is_judged_no_more(house: House, owner: Person) -> None:
    """By the rights that he has then."""
    house.held = (fx.Survey,)
    eve, zoe = (come(house, Person(n, f"p{n}"), LOCKED) for n in (2, 6))
    for person in (eve, zoe):
        person.doc["m"]["theme"] = person.subject
        house.say(person)
    house.feed(on.Requalified(eve.member, Rights()))
    house.feed(on.Requalified(zoe.member, Rights(can_write=False)))
    assert owner.said(Update)
    house.settle()
    assert owner.m["theme"] == eve.subject
    assert [type(message) for message in zoe.said(Refused)] == [Refused]


@pytest.mark.parametrize("failing", ["bad", "died"])
def test_what_comes_to_nothing_has_it_surveyed_again(
    house: House, owner: Person, eve: Person, failing: str
) -> None:
    """An edit that was counted and did not hold, or an engine that is lost."""
    assert len(house.of(fx.Survey)) == 1
    if failing == "bad":
        bob = come(house, Person(3, "bob"))
        bob.doc["m"]["box"] = Map({"size": 5})
        house.held = (fx.Taste,)
        house.say(bob)
        house.settle()
        house.held = ()
        house.waiting.clear()
        house.feed(on.Tasted((Bad("too-deep", "it nests too deeply"),)))
        house.feed(on.Left(bob.member))
        del house.people[bob.member]
    else:
        house.feed(on.EngineDied(question=b"\0"))
    house.settle()
    assert len(house.of(fx.Survey)) == 2
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    assert agree(house)["m"]["theme"] == "dark"


def test_nobody_is_judged_by_what_a_survey_does_not_know(house: House, owner: Person) -> None:
    """A survey that was made before an engine died serves for nothing; another one is made."""
    house.held = (fx.Survey,)
    eve = come(house, Person(2, "eve"), LOCKED)
    house.feed(on.EngineDied(question=b"\0"))
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    house.held = ()
    house.feed(on.Surveyed(house.places()))
    assert len(house.of(fx.Survey)) == 2
    assert agree(house)["m"]["theme"] == "dark"


def test_who_cannot_be_judged_is_put_out(house: House) -> None:
    """Once two surveys in a row came back with nothing; and nothing goes on by itself then."""
    house.held = (fx.Survey,)
    eve = come(house, Person(2, "eve"), LOCKED)
    eve.doc["m"]["size"] = 9
    house.say(eve)
    house.feed(on.Surveyed(None))
    house.feed(on.Surveyed(None))
    [put_out] = house.of(fx.Dismiss)
    assert (put_out.member, put_out.code) == (eve.member, 1013)
    assert len(house.of(fx.Survey)) == 2
    eve.doc["m"]["size"] = 10
    house.say(eve)
    assert len(house.of(fx.Survey)) == 3


def test_nobody_is_judged_while_an_edit_is_contested(house: House, eve: Person) -> None:
    """What a repair puts back may be lost to an edit that knew nothing of it; others go on."""
    zoe = come(house, Person(6, "zoe"), LOCKED)
    owner = house.people[1]
    house.held = (fx.Taste,)
    for person in (eve, zoe):
        with person.doc.transaction():
            person.doc["m"]["theme"] = SECRET
            del person.doc["m"]["theme"]
    zoe.doc["m"]["size"] = 7
    owner.doc["m"]["other"] = 1
    for person in (eve, zoe, owner):
        house.say(person)
    house.settle()
    assert len(house.of(fx.Taste)) == 2
    house.go_on()
    assert agree(house)["m"] == {"theme": "dark", "size": 7, "other": 1}
    assert len(zoe.receipts) == 1


# When it goes wrong


def test_an_edit_that_kills_the_engine_is_kept_apart_without_its_content(
    house: House, eve: Person
) -> None:
    """Its ids are: they are banned. What it holds is for nobody."""
    house.held = (fx.Taste, fx.Examine)
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    house.settle()
    house.held = ()
    house.feed(on.EngineDied(culprit=0))
    house.feed(on.Examined((Death(0, "SIGSEGV"),)))
    [kept] = house.of(fx.Quarantine)
    assert SECRET.encode() not in kept.update
    assert scan(kept.update).sections[0].client == 2000
    assert not house.leaks(but=eve.member)


def test_a_repair_that_cannot_be_stored_is_made_anew(
    house: House, eve: Person, bystander: Person
) -> None:
    """Its author is asked again, and is judged again."""
    house.held = (fx.Append,)
    with eve.doc.transaction():
        eve.doc["m"]["theme"] = SECRET
        eve.doc["m"]["size"] = 2
    house.say(eve)
    house.settle()
    house.held = ()
    house.waiting.clear()
    house.feed(on.AppendFailed("full"))
    house.now = 60.0
    house.settle()
    assert eve.said(SyncStep1)
    for person in (eve, bystander):
        house.feed(on.Said(person.member, SyncStep2(person.doc.get_update())))
    assert agree(house)["m"] == {"theme": "dark", "size": 2}
    assert not house.leaks(but=eve.member)
    assert [ack for ack in eve.heard if isinstance(ack, Ack | Refused)]


def test_a_gap_that_is_closed_by_what_is_contested_is_answered(house: House, eve: Person) -> None:
    """Though not all that it deletes is deleted then."""
    eve.doc["m"]["size"] = 2
    eve.doc["m"].pop("theme")
    first, second = eve.unsaid
    eve.unsaid.clear()
    house.feed(on.Said(eve.member, Update(second + b"")))
    house.feed(on.Said(eve.member, Update(first)))
    house.feed(on.Said(eve.member, SyncStep2(eve.doc.get_update())))
    agree(house)
    assert len(eve.said(Ack)) == 3


def test_joiners_get_nothing_of_what_waits(house: House, eve: Person) -> None:
    """Who comes while an edit is contested is sent the repair when it is there."""
    house.held = (fx.Taste,)
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    house.settle()
    late = house.seat(Person(7, "late"))
    house.feed(on.Said(7, SyncStep1(b"\0")))
    house.go_on()
    assert agree(house)["m"]["theme"] == "dark"
    assert late.m["theme"] == "dark"
    assert not house.leaks(but=eve.member)


def test_what_belongs_to_others_is_cut_out_before_it_is_judged(
    house: House, owner: Person, eve: Person
) -> None:
    """It is nobody's to judge; what is his own is."""
    owner.doc["m"]["theme"] = "light"
    theirs = owner.unsaid.pop()
    eve.doc["m"]["size"] = 4
    mine = eve.unsaid.pop()
    sections = scan(mine).sections[0], scan(theirs).sections[0]
    both = b"".join(
        [b"\2"]
        + [
            update[: scan(update).sections[0].stop][1:]
            for update in sorted((mine, theirs), key=lambda u: -scan(u).sections[0].client)
        ]
        + [mine[sections[0].stop :]]
    )
    house.feed(on.Said(eve.member, Update(both)))
    house.settle()
    assert house.of(fx.Foreign)
    assert (eve.receipts, dict(owner.doc["m"].to_py() or {})["size"]) == ([], 4)


# Bounds


def test_who_has_too_much_repaired_is_put_out(house: House, eve: Person) -> None:
    """After a number of repairs, and one more each second; what he was denied is written down."""
    for turn in range(REPAIRS + 1):
        eve.doc["m"]["theme"] = f"{SECRET} {turn}"
        house.say(eve)
        house.settle()
        house.now += 0.5 / REPAIRS
    [first, *_] = house.of(fx.Dismiss)
    assert (first.member, first.code) == (eve.member, 4429)
    assert len(house.of(fx.Denial)) == REPAIRS + 1
    house.now += 2
    house.settle()
    assert len(eve.receipts) == REPAIRS


def test_more_than_can_be_judged_in_passing_is_refused(house: House, eve: Person) -> None:
    """Whoever is judged sends no more than so much at once."""
    eve.doc.get("free", type=Text).insert(0, "x" * MAX_JUDGED_BYTES)
    house.say(eve)
    [put_out] = house.of(fx.Dismiss)
    assert put_out.member == eve.member


def test_contested_is_what_may_not_stay_and_what_may_go(house: House, eve: Person) -> None:
    """The engine is told the structs that are refused, and the deletions that are not."""
    with eve.doc.transaction():
        eve.doc["m"]["theme"] = SECRET
        eve.doc["m"]["size"] = 2
    house.held = (fx.Taste,)
    house.say(eve)
    house.settle()
    [trip] = house.waiting
    assert isinstance(trip, fx.Taste)
    [contested] = trip.updates
    assert isinstance(contested, Contested)
    assert contested.refused == ((2000, 0, 1),)
    assert contested.kept == ((1000, 1, 1),)


def test_subjects_have_repairs_of_their_own(house: House, eve: Person) -> None:
    """However many connections somebody comes by, they are his; another's are not."""
    for turn in range(REPAIRS):
        eve.doc["m"]["theme"] = f"{SECRET} {turn}"
        house.say(eve)
        house.settle()
    again = come(house, Person(8, "eve"), LOCKED)
    other = come(house, Person(9, "mallory"), LOCKED)
    for person in (again, other):
        person.doc["m"]["theme"] = SECRET
        house.say(person)
        house.settle()
    assert [(put.member, put.code) for put in house.of(fx.Dismiss)] == [(8, 4429)]
    assert other.subject == Subject("user:mallory")


def test_it_is_told_beforehand_what_takes_long(house: House, owner: Person, eve: Person) -> None:
    """Much at once; little that deletes much, or may; and nothing where nobody is judged."""

    def edit(root: str, change: Callable[[Map[int]], object]) -> bytes:
        before = eve.doc.get_state()
        with eve.doc.transaction():
            change(eve.doc.get(root, type=Map))
        return bytes(eve.doc.get_update(before))

    takes_long = house.room.takes_long
    word = edit("m", lambda m: m.update({"a": 1}))
    much = edit("m", lambda m: m.update({str(n): n for n in range(1000)}))
    assert len(much) > PASSING_BYTES
    assert not takes_long(word)
    assert takes_long(much)
    assert takes_long(on.Said(eve.member, Update(much)))
    assert not takes_long(on.Said(eve.member, SyncStep1(much)))
    assert takes_long(on.Surveyed(None))
    house.room.edits.stored_bytes = LARGE_BYTES + 1
    assert takes_long(word)
    assert not takes_long(b"\xff")
    house.feed(on.Left(eve.member))
    assert not takes_long(much)
