"""A wrapped pycrdt document and its wrapper are two replicas of one content."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pycrdt
import pytest

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.errors import LocalProtocolError


@pytest.fixture
def theirs() -> pycrdt.Doc[Any]:
    """A document that somebody made with pycrdt."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.get("t", type=pycrdt.Text).insert(0, "hé")
    return doc


def text(doc: pycrdt.Doc[Any]) -> pycrdt.Text:
    """Its text."""
    found: pycrdt.Text = doc.get("t", type=pycrdt.Text)
    return found


def test_both_sides_edit_and_both_see(theirs: pycrdt.Doc[Any]) -> None:
    """Each edit is on the other side when the call returns, in its own transaction."""
    document = Document.wrap(theirs, "plan")
    assert (document.name, str(document.text("t"))) == ("plan", "hé")
    document.text("t").append("😀")
    assert str(text(theirs)) == "hé😀"
    with document.edit():
        document.map("m").update({"k": {"n": 1}})
        document.text("t").delete(0, 1)
    text(theirs).insert(0, "x")
    assert str(document.text("t")) == str(text(theirs)) == "xé😀"
    assert theirs.get("m", type=pycrdt.Map).to_py() == {"k": {"n": 1.0}}
    assert document.client_id != theirs.client_id


def test_what_pycrdt_edits_is_local_and_not_ours_to_undo(theirs: pycrdt.Doc[Any]) -> None:
    """Listeners get it once, under its own origin."""
    document = Document.wrap(theirs)
    changes: list[Change] = []
    document.on_update(changes.append)
    text(theirs).insert(0, "x")
    document.text("t").append("!")
    assert [(change.local, change.origin) for change in changes] == [
        (True, "pycrdt"),
        (True, "local"),
    ]
    assert document.undo()
    assert not document.undo()
    assert str(text(theirs)) == "xhé"


def test_updates_reach_both(theirs: pycrdt.Doc[Any]) -> None:
    """What comes from peers by either side."""
    document = Document.wrap(theirs)
    peer = Document()
    peer.apply(document.update())
    peer.text("t").append(" peer")
    document.apply(peer.update())
    assert str(text(theirs)) == "hé peer"
    peer.text("t").append("!")
    theirs.apply_update(peer.update(theirs.get_state()))
    assert str(document.text("t")) == "hé peer!"


def test_a_listener_can_read_but_not_edit_while_pycrdt_is_telling(
    theirs: pycrdt.Doc[Any],
) -> None:
    """Its transaction is open: what would be edited could not be passed on."""
    document = Document.wrap(theirs)
    seen: list[str] = []
    refused: list[LocalProtocolError] = []

    def listen(_change: Change) -> None:
        seen.append(str(document.text("t")))
        try:
            document.text("t").append("?")
        except LocalProtocolError as error:
            refused.append(error)

    stop = document.on_update(listen)
    text(theirs).insert(0, "x")
    assert (seen, len(refused)) == (["xhé"], 1)
    assert "cannot be changed inside a callback of pycrdt" in str(refused[0])
    stop()
    document.text("t").append("!")
    assert str(text(theirs)) == "xhé!"


def test_pycrdt_may_edit_during_a_block(theirs: pycrdt.Doc[Any]) -> None:
    """Both happen: they are edits of two replicas."""
    document = Document.wrap(theirs)
    with document.edit():
        document.text("t").append("!")
        text(theirs).insert(0, "x")
    assert str(document.text("t")) == str(text(theirs)) == "xhé!"


def test_a_wrapper_that_is_dropped_is_freed(theirs: pycrdt.Doc[Any]) -> None:
    """The pycrdt document does not keep it, and goes on without it."""
    wrapper = weakref.ref(Document.wrap(theirs))
    gc.collect()
    assert wrapper() is None
    text(theirs).insert(0, "x")
    assert str(text(theirs)) == "xhé"
