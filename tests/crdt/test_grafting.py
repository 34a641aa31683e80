"""What the engine has no call for comes in as an edit, and is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc, Map

from collabkit.crdt.document import Document
from collabkit.crdt.pen import Pen, kind_of, reading, writing

Put = Callable[[Pen], Any]


def grafted(put: Put) -> Document:
    """A document with something before and behind, and a graft."""
    document = Document()
    document.text("t").insert(0, "wide 😀 text", {"bold": True})
    document.array("a").extend([1, 2])
    document.map("m")["k"] = "before"
    with document.edit(), writing(document) as pen:
        put(pen)
    return document


def test_in_a_text_it_has_the_formatting_that_was_asked_for() -> None:
    """XML stands in a text, with nothing left of what held its place."""
    document = grafted(
        lambda pen: pen.make(pen.root("text", "t"), 9, "xml text", style={"em": True})
    )
    with reading(document) as pen:
        found = pen.runs(pen.root("text", "t"))
        runs = [(kind_of(value) or value, style) for value, style in found]
    assert runs == [
        ("wide 😀", {"bold": True}),
        ("xml text", {"em": True}),
        (" text", {"bold": True}),
    ]
    document.text("t").insert(7, "!", {})  # handles count it as one character
    assert document.text("t")[5:] == "😀\ufffc! text"


def test_in_an_array_it_is_where_it_was_put() -> None:
    """Elements before and behind stay."""
    document = grafted(lambda pen: pen.make(pen.root("array", "a"), 1, "element", "p"))
    with reading(document) as pen:
        found = pen.items(pen.root("array", "a"))
        assert [kind_of(one) or one for one in found] == [1, "element", 2]


def test_under_a_key_it_wins_and_is_undone() -> None:
    """It takes the place of what was there; undo brings that back."""
    document = grafted(lambda pen: pen.make(pen.root("map", "m"), "k", "element", "p"))
    other = Document()
    other.apply(document.update())
    assert other.map("m").plain() == {"k": "<p></p>"}
    assert document.undo()
    assert document.map("m").plain() == {"k": "before"}


def test_a_shared_type_as_an_attribute() -> None:
    """The engine knows attributes that are values alone."""

    def put(pen: Pen) -> None:
        element = pen.make(pen.root("xml", "x"), 0, "element", "p")
        pen.put(pen.make(element, "k", "map"), "inner", 1)

    document = grafted(put)
    with reading(document) as pen:
        (element,) = pen.items(pen.root("xml", "x"))
        assert pen.keys(pen.keys(element)["k"]) == {"inner": 1}


@pytest.mark.parametrize("root", ["m", "a"])
def test_a_document_inside(root: str) -> None:
    """Its name is what other programs know it by."""
    kind, place = ("map", "k") if root == "m" else ("array", 0)
    document = grafted(lambda pen: pen.put_document(pen.root(kind, root), place, "its-name"))
    assert document.to_dict()[root] in ({"k": {"guid": "its-name"}}, [{"guid": "its-name"}, 1, 2])
    doc: Doc[Any] = Doc()
    doc.apply_update(document.update())
    if root == "m":
        assert doc.get("m", type=Map)["k"].guid == "its-name"
