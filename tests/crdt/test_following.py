"""Offsets stay in step with the engine, and cost nothing where they are not used."""

from __future__ import annotations

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.following import Following
from collabkit.crdt.values import NewText


@pytest.fixture
def pair() -> tuple[Document, Document]:
    """A document, and a peer that sends it all it edits."""
    here, there = Document(), Document()
    here.text("t").append("é")
    there.apply(here.update())
    there.on_update(lambda change: here.apply(change.update))
    return here, there


def following(document: Document) -> Following:
    """What follows the texts of a document."""
    return document._desk.live.texts


def test_a_text_in_use_is_followed(pair: tuple[Document, Document]) -> None:
    """Between two uses here, a few edits from elsewhere are."""
    here, there = pair
    for turn in range(30):
        there.text("t").insert(turn % 3, "😀"[: turn % 2] + "a")
        here.text("t").insert(len(here.text("t")) - 1, "x")
    (offsets,) = following(here)._offsets.values()
    assert not offsets.stale
    assert str(here.text("t")).count("x") == 30


def test_a_text_that_is_not_used_is_left_behind(pair: tuple[Document, Document]) -> None:
    """And right again when it is used."""
    here, there = pair
    for _ in range(20):
        there.text("t").insert(0, "é😀")
    (offsets,) = following(here)._offsets.values()
    assert offsets.stale
    here.text("t").insert(40, "|")
    assert str(here.text("t")) == "é😀" * 20 + "|é"


def test_not_every_text_there_ever_was_is_remembered() -> None:
    """Of nested ones, the last that were used; roots always."""
    document = Document()
    document.text("root").append("é")
    notes = document.array("notes")
    for number in range(400):
        notes.append(NewText(f"é{number}"))
        notes[number].append("!")
    assert len(following(document)) <= 257
    assert repr(following(document)) == f"<Following {len(following(document))} texts>"
    for number in range(400):
        notes[number].insert(2, "€")
    assert notes[399].plain() == "é3€99!"
    assert "root" in following(document)._offsets


def test_trouble_in_a_callback_comes_out_of_the_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine would go on with an exception set, and the next call fail for no reason."""
    document = Document()
    document.text("t").append("é")
    peer = Document()
    peer.apply(document.update())
    peer.text("t").append("x")

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    document._desk.live.texts.tell(fail)
    with pytest.raises(ZeroDivisionError):
        document.apply(peer.update())
    document._desk.live.texts.tell(None)
    document.text("t").append("!")
    assert str(document.text("t")) == "éx!"
