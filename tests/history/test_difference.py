"""Differences: exact whatever is compared, and what a person would call different."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collabkit.history.changed import (
    Add,
    ElementChanged,
    Insert,
    Keep,
    KeyChanged,
    MapChanged,
    Remove,
    SequenceChanged,
    TextChanged,
    Within,
)
from collabkit.history.difference import Difference, difference
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    Subdocument,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
    is_node,
    same,
)
from collabkit.ids import Seq, Subject
from history.taking import take

ADA, BOB = (Stamp(Seq(n), Subject(f"user:{who}"), n) for n, who in ((1, "ada"), (2, "bob")))

# Few names, ids and letters, so that what is compared has something in common.
ids = st.none() | st.tuples(st.just(1), st.integers(0, 9))
stamps = st.sampled_from((None, ADA, BOB))
scalars = st.sampled_from((None, True, 1, 2.5, "", "a", b"a", [1], {"a": [1]}, Subdocument("d")))
words = st.lists(st.sampled_from(("a", "ab", "ba", " ", "\n", "ü", "😀")), min_size=1, max_size=5)
formats = st.sampled_from(({}, {"bold": True}, {"bold": False, "link": {"to": "b"}}))
embeds: Any = st.sampled_from(({"image": 1}, {"image": 2}))


def entries(values: Any) -> Any:
    return st.builds(Entry, values, stamps)


def keyed(values: Any) -> Any:
    return st.dictionaries(st.sampled_from("xyz"), entries(values), max_size=3)


def texts(values: Any) -> Any:
    runs = st.builds(Run, words.map("".join) | values, formats, stamps)
    return st.lists(runs, max_size=4).map(tuple)


def roots(values: Any) -> Any:
    return (
        st.builds(MapNode, ids, keyed(values))
        | st.builds(ArrayNode, ids, st.lists(entries(values), max_size=5).map(tuple))
        | st.builds(TextNode, ids, texts(embeds | values.filter(is_node)))
        | st.builds(XmlNode, ids, children(1))
    )


def children(levels: int) -> Any:
    inside = children(levels - 1) if levels else st.just(())
    elements = st.builds(ElementNode, st.sampled_from(("p", "h1")), ids, keyed(scalars), inside)
    found = elements | st.builds(XmlTextNode, ids, texts(embeds), keyed(scalars))
    return st.lists(entries(found), max_size=4).map(tuple)


values = st.recursive(scalars, roots, max_leaves=6)
trees = st.dictionaries(st.sampled_from("mn"), roots(values), max_size=2)


@given(trees, trees)
def test_taking_the_steps_leads_to_the_new_tree(old: Tree, new: Tree) -> None:
    """A difference of any two trees is exact, and there is one if they do not hold the same."""
    found = difference(old, new)
    there = take(old, found)
    assert same(there, new)
    assert bool(found) == bool(str(found)) == (not same(old, new))
    assert not difference(there, new)


def text(value: str, by: Stamp | None = None) -> TextNode:
    return TextNode(None, (Run(value, {}, by),))


def paragraph(number: int, value: str) -> Entry:
    inside = XmlTextNode((1, 100 + number), (Run(value),))
    return Entry(ElementNode("p", (1, number), {}, (Entry(inside),)))


def test_no_difference_is_false() -> None:
    """Trees that hold the same have none, whoever wrote them."""
    assert not difference({"t": text("a", ADA)}, {"t": text("a", BOB)})
    assert Difference({}).parts == ()


def test_an_empty_root_is_none() -> None:
    """Nothing was, is, or became of a root that holds nothing; one that does is gone into."""
    assert not difference({"t": TextNode()}, {"m": MapNode()})
    (part,) = difference({"t": MapNode()}, {"t": text("a", ADA)}).parts
    assert part == TextChanged(("t",), TextNode(), text("a", ADA), (Insert(Run("a", {}, ADA)),))


def test_a_root_of_another_kind_is_replaced() -> None:
    """No document can do that, and no steps are told."""
    old, new = text("a"), ArrayNode(None, (Entry(1),))
    found = difference({"r": old}, {"r": new})
    assert found.roots == {"r": KeyChanged(Entry(old), Entry(new))}
    assert found.parts == ()


def test_keys_that_came_went_and_changed() -> None:
    """Each key says what was and what is, with both authors, and who took it away."""
    old = MapNode(None, {"a": Entry(1, ADA), "b": Entry(2, ADA), "c": Entry(3, ADA)})
    new = MapNode(None, {"b": Entry(True, BOB), "c": Entry(3.0, BOB), "d": Entry(4, BOB)})
    gone = MapNode(None, {key: Entry(entry.value, BOB) for key, entry in old.entries.items()})
    (part,) = difference({"m": old}, {"m": new}, gone={"m": gone}).parts
    assert isinstance(part, MapChanged)
    assert part.keys == {
        "a": KeyChanged(Entry(1, ADA), None, BOB),
        "b": KeyChanged(Entry(2, ADA), Entry(True, BOB)),
        "d": KeyChanged(None, Entry(4, BOB)),
    }


def test_elements_that_came_and_went() -> None:
    """A sequence is told in steps; what two people took away is two."""
    old = ArrayNode(None, tuple(Entry(value, ADA) for value in "abcd"))
    new = ArrayNode(None, (Entry("a", ADA), Entry("x", BOB), Entry("d", ADA), Entry("e", BOB)))
    gone = ArrayNode(None, (Entry("a"), Entry("b", ADA), Entry("c", BOB), Entry("d")))
    (part,) = difference({"a": old}, {"a": new}, gone={"a": gone}).parts
    assert isinstance(part, SequenceChanged)
    assert part.steps == (
        Keep(1),
        Remove((Entry("b", ADA),), ADA),
        Remove((Entry("c", ADA),), BOB),
        Add((Entry("x", BOB),)),
        Keep(1),
        Add((Entry("e", BOB),)),
    )


def test_the_same_element_is_gone_into() -> None:
    """An element keeps its id: it is compared with itself, whatever it became and where it is."""
    old = XmlNode(None, (paragraph(1, "one"), paragraph(2, "two")))
    new = XmlNode(None, (paragraph(3, "zero"), paragraph(2, "entirely other")))
    fragment, element, inside = difference({"x": old}, {"x": new}).parts
    assert isinstance(fragment, SequenceChanged)
    assert isinstance(element, ElementChanged)
    assert fragment.steps == (
        Remove((paragraph(1, "one"),)),
        Add((paragraph(3, "zero"),)),
        Within(element),
    )
    assert element.steps == (Within(inside),)
    assert inside.path == ("x", 1, 0)


def test_elements_without_ids_are_told_by_what_they_have_in_common() -> None:
    """Of two paragraphs the one that was edited is found, though another stands in its place."""
    old = XmlNode(None, (Entry(ElementNode("p", None, {}, (Entry(text_("a quick brown fox")),))),))
    added = Entry(ElementNode("p", None, {}, (Entry(text_("lorem ipsum")),)))
    edited = Entry(ElementNode("p", None, {}, (Entry(text_("a quick red fox")),)))
    fragment, _, inside = difference({"x": old}, {"x": XmlNode(None, (added, edited))}).parts
    assert isinstance(fragment, SequenceChanged)
    assert fragment.steps[0] == Add((added,))
    assert inside.path == ("x", 1, 0)


def text_(value: str) -> XmlTextNode:
    return XmlTextNode(None, (Run(value),))


def test_one_of_many_elements_that_read_alike() -> None:
    """Where one went and one that reads alike came, nothing is different."""
    old = XmlNode(None, (paragraph(1, "x"), paragraph(2, "x")))
    new = XmlNode(None, (paragraph(2, "x"), paragraph(3, "x")))
    assert not difference({"x": old}, {"x": new})


def test_as_deep_as_documents_nest() -> None:
    """Shared types in shared types, and JSON in those, as deep as a budget lets them be."""

    def deep(value: Any) -> Tree:
        for level in range(64):
            value = {"k": value} if level % 2 else [value]
        inside: Any = value
        for level in range(63):
            inside = (
                MapNode(None, {"k": Entry(inside)})
                if level % 2
                else ArrayNode(None, (Entry(inside),))
            )
        return {"m": inside, "n": inside}

    found = difference(deep(1), deep(2))
    assert same(take(deep(1), found), deep(2))
    assert len(found.parts[-1].path) == 63
    assert found.to_json()["parts"]
    assert "+" in str(found)
