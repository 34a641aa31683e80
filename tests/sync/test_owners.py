"""Whose a client id is: who advances it first, and nobody's before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collabkit.crdt.budget import DEFAULT_BUDGET, Budget
from collabkit.crdt.engine import Bad, Gap, Good
from collabkit.crdt.update import Scan, advance, scan, without
from collabkit.errors import UpdateRefused
from collabkit.ids import Seq, Subject
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.messages import Refused, SyncStep1, SyncStep2, Update
from collabkit.sync.owners import Owners, own_part
from collabkit.sync.room import Room
from crdt.crafting import gc, string, update

ADA, BOB = Subject("user:ada"), Subject("user:bob")
HERS, HIS = 7, 8


@pytest.fixture
def owners() -> Owners:
    """Ada has written three letters under her id."""
    made = Owners()
    made.claimed(scan(update((HERS, 0, [string("abc", root="t")]))), {}, ADA, now=0.0)
    return made


def test_what_is_known_is_nobodys_offence(owners: Owners) -> None:
    """Stock clients send back all they have."""
    back = scan(update((HERS, 0, [string("abc", root="t")])))
    assert owners.foreign(back, {HERS: 3}, BOB) == ()


def test_what_is_new_under_anothers_id_is_foreign(owners: Owners) -> None:
    """Whether it is words in her mouth, or clocks that her next words would need."""
    for structs in ([string("!", origin=(HERS, 2))], [gc(1_000_000)]):
        new = scan(update((HERS, 3, structs)))
        assert owners.foreign(new, {HERS: 3}, BOB) == (HERS,)
        assert owners.foreign(new, {HERS: 3}, ADA) == ()


def test_those_who_proved_nothing_are_one(owners: Owners) -> None:
    """A name that nobody checks gives no rights, and takes none."""
    first = scan(update((HIS, 0, [string("x", root="t")])))
    owners.claimed(first, {}, Subject("anonymous:bob"), now=0.0)
    for subject in ("anonymous", "anonymous:carl"):
        assert owners.foreign(first, {}, Subject(subject)) == ()
    assert owners.foreign(first, {}, Subject("anonymousse")) == (HIS,)


def test_an_id_that_is_not_advanced_is_not_claimed(owners: Owners) -> None:
    """Nobody gets an id of what came by import, restore or seed by showing it again."""
    there = scan(update((HIS, 0, [string("x", root="t")])))
    assert owners.claimed(there, {HIS: 1}, BOB, now=0.0) == ()
    assert owners.claimed(there, {}, BOB, now=0.0) == (HIS,)
    owners.give_back([HIS])
    assert owners.foreign(there, {}, ADA) == ()


def test_who_goes_on_under_an_id_of_nobody_gets_nothing_that_is_there(owners: Owners) -> None:
    """What was imported does not become somebody's own by one more letter; nobody else adds one."""
    more = scan(update((HIS, 3, [string("x", origin=(HIS, 2))])))
    assert owners.claimed(more, {HIS: 3}, BOB, now=0.0) == ()
    assert not owners.belongs(HIS, BOB)
    assert owners.foreign(more, {HIS: 3}, ADA) == (HIS,)
    assert owners.foreign(more, {HIS: 3}, BOB) == ()
    owners.opened({HIS: ADA}, 0)
    assert (owners.belongs(HIS, ADA), owners.foreign(more, {HIS: 3}, BOB)) == (True, (HIS,))


def test_nobody_claims_during_a_recovery(owners: Owners) -> None:
    """It may be the first words of somebody who is not back yet."""
    first = scan(update((HIS, 0, [string("x", root="t")])))
    owners.recovery.begin(now=100.0)
    assert owners.recovery.runs(now=699.0)
    assert owners.claimed(first, {}, ADA, now=699.0) == ()
    assert not owners.recovery.runs(now=700.0)
    assert owners.claimed(first, {}, BOB, now=700.0) == (HIS,)


def test_a_document_opened_again_keeps_what_is_on_its_way(owners: Owners) -> None:
    """What the file says counts, and what was claimed since."""
    owners.opened({HERS: BOB}, 5_000)
    owners.keep([HERS, HIS], ADA)
    assert owners.recovery.runs(now=4.9)
    new = scan(update((HERS, 0, [string("x", root="t")]), (HIS, 0, [string("x", root="t")])))
    assert owners.foreign(new, {}, BOB) == (HIS,)


