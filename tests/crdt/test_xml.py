"""Shared XML, as editors keep their documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.block import Block
from collabkit.crdt.document import Document
from collabkit.crdt.text import Run
from collabkit.crdt.values import MAX_DEPTH, Element, NewText
from collabkit.crdt.xml import XmlElement, XmlFragment, XmlText
from collabkit.errors import Gone, OutOfRange, ValueNotStorable

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
attributes = st.dictionaries(
    st.sampled_from(["id", "class", "é"]), text | st.integers(-9, 9) | st.booleans(), max_size=2
)
trees = st.recursive(
    text | st.builds(NewText, text, st.just({"bold": True})),
    lambda inner: st.builds(
        Element, st.sampled_from(["p", "h1", "blockContainer"]), attributes, st.lists(inner)
    ),
    max_leaves=8,
)


def as_values(node: XmlElement | XmlText) -> Any:
    """A node as the value that makes its like; only for texts of one run."""
    if isinstance(node, XmlText):
        (run,) = node.runs()
        return NewText(run.value, run.attributes) if run.attributes else run.value
    return Element(node.tag, dict(node.attributes), [as_values(child) for child in node])


@given(st.lists(trees, max_size=4))
def test_what_was_put_in_is_what_is_there(nodes: list[Any]) -> None:
    """A tree reads back node by node, here and in a new replica, with the same markup."""
    document, loaded = Document(), Document()
    document.xml("page").append(*nodes)
    loaded.apply(document.update())
    for page in (document.xml("page"), loaded.xml("page")):
        assert [as_values(child) for child in page] == nodes
    assert str(loaded.xml("page")) == str(document.xml("page"))
    assert loaded.digest() == document.digest()


@pytest.fixture
def page() -> XmlFragment:
    """A heading and a paragraph."""
    page = Document().xml("page")
    page.append(
        Element("h1", {"level": 1}, ["Title"]),
        Element("p", {}, ["Some ", Element("b", {}, ["bold"]), " text"]),
    )
    return page


def test_children_are_a_sequence(page: XmlFragment) -> None:
    """Indexes, slices, length and iteration, as of a list."""
    assert [child.tag for child in page if isinstance(child, XmlElement)] == ["h1", "p"]
    paragraph = page[-1]
    assert isinstance(paragraph, XmlElement)
    assert (len(paragraph), [type(child) for child in paragraph[:2]]) == (3, [XmlText, XmlElement])
    with pytest.raises(OutOfRange):
        paragraph[3]


def test_children_are_edited_by_index(page: XmlFragment) -> None:
    """Nodes are inserted, replaced and deleted, each in one transaction."""
    changes: list[Any] = []
    page._desk.listen(changes.append)
    page.insert(1, Element("hr"), "loose")
    page.replace(0, 2, "first")
    page.delete(1, 2)
    assert str(page) == "first<p>Some <b>bold</b> text</p>"
    assert len(changes) == 3


def test_attributes_are_a_dict(page: XmlFragment) -> None:
    """With values of any plain kind, which read back as they were."""
    heading: Any = page[0]
    heading.attributes.update({"id": "top", "style": {"a": [1]}})
    assert dict(heading.attributes) == {"level": 1, "id": "top", "style": {"a": [1]}}
    del heading.attributes["level"]
    assert (len(heading.attributes), "level" in heading.attributes) == (2, False)
    with pytest.raises(KeyError):
        del heading.attributes["level"]
    heading[0].attributes["lang"] = "en"
    assert repr(heading[0].attributes) == "<XmlAttributes {'lang': 'en'}>"


def test_text_in_a_tree_is_text(page: XmlFragment) -> None:
    """It counts code points, has formatting, embedded objects and positions."""
    title: Any = page[0][0]
    title.insert(5, " 😀", {"em": True})
    title.embed(0, {"image": 1})
    cursor = title.position_at(7)
    title.replace(1, 3, "é")
    assert title[:] == "\ufffcétle 😀"
    assert title.index_of(cursor) == 6
    assert title.runs()[-1] == Run(" 😀", {"em": True})


def test_markup_is_well_formed_and_the_same_everywhere() -> None:
    """Attributes stand in order, content is escaped, formatting becomes tags."""
    page = Document().xml("page")
    page.append(
        Element(
            "p",
            {"z": 'a"b', "a": 1, "m": {"k": True}},
            ["x < y & z", NewText("link", {"a": {"href": "u", "b": None}, "strong": True})],
        )
    )
    assert str(page) == (
        """<p a="1" m='{"k": true}' z='a"b'>x &lt; y &amp; z"""
        """<a b="null" href="u"><strong>link</strong></a></p>"""
    )


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Element(""), "the tag of node 1 is empty"),
        (Element("p", {"a": None}), "attribute 'a' of node 1 is None; delete it instead"),
        (Element("p", {}, [Element("b", {"x": {1}})]), "attribute 'x' of node 1 <p>[0] is a set"),
        (Element("p", {}, ["\ud800"]), "node 1 <p>[0] has half of a surrogate pair at 0"),
        (NewText("x", {"b": {1}}), "the formatting of node 1['b'] is a set"),
        ({"tag": "p"}, "node 1 is a dict, not a node"),
    ],
)
def test_a_node_that_cannot_be_stored_is_named(page: XmlFragment, node: Any, reason: str) -> None:
    """Nothing of the tree is written, and the reason says where it is wrong."""
    before = str(page)
    with pytest.raises(ValueNotStorable) as caught:
        page.append("fine", node)
    assert caught.value.reason == reason
    assert str(page) == before


def test_nesting_ends_before_the_engine_does(page: XmlFragment) -> None:
    """Elements nest as deep as other values, and no deeper."""
    tree: Any = "core"
    for _ in range(MAX_DEPTH):
        tree = Element("p", {}, [tree])
    page.append(tree)
    with pytest.raises(ValueNotStorable, match="nested more than 64 deep"):
        page.append(Element("p", {}, [tree]))


@pytest.mark.parametrize(
    "use",
    [
        lambda paragraph, text: paragraph.tag,
        lambda paragraph, text: paragraph.append("x"),
        lambda paragraph, text: text.append("x"),
        lambda paragraph, text: str(text),
        lambda paragraph, text: dict(paragraph.attributes),
    ],
)
def test_a_node_that_was_deleted_is_gone(page: XmlFragment, use: Callable[..., Any]) -> None:
    """Its handle finds nothing, not even when others took its place and its memory."""
    paragraph = page[1]
    inside = paragraph[0]
    page.delete(1, 2)
    page.append(*[Element("div", {}, ["other"])] * 100)
    with pytest.raises(Gone):
        use(paragraph, inside)


def test_a_block_edits_a_tree_or_does_not(page: XmlFragment) -> None:
    """Handles from outside work in a block, on what is staged there."""
    paragraph: Any = page[1]
    before = str(page)
    inside = 'new<h1 level="1">Title</h1><p x="1">Some more<b>bold</b> text</p>'
    try:
        with Block(page._desk):
            paragraph[0].append("more")
            paragraph.attributes["x"] = 1
            page.insert(0, "new")
            assert str(page) == inside
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert str(page) == before
    with Block(page._desk):
        paragraph[0].append("more")
        paragraph.attributes["x"] = 1
        page.insert(0, "new")
    assert str(page) == inside


def test_children_can_come_from_a_generator() -> None:
    """They are kept when the element is made, and so there as often as it is used."""
    children: Any = (name for name in ["a", "b"])
    element = Element("p", {}, children)
    page = Document().xml("page")
    page.append(element, element)
    assert str(page) == "<p>ab</p>" * 2
