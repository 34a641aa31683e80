"""Markup: equal content is written the same, and nothing in it can be taken for markup."""

from __future__ import annotations

from collabkit.crdt.markup import element, styled


def test_names_are_in_order() -> None:
    """Of attributes as of formatting, whatever order they came in."""
    assert element("p", [("b", "2"), ("a", "1")], "x") == '<p a="1" b="2">x</p>'
    assert styled("x", {"i": True, "b": True}) == "<b><i>x</i></b>"


def test_what_looks_like_markup_is_escaped() -> None:
    """In text and in attributes; what is no string is JSON."""
    assert styled("<b>", {}) == "&lt;b&gt;"
    assert element("p", [("a", '"'), ("n", {"k": 1.0})], "") == "<p a='\"' n='{\"k\": 1}'></p>"


def test_an_object_is_no_text() -> None:
    """Its formatting is still shown."""
    assert styled({"image": 1}, {"a": {"href": "/x"}}) == '<a href="/x"></a>'
