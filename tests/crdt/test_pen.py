"""Reading and writing shared types by branch."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.pen import Pen, kind_of, reading, units, writing
from collabkit.errors import LocalProtocolError, ValueNotStorable

ROOTS = ("text", "map", "array", "xml")
EVERY = ("text", "map", "array", "xml", "element", "xml text")


def around(pen: Pen, kind: str) -> Any:
    """A new shared type of any kind."""
    if kind in ROOTS:
        return pen.root(kind, kind)
    return pen.make(pen.root("xml", "xml"), 0, kind, "p")


def inside(pen: Pen, branch: Any) -> Any:
    """What was put there."""
    match kind_of(branch):
        case "map":
            return pen.get(branch, "key")
        case "text" | "xml text":
            return pen.runs(branch)[0][0]
        case _:
            return pen.get(branch, 0)


def where(kind: str) -> Any:
    """A place in it."""
    return "key" if kind == "map" else 0


PAIRS = [
    (outer, kind)
    for outer in EVERY
    for kind in EVERY
    if outer not in ("xml", "element") or kind not in ("text", "map", "array")
]


def test_among_nodes_of_xml_are_nodes_alone() -> None:
    """What is no node is refused there, and nothing happened."""
    document = Document()
    with document.edit(), writing(document) as pen, pytest.raises(ValueNotStorable, match="a map"):
        pen.make(pen.root("xml", "x"), 0, "map")
    assert document.update() == Document().update()


@pytest.mark.parametrize(("outer", "kind"), PAIRS)
def test_each_kind_is_made_everywhere(outer: str, kind: str) -> None:
    """What is made is of the kind that was asked for, and found there, here and elsewhere."""
    document, other = Document(), Document()
    with document.edit(), writing(document) as pen:
        branch = around(pen, outer)
        made = pen.make(branch, where(outer), kind, "q")
        assert kind_of(made) == kind_of(inside(pen, branch)) == kind
        if kind == "text":
            pen.insert(made, 0, "in it", {})
    other.apply(document.update())
    assert other.digest() == document.digest()


def test_it_writes_in_a_block_alone() -> None:
    """Without a block nothing could be taken back, so nothing is written."""
    document = Document()
    with pytest.raises(LocalProtocolError, match="in no edit block"), writing(document):
        pass
    assert document.to_dict() == {}


def test_what_fails_leaves_no_trace() -> None:
    """A block that raises takes back what the pen wrote."""
    document = Document()
    document.text("t").append("old")
    before = document.update()

    def fail() -> None:
        with document.edit(), writing(document) as pen:
            pen.insert(pen.root("text", "t"), 0, "new", {})
            pen.put(pen.root("map", "m"), "key", 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert document.update() == before


def test_handles_count_right_after_it() -> None:
    """Wide characters that a pen wrote are where handles say, in that block and the next."""
    document = Document()
    text = document.text("t")
    with document.edit():
        text.append("ab€")
        with writing(document) as pen:
            branch = pen.root("text", "t")
            pen.insert(branch, units("ab"), "😀é", {"bold": True})
            pen.cut(branch, 0, units("a"))
        assert text[:] == "b😀é€"
        text.insert(2, "|")
    with document.edit():
        text.insert(4, "|")
    assert text[:] == "b😀|é|€"


def test_text_is_formatted_and_read_back() -> None:
    """Formatting is set and taken away; embedded objects and shared types count one unit."""
    document = Document()
    with document.edit(), writing(document) as pen:
        text = pen.root("text", "t")
        pen.insert(text, 0, "naïve", {"bold": True})
        pen.insert(text, units("naïve"), {"image": "a.png"}, {})
        pen.make(text, pen.length(text), "map", style={"align": "left"})
        pen.format(text, 0, units("na"), {"bold": None, "em": True})
        found = [(kind_of(value) or value, style) for value, style in pen.runs(text)]
        assert pen.length(text) == 8
    assert found == [
        ("na", {"em": True}),
        ("ïve", {"bold": True}),
        ({"image": "a.png"}, {}),
        ("map", {"align": "left"}),
    ]


def test_maps_and_attributes_are_written() -> None:
    """Keys and attributes come and go."""
    document = Document()
    with document.edit(), writing(document) as pen:
        keys = pen.root("map", "m")
        pen.put(keys, "a", {"x": [1, None]})
        pen.put(keys, "b", b"bytes")
        pen.take(keys, "a")
        element = pen.make(pen.root("xml", "x"), 0, "element", "p")
        pen.put(element, "k", 1)
        pen.put(element, "l", "two")
        pen.take(element, "k")
    with reading(document) as pen:
        assert pen.roots() == {"m": "map", "x": "xml"}
        assert pen.keys(pen.root("map", "m")) == {"b": b"bytes"}
        (element,) = pen.items(pen.root("xml", "x"))
        assert (pen.tag(element), pen.keys(element)) == ("p", {"l": "two"})
