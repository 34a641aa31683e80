"""What changed is told by shared type, with code points and plain values."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.crdt.changes import (
    ArrayChanged,
    Delete,
    Insert,
    KeyChanged,
    MapChanged,
    Part,
    Retain,
    TextChanged,
    XmlChanged,
)
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element, NewText


class Heard:
    """A document, and the parts of its last change."""

    def __init__(self) -> None:
        self.document = Document()
        self.last: tuple[Part, ...] = ()
        self.stop = self.document.observe(lambda change: setattr(self, "last", change.parts))

    def take(self) -> dict[tuple[str | int, ...], Part]:
        """The parts by path."""
        return {part.path: part for part in self.last}


@pytest.fixture
def heard() -> Heard:
    """An observed document."""
    return Heard()


def test_a_text_tells_in_code_points(heard: Heard) -> None:
    """Also where it is not ASCII, with formatting and embedded objects."""
    text = heard.document.text("t")
    text.append("é😀b")
    assert heard.last == (TextChanged(("t",), (Insert("é😀b"),)),)
    text.replace(1, 2, "€x", {"bold": True})
    assert heard.last == (
        TextChanged(("t",), (Retain(1), Delete(1), Insert("€x", {"bold": True}))),
    )
    text.embed(3, {"i": 1})
    assert heard.last == (TextChanged(("t",), (Retain(3), Insert({"i": 1}, {"bold": True}))),)
    text.format(0, 2, {"em": 1})
    assert heard.last == (TextChanged(("t",), (Retain(2, {"em": 1}),)),)


def test_maps_and_arrays_tell_plain_values(heard: Heard) -> None:
    """Shared types as their content; integers as integers."""
    document = heard.document
    document.map("m")["k"] = {"a": [1, NewText("x")]}
    assert heard.last == (MapChanged(("m",), {"k": KeyChanged("add", None, {"a": [1, "x"]})}),)
    document.map("m")["n"] = 1
    document.map("m")["n"] = 2.5
    assert heard.last == (MapChanged(("m",), {"n": KeyChanged("update", 1, 2.5)}),)
    del document.map("m")["n"]
    assert heard.last == (MapChanged(("m",), {"n": KeyChanged("delete", 2.5)}),)
    document.array("a").extend([1, {"b": 2}])
    document.array("a")[0:1] = ["x", "y"]
    (part,) = heard.last
    assert isinstance(part, ArrayChanged)
    assert sorted(map(repr, part.delta)) == ["Delete(length=1)", repr(Insert(["x", "y"]))]


def test_xml_tells_of_children_attributes_and_text(heard: Heard) -> None:
    """Children as markup, the text of a text in code points."""
    page: Any = heard.document.xml("x")
    page.append(Element("p", {"n": 1}, ["é"]))
    assert heard.last == (XmlChanged(("x",), (Insert(['<p n="1">é</p>']),), {}),)
    with heard.document.edit():
        page[0].attributes["n"] = 2
        page[0].append(Element("br"))
        page[0][0].insert(1, "😀")
    assert heard.take() == {
        ("x", 0): XmlChanged(
            ("x", 0), (Retain(1), Insert(["<br></br>"])), {"n": KeyChanged("update", 1, 2)}
        ),
        ("x", 0, 0): XmlChanged(("x", 0, 0), (Retain(1), Insert("😀")), {}),
    }


def test_what_is_nested_tells_where_it_is(heard: Heard) -> None:
    """By the path that it has after the change."""
    document = heard.document
    document.map("m")["list"] = [{"text": NewText("é")}]
    with document.edit():
        document.map("m")["list"].insert(0, "first")
        document.map("m")["list"][1]["text"].append("😀")
    assert heard.take() == {
        ("m", "list"): ArrayChanged(("m", "list"), (Insert(["first"]),)),
        ("m", "list", 1, "text"): TextChanged(("m", "list", 1, "text"), (Retain(1), Insert("😀"))),
    }


def test_a_root_that_comes_from_elsewhere_is_told_as_new(heard: Heard) -> None:
    """All of its content, and afterwards its changes."""
    source = Document()
    source.text("t").insert(0, "é", {"b": True})
    source.map("m")["k"] = 1
    source.array("a").append(2)
    source.xml("x").append("text")
    heard.document.apply(source.update())
    assert heard.take() == {
        ("t",): TextChanged(("t",), (Insert("é", {"b": True}),)),
        ("m",): MapChanged(("m",), {"k": KeyChanged("add", None, 1)}),
        ("a",): ArrayChanged(("a",), (Insert([2]),)),
        ("x",): XmlChanged(("x",), (Insert(["text"]),), {}),
    }
    source.text("t").insert(1, "x", {})
    heard.document.apply(source.update(heard.document.state_vector))
    assert heard.last == (TextChanged(("t",), (Retain(1), Insert("x"))),)


def test_texts_from_elsewhere_are_followed_from_the_first(heard: Heard) -> None:
    """An edit to a text that this replica never used is told in code points too."""
    source = Document()
    source.map("m")["notes"] = [NewText("é😀"), NewText("")]
    heard.document.apply(source.update())
    source.map("m")["notes"][0].delete(0, 1)
    source.map("m")["notes"][1].append("€")
    heard.document.apply(source.update(heard.document.state_vector))
    assert heard.take() == {
        ("m", "notes", 0): TextChanged(("m", "notes", 0), (Delete(1),)),
        ("m", "notes", 1): TextChanged(("m", "notes", 1), (Insert("€"),)),
    }


def test_texts_that_went_are_forgotten(heard: Heard) -> None:
    """A document whose paragraphs come and go does not keep what it knew of each."""
    page: Any = heard.document.xml("x")
    for number in range(700):
        page.append(Element("p", {}, [f"é{number}"]))
        page.delete(0, 1)
    page.append("é")
    assert len(heard.document._desk.live.texts) < 600
    page[0].append("😀")
    assert heard.last == (XmlChanged(("x", 0), (Retain(1), Insert("😀")), {}),)


def test_nothing_is_worked_out_for_nobody(heard: Heard) -> None:
    """When the last observer stops, so does the ear."""
    changes: list[tuple[Part, ...]] = []
    heard.stop()
    stop = heard.document.on_update(lambda change: changes.append(change.parts))
    heard.document.text("t").append("x")
    assert changes == [()]
    assert heard.document._desk._ear is None
    stop()
