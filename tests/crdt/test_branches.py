"""What is asked of the engine's shared types does not make it panic."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.crdt.branches import child_at, identity, read_text
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element, NewText


@pytest.fixture
def document() -> Document:
    """One shared type of each kind, nested."""
    document = Document(client_id=1)
    document.map("m")["k"] = [NewText("é"), NewText("b")]
    document.xml("x").append(Element("p", {}, ["y", "z"]))
    document.text("t").embed(0, {"i": 1})
    document.text("t").append("é")
    return document


def test_a_text_reads_with_a_character_for_each_object(document: Document) -> None:
    """Or without, as one likes; XML text has no markup in it."""
    document.xml("x")[0][0].format(0, 1, {"bold": True})  # type: ignore[union-attr]
    with document._desk.reading as core:
        text = core.root("text", "t")
        assert [read_text(text, core.txn, mark) for mark in ("", "?")] == ["é", "?é"]
        inside = core.root("xml", "x").get(core.txn, 0).get(core.txn, 0)
        assert read_text(inside, core.txn) == "y"


def test_an_identity_is_the_same_in_every_copy_and_no_other(document: Document) -> None:
    """Of nested texts, in XML and outside."""

    def identities() -> list[object]:
        with document._desk.reading as core:
            array = core.root("map", "m").get(core.txn, "k")
            element = core.root("xml", "x").get(core.txn, 0)
            nested = [branch.get(core.txn, at) for branch in (array, element) for at in (0, 1)]
            return [identity(text, core.txn) for text in nested]

    before = identities()
    assert len(set(before)) == 4
    with document.edit():
        document.map("m")["k"][0].delete(0, 1)
        document.xml("x")[0][0].append("more")  # type: ignore[union-attr]
        assert identities() == before
    assert identities() == before


@pytest.mark.parametrize(
    ("root", "step", "found"),
    [
        (("map", "m"), "k", True),
        (("map", "m"), "other", False),
        (("map", "m"), 0, False),
        (("xml", "x"), 0, True),
        (("xml", "x"), 1, False),
        (("xml", "x"), "k", False),
        (("text", "t"), 0, False),
    ],
)
def test_what_is_not_there_is_none(
    document: Document, root: tuple[str, str], step: Any, found: bool
) -> None:
    """Also what such a type cannot have."""
    with document._desk.reading as core:
        assert (child_at(core.root(*root), step, core.txn) is not None) == found
        assert child_at(None, step, core.txn) is None
