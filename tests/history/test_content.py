"""Content: each kind reads as the value that it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.contents import ANY, BINARY, DELETED, DOC, EMBED, FORMAT, STRING, TYPE
from collabkit.crdt.lib0 import var_bytes, var_string, var_uint
from collabkit.history.content import Format, Shared, read_content, units, written
from collabkit.history.tree import Subdocument


@pytest.mark.parametrize(
    ("content", "encoded", "value"),
    [
        (DELETED, var_uint(3), None),
        (BINARY, var_bytes(b"\0\1"), b"\0\1"),
        (STRING, var_string("é"), "é"),
        (EMBED, var_string('{"n": 1.0}'), {"n": 1}),
        (FORMAT, var_string("bold") + var_string("null"), Format("bold", None)),
        (TYPE, var_uint(1), Shared(1)),
        (TYPE, var_uint(3) + var_string("p"), Shared(3, "p")),
        (ANY, b"\x02\x7f\x7b\x40\x00\x00\x00\x00\x00\x00\x00", [None, 2]),
        (DOC, var_string("inner") + b"\x76\x00", Subdocument("inner")),
    ],
)
def test_each_kind_of_content(content: int, encoded: bytes, value: Any) -> None:
    """Integral numbers are ints, and what is undefined is None."""
    assert read_content(content, b"before" + encoded, 6) == value


@given(st.text())
def test_units_are_as_many_as_in_utf_16(text: str) -> None:
    """And they make the text again."""
    cut = units(text)
    assert len(cut) == len(text.encode("utf-16-le")) // 2
    assert written(cut) == text


def test_half_a_character_shows_as_in_yjs() -> None:
    """It is a replacement character, on either side."""
    first, second = list(units("😀"))
    assert (written(first), written(second)) == ("\ufffd", "\ufffd")
