"""The byte format under Yjs: varints, strings, any-values, and JSON carried as text.

Rules:

1. Total: every input gives a value or :class:`MalformedBytes`. Nothing else is raised,
   however deep, long, short or wrong the bytes are.
2. Linear: no reader does more work than a constant a byte, and none allocates by a
   length that the bytes claim before it has seen that many bytes.
3. One value has one encoding: integers are below 2**53, which is what a JavaScript
   number can hold, and padded varints are refused.
4. Nesting is bounded by :data:`MAX_DEPTH`. Engines decode recursively, and yrs 0.28
   overflows its stack at 26,265 nested arrays in a 54 KB message.

Grammar::

    varUint    = 7 bits a byte, low first, 0x80 = more follow
    varInt     = first byte 0x80 more, 0x40 minus, 6 bits; then as varUint
    varBytes   = varUint(length) bytes
    varString  = varUint(length in bytes) UTF-8
    any        = 127 undefined | 126 null | 125 varInt | 124 float32 | 123 float64 | 122 int64
               | 121 false | 120 true | 119 varString | 118 varUint(n) n*(varString any)
               | 117 varUint(n) n*any | 116 varBytes

A reader takes ``(data, at)`` and returns ``(value, at behind it)``; a writer returns bytes.
"""

from __future__ import annotations

import json
import re
import struct
from typing import Any, NoReturn

import msgspec

from ..errors import MalformedBytes

__all__ = [
    "MAX_DEPTH",
    "check_json",
    "read_any",
    "read_json",
    "read_var_bytes",
    "read_var_string",
    "read_var_uint",
    "skip_any",
    "var_bytes",
    "var_string",
    "var_uint",
]

# Nobody nests values deeper by hand, and every engine's stack is far from its end here.
MAX_DEPTH = 64

# The largest integer that a JavaScript number holds exactly is 2**53 - 1.
_LIMIT = 1 << 53

# Eight bytes hold 56 bits, so a longer varint is out of range or padded.
_SHIFTS = (7, 14, 21, 28, 35, 42, 49)

_ONE_BYTE = tuple(bytes((n,)) for n in range(128))


# Integers, bytes, strings


def var_uint(number: int) -> bytes:
    """Encode an integer of 0 to 2**53 - 1.

    Raises:
        ValueError: The number is outside that range.

    >>> var_uint(300).hex()
    'ac02'
    """
    if 0 <= number < 128:
        return _ONE_BYTE[number]
    if not 0 <= number < _LIMIT:
        raise ValueError(f"{number} is not a varUint: it must be 0 to 2**53 - 1")
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def var_bytes(data: bytes) -> bytes:
    """Encode bytes with their length in front."""
    return var_uint(len(data)) + data


def var_string(text: str) -> bytes:
    """Encode text as UTF-8 with its length in bytes in front.

    A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD, as in JavaScript's encoder.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    return var_uint(len(data)) + data


def read_var_uint(data: bytes, at: int) -> tuple[int, int]:
    r"""Read an integer below 2**53.

    >>> read_var_uint(b"\xac\x02", 0)
    (300, 2)
    """
    start = at
    try:
        value = data[at]
        if value < 128:
            return value, at + 1
        for shift in _SHIFTS:
            at += 1
            byte = data[at]
            value += (byte - 1) << shift  # the 1 takes back the flag of the byte before
            if byte < 128:
                if byte == 0 or value >= _LIMIT:
                    break
                return value, at + 1
    except IndexError:
        raise MalformedBytes("an integer ends early", start) from None
    raise MalformedBytes("an integer is padded or above 2**53 - 1", start)


def read_var_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Read bytes that have their length in front."""
    length, at = read_var_uint(data, at)
    stop = at + length
    if stop > len(data):
        raise MalformedBytes("bytes end early", at)
    return data[at:stop], stop


def read_var_string(data: bytes, at: int) -> tuple[str, int]:
    """Read UTF-8 text that has its length in bytes in front."""
    raw, stop = read_var_bytes(data, at)
    try:
        return raw.decode(), stop
    except UnicodeDecodeError:
        raise MalformedBytes("text is not UTF-8", stop - len(raw)) from None


# Any-values


def _read_var_int(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise MalformedBytes("an integer ends early", at)
    first = data[at]
    value, at = first & 63, at + 1
    if first & 128:
        rest, at = read_var_uint(data, at)
        if rest == 0 or rest >= _LIMIT >> 6:
            raise MalformedBytes("an integer is padded or above 2**53 - 1", at)
        value |= rest << 6
    return -value if first & 64 else value, at


# Tags whose value has a fixed number of bytes behind the tag.
_SIZES = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}
_CONSTANTS = {127: None, 126: None, 121: False, 120: True}
_NUMBERS = {124: struct.Struct(">f"), 123: struct.Struct(">d"), 122: struct.Struct(">q")}
_READERS = {125: _read_var_int, 119: read_var_string, 116: read_var_bytes}
_OBJECT, _ARRAY = 118, 117