def test_few_new_ids_come_at_a_time(owners: Owners) -> None:
    """Into a document that has content, outside of a recovery; those it knows do not count."""
    budget = Budget(new_clients=2)
    crowd = [scan(update(*((n, 0, [gc(1)]) for n in range(first, 4)))) for first in (0, 1, 2)]
    owners.check_new(crowd[0], {}, budget, now=1.0)
    owners.check_new(crowd[1], {3: 1}, budget, now=1.0)
    owners.check_new(crowd[2], {HERS: 3}, budget, now=1.0)
    with pytest.raises(UpdateRefused, match="more than 2 clients") as refused:
        owners.check_new(crowd[1], {HERS: 3}, budget, now=1.0)
    assert refused.value.code == "too-many-new-clients"
    owners.recovery.begin(now=1.0)
    owners.check_new(crowd[1], {HERS: 3}, budget, now=1.0)


@pytest.mark.parametrize("can_forward", [False, True])
def test_who_may_forward_brings_as_many_as_an_update_holds(room: Room, can_forward: bool) -> None:
    """Merges and other servers do; others are put out, as for all that exceeds the budget."""
    crowd = update(*((n, 0, [gc(1)]) for n in range(100, 101 + DEFAULT_BUDGET.new_clients)))
    room.handle(on.Joined(2, BOB, can_forward=can_forward), now=0.0)
    effects = room.handle(on.Said(2, Update(crowd)), now=0.0)
    assert any(isinstance(e, fx.Dismiss) and e.code == 1008 for e in effects) != can_forward


def test_what_builds_on_what_was_cut_is_not_taken() -> None:
    """Nor is an update of which nothing new is left."""
    vector = {HERS: 3}
    theirs = (HERS, 3, [string("!", origin=(HERS, 2))])
    behind = update(theirs, (HIS, 0, [string("?", origin=(HERS, 3))]))
    for one in (behind, update(theirs)):
        assert own_part(one, scan(one), {HERS}, vector) is None
    own = (HIS, 0, [string("?", origin=(HERS, 2))])
    beside = update(theirs, own, deletes={HERS: [(0, 1)]})
    kept = own_part(beside, scan(beside), {HERS}, vector)
    assert kept is not None
    assert kept[0] == update(own, deletes={HERS: [(0, 1)]})


