"""Edits that are taken in parts: what is judged when, what is sent to whom, and what never is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment

from collabkit.access.model import Rights
from collabkit.access.rules import Decision
from collabkit.crdt.structs import read_items
from collabkit.crdt.touches import Touch
from collabkit.crdt.update import scan, splice
from collabkit.ids import GUARD
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.messages import (
    Ack,
    Receipt,
    Refused,
    Row,
    Standing,
    SyncStep2,
    Update,
)
from crdt.crafting import gc, shared, string, update, values
from sync.guarding import DOCUMENT, LOCKED, SECRET, House, Person, agree, come, judge

THEME = f"{DOCUMENT}/m/theme"
OWN = {
    True: Decision(allowed=True, code="allow"),
    False: Decision(allowed=False, code="condition-false"),
}

# In parts


def test_what_is_allowed_stays_and_what_is_not_is_put_back(
    house: House, eve: Person, bystander: Person
) -> None:
    """In one transaction: everybody comes to the same, and nobody saw the rest."""
    with eve.doc.transaction():
        eve.doc["m"]["theme"] = SECRET
        eve.doc["m"]["size"] = 2
    house.say(eve)
    assert bystander.said(Update) == []
    assert agree(house)["m"] == {"theme": "dark", "size": 2}
    assert not house.leaks(but=eve.member)
    row = house.rows[-1]
    assert (row.origin, row.subject) == (f"repair:{row.repairs[0]}", eve.subject)
    assert house.room.edits.owners.belongs(row.repairs[0], GUARD)


EDITS: dict[str, Callable[[Person], object]] = {
    "set": lambda eve: eve.doc["m"].update({"theme": SECRET}),
    "delete a key": lambda eve: eve.doc["m"].pop("theme"),
    "nested": lambda eve: eve.doc["m"].update({"theme": Map({"deep": Array([SECRET])})}),
    "insert": lambda eve: eve.doc.get("locked", type=Text).insert(3, SECRET),
    "delete": lambda eve: eve.doc.get("locked", type=Text).__delitem__(slice(0, 6)),
    "format": lambda eve: eve.doc.get("locked", type=Text).format(0, 5, {"b": SECRET}),
    "replace": lambda eve: eve.doc.get("locked", type=Text).__setitem__(slice(0, 2), SECRET),
}


@pytest.mark.parametrize("kind", EDITS)
def test_every_kind_of_edit_is_undone(
    house: House, eve: Person, bystander: Person, kind: str
) -> None:
    """Its author comes back to what the others have, and can go on at once."""
    EDITS[kind](eve)
    house.say(eve)
    seen = agree(house)
    assert (seen["m"], seen["locked"]) == ({"theme": "dark", "size": 1}, "do not touch")
    eve.doc["m"]["size"] = 7
    house.say(eve)
    assert agree(house)["m"] == {"theme": "dark", "size": 7}
    assert not house.leaks(but=eve.member)
    assert len(eve.receipts) == 1


def test_lists_and_trees(house: House, owner: Person, bystander: Person) -> None:
    """Of a list and of XML what may not be there goes, and what may not go stays."""
    with owner.doc.transaction():
        owner.doc.get("list", type=Array).extend(["a", "b"])
        owner.doc.get("page", type=XmlFragment).children.append(XmlElement("p", {"id": "1"}))
    house.say(owner)
    house.settle()
    eve = come(house, Person(2, "eve"), Rights(judge=judge("list", "page"), path=DOCUMENT))
    with eve.doc.transaction():
        items = eve.doc.get("list", type=Array)
        del items[0]
        items.insert(1, SECRET)
        page = eve.doc.get("page", type=XmlFragment)
        page.children[0].attributes["id"] = SECRET
        page.children.append(XmlElement(SECRET))
        eve.doc["m"]["size"] = 3
    house.say(eve)
    assert agree(house)["m"]["size"] == 3
    for person in (eve, owner, bystander):
        assert list(person.doc.get("list", type=Array)) == ["a", "b"]
        assert str(person.doc.get("page", type=XmlFragment)) == '<p id="1"></p>'
    assert not house.leaks(but=eve.member)


def test_several_on_their_way(house: House, eve: Person, bystander: Person) -> None:
    """Who goes on before the first repair reaches him comes to the same all the same."""
    for turn in range(6):
        eve.doc["m"]["theme"] = f"{SECRET} {turn}"
    eve.doc["m"]["size"] = 2
    house.say(eve)
    assert agree(house)["m"] == {"theme": "dark", "size": 2}
    assert not house.leaks(but=eve.member)


def test_what_is_allowed_is_forwarded_at_once(house: House, eve: Person, bystander: Person) -> None:
    """Who is judged waits for the engine where he begins to type, and not as he goes on."""
    for at, stroke in enumerate("xyz"):
        eve.doc.get("free", type=Text).insert(at, stroke)
        house.say(eve)
        assert len(bystander.said(Update)) == at
        if not at:
            house.settle()
            house.held = (fx.Taste,)
            bystander.heard.clear()
    eve.doc["m"]["size"] = 9
    house.say(eve)
    assert len(bystander.said(Update)) == 3
    house.go_on()
    assert agree(house)["free"] == "xyztouch"


def test_nothing_overtakes_what_is_contested(
    house: House, owner: Person, eve: Person, bystander: Person
) -> None:
    """Whoever writes meanwhile is heard behind the repair, and never spliced with it."""
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    owner.doc.get("free", type=Text).insert(0, "x")
    house.say(owner)
    assert bystander.said(Update) == []
    agree(house)
    first, second = bystander.said(Update)
    assert len(scan(first.update).sections) == 2
    assert [section.client for section in scan(second.update).sections] == [1000]


def test_a_room_without_judged_members_keeps_no_track(house: House, owner: Person) -> None:
    """Nothing is surveyed there; and once the last judged member has left, nothing is kept."""
    assert house.of(fx.Survey) == []
    eve = come(house, Person(2, "eve"), LOCKED)
    judging = house.room.edits.judging
    known = [judging.places is not None]
    house.feed(on.Left(eve.member))
    known.append(judging.places is not None)
    assert known == [True, False]
    owner.doc["m"]["size"] = 2
    house.say(owner)
    assert len(house.of(fx.Survey)) == 1


# What the author is told


def test_receipt(house: House, eve: Person) -> None:
    """It says what, where, by which rule, what was written there, and whom to ask."""
    eve.doc["m"]["theme"] = Map({"name": SECRET, "tags": Array([1, True])})
    del eve.doc.get("locked", type=Text)[0:3]
    house.say(eve)
    house.settle()
    first, second = eve.receipts
    assert first["type"] == "collabkit.receipt"
    assert first["code"] == "explicit-deny"
    assert first["reason"] == f"you may not write {DOCUMENT}/m/theme: a rule denies it"
    [item] = first["items"]
    assert item == {
        "action": "write",
        "path": f"{DOCUMENT}/m/theme",
        "rule": "locked",
        "code": "explicit-deny",
        "draft": {"name": SECRET, "tags": [1, True]},
    }
    assert first["ask"]
    assert [(item["action"], item["draft"]) for item in second["items"]] == [("delete", None)]


def test_denials_say_nothing_of_the_content(house: House, eve: Person) -> None:
    """Who, what, where and why; once for each place, when it is over."""
    eve.doc["m"]["theme"] = SECRET
    house.say(eve)
    assert house.of(fx.Denial) == []
    house.settle()
    assert house.of(fx.Denial) == [
        fx.Denial(
            *(eve.member, eve.subject, "write", f"{DOCUMENT}/m/theme"),
            *(("locked",), "explicit-deny"),
        )
    ]


def test_followers_get_the_row_before_the_receipt_and_the_ack(house: House) -> None:
    """In our own dialect, where the author gets the row of a repair too."""
    fay = come(house, Person(4, "fay", follows=True), LOCKED)
    fay.doc["m"]["theme"] = SECRET
    house.say(fay)
    house.settle()
    kinds = [type(m) for m in fay.heard if isinstance(m, Row | Receipt | Ack)]
    assert kinds == [Row, Receipt, Ack]
    assert fay.m["theme"] == "dark"


def test_standing(house: House) -> None:
    """Who follows the log in a version that knows the word is told when he may write, or not."""
    new = come(house, Person(4, "new", follows=True))
    old = come(house, Person(5, "old", follows=True, version=2))
    for person in (new, old):
        house.feed(on.Requalified(person.member, Rights(can_write=False), "it is over"))
        house.feed(on.Requalified(person.member, Rights(can_write=False), "still"))
    assert (new.said(Standing), old.said(Standing)) == ([Standing(False, "it is over")], [])


# When it is judged


def test_a_demotion_counts_from_the_next_edit_on(
    house: House, owner: Person, eve: Person, bystander: Person
) -> None:
    """What was offered before is taken, what comes behind it is not."""
    bystander.doc["m"]["theme"] = "light"
    house.say(bystander)
    house.feed(on.Requalified(bystander.member, LOCKED))
    bystander.doc["m"]["theme"] = SECRET
    house.say(bystander)
    assert agree(house)["m"]["theme"] == "light"
    assert not house.leaks(but=bystander.member)


def test_what_was_written_offline_is_judged_by_the_rights_of_today(house: House) -> None:
    """However early it was written."""
    zoe = come(house, Person(6, "zoe"))
    house.feed(on.Left(zoe.member))
    zoe.doc["m"]["theme"] = SECRET
    zoe.doc["m"]["size"] = 5
    zoe.unsaid.clear()
    house.seat(zoe, LOCKED)
    house.feed(on.Said(zoe.member, SyncStep2(zoe.doc.get_update())))
    assert agree(house)["m"] == {"theme": "dark", "size": 5}
    assert not house.leaks(but=zoe.member)


def test_a_whole_document_said_again_touches_nothing(
    house: House, owner: Person, eve: Person
) -> None:
    """Stock clients answer with all they have, deletions of others too: none of it is news."""
    owner.doc["m"]["theme"] = "light"
    del owner.doc.get("locked", type=Text)[0:3]
    house.say(owner)
    house.settle()
    house.feed(on.Said(eve.member, SyncStep2(eve.doc.get_update())))
    house.settle()
    assert (eve.receipts, house.of(fx.Denial)) == ([], [])
    assert eve.said(Refused) == []


def test_ids_that_are_known_bring_nothing(house: House, eve: Person, bystander: Person) -> None:
    """Whatever is said to be under them: documents pass it over, and so nobody is sent it."""
    eve.doc["m"]["theme"] = SECRET
    refused = eve.unsaid[0]
    house.say(eve)
    house.settle()
    eve.doc["m"]["size"] = 2
    [allowed] = eve.unsaid
    eve.unsaid.clear()
    again = splice([(refused, scan(refused)), (allowed, scan(allowed))])
    assert SECRET.encode() in again[0]
    house.feed(on.Said(eve.member, Update(again[0])))
    assert agree(house)["m"]["size"] == 2
    assert not house.leaks(but=eve.member)


def test_now_is_told_to_the_judge(house: House) -> None:
    """A right that has ended counts no more, though nobody said that it has."""

    def until_five(touches: Sequence[Touch], *, now: float) -> list[Decision]:
        return [Decision(allowed=now < 5, code="expired") for _ in touches]

    eve = come(house, Person(2, "eve"), Rights(judge=until_five, path=DOCUMENT))
    for house.now in (4.0, 5.0):
        eve.doc["m"]["size"] = int(house.now * 100)
        house.say(eve)
    assert agree(house)["m"]["size"] == 400


@pytest.mark.parametrize("client", [2000, 2**53 - 5])
def test_what_took_the_place_of_others_work_is_nobodys_own(
    house: House, owner: Person, client: int
) -> None:
    """Who may change what is his writes on before he hears of it: that is refused as well."""
    own = replace(LOCKED, judge=lambda touches, *, now: [OWN[touch.own] for touch in touches])
    mallory = Person(4, "mallory")
    mallory.doc = Doc(client_id=client)
    mallory.doc["m"] = Map()
    watch = mallory.doc.observe(mallory._changed)
    come(house, mallory, own)
    for word in range(3):
        mallory.doc["m"]["theme"] = f"{SECRET} {word}"
    mallory.doc["m"]["his"] = 1
    mallory.doc["m"]["his"] = 2
    house.say(mallory)
    assert agree(house)["m"] == {"theme": "dark", "size": 1, "his": 2}
    assert len(mallory.receipts) == 3
    assert not house.leaks(but=mallory.member)
    watch.drop()


ONE = b"\x7d\x01"


def make_up(house: House, person: Person, edit: bytes) -> None:
    """Have somebody say what his program made up."""
    person.take(edit)
    house.feed(on.Said(person.member, Update(edit)))


@pytest.mark.timeout(20)
def test_what_is_written_inside_what_is_refused_is_told_once(house: House, eve: Person) -> None:
    """Also if it comes in thousands of pieces, with others between: they are put together once."""
    pieces = [shared(1, root="m", key="theme")]
    for key in range(3_000):
        pieces += [values(ONE, parent=(eve.key, 0), key=str(key)), gc(1)]
    make_up(house, eve, update((eve.key, 0, pieces)))
    house.settle()
    [receipt] = eve.receipts
    assert ([item["path"] for item in receipt["items"]], receipt["more"]) == ([THEME], 0)


@pytest.mark.timeout(20)
def test_what_took_the_place_of_others_work_is_found_among_much(house: House) -> None:
    """Of many keys that somebody changes as his own, one has the place of others' until then."""

    def own(touches: Sequence[Touch], *, now: float) -> list[Decision]:
        return [OWN[touch.own] for touch in touches]

    kim = come(house, Person(9, "kim"), Rights(judge=own, path=DOCUMENT))
    before = len(kim.m)
    keys = [values(ONE, root="m", key=str(key)) for key in range(1_000)]
    make_up(house, kim, update((kim.key, 0, keys)))
    house.settle()
    theme = [values(ONE, root="m", key="theme")]
    for clock in range(1_000, 2_000, 2):
        theme += [gc(1), values(ONE, origin=(kim.key, clock))]
    make_up(house, kim, update((kim.key, 1_000, theme)))
    again = [values(ONE, origin=(kim.key, 2_000))]
    gone = {kim.key: [(clock, 1) for clock in range(0, 1_000, 2)]}
    make_up(house, kim, update((kim.key, 2_001, again), deletes=gone))
    seen = agree(house)["m"]
    assert (len(seen), seen["theme"], len(kim.receipts)) == (before + 500, "dark", 2)


def test_what_is_nowhere_leaves_no_place(house: House, eve: Person, bystander: Person) -> None:
    """Beside an item between two of different places engines lose what is put back there."""
    theme, text = (1000, 0), (1000, 2)  # what the owner wrote
    odd = string("x", origin=(text[0], text[1] + 5), right=theme)
    made_up = update((eve.key, 0, [odd]), deletes={1000: [(text[1], 9)]})
    house.feed(on.Said(eve.member, Update(made_up)))
    house.settle()
    assert bystander.text("locked") == "do not touch"
    assert bystander.m == {"theme": "dark", "size": 1}
    body = house.rows[-1].body
    assert [item for item in read_items(body, scan(body)) if item.client == eve.key] == []
