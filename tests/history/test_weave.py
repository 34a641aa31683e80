"""The weave: rows go in as they came, and each says what it changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.values import Element
from collabkit.errors import MalformedBytes, UpdateRefused
from collabkit.history.blame import blame
from collabkit.history.tree import TextNode, plain_tree
from collabkit.history.view import tree
from collabkit.history.weave import Part, Weave
from collabkit.ids import Seq, Subject
from crdt.collected import documents
from crdt.crafting import gc, item, shared, skip, string, update, values
from history.weaving import stamp, woven

HI = update((7, 0, [string("hi", root="t")]))


def touches(document: Document) -> list[tuple[Part, ...]]:
    """What each row of a document touches, from now on."""
    weave, found = Weave(), []
    document.on_update(lambda change: found.append(weave.add(change.update, stamp(len(found) + 1))))
    return found


# What a row touches


def test_a_row_tells_where_it_inserted_and_deleted_how_much() -> None:
    """By root and key; formatting is a touch that inserts nothing."""
    document = Document()
    found = touches(document)
    document.text("t").insert(0, "a😀b")
    document.text("t").delete(1, 2)
    document.text("t").format(0, 1, {"bold": True})
    document.map("m")["k"] = {"inner": [1, 2]}
    document.map("m")["k"]["inner"].append(3)
    document.map("m")["k"] = 5
    document.xml("x").append(Element("p"))
    document.xml("x")[0].attributes["class"] = "q"
    assert [[(touch.path, touch.inserted, touch.deleted) for touch in row] for row in found] == [
        [(("t",), 4, 0)],
        [(("t",), 0, 2)],
        [(("t",), 0, 0)],
        [(("m", "k"), 1, 0), (("m", "k", "inner"), 3, 0)],
        [(("m", "k", "inner"), 1, 0)],
        [(("m", "k"), 1, 1), (("m", "k", "inner"), 0, 4)],
        [(("x",), 1, 0)],
        [(("x", "[]", "class"), 1, 0)],
    ]


def test_what_is_known_changes_nothing() -> None:
    """A row that came twice, or of which a part did."""
    weave = woven([HI])
    assert weave.add(HI, stamp(2)) == ()
    more = update((7, 0, [string("hi!", root="t")]), deletes={7: [(0, 1)]})
    assert weave.add(more, stamp(3)) == (Part(("t",), 1, 1),)
    assert plain_tree(tree(weave)) == {"t": "i!"}
    assert weave.vector == {7: 3}
    assert plain_tree(tree(weave, Seq(2))) == {"t": "hi"}


def test_only_the_first_deletion_counts() -> None:
    """Clients tell all deletions that they know of, again and again."""
    weave = woven([HI, update(deletes={7: [(0, 2)]})])
    assert weave.add(update(deletes={7: [(0, 1)]}), stamp(3)) == ()
    assert {one.dead.seq for one in weave.items() if one.dead} == {2}


# What does not fit


@pytest.mark.parametrize(
    "late",
    [
        update((7, 3, [string("x", origin=(7, 2))])),
        update((8, 0, [string("x", origin=(7, 2))])),
        update(deletes={9: [(0, 1)]}),
    ],
)
def test_a_row_that_does_not_fit_is_refused(late: bytes) -> None:
    """And the weave is as it was."""
    weave = woven([HI])
    with pytest.raises(UpdateRefused, match="row 2 builds on edits that are not here"):
        weave.add(late, stamp(2))
    assert (weave.vector, list(weave.stamps)) == ({7: 2}, [1])


def test_bytes_that_are_no_update_are_refused() -> None:
    """Whatever a file may say that it holds."""
    with pytest.raises(MalformedBytes):
        Weave().add(b"\1\2", stamp(1))


def test_clients_that_wait_for_each_other_are_refused() -> None:
    """No order of theirs would do."""
    circle = update((1, 0, [string("a", origin=(2, 0))]), (2, 0, [string("b", origin=(1, 0))]))
    with pytest.raises(UpdateRefused, match="in a circle"):
        Weave().add(circle, stamp(1))


def test_clients_of_an_update_may_build_on_each_other() -> None:
    """By turns, in whatever order they stand."""
    turns = update(
        (2, 0, [string("b", origin=(1, 0)), string("d", origin=(1, 1))]),
        (1, 0, [string("a", root="t"), string("c", origin=(2, 0)), string("e", origin=(2, 1))]),
    )
    assert plain_tree(tree(woven([turns]))) == {"t": "abcde"}


def test_what_a_scan_takes_the_weave_takes(data: Callable[[str], Path], seed: int) -> None:
    """However it was changed on the way: it is woven, or refused, and always reads."""
    raw, dice, woven_ones = data("yjs-small-test-dataset.bin").read_bytes(), Random(seed), 0
    for updates in [found for found, _ in documents(raw) if found][::15]:
        changed = bytearray(updates[-1])
        for _ in range(2):
            changed[dice.randrange(len(changed))] = dice.choice((0, 1, dice.randrange(256)))
        weave = woven(updates[:-1])
        try:
            weave.add(bytes(changed), stamp(len(updates)))
        except (MalformedBytes, UpdateRefused):
            continue
        plain_tree(tree(weave))
        assert blame(weave).tree == tree(weave)
        woven_ones += 1
    assert woven_ones > 20


# What was collected


def test_what_builds_on_collected_content_never_shows() -> None:
    """Neither beside it nor inside; its ids are known all the same."""
    rows = [
        update((7, 0, [gc(2), string("x", root="t")])),
        update((8, 0, [string("y", origin=(7, 1)), string("z", origin=(8, 0))])),
        update((9, 0, [values(b"\x77\x01a", parent=(7, 0), key="k"), shared(1, right=(7, 0))])),
        update((10, 0, [values(b"\x77\x01a", parent=(9, 1), key="k")])),
    ]
    weave = woven(rows)
    assert plain_tree(tree(weave)) == {"t": "x"}
    assert weave.vector == {7: 3, 8: 2, 9: 2, 10: 1}
    assert weave.find((8, 1)).strand is None


def test_deleted_content_holds_the_place_of_what_was() -> None:
    """What was typed behind it stands where it stood."""
    rows = [
        update((7, 0, [string("a", root="t"), item(1, b"\x02", origin=(7, 0))])),
        update((7, 3, [string("b", origin=(7, 2))])),
        update((8, 0, [string("c", origin=(7, 1), right=(7, 2))])),
    ]
    assert plain_tree(tree(woven(rows))) == {"t": "acb"}


def test_a_hole_stands_for_what_is_known() -> None:
    """As updates have that are less than a client's whole."""
    weave = woven([HI, update((7, 0, [skip(2), string("!", origin=(7, 1))]))])
    assert plain_tree(tree(weave)) == {"t": "hi!"}