@given(
    st.lists(st.tuples(st.integers(0, 3), st.text(min_size=1, max_size=4)), max_size=12), st.data()
)
def test_a_cut_leaves_what_the_others_wrote(
    words: list[tuple[int, str]], data: st.DataObject
) -> None:
    """Applied, it is a document in which the cut ones never wrote."""
    docs: list[Doc[Any]] = [Doc(client_id=client) for client in (11, 12, 13, 14)]
    for number, word in words:
        docs[number].get(f"t{number}", type=Text).insert(0, word)
    whole: Doc[Any] = Doc(client_id=1)
    for doc in docs:
        whole.apply_update(doc.get_update())
    cut = data.draw(st.sets(st.integers(0, 3)))
    body = whole.get_update()
    rest, found = without(body, scan(body), {11 + number for number in cut})
    reached: dict[int, int] = {}
    advance(found, reached)
    assert not {11 + number for number in cut} & set(reached)
    left: Doc[Any] = Doc()
    left.apply_update(rest)
    for number, doc in enumerate(docs):
        expected = "" if number in cut else str(doc.get(f"t{number}", type=Text))
        assert str(left.get(f"t{number}", type=Text)) == expected


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=20), st.data()
)
def test_what_is_left_need_not_be_read_again(
    turns: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    """Its scan is made of that of the whole, also where one wrote beside what another did."""
    docs: list[Doc[Any]] = [Doc(client_id=client) for client in (11, 12, 13, 14)]
    whole: Doc[Any] = Doc(client_id=1)
    for number, at, deletes in turns:
        docs[number].apply_update(whole.get_update())
        text = docs[number].get("t", type=Text)
        place = min(at, len(text))
        if deletes and place < len(text):
            del text[place : place + 1]
        else:
            text.insert(place, "xy")
        whole.apply_update(docs[number].get_update())
    body = whole.get_update(data.draw(st.sampled_from([b"\0", *(d.get_state() for d in docs)])))
    cut = data.draw(st.sets(st.integers(11, 14)))
    rest, found = without(body, scan(body), cut)
    again = scan(rest)
    assert again.plain or not found.plain
    assert bare(found) == bare(again)


def bare(found: Scan) -> Scan:
    """A scan without what depends on how it was made."""
    sections = tuple(msgspec.structs.replace(each, links=None) for each in found.sections)
    return msgspec.structs.replace(found, sections=sections, plain=False, named=())


@pytest.fixture
def room() -> Room:
    """Ada's document, open, with Bob in it, long after any recovery."""
    made = Room("main", now=0.0)
    made.start()
    made.handle(on.Joined(1, BOB), now=0.0)
    made.handle(on.Opened("L", 1, 1, {HERS: 3}, owners={HERS: ADA}), now=0.0)
    return made


def test_what_was_cut_is_told(room: Room) -> None:
    """So that it can be counted; and nobody is put out."""
    forged = update((HERS, 3, [gc(1_000_000)]))
    told, sent = room.handle(on.Said(1, Update(forged)), now=0.0)
    assert told == fx.Foreign(BOB, (HERS,), taken=False)
    assert isinstance(sent, fx.Send)
    assert isinstance(sent.message, Refused)
    assert sent.message.code == "foreign-client"


def test_what_is_brought_back_is_told_once_it_is_stored(room: Room) -> None:
    """And not before: a commit may fail."""
    room.edits.owners.recovery.begin(now=0.0)
    back = update((HERS, 3, [string("!", origin=(HERS, 2))]))
    effects = room.handle(on.Said(1, Update(back)), now=1.0)
    effects += room.handle(on.Woke(soon=False), now=1.0)
    effects += room.handle(on.Tasted((Good(),)), now=1.0)
    assert not [effect for effect in effects if isinstance(effect, fx.Foreign)]
    effects = room.handle(on.Committed((Seq(2),)), now=1.0)
    assert fx.Foreign(BOB, (HERS,), taken=True) in effects


def test_who_honestly_builds_on_what_was_cut_stays(room: Room) -> None:
    """However much he writes, and however often he is asked: he is told, and not put out."""
    theirs = (HERS, 3, [string("!", origin=(HERS, 2))])
    own = [string("?", origin=(HERS, 3))]
    answers: list[object] = []
    asked = 0
    for clock in range(600):
        now = clock / 60  # a hand that drags something
        written = update((HIS, clock, [own[-1]]))
        own.append(string("?", origin=(HIS, clock)))
        effects = room.handle(on.Said(1, Update(written)), now=now)
        if any(isinstance(e, fx.Send) and isinstance(e.message, SyncStep1) for e in effects):
            asked += 1
            all_of_it = SyncStep2(update(theirs, (HIS, 0, own[:-1])))
            effects += room.handle(on.Said(1, all_of_it), now=now)
        assert not [effect for effect in effects if isinstance(effect, fx.Dismiss)]
        answers += [e.message for e in effects if isinstance(e, fx.Send)]
    refused = [one.code for one in answers if isinstance(one, Refused)]
    assert refused == ["foreign-client"] * (600 + asked)
    assert asked == 2


def test_what_was_cut_heals_when_its_author_brings_it(room: Room) -> None:
    """What was refused meanwhile is asked for, and taken."""
    theirs = update((HERS, 3, [string("!", origin=(HERS, 2))]))
    both = update(
        (HERS, 3, [string("!", origin=(HERS, 2))]), (HIS, 0, [string("?", origin=(HERS, 3))])
    )
    room.handle(on.Said(1, Update(both)), now=0.0)
    room.handle(on.Joined(2, ADA), now=0.0)
    room.handle(on.Said(2, Update(theirs)), now=1.0)
    room.handle(on.Said(1, Update(both)), now=6.0)
    assert room.edits.vector == {HERS: 4, HIS: 1}


def test_an_edit_that_turns_out_to_be_a_gap_claims_nothing(room: Room) -> None:
    """When what it builds on was refused by the engine, its id stays free."""
    room.handle(on.Joined(2, ADA), now=0.0)
    first = update((11, 0, [string("x", root="t")]))
    second = update((HIS, 0, [string("y", origin=(11, 0))]))
    room.handle(on.Said(2, Update(first)), now=0.0)
    room.handle(on.Said(1, Update(second)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Bad("unbearable", "no"), Gap())), now=0.0)
    assert room.edits.owners.foreign(scan(second), {}, ADA) == ()
