"""Contents as lines."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.history.outline import brief, outline
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Subdocument,
    TextNode,
    XmlNode,
    XmlTextNode,
)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("two\nlines", ['k: "two\\nlines"']),
        ({}, ["k: {}"]),
        ([1, {"a": None}], ["k:", "  - 1", "  -", "    a: null"]),
        (MapNode(), ["k: {}"]),
        (ArrayNode(), ["k: []"]),
        (XmlNode(), ["k: <></>"]),
        (MapNode(None, {"a b": Entry(b"\0")}), ["k:", "  \"a b\": b'\\x00'"]),
        ("\ud800", ['k: "\\ud800"']),
        (Subdocument("d1"), ["k: document d1"]),
        (TextNode(), ['k: ""']),
        (TextNode(None, (Run("one\ntwo"),)), ["k:", '  "one\\n"', '  "two"']),
        (TextNode(None, (Run("a"), Run({"i": 1}))), ['k: "a⟦{\\"i\\":1}⟧"']),
    ],
)
def test_whatever_there_is_stands_on_lines(content: Any, shown: list[str]) -> None:
    """Maps and lists are indented, and nothing breaks its line."""
    assert outline(content, "k: ") == shown


def test_large_elements_are_indented() -> None:
    """An element that fits on no line has its children below it."""
    inside = Entry(XmlTextNode(None, (Run("x" * 90),)))
    item = Entry(ElementNode("li", None, {"n": Entry("1")}, (inside,)))
    small = Entry(ElementNode("li", None, {}, (Entry(XmlTextNode(None, (Run("y"),))),)))
    assert outline(ElementNode("ul", None, {}, (item, small))) == [
        "<ul>", '  <li n="1">', f'    "{"x" * 90}"', "  <li>y</li>",
    ]  # fmt: skip


def test_brief_is_one_line() -> None:
    """What is longer is cut, and line ends are spelled out."""
    assert brief(TextNode(None, (Run("a\nb"),))) == '"a\\nb"'
    assert len(brief("x" * 200)) == 80
