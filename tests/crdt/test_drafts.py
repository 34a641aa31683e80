"""What somebody wrote is told as he wrote it, from his update alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collabkit.crdt import drafts as module
from collabkit.crdt.drafts import Part, drafts
from collabkit.crdt.scan import scan

ROOM = 10_000


def told(doc: Doc[Any], *, single: bool = False, room_bytes: int = ROOM) -> Any:
    """All that a document has, as a draft."""
    update = doc.get_update()
    found = scan(update)
    ranges = tuple((s.client, s.clock, s.length) for s in found.sections)
    return drafts(update, found, [(ranges, single)], room_bytes=room_bytes)[0]


def _tree(doc: Doc[Any]) -> None:
    page = doc.get("x", type=XmlFragment)
    element = page.children.append(XmlElement("p", {"id": "1"}))
    element.children.append(XmlText("hi"))


CASES: dict[str, tuple[Callable[[Doc[Any]], object], bool, Any]] = {
    "text": (lambda doc: doc.get("x", type=Text).insert(0, "h\U0001f600i"), False, "h\U0001f600i"),
    "values": (
        lambda doc: doc.get("x", type=Array).extend([1, None, {"a": [2.5]}]),
        False,
        [1, None, {"a": [2.5]}],
    ),
    "a key": (lambda doc: doc.get("x", type=Map).update({"k": "v"}), True, "v"),
    "a map": (
        lambda doc: doc.get("x", type=Map).update({"k": Map({"a": 1, "b": Array([True])})}),
        True,
        {"a": 1, "b": [True]},
    ),
    "a text in a map": (
        lambda doc: doc.get("x", type=Map).update({"k": Map({"t": Text("deep")})}),
        True,
        {"t": "deep"},
    ),
    "bytes": (lambda doc: doc.get("x", type=Map).update({"k": b"raw"}), True, b"raw"),
    "xml": (_tree, False, [{"tag": "p", "attributes": {"id": "1"}, "children": ["hi"]}]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_content(case: str) -> None:
    """Values, text and trees read as what they were written as."""
    write, single, expected = CASES[case]
    doc: Doc[Any] = Doc()
    write(doc)
    assert told(doc, single=single) == expected


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1000), st.text(min_size=1, max_size=5)), max_size=30))
def test_text_that_was_put_between_is_in_its_place(inserts: list[tuple[int, str]]) -> None:
    """Wherever somebody wrote, his draft reads as his text does."""
    doc: Doc[Any] = Doc()
    text = doc.get("t", type=Text)
    for where, what in inserts:
        if "\x00" not in what:
            boundaries = [len(str(text)[:n].encode()) for n in range(len(str(text)) + 1)]
            text.insert(boundaries[where % len(boundaries)], what)
    assert told(doc) == (str(text) or None)


def test_only_what_is_asked_for_is_told() -> None:
    """Of several parts each its own."""
    doc: Doc[Any] = Doc(client_id=7)
    doc.get("t", type=Text).insert(0, "abcdef")
    update = doc.get_update()
    parts: list[Part] = [(((7, 0, 2),), False), (((7, 3, 1), (7, 5, 1)), False), ((), False)]
    assert drafts(update, scan(update), parts, room_bytes=ROOM) == ["ab", "df", None]


def test_what_is_too_much_is_left_out() -> None:
    """By its size, by how many pieces it is made of, and by how deeply it nests."""
    doc: Doc[Any] = Doc()
    doc.get("t", type=Text).insert(0, "x" * 100)
    assert told(doc, room_bytes=101) is None
    assert told(doc, room_bytes=102) == "x" * 100
    scattered: Doc[Any] = Doc()
    text = scattered.get("t", type=Text)
    dice = random.Random(5)
    for length in range(module.MAX_PIECES * 2):
        text.insert(dice.randrange(length + 1), "x")
    assert told(scattered) is None
    deep: Any = 1
    for _ in range(module.MAX_DEPTH + 2):
        deep = Map({"k": deep})
    nested: Doc[Any] = Doc()
    nested.get("m", type=Map).update({"k": deep})
    got = told(nested, single=True)
    for _ in range(module.MAX_DEPTH):
        got = got["k"]
    assert got is None
