"""★ What a document can hold, and how its values read back.

A value is ``None``, a bool, an int, a float, a str, bytes, a list or tuple, or a
dict with str keys. Three rules decide what becomes of it:

1. A dict becomes a shared map and a list a shared array, all the way down, so that
   two people may edit two fields of it at once. ``Json(value)`` stores the same
   value as one plain piece instead, as Yjs does by default: it is replaced as a
   whole, and what reads back is a copy.
2. A number is the number, not its type: 1 and 1.0 are the same bytes on the wire,
   as in JavaScript. So what is integral reads as int, as far as integers are stored,
   which is 64 bits. Beyond 2**53, where JavaScript stops counting in ones, those that
   a float holds exactly reach it as numbers, and the others as BigInts.
3. Everything is checked before anything is written, because the engine would
   abort (integers above 64 bits), overflow its stack (nesting) or store what no
   other client can read (lone surrogates, NaN).
4. Formatting and embedded objects are JSON on the wire. There bytes arrive as a list of
   numbers, and a float from 2**63 on is another number to the replica that wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from ..errors import ValueNotStorable

__all__ = [
    "MAX_DEPTH",
    "Attributes",
    "Element",
    "Json",
    "NewText",
    "check",
    "check_attributes",
    "check_json",
    "check_text",
    "plain",
]

# Nested values cost the engine a stack frame each: it overflows at about 26,000
# levels and its Python reader at 2,000. No honest value comes near 64.
MAX_DEPTH = 64

# Not 2**63 - 1: yrs takes it for exact as a float, and sends 2**63.
_LEAST, _MOST = -(1 << 63), (1 << 63) - 2

Attributes: TypeAlias = Mapping[str, Any]
"""Formatting of a stretch of text, such as ``{"bold": True}``; None as a value takes it away."""


class Json(msgspec.Struct, frozen=True):
    """A dict or list to be stored as one plain value, replaced as a whole.

    >>> Json({"x": 1, "y": 2})
    Json(value={'x': 1, 'y': 2})
    """

    value: Any


class NewText(msgspec.Struct, frozen=True):
    """A shared text to be created where the value goes, with its first content.

    >>> NewText("draft")
    NewText(value='draft', attributes=None)
    """

    value: str = ""
    attributes: dict[str, Any] | None = None


class Element(msgspec.Struct, frozen=True):
    """An XML element to be created, with all that is inside it.

    >>> Element("p", {"align": "left"}, ["Hello ", Element("br")]).children[0]
    'Hello '
    """

    tag: str
    attributes: dict[str, Any] = {}
    children: Sequence[str | NewText | Element] = ()

    def __post_init__(self) -> None:
        """Keep what a generator gives: it is gone through twice, to be checked and stored."""
        given: object = self.children
        if not isinstance(given, Sequence):
            msgspec.structs.force_setattr(self, "children", tuple(self.children))


def check(value: Any, path: str = "value", depth: int = 0) -> None:
    """Make sure that a value can be stored.

    Args:
        value: What somebody wants to store.
        path: Where it would go, for the message.
        depth: How many containers it is in already.

    Raises:
        ValueNotStorable: It, or something inside it, cannot; the reason names the place.
    """
    if value is None or isinstance(value, bool | bytes):
        return
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, int):
        if not _LEAST <= value <= _MOST:
            raise ValueNotStorable(f"{path} is an integer outside -2**63 to 2**63 - 2")
    elif isinstance(value, float):
        if value - value != 0.0:  # true for nan and both infinities only
            raise ValueNotStorable(f"{path} is {value}, which JSON does not have")
    elif depth >= MAX_DEPTH:
        raise ValueNotStorable(f"{path} is nested more than {MAX_DEPTH} deep")
    else:
        _check_container(value, path, depth)


def _check_container(value: Any, path: str, depth: int) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueNotStorable(f"{path} has the key {key!r}; keys are strings")
            check_text(key, f"a key of {path}")
            check(item, f"{path}[{key!r}]", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, Json):
        check(value.value, path, depth)
        check_plain(value.value, path)
    elif isinstance(value, NewText):
        check_text(value.value, path)
        check_attributes(value.attributes, path)
    else:
        raise ValueNotStorable(f"{path} is a {type(value).__name__}")


def check_plain(value: Any, path: str) -> None:
    """Make sure that a checked value holds nothing shared."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_plain(item, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_plain(item, f"{path}[{index}]")
    elif isinstance(value, Json | NewText):
        raise ValueNotStorable(f"{path} is a {type(value).__name__} inside a plain value")


def check_json(value: Any, path: str) -> None:
    """Make sure that a checked value holds nothing shared, and reads back from JSON (rule 4)."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_json(item, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_json(item, f"{path}[{index}]")
    elif isinstance(value, bytes):
        raise ValueNotStorable(f"{path} is bytes, which JSON does not have")
    elif isinstance(value, float) and abs(value) >= 1 << 63:
        raise ValueNotStorable(f"{path} is a float of 2**63 or more")
    else:
        check_plain(value, path)


def check_text(value: str, path: str = "text") -> None:
    """Make sure that a string is Unicode text. Raises ValueNotStorable."""
    if not isinstance(value, str):
        raise ValueNotStorable(f"{path} is a {type(value).__name__}, not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueNotStorable(
                f"{path} has half of a surrogate pair at {error.start}"
            ) from None


def check_attributes(attributes: Attributes | None, path: str = "text") -> None:
    """Make sure that formatting can be stored: names, and plain values. Raises ValueNotStorable."""
    if attributes is not None:
        whole = dict(attributes)
        check(whole, f"the formatting of {path}")
        check_json(whole, f"the formatting of {path}")


def plain(value: Any) -> Any:
    """Turn what the engine read into Python values: integral numbers are ints, bytes are bytes.

    >>> plain([1.0, 2.5, {"a": bytearray(b"x")}])
    [1, 2.5, {'a': b'x'}]
    """
    if isinstance(value, float):
        if value.is_integer() and _LEAST <= value <= _MOST:
            return int(value)
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bytearray):
        return bytes(value)
    return value
