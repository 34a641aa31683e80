"""What can be stored, and how it reads back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.document import Document
from collabkit.crdt.values import MAX_DEPTH, Json, NewText, check, check_plain, check_text, plain
from collabkit.errors import ValueNotStorable

text = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(-(2**63), 2**63 - 2)
numbers = integers | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | text | st.binary()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4)
)


def nested(depth: int) -> Any:
    """A list in a list in a list…"""
    value: Any = "core"
    for _ in range(depth):
        value = [value]
    return value


@given(values)
def test_a_storable_value_reads_back_equal(value: Any) -> None:
    """Shared or plain, what was stored is what every replica reads."""
    document = Document()
    document.map("m").update({"shared": value, "plain": Json(value)})
    replica = Document()
    replica.apply(document.update())
    assert replica.map("m").plain() == {"shared": value, "plain": value}
    assert replica.digest() == document.digest()


@given(integers)
def test_an_integer_reads_as_an_integer(number: int) -> None:
    """Here and in every replica, whatever the wire makes of its size."""
    document, replica = Document(), Document()
    document.map("m")["n"] = number
    replica.apply(document.update())
    assert type(document.map("m")["n"]) is type(replica.map("m")["n"]) is int


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63 - 1, "value is an integer outside -2**63 to 2**63 - 2"),
        (-(2**63) - 1, "value is an integer outside -2**63 to 2**63 - 2"),
        (float("nan"), "value is nan, which JSON does not have"),
        (float("-inf"), "value is -inf, which JSON does not have"),
        ("\ud800", "value has half of a surrogate pair at 0"),
        ({1: 2}, "value has the key 1; keys are strings"),
        ({"a": {"\udfff": 1}}, "a key of value['a'] has half of a surrogate pair at 0"),
        ({"a": [0, {3, 4}]}, "value['a'][1] is a set"),
        (object, "value is a type"),
        (Json({"a": Json([])}), "value['a'] is a Json inside a plain value"),
        (Json([NewText("x")]), "value[0] is a NewText inside a plain value"),
        (NewText("x", {"bold": {1}}), "the formatting of value['bold'] is a set"),
    ],
)
def test_a_value_that_cannot_be_stored_is_named(value: Any, reason: str) -> None:
    """The reason says which part of it, and why, before anything is written."""
    with pytest.raises(ValueNotStorable) as caught:
        check(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize("wrap", [lambda value: value, Json])
def test_nesting_ends_before_the_engine_does(wrap: Any) -> None:
    """The engine takes a stack frame a level, and dies of too many."""
    document = Document()
    document.map("m")["deep"] = wrap(nested(MAX_DEPTH))
    assert document.map("m").plain() == {"deep": nested(MAX_DEPTH)}
    with pytest.raises(ValueNotStorable, match=f"nested more than {MAX_DEPTH} deep"):
        document.map("m")["deep"] = wrap(nested(MAX_DEPTH + 1))


def test_text_is_a_string() -> None:
    """Bytes are no text, even if they decode."""
    with pytest.raises(ValueNotStorable, match="text is a bytes, not a string"):
        check_text(b"abc")  # type: ignore[arg-type]
    check_plain({"a": [1, "b"]}, "value")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (1.0, 1),
        (-0.0, 0),
        (2.5, 2.5),
        (2.0**60, 2**60),
        (2.0**63, 2.0**63),
        (bytearray(b"x"), b"x"),
        (1e300, 1e300),
    ],
)
def test_what_the_engine_reads_becomes_python(read: Any, value: Any) -> None:
    """Integral numbers are ints as far as JavaScript counts exactly; bytes are bytes."""
    assert plain([read]) == [value]
    assert type(plain(read)) is type(value)
