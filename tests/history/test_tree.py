"""Trees: what they say of a text."""

from __future__ import annotations

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
    joined,
    plain_tree,
    same,
    text_of,
)
from collabkit.ids import Seq, Subject

BY = Stamp(Seq(1), Subject("user:ada"), 0)


def test_a_text_is_its_characters_alone() -> None:
    """An embedded object is none."""
    node = TextNode(None, (Run("a", {"bold": True}), Run({"image": 1}), Run("b")))
    assert text_of(node) == "ab"


def test_everything_reads_as_plain_values() -> None:
    """Shared types as what they look like, XML as markup; roots without content are left out."""
    link = {"a": {"href": "/x"}}
    text = XmlTextNode(None, (Run("a", link, BY), Run("b", link), Run({"i": 1}), Run("<", {})))
    page = ElementNode("p", None, {"n": Entry(1), "c": Entry("q")}, (Entry(text),))
    tree: Tree = {
        "m": MapNode(None, {"list": Entry(ArrayNode(None, (Entry(b"x"), Entry([1])))),
                            "text": Entry(text), "inner": Entry(Subdocument("guid"))}),
        "x": XmlNode(None, (Entry(page),)),
        "empty": TextNode(),
    }  # fmt: skip
    assert plain_tree(tree) == {
        "m": {"list": [b"x", [1]], "text": "ab<", "inner": {"guid": "guid"}},
        "x": '<p c="q" n="1"><a href="/x">ab</a>&lt;</p>',
    }


def test_neighbours_of_one_formatting_are_one_run() -> None:
    """Objects are apart, each."""
    runs = (Run("a", {}, BY), Run("b"), Run(1), Run(1), Run("c"), Run("d", {"b": 1}))
    assert joined(runs) == [Run("ab"), Run(1), Run(1), Run("c"), Run("d", {"b": 1})]


def test_trees_with_other_ids_and_stamps_hold_the_same() -> None:
    """Nor does it count how runs were cut, or whether an empty root is told."""
    one: Tree = {"t": TextNode((7, 1), (Run("ab", {}, BY),)), "e": MapNode()}
    other: Tree = {"t": TextNode(None, (Run("a"), Run("b")))}
    assert same(one, other)
    assert one != other


def test_what_reads_alike_may_not_be_the_same() -> None:
    """A shared map is no plain dict, a text no string, and True no 1; but 1 is 1.0."""
    values = [1, True, "1", b"1", [1], {"1": 1}, None, TextNode(None, (Run("1"),))]
    values += [MapNode(None, {"1": Entry(1)}), ArrayNode(None, (Entry(1),)), Subdocument("1")]
    values += [XmlTextNode(None, (Run("1"),)), XmlNode(), ElementNode("1"), 1.5]
    trees: list[Tree] = [{"m": MapNode(None, {"k": Entry(value)})} for value in values]
    for at, one in enumerate(trees):
        assert [same(one, other) for other in trees] == [at == n for n in range(len(trees))]
