"""What is different in a shared type: how nested changes are gone through."""

from __future__ import annotations

from collabkit.history.changed import (
    ElementChanged,
    KeyChanged,
    MapChanged,
    SequenceChanged,
    TextChanged,
    Within,
    walk,
)
from collabkit.history.tree import ArrayNode, ElementNode, Entry, MapNode, TextNode, XmlTextNode


def test_walking_goes_through_all_that_is_nested() -> None:
    """Shared types come in the order of the document, each before what is inside it."""
    text = TextChanged(("m", "t"), TextNode(), TextNode())
    note = TextChanged(("m", "a", 0, "x"), XmlTextNode(), XmlTextNode())
    element = ElementChanged(
        ("m", "a", 0), ElementNode("p"), ElementNode("p"), (), {"x": note, "y": KeyChanged()}
    )
    array = SequenceChanged(("m", "a"), ArrayNode(), ArrayNode(), (Within(element),))
    top = MapChanged(
        ("m",),
        MapNode(),
        MapNode(),
        {"t": text, "k": KeyChanged(None, Entry(1)), "a": array},
    )
    assert [each.path for each in walk({"m": top})] == [
        ("m",),
        ("m", "t"),
        ("m", "a"),
        ("m", "a", 0),
        ("m", "a", 0, "x"),
    ]
