"""lib0: golden bytes, round trips, and totality on whatever comes."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Decoder, Encoder

from collabkit.crdt.lib0 import (
    MAX_DEPTH,
    check_json,
    read_any,
    read_json,
    read_var_bytes,
    read_var_string,
    read_var_uint,
    skip_any,
    var_bytes,
    var_string,
    var_uint,
)
from collabkit.errors import MalformedBytes

UINTS = st.integers(0, 2**53 - 1)
TEXT = st.text()
TAGS = st.sampled_from([bytes((tag,)) for tag in range(115, 129)])


def var_int(number: int) -> bytes:
    """A varInt, written down from its grammar."""
    sign, rest = (0x40 if number < 0 else 0), abs(number)
    if rest < 64:
        return bytes((sign | rest,))
    return bytes((0x80 | sign | rest & 63,)) + var_uint(rest >> 6)


def any_value(value: Any) -> bytes:
    """An any-value, written down from its grammar."""
    match value:
        case None:
            return b"\x7e"
        case bool():
            return b"\x78" if value else b"\x79"
        case int() if abs(value) < 2**53:
            return b"\x7d" + var_int(value)
        case int():
            return b"\x7a" + struct.pack(">q", value)
        case float():
            return b"\x7b" + struct.pack(">d", value)
        case str():
            return b"\x77" + var_string(value)
        case bytes():
            return b"\x74" + var_bytes(value)
        case list():
            return b"\x75" + var_uint(len(value)) + b"".join(map(any_value, value))
        case dict():
            pairs = (var_string(key) + any_value(entry) for key, entry in value.items())
            return b"\x76" + var_uint(len(value)) + b"".join(pairs)
    raise TypeError(type(value))


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (2**32 - 1, "ffffffff0f"),
        (2**53 - 1, "ffffffffffffff0f"),
    ],
)
def test_varuint_bytes_are_those_of_lib0(number: int, encoded: str) -> None:
    """Integers are written as lib0 writes them, and read back."""
    assert var_uint(number).hex() == encoded
    assert read_var_uint(bytes.fromhex(encoded), 0) == (number, len(encoded) // 2)


@given(UINTS)
def test_varuint_agrees_with_the_engine(number: int) -> None:
    """Every integer below 2**53 is encoded as pycrdt encodes it."""
    encoder = Encoder()
    encoder.write_var_uint(number)
    assert var_uint(number) == encoder.to_bytes()
    assert read_var_uint(var_uint(number), 0)[0] == Decoder(var_uint(number)).read_var_uint()


@given(UINTS, st.binary(max_size=4), st.binary(max_size=4))
def test_varuint_is_read_where_it_stands(number: int, before: bytes, after: bytes) -> None:
    """A reader starts at its offset and stops behind its value."""
    data = before + var_uint(number) + after
    assert read_var_uint(data, len(before)) == (number, len(data) - len(after))


@pytest.mark.parametrize("number", [-1, 2**53])
def test_varuint_holds_what_javascript_can_count(number: int) -> None:
    """Numbers that a JavaScript number cannot hold are not written."""
    with pytest.raises(ValueError, match="is not a varUint"):
        var_uint(number)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "80",
        "ffffff",
        "8000",
        "808000",
        "8080808080808010",
        "ff" * 8 + "01",
        "80" * 9,
        "ff" * 99,
    ],
)
def test_varuint_refuses_what_is_cut_padded_or_too_large(encoded: str) -> None:
    """A value has one encoding, below 2**53: ids that alias another cannot be made."""
    with pytest.raises(MalformedBytes):
        read_var_uint(bytes.fromhex(encoded), 0)


@given(TEXT)
def test_strings_round_trip(text: str) -> None:
    """Text comes back as it went."""
    assert read_var_string(var_string(text), 0) == (text, len(var_string(text)))


def test_a_lone_surrogate_is_written_as_javascript_writes_it() -> None:
    """Half a character becomes U+FFFD, and a whole pair becomes its character."""
    assert read_var_string(var_string("a\ud83d"), 0)[0] == "a\ufffd"
    assert read_var_string(var_string("\ud83d\ude00"), 0)[0] == "\U0001f600"


@pytest.mark.parametrize("encoded", ["01", "05616263", "ffffffffffffff0f61"])
def test_bytes_that_end_early_are_malformed(encoded: str) -> None:
    """A length beyond the data is refused before anything is allocated for it."""
    with pytest.raises(MalformedBytes):
        read_var_bytes(bytes.fromhex(encoded), 0)


@pytest.mark.parametrize("encoded", ["01ff", "02c080", "03eda080", "04f4908080"])
def test_text_is_strict_utf8(encoded: str) -> None:
    """Overlong forms, surrogates and what lies beyond Unicode are refused."""
    with pytest.raises(MalformedBytes):
        read_var_string(bytes.fromhex(encoded), 0)


@given(ANY)
def test_any_values_round_trip(value: Any) -> None:
    """Every value comes back as it went, whether it is built or passed over."""
    encoded = any_value(value)
    assert read_any(encoded, 0) == (value, len(encoded))
    assert skip_any(encoded, 0) == len(encoded)


def test_the_kinds_of_any_that_writers_seldom_use_are_read() -> None:
    """undefined is None, float32 a float, and minus zero an integer."""
    assert read_any(b"\x7f", 0) == (None, 1)
    assert read_any(b"\x7c" + struct.pack(">f", 0.5), 0) == (0.5, 5)
    assert read_any(b"\x7d\x40", 0) == (0, 2)
    assert math.isnan(read_any(b"\x7b" + struct.pack(">d", math.nan), 0)[0])


@given(
    st.binary(max_size=80) | st.lists(TAGS | st.binary(max_size=2), max_size=40).map(b"".join),
    st.integers(0, 90),
)
def test_readers_are_total(data: bytes, at: int) -> None:
    """Any bytes at any offset give a value or MalformedBytes, and both any-readers agree."""
    for read in (read_var_uint, read_var_bytes, read_var_string):
        try:
            _, stop = read(data, at)
        except MalformedBytes:
            continue
        assert at < stop <= len(data)
    try:
        stop = skip_any(data, at)
    except MalformedBytes:
        with pytest.raises(MalformedBytes):
            read_any(data, at)
    else:
        assert read_any(data, at)[1] == stop


@pytest.mark.parametrize("open_", [b"\x75\x01", b"\x76\x01\x01k"], ids=["arrays", "objects"])
def test_any_values_nest_up_to_the_limit(open_: bytes) -> None:
    """As deep as allowed is read; one deeper, or 100,000 deeper, is refused."""
    assert skip_any(open_ * MAX_DEPTH + b"\x7e", 0)
    for levels in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(MalformedBytes, match="nest deeper"):
            read_any(open_ * levels + b"\x7e", 0)


def test_claimed_sizes_cost_nothing() -> None:
    """Counts near 2**53 of values that are not there are refused at once."""
    for tag in (b"\x75", b"\x76"):
        with pytest.raises(MalformedBytes):
            skip_any(tag + var_uint(2**53 - 1), 0)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "0",
        "-1.5e300",
        '"é"',
        '{"a":[1,{"b":null}]}',
        " [ ] ",
        '"\\ud83d"',
        '"\\u0000"',
        "1e999",
    ],
)
def test_json_is_taken_as_browsers_write_it(text: str) -> None:
    """All of JSON is JSON, lone surrogate escapes of JSON.stringify included."""
    check_json(text.encode())
    read_json(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"undefined",
        b"NaN",
        b"[Infinity]",
        b"{",
        b"[1,]",
        b"01",
        b"tru",
        b'"\xff"',
        b'"\x01"',
        b"{}x",
    ],
)
def test_what_is_not_json_is_malformed(text: bytes) -> None:
    """What JSON.parse would throw on is refused."""
    with pytest.raises(MalformedBytes):
        check_json(text)
    with pytest.raises(MalformedBytes):
        read_json(text)


def test_deep_json_is_refused_without_descending() -> None:
    """100,000 brackets are refused; brackets inside strings, or side by side, are not depth."""
    for text in (b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70):
        with pytest.raises(MalformedBytes, match="nests deeper"):
            check_json(text)
        with pytest.raises(MalformedBytes, match="nests deeper"):
            read_json(text)
    check_json(b'["' + b"[" * 1000 + b'","' + b'\\"[' * 1000 + b'"]')
    check_json(b"[" + b",".join([b"[]"] * 1000) + b"]")


def test_large_json_numbers_are_read_in_linear_time() -> None:
    """A million digits are a number, as they are in a browser."""
    check_json(b"9" * 1_000_000)
    assert read_json("9" * 1_000_000) == math.inf


@given(st.text())
def test_json_readers_are_total_and_agree(text: str) -> None:
    """Whatever the text, both readers take it or both refuse it."""
    raw = text.encode("utf-8", "surrogatepass")
    try:
        check_json(raw)
    except MalformedBytes:
        with pytest.raises(MalformedBytes):
            read_json(raw)
    else:
        read_json(raw)
