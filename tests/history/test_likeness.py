"""Which contents hold the same, and what two have in common."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.history.likeness import Likeness
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    Subdocument,
    TextNode,
    XmlTextNode,
)
from collabkit.ids import Seq, Subject

BY = Stamp(Seq(1), Subject("user:ada"), 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (float("nan"), float("nan")),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
        (TextNode(None, (Run("ab"),)), TextNode((1, 2), (Run("a", {}, BY), Run("b")))),
        (MapNode(None, {"a": Entry(1)}), MapNode((1, 2), {"a": Entry(1.0, BY)})),
    ],
)
def test_ids_and_stamps_do_not_count(one: Any, other: Any) -> None:
    """What reads alike has one form."""
    like = Likeness()
    assert like.form(one) == like.form(other)


def test_what_is_not_the_same() -> None:
    """Kinds, formatting and places of embedded objects count, and so do types of values."""
    contents = [
        1, True, "1", b"1", None, [1], {}, Subdocument("1"), ArrayNode(), MapNode(), TextNode(),
        ArrayNode(None, (Entry(1),)), ElementNode("p"), ElementNode("h1"), XmlTextNode(),
        XmlTextNode(None, (), {"a": Entry(1)}), TextNode(None, (Run("a"),)),
        TextNode(None, (Run("a", {"bold": True}),)), TextNode(None, (Run("a", {"bold": 1}),)),
        TextNode(None, (Run("a"), Run({"image": 1}))), TextNode(None, (Run({"image": 1}),)),
    ]  # fmt: skip
    like = Likeness()
    assert len({like.form(content) for content in contents}) == len(contents)


def test_sharing_counts_words_keys_and_values() -> None:
    """All in common is 1, nothing 0, and a share in between, however deep it lies."""
    like = Likeness()
    one = ElementNode("p", None, {"a": Entry(1)}, (Entry(XmlTextNode(None, (Run("x y"),))),))
    other = ElementNode("p", None, {"a": Entry(2)}, (Entry(XmlTextNode(None, (Run("x z"),))),))
    assert like.share(one, one) == like.share("", "") == 1.0
    assert like.share(one, "w") == 0.0
    assert like.share(one, other) == 0.5
