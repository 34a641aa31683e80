"""Contents of items: what they take, and how many clocks."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collabkit.crdt.contents import CONTENTS, check_text, utf16_length
from collabkit.crdt.lib0 import var_string
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.errors import MalformedBytes, UpdateRefused


@given(st.text())
def test_text_is_as_long_as_javascript_says(text: str) -> None:
    """UTF-16 code units are counted, whatever the alphabet."""
    assert utf16_length(text.encode(), 0) == len(text.encode("utf-16-le")) // 2


@given(st.text(min_size=1))
def test_the_engine_counts_text_alike(text: str) -> None:
    """A string's clocks here are its clocks in the engine."""
    doc: Doc[Any] = Doc(client_id=7)
    doc.get("t", type=Text).insert(0, text)
    update = doc.get_update()
    assert scan(update).sections[0].length == len(text.encode("utf-16-le")) // 2


def test_every_kind_that_an_engine_writes_is_known() -> None:
    """Text with formats and embeds, values, bytes, documents, and all shared types are read."""
    doc: Doc[Any] = Doc(client_id=7)
    text, table = doc.get("t", type=Text), doc.get("m", type=Map)
    array, xml = doc.get("a", type=Array), doc.get("x", type=XmlFragment)
    text.insert(0, "hello")
    text.format(0, 2, {"bold": True})
    text.insert_embed(5, {"image": "x"})
    array.extend(
        [1, "two", None, 2.5, b"bytes", [1], {"k": 1}, Array([1]), Map({"k": 1}), Text("t")]
    )
    table["doc"] = Doc()
    paragraph = xml.children.append(XmlElement("p"))
    paragraph.children.append(XmlText("x"))
    paragraph.attributes["class"] = "c"
    del array[0:2]
    update = doc.get_update()
    seen = {item.content for item in read_items(update, scan(update))}
    assert seen == {1, 4, 5, 6, 7, 8, 9}


@pytest.mark.parametrize("ref", sorted(CONTENTS))
@pytest.mark.parametrize("data", [b"", b"\x80", b"\x05", b"\x01\x05", b"\xff" * 9], ids=bytes.hex)
def test_no_content_reader_runs_over_the_end(ref: int, data: bytes) -> None:
    """Cut or ill-coded content is refused, or ends within the data."""
    with contextlib.suppress(MalformedBytes, UpdateRefused):
        _, stop = CONTENTS[ref](data, 0, 8)
        assert stop <= len(data)


def test_keys_are_strict_utf8() -> None:
    """A key or name that is no text is malformed, at its offset."""
    assert check_text(var_string("ké"), 0) == ("ké".encode(), 4)
    with pytest.raises(MalformedBytes) as malformed:
        check_text(b"\x00\x02\xc3\x28", 1)
    assert malformed.value.offset == 2
