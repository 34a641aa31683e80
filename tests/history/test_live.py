"""What a document holds now, as a tree."""

from __future__ import annotations

from collabkit.crdt.document import Document
from collabkit.crdt.pen import writing
from collabkit.crdt.values import Element, Json, NewText
from collabkit.history.live import tree_of
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    TextNode,
    XmlNode,
    XmlTextNode,
)


def test_each_kind_is_a_node_of_its_own() -> None:
    """A shared map and a plain dict differ, a shared text and a string, and so on."""
    document = Document()
    document.map("m").update({"shared": {"a": 1}, "plain": Json({"a": 1}), "text": NewText("s")})
    document.array("a").extend(["s", b"s", [True, 1.0, None]])
    document.xml("x").append(Element("p", {"k": 1}, ["hi", Element("br")]))
    tree = tree_of(document)
    assert tree["m"] == MapNode(
        entries={
            "shared": Entry(MapNode(entries={"a": Entry(1)})),
            "plain": Entry({"a": 1}),
            "text": Entry(TextNode(runs=(Run("s"),))),
        }
    )
    inner = ArrayNode(items=(Entry(True), Entry(1), Entry(None)))
    assert tree["a"] == ArrayNode(items=(Entry("s"), Entry(b"s"), Entry(inner)))
    words = XmlTextNode(runs=(Run("hi"),))
    paragraph = ElementNode("p", None, {"k": Entry(1)}, (Entry(words), Entry(ElementNode("br"))))
    assert tree["x"] == XmlNode(children=(Entry(paragraph),))


def test_text_is_runs_with_what_is_embedded() -> None:
    """Formatting parts runs; objects and shared types stand among them."""
    document = Document()
    text = document.text("t")
    text.insert(0, "wide 😀", {"bold": True})
    text.embed(6, {"image": 1}, {})
    with document.edit(), writing(document) as pen:
        branch = pen.root("text", "t")
        made = pen.make(branch, pen.length(branch), "array", style={"em": True})
        pen.put(made, 0, 7)
    assert tree_of(document)["t"] == TextNode(
        runs=(
            Run("wide 😀", {"bold": True}),
            Run({"image": 1}),
            Run(ArrayNode(items=(Entry(7),)), {"em": True}),
        )
    )


def test_empty_roots_are_left_out() -> None:
    """A root that was asked for, or emptied, is no content; an empty nested type is."""
    document = Document()
    document.text("asked")
    document.text("emptied").append("x")
    document.text("emptied").delete(0, 1)
    document.map("m")["list"] = []
    assert tree_of(document) == {"m": MapNode(entries={"list": Entry(ArrayNode())})}


def test_a_block_sees_its_own_edits() -> None:
    """Inside an edit block the tree is what the block has made so far."""
    document = Document()
    with document.edit():
        document.text("t").append("x")
        assert tree_of(document) == {"t": TextNode(runs=(Run("x"),))}
