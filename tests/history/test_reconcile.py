"""A document is brought to what it is to hold, exactly and in one edit."""

from __future__ import annotations

import pytest

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element
from collabkit.errors import WrongRoot
from collabkit.history.live import tree_of
from collabkit.history.reconcile import reconcile
from collabkit.history.tree import Entry, MapNode, Tree, same


def filled() -> Document:
    """A document with something of everything."""
    document = Document()
    document.text("t").append("The quick brown fox")
    document.map("m").update({"a": 1, "deep": {"list": [1, 2, 3]}})
    document.xml("x").append(Element("p", {}, ["One"]), Element("p", {}, ["Two"]))
    return document


def test_it_is_one_edit_with_a_name() -> None:
    """There is one update, under the group that was asked for."""
    document = filled()
    past = tree_of(document)
    document.text("t").insert(0, "Not ")
    document.map("m")["deep"]["list"].append(4)
    document.xml("x").delete(0, 1)
    told: list[Change] = []
    document.on_update(told.append)
    change = reconcile(document, past, group="restore")
    assert same(tree_of(document), past)
    assert [one.group for one in told] == ["restore"]
    assert {part.path for part in change.parts} >= {("t",), ("x",), ("m", "deep", "list")}


def test_nothing_is_written_where_nothing_differs() -> None:
    """A document that holds what is wanted is left alone."""
    document = filled()
    told: list[Change] = []
    document.on_update(told.append)
    assert not reconcile(document, tree_of(document))
    assert told == []


def test_undo_takes_it_back_alone() -> None:
    """Edits before it, and beside it, stay."""
    document = filled()
    past = tree_of(document)
    document.text("t").append(" jumps")
    reconcile(document, past)
    assert document.undo()
    assert str(document.text("t")) == "The quick brown fox jumps"
    assert document.undo()
    assert same(tree_of(document), past)


def test_others_who_edit_meanwhile_are_not_lost() -> None:
    """What somebody types where nothing differs is there, in the place he typed it."""
    document, other = filled(), Document()
    past = tree_of(document)
    document.text("t").delete(0, 4)
    document.map("m")["deep"]["list"].append("mine")
    other.apply(document.update())
    other.text("t").append(" jumps")
    other.map("m")["deep"]["list"].insert(0, "first")
    reconcile(document, past)
    document.apply(other.update())
    other.apply(document.update())
    for one in (document, other):
        assert str(one.text("t")) == "The quick brown fox jumps"
        assert one.map("m")["deep"]["list"].plain() == ["first", 1, 2, 3]


def test_what_cannot_be_done_leaves_no_trace() -> None:
    """It happens as a whole, or not at all."""
    document = filled()
    before = document.update()
    wanted: Tree = {"m": MapNode(entries={"k": Entry(1)}), "t": MapNode(entries={"k": Entry(1)})}
    with pytest.raises(WrongRoot, match="root 't' is text, not map"):
        reconcile(document, wanted)
    assert document.update() == before
    assert not document.undo() or str(document.text("t")) == "The quick brown fox"


def test_a_wrong_tree_of_now_is_not_believed() -> None:
    """What is said to be there counts only if it is."""
    document = filled()
    past = tree_of(document)
    document.text("t").append(" jumps")
    reconcile(document, past, live={})
    assert same(tree_of(document), past)
