"""A difference as lines: what somebody reads who knows unified diffs."""

from __future__ import annotations

from typing import Any

from collabkit.history.difference import difference
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    TextNode,
    XmlNode,
    XmlTextNode,
)
from collabkit.ids import Seq, Subject

ADA = Stamp(Seq(1), Subject("user:ada"), 1)
BOB, BOB_LATER = (Stamp(Seq(seq), Subject("user:bob"), 2) for seq in (7, 9))


def lines(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def shown(old: Any, new: Any, **options: Any) -> str:
    return str(difference({"r": old}, {"r": new}, **options))


def test_a_text_in_hunks() -> None:
    """Each hunk has three lines around, counts lines as diff does, and says whose it is."""
    old = TextNode(None, (Run(lines(1, 20), {}, ADA),))
    new = TextNode(
        None, (Run(lines(1, 9), {}, ADA), Run("new\n", {}, BOB), Run(lines(10, 18), {}, ADA))
    )
    gone = TextNode(None, (Run(lines(1, 20), {}, BOB_LATER),))
    assert shown(old, new, gone={"r": gone}).splitlines() == [
        "--- r", "+++ r",
        "@@ -7,6 +7,7 @@ user:bob #7",
        " line 7", " line 8", " line 9", "+new", " line 10", " line 11", " line 12",
        "@@ -16,5 +17,3 @@ user:bob #9",
        " line 16", " line 17", " line 18", "-line 19", "-line 20",
    ]  # fmt: skip


def test_hunks_that_would_touch_are_one() -> None:
    """Two changes with few lines between them are told at once, with both authors."""
    old = TextNode(None, (Run("a\nb\nc\nd\ne\n", {}, ADA),))
    new = TextNode(
        None,
        (Run("A\n", {}, BOB), Run("b\nc\nd\n", {}, ADA), Run("E", {}, BOB_LATER), Run("\n")),
    )
    assert shown(old, new).splitlines()[2:] == [
        "@@ -1,5 +1,5 @@ user:bob #7-9", "-a", "+A", " b", " c", " d", "-e", "+E",
    ]  # fmt: skip


def test_keys_and_what_is_nested() -> None:
    """Keys stand as in YAML; a shared type that is different inside has a part of its own."""
    tags = ArrayNode(None, tuple(Entry(value, ADA) for value in "abcde"))
    old = MapNode(None, {"due": Entry(2026, ADA), "x y": Entry({"n": [1]}), "tags": Entry(tags)})
    edited = ArrayNode(None, (*tags.items[:3], Entry(MapNode(None, {"n": Entry(1)}), BOB)))
    new = MapNode(None, {"due": Entry(2027, BOB), "tags": Entry(edited)})
    assert shown(old, new).splitlines() == [
        "--- r", "+++ r",
        "@@ 2 keys @@ user:bob #7",
        "-due: 2026", "+due: 2027", '-"x y":', "-  n:", "-    - 1",
        "--- r.tags", "+++ r.tags",
        "@@ -3,3 +3,2 @@ user:bob #7",
        ' - "c"', '-- "d"', '-- "e"', "+-", "+  n: 1",
    ]  # fmt: skip


def test_xml_is_an_outline() -> None:
    """An element stands inside the one that it is in, with what is beside what is different."""

    def text(*runs: Run) -> Entry:
        return Entry(XmlTextNode(None, runs), ADA)

    def paragraph(inside: Entry, align: str) -> Entry:
        return Entry(ElementNode("p", None, {"align": Entry(align, BOB)}, (inside,)), ADA)

    head = Entry(ElementNode("h1", None, {}, (text(Run("Title")),)))
    rule = Entry(ElementNode("hr"), BOB)
    bold = Run("paragraph", {"bold": True})
    old = XmlNode(None, (head, paragraph(text(Run("first paragraph of text")), "left")))
    edited = text(Run("first "), bold, Run(" of "), Run("words", {}, BOB))
    new = XmlNode(None, (head, paragraph(edited, "right"), rule))
    assert shown(old, new).splitlines() == [
        "--- r", "+++ r",
        "@@ -1,2 +1,3 @@ user:bob #7",
        " <h1>Title</h1>", " <p>",
        '-  align="left"', '+  align="right"',
        "-    first paragraph of text", "+    first paragraph of words",
        '~    "paragraph": bold=true',
        "+<hr></hr>",
    ]  # fmt: skip


def test_a_root_of_another_kind() -> None:
    """It is told whole, as it was and as it is."""
    new = ArrayNode(None, (Entry(1, BOB),))
    assert shown(TextNode(None, (Run("a"),)), new).splitlines() == [
        "--- r", "+++ r", "@@ replaced @@", '-"a"', "+- 1",
    ]  # fmt: skip


def test_nothing_is_nothing() -> None:
    """Where nothing is different there are no lines."""
    assert shown(TextNode(), TextNode()) == ""