def read_any(data: bytes, at: int, max_depth: int = MAX_DEPTH) -> tuple[Any, int]:
    r"""Read an any-value; ``undefined`` becomes None, as ``null`` does.

    >>> read_any(b"\x75\x02\x7d\x01\x77\x02hi", 0)
    ([1, 'hi'], 8)
    """
    skip_any(data, at, max_depth)  # after this, recursion is bounded and nothing can be missing
    return _read_any(data, at)


def _read_any(data: bytes, at: int) -> tuple[Any, int]:
    tag = data[at]
    at += 1
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag in _NUMBERS:
        return _NUMBERS[tag].unpack_from(data, at)[0], at + _SIZES[tag]
    if tag in _READERS:
        return _READERS[tag](data, at)
    count, at = read_var_uint(data, at)
    if tag == _ARRAY:
        array = []
        for _ in range(count):
            value, at = _read_any(data, at)
            array.append(value)
        return array, at
    table = {}
    for _ in range(count):
        key, at = read_var_string(data, at)
        table[key], at = _read_any(data, at)
    return table, at


def skip_any(data: bytes, at: int, max_depth: int = MAX_DEPTH) -> int:
    """Check an any-value without building it; returns the offset behind it."""
    # One entry for each open container: how many of its values are to come, and
    # whether a key stands before each. The outermost is the value itself.
    outer: list[tuple[int, bool]] = []
    left, keyed = 1, False
    while True:
        while left == 0:
            if not outer:
                return at
            left, keyed = outer.pop()
        left -= 1
        if keyed:
            _, at = read_var_string(data, at)
        if at >= len(data):
            raise MalformedBytes("a value ends early", at)
        tag = data[at]
        at += 1
        if tag in _SIZES:
            at += _SIZES[tag]
            if at > len(data):
                raise MalformedBytes("a value ends early", at)
        elif tag in (_OBJECT, _ARRAY):
            if len(outer) >= max_depth:
                raise MalformedBytes(f"values nest deeper than {max_depth}", at)
            outer.append((left, keyed))
            left, at = read_var_uint(data, at)
            keyed = tag == _OBJECT
        elif tag in _READERS:
            _, at = _READERS[tag](data, at)
        else:
            raise MalformedBytes(f"no kind of value has tag {tag}", at - 1)


# JSON as text

_RAW_JSON = msgspec.json.Decoder(msgspec.Raw)

# Possessive, with an optional closing quote: each byte is looked at once, whatever it is.
_JSON_MARKS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)


def check_json(text: bytes, at: int = 0, max_depth: int = MAX_DEPTH) -> None:
    """Make sure that ``text`` is one JSON value in UTF-8, without keeping it.

    Args:
        text: The JSON text.
        at: Where it stood, for the error.
        max_depth: How deep arrays and objects may nest.
    """
    _check_json_depth(text, at, max_depth)
    try:
        if not text.isascii():
            text.decode()
        # msgspec refuses escapes of lone surrogates, which JSON.stringify writes; so here they are
        # of other characters. To load so much JSON would hold the interpreter for seconds.
        _RAW_JSON.decode(text.replace(b"\\ud", b"\\ua").replace(b"\\uD", b"\\uA"))
    except UnicodeDecodeError:
        raise MalformedBytes("JSON text is not UTF-8", at) from None
    except msgspec.DecodeError:
        raise MalformedBytes("text is not JSON", at) from None


def read_json(text: bytes | str, at: int = 0, max_depth: int = MAX_DEPTH) -> Any:
    """Read one JSON value.

    >>> read_json('{"name": "Ada"}')
    {'name': 'Ada'}
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    _check_json_depth(raw, at, max_depth)
    return _load_json(raw, at)


def _check_json_depth(text: bytes, at: int, max_depth: int) -> None:
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return
    depth = 0
    for found in _JSON_MARKS.finditer(text):  # one by one: others need the interpreter meanwhile
        mark = found[0]
        if mark in b"[{":
            depth += 1
            if depth > max_depth:
                raise MalformedBytes(f"JSON nests deeper than {max_depth}", at)
        elif mark in b"]}":
            depth -= 1


def _load_json(text: bytes, at: int) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        # Integers beyond 4,300 digits are JSON, and Python refuses to parse them: they are
        # floats here, as every number is to the programs that wrote them.
        return json.loads(text.decode(), parse_constant=refuse, parse_int=_json_integer)
    except ValueError:
        raise MalformedBytes("text is not JSON", at) from None


def _json_integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)