def test_what_is_inside_a_deleted_type_comes_too_late() -> None:
    """It is in the weave and does not show, but would without the deletion."""
    rows = [
        update((7, 0, [shared(2, root="m", key="k")])),
        update(deletes={7: [(0, 1)]}),
        update((8, 0, [string("late", parent=(7, 0))])),
    ]
    weave = woven(rows)
    assert plain_tree(tree(weave)) == {}
    undeleted = tree(weave, shows=lambda one: one.dead is None or one.dead.seq == 2)
    assert plain_tree(undeleted) == {"m": {"k": "late"}}


# A checkpoint first


def test_of_a_checkpoint_the_owners_are_known() -> None:
    """Rows go on behind it, and what it holds is told to be that old at least."""
    document = Document(client_id=1)
    document.text("t").append("ada ")
    other = Document(client_id=2)
    other.apply(document.update())
    other.text("t").append("ben ")
    stranger = Document(client_id=3)
    stranger.apply(other.update())
    stranger.text("t").append("?")
    owners = {1: Subject("user:ada"), 2: Subject("user:ben")}
    weave = Weave()
    weave.add_base(stranger.update(), owners, seq=Seq(40), at_ms=5)
    document.apply(stranger.update())
    mark = document.state_vector
    document.text("t").append("!")
    weave.add(document.update(mark), stamp(41))
    text = tree(weave)["t"]
    assert isinstance(text, TextNode)
    told = [
        (run.value, run.by.subject, run.by.seq, run.by.compacted) for run in text.runs if run.by
    ]
    assert told == [
        ("ada ", "user:ada", 40, True),
        ("ben ", "user:ben", 40, True),
        ("?", "", 40, True),
        ("!", "user:ada", 41, False),
    ]
    assert plain_tree(tree(weave, Seq(40))) == {"t": "ada ben ?"}


def test_a_checkpoint_that_is_a_part_is_refused() -> None:
    """Nothing can be before it."""
    with pytest.raises(UpdateRefused, match="not in it"):
        Weave().add_base(update((7, 3, [string("x", root="t")])), {}, seq=Seq(1), at_ms=0)


def test_an_id_that_nobody_gave_is_not_found() -> None:
    """The end of a client is known."""
    weave = woven([HI])
    assert weave.find((7, 1)).value == "hi"
    for place in ((7, 2), (8, 0)):
        with pytest.raises(KeyError):
            weave.find(place)
