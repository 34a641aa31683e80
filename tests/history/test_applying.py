"""Writing a difference: each step, in each kind of shared type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc, Text

from collabkit.crdt.document import Document
from collabkit.crdt.pen import writing
from collabkit.crdt.values import Element, Json, NewText
from collabkit.errors import ValueNotStorable, WrongRoot
from collabkit.history.applying import apply
from collabkit.history.difference import difference
from collabkit.history.live import tree_of
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Subdocument,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
    same,
)


def written(document: Document, wanted: Tree) -> bytes:
    """Make a document hold a tree; returns the update that did it."""
    made: list[bytes] = []
    stop = document.on_update(lambda change: made.append(change.update))
    change = difference(tree_of(document), wanted)
    with document.edit(), writing(document) as pen:
        apply(pen, change)
    stop()
    assert same(tree_of(document, like=wanted), wanted)
    return b"".join(made)


EVERYTHING: Tree = {
    "t": TextNode(
        runs=(
            Run("wide 😀", {"bold": True, "link": {"href": "a"}}),
            Run({"image": "a.png"}),
            Run(ArrayNode(items=(Entry(1),)), {"em": True}),
            Run(XmlTextNode(runs=(Run("in text"),)), {"em": True}),
            Run("end"),
        )
    ),
    "m": MapNode(
        entries={
            "plain": Entry({"a": [1, None]}),
            "list": Entry([1, 2]),
            "map": Entry(MapNode(entries={"deep": Entry(ArrayNode(items=(Entry(b"\0"),)))})),
            "xml": Entry(XmlNode(children=(Entry(XmlTextNode(runs=(Run("x", {"b": True}),))),))),
            "text": Entry(TextNode(runs=(Run("styled", {"em": True}),))),
            "element": Entry(ElementNode("q")),
            "document": Entry(Subdocument("its name")),
        }
    ),
    "a": ArrayNode(items=(Entry(1), Entry(1.5), Entry(True), Entry(None), Entry("s"), Entry({}))),
    "x": XmlNode(
        children=(
            Entry(
                ElementNode(
                    "p",
                    attributes={"k": Entry(3), "l": Entry(""), "m": Entry(MapNode())},
                    children=(
                        Entry(XmlTextNode(runs=(Run("hi"),), attributes={"n": Entry(True)})),
                        Entry(ElementNode("br")),
                    ),
                )
            ),
            Entry(XmlTextNode(runs=(Run(ElementNode("q")), Run(XmlTextNode(runs=(Run("in"),)))))),
        )
    ),
}


def test_all_that_a_document_can_have_is_written() -> None:
    """Every kind of shared type and value, where the engine can have it."""
    written(Document(), EVERYTHING)


def test_and_taken_away_again() -> None:
    """All of it goes, and comes back."""
    document = Document()
    written(document, EVERYTHING)
    written(document, {})
    assert document.to_dict() == {}
    written(document, EVERYTHING)


EDITS: list[Callable[[Document], object]] = [
    lambda d: d.text("t").insert(5, "é"),
    lambda d: d.text("t").delete(2, 7),
    lambda d: d.text("t").format(0, 3, {"bold": None, "em": True}),
    lambda d: d.map("m").update({"plain": 1, "new": NewText("n")}),
    lambda d: d.map("m")["map"]["deep"].append(2),
    lambda d: d.map("m")["map"].update({"deep": Json([1])}),
    lambda d: d.array("a").insert(3, {"x": 1}),
    lambda d: d.array("a").__delitem__(slice(1, 4)),
    lambda d: d.xml("x").insert(0, Element("h1", {"k": 1}, ["Title"])),
    lambda d: d.xml("x")[0][0].insert(1, "o"),  # type: ignore[union-attr]
    lambda d: d.xml("x")[0].attributes.clear(),
    lambda d: d.xml("x")[0].delete(0, 1),
]


@pytest.mark.parametrize("edit", EDITS, ids=map(str, range(len(EDITS))))
def test_only_what_differs_is_written(edit: Callable[[Document], object]) -> None:
    """To take back a small edit takes a small update."""
    document = Document()
    whole = len(written(document, EVERYTHING))
    edit(document)
    assert len(written(document, EVERYTHING)) < whole / 4


def _apply(document: Document, change: object) -> None:
    with document.edit(), writing(document) as pen:
        apply(pen, change)  # type: ignore[arg-type]


def test_an_integer_that_cannot_be_sent_is_refused() -> None:
    """Other replicas would read another number."""
    document = Document()
    most = 2**63 - 1
    written(document, {"m": MapNode(entries={"k": Entry(most - 1)})})
    wanted: Tree = {"m": MapNode(entries={"k": Entry({"in": [most]})})}
    change = difference(tree_of(document), wanted)
    with pytest.raises(ValueNotStorable, match="one more than the engine can send"):
        _apply(document, change)


def test_a_root_is_of_one_kind() -> None:
    """A root that holds something cannot become another kind."""
    document = Document()
    document.text("r").append("text")
    change = difference(tree_of(document), {"r": MapNode(entries={"k": Entry(1)})})
    with pytest.raises(WrongRoot, match="root 'r' is text, not map"):
        _apply(document, change)


def test_a_string_as_an_object_makes_a_text_untouchable(hostile_text: Document) -> None:
    """Nobody can tell where its characters are, so it is left alone."""
    change = difference(tree_of(hostile_text), {"t": TextNode(runs=(Run("other"),))})
    with pytest.raises(ValueNotStorable, match="strings as embedded objects"):
        _apply(hostile_text, change)


@pytest.fixture
def hostile_text() -> Document:
    """A text in which another program embedded a string."""
    doc: Doc[Any] = Doc()
    text = doc.get("t", type=Text)
    text += "ab"
    text.insert_embed(1, "string")
    document = Document()
    document.apply(doc.get_update())
    return document
