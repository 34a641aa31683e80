"""The document: roots, exchange of updates, edits that happen or do not, and who hears of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.crdt.lib0 import read_any, read_var_bytes, read_var_string, read_var_uint
from collabkit.crdt.update import decode_state_vector
from collabkit.errors import (
    EngineLost,
    LocalProtocolError,
    MalformedBytes,
    ReadOnlyDocument,
    UpdateRefused,
    ValueNotStorable,
    WrongRoot,
)

# A string in the root `t`, and an update that puts a character inside that string's only item.
FIRST = bytes.fromhex("0101010004010174016100")
IMPOSSIBLE = bytes.fromhex("01020300840100017804000100016200")


@pytest.fixture
def document() -> Document:
    """A document with something in it."""
    document = Document("plan")
    document.text("body").append("héllo")
    return document


def heard(document: Document) -> list[Change]:
    """The changes of a document from now on."""
    changes: list[Change] = []
    document.on_update(changes.append)
    return changes


# Exchange


def test_every_document_of_others_reads_as_it_should(data: Callable[[str], Path]) -> None:
    """5,320 documents made with Yjs, update by update, and what each must contain."""
    recorded = data("yjs-small-test-dataset.bin").read_bytes()
    documents, at = read_var_uint(recorded, 0)
    assert documents == 5320
    for _ in range(documents):
        document = Document()
        updates, at = read_var_uint(recorded, at)
        for _ in range(updates):
            update, at = read_var_bytes(recorded, at)
            document.apply(update)
        text, at = read_var_string(recorded, at)
        entries, at = read_any(recorded, at)
        elements, at = read_any(recorded, at)
        assert set(document.roots) <= {"text", "map", "array"}
        assert str(document.text("text")) == text
        assert document.map("map").plain() == entries
        assert document.array("array").plain() == elements
    assert at == len(recorded)


def test_replicas_that_exchanged_everything_are_equal(document: Document) -> None:
    """Whatever was edited at the same time on both sides."""
    there = Document()
    there.apply(document.update())
    document.text("body").insert(1, "A")
    there.text("body").insert(1, "B")
    there.map("m")["k"] = [1]
    for one, other in ((document, there), (there, document)):
        one.apply(other.update(one.state_vector))
    assert document.to_dict() == there.to_dict()
    assert document.digest() == there.digest()
    assert decode_state_vector(document.state_vector) == decode_state_vector(there.state_vector)


def test_a_gap_is_refused(document: Document) -> None:
    """What builds on missing edits is not kept waiting, and fits when those have come."""
    changes = heard(document)
    document.text("body").append("1")
    document.text("body").append("2")
    there = Document()
    with pytest.raises(UpdateRefused) as refused:
        there.apply(changes[1].update)
    assert refused.value.code == "gap"
    there.apply(document.update(there.state_vector))
    assert str(there.text("body")) == "héllo12"


@pytest.mark.parametrize("update", [b"", b"\x01\x02\x03", b"\xff" * 40])
def test_bytes_that_are_no_update_change_nothing(document: Document, update: bytes) -> None:
    """The document is as it was, and goes on."""
    with pytest.raises((MalformedBytes, UpdateRefused)):
        document.apply(update)
    with pytest.raises(UpdateRefused):
        document.apply(update, trusted=True)
    document.text("body").append("!")
    assert str(document.text("body")) == "héllo!"


def test_an_impossible_update_loses_the_document() -> None:
    """It may be applied in part, so nothing is to be had of the document any more."""
    document = Document("plan")
    document.apply(FIRST)
    with pytest.raises(EngineLost) as lost:
        document.apply(IMPOSSIBLE)
    assert lost.value.document == "plan"
    uses: list[Callable[[], Any]] = [
        lambda: str(document.text("t")),
        lambda: document.text("t").append("x"),
        lambda: document.apply(FIRST),
        document.update,
        lambda: document.state_vector,
        document.undo,
    ]
    for use in uses:
        with pytest.raises(EngineLost):
            use()


def test_what_brings_nothing_new_is_not_told(document: Document) -> None:
    """An update that the document has already makes no change."""
    changes = heard(document)
    document.apply(document.update())
    assert changes == []


# Roots


def test_roots_made_elsewhere_are_told_by_what_is_in_them(document: Document) -> None:
    """Nobody has to know in advance what another program called its roots."""
    document.map("m")["a"] = 1
    document.array("a").append(1)
    document.xml("x").append("text")
    there = Document()
    there.apply(document.update())
    kinds = {"body": "text", "m": "map", "a": "array", "x": "xml"}
    assert there.roots == kinds
    assert there.to_dict() == {"body": "héllo", "m": {"a": 1}, "a": [1], "x": "text"}
    assert document.roots == kinds
    assert document.to_dict() == there.to_dict()


def test_a_root_has_one_kind(document: Document) -> None:
    """Asking for another says which it is, here and where it was only received."""
    there = Document()
    there.apply(document.update())
    for replica in (document, there):
        with pytest.raises(WrongRoot, match="root 'body' is text, not map"):
            replica.map("body")
        assert str(replica.text("body")) == "héllo"


def test_a_root_of_shared_types_alone_may_be_a_text() -> None:
    """Objects embedded in an otherwise empty text look as an array of them does."""
    source, there = Document(), Document()
    source.array("r").append({"a": 1})
    there.apply(source.update())
    assert there.roots == {"r": "array"}
    assert there.text("r")[:] == "\ufffc"
    with pytest.raises(WrongRoot):
        Document.map(there, "r")


def test_the_same_root_is_the_same_handle(document: Document) -> None:
    """Asking again costs nothing; names are checked."""
    assert document.text("body") is document.text("body")
    with pytest.raises(ValueNotStorable):
        document.text("\ud800")


# Edits


def test_a_call_is_one_transaction(document: Document) -> None:
    """It is told once, with the update that repeats it elsewhere."""
    there = Document()
    there.apply(document.update())
    changes = heard(document)
    document.text("body").replace(0, 2, "Hé")
    (change,) = changes
    assert (change.local, change.origin, change.group, change.parts) == (True, "local", None, ())
    there.apply(change.update)
    assert str(there.text("body")) == "Héllo"


def test_what_came_from_elsewhere_is_told_as_it_came(document: Document) -> None:
    """The bytes, where they came from, and that they are not local."""
    there = Document()
    there.apply(document.update())
    there.text("body").append("!")
    update = there.update(document.state_vector)
    changes = heard(document)
    document.apply(update, origin="relay")
    assert changes == [Change(update, False, "relay")]


def test_a_guard_judges_before_anything_happens(document: Document) -> None:
    """It sees the update of the edit to come, and stops it by raising."""
    seen: list[bytes] = []

    def guard(update: bytes) -> None:
        seen.append(update)
        assert str(document.text("body")) == "héllo"
        if b"no" in update:
            raise PermissionError

    changes = heard(document)
    vector = document.state_vector
    document.guard = guard
    edits: list[Callable[[], None]] = [
        lambda: document.text("body").append("no"),
        lambda: document.map("m").update({"a": "no"}),
        lambda: in_block(document, "no"),
    ]
    for edit in edits:
        with pytest.raises(PermissionError):
            edit()
    assert (changes, document.state_vector, document.to_dict()) == ([], vector, {"body": "héllo"})
    document.text("body").append("yes")
    assert seen[-1] == changes[0].update
    assert str(document.text("body")) == "hélloyes"


def in_block(document: Document, value: str) -> None:
    """Append in a block."""
    with document.edit("group"):
        document.text("body").append(value)


def test_undo_is_judged_as_well(document: Document) -> None:
    """A guard that refuses it keeps the document as it is; the history ends there."""
    document.text("body").append("!")

    def refuse(_update: bytes) -> None:
        raise PermissionError

    document.guard = refuse
    with pytest.raises(PermissionError):
        document.undo()
    document.guard = None
    assert str(document.text("body")) == "héllo!"
    assert not document.undo()
    document.text("body").append("?")
    assert document.undo()
    assert str(document.text("body")) == "héllo!"


def test_undo_is_of_ones_own_edits(document: Document) -> None:
    """What others wrote in between stays, and every replica follows."""
    there = Document()
    there.apply(document.update())
    there.text("body").append(" there")
    document.apply(there.update())
    with document.edit("more"):
        document.text("body").insert(0, ">")
    assert document.undo()
    assert document.undo()
    assert not document.undo()
    assert str(document.text("body")) == " there"
    assert document.redo()
    there.apply(document.update())
    assert there.to_dict() == document.to_dict() == {"body": "héllo there"}


def test_undo_cannot_be_part_of_a_block(document: Document) -> None:
    """A block is one step itself."""
    with document.edit(), pytest.raises(LocalProtocolError, match="undo cannot be part"):
        document.undo()


def test_a_state_vector_must_be_one(document: Document) -> None:
    """Bytes that are none are refused, and the document goes on."""
    with pytest.raises(MalformedBytes):
        document.update(b"\xff\xff")
    assert len(document.update()) > 10


def test_the_repr_tells_the_client_id() -> None:
    """Which is what a log or another replica knows it by."""
    assert repr(Document("plan", client_id=7)) == "<Document 'plan' client 7>"


@pytest.mark.parametrize("name", [5, True, 1.5, b"x", ("a", 1), "\ud800"])
def test_a_group_or_origin_that_is_no_text_is_refused_at_once(
    document: Document, name: Any
) -> None:
    """It goes into the log with the change, where it could not be read again."""
    changes = heard(document)
    with pytest.raises(ValueNotStorable, match="the group"):
        document.edit(group=name)
    with pytest.raises(ValueNotStorable, match="the origin"):
        document.apply(Document().update(), origin=name)
    assert changes == []
    document.text("body").append("!")
    assert len(changes) == 1


def test_a_sealed_document_only_shows() -> None:
    """Neither edits nor blocks nor updates nor undo change it; all it holds can be read."""
    document, other = Document("note"), Document("note")
    document.text("body").append("as it was")
    other.text("body").append("news")
    before = document.update()
    assert document.seal() is document
    attempts: list[Callable[[], object]] = [
        lambda: document.text("body").append("!"),
        lambda: document.map("meta").update({"a": 1}),
        lambda: document.apply(other.update()),
        lambda: document.apply(other.update(), trusted=True),
        document.undo,
        document.redo,
    ]
    for attempt in attempts:
        with pytest.raises(ReadOnlyDocument):
            attempt()
        with pytest.raises(ReadOnlyDocument), document.edit():
            attempt()
    assert document.update() == before
    assert document.to_dict() == {"body": "as it was"}


def test_a_gate_is_asked_about_what_comes_from_elsewhere() -> None:
    """It stops an update by raising, and the document is as it was."""
    here, there = Document(), Document()
    there.text("body").append("hello")
    asked: list[bytes] = []

    def gate(update: bytes) -> None:
        asked.append(update)
        if len(asked) == 1:
            raise PermissionError

    here.gate = gate
    with pytest.raises(PermissionError):
        here.apply(there.update())
    assert here.to_dict() == {}
    here.apply(there.update())
    assert str(here.text("body")) == "hello"
    assert asked == [there.update()] * 2
