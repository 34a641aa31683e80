"""★ What an item of an update holds, as Python values.

Rules:

1. Total on an update that was scanned: nothing can be missing or malformed there.
2. Text is kept in UTF-16 *units*, one to a character of a Python string, because that is how items
   are counted and cut: a character beyond the first 65,536 is two surrogates, which may end up in
   two items. :func:`written` puts them together again.
3. Numbers read as everywhere here: what is integral is an int, see `crdt.values`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from ..crdt.contents import ANY, BINARY, DELETED, DOC, EMBED, FORMAT, STRING, TYPE, XML_ELEMENT
from ..crdt.lib0 import (
    read_any,
    read_json,
    read_var_bytes,
    read_var_string,
    read_var_uint,
)
from ..crdt.values import plain
from .tree import Subdocument

__all__ = ["Format", "Shared", "read_content", "units", "written"]

_WIDE: Final = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Format(msgspec.Struct, frozen=True):
    """Formatting begins here, or ends if the value is None."""

    key: str
    value: Any


class Shared(msgspec.Struct, frozen=True, gc=False):
    """A shared type is here: its type ref, and its tag if it is an XML element."""

    ref: int
    tag: str = ""


def read_content(content: int, update: bytes, at: int) -> Any:
    r"""Read the content of an item.

    Args:
        content: Its ref, see `crdt.contents`.
        update: The update, which was scanned.
        at: Where in it the content is.

    Returns:
        Text in units; values as a list; :class:`Format`; :class:`Shared`; a
        :class:`.Subdocument`; bytes; an embedded object as it is; None for what is gone.

    >>> read_content(ANY, b"\x02\x7d\x01\x77\x02hi", 0)
    [1, 'hi']
    """
    return _READERS[content](update, at)


def units(text: str) -> str:
    """Text with a character for each UTF-16 unit.

    >>> len(units("a😀"))
    3
    """
    return text if text.isascii() else _WIDE.sub(_pair, text)


def written(text: str) -> str:
    """Text that was in units; half a character that lost the other half is U+FFFD, as in Yjs.

    >>> written(units("a😀")), written(units("a😀")[:2])
    ('a😀', 'a\ufffd')
    """
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _pair(wide: re.Match[str]) -> str:
    number = ord(wide[0]) - 0x10000
    return chr(0xD800 + (number >> 10)) + chr(0xDC00 + (number & 0x3FF))


def _nothing(update: bytes, at: int) -> None:
    return None


def _binary(update: bytes, at: int) -> bytes:
    return read_var_bytes(update, at)[0]


def _string(update: bytes, at: int) -> str:
    return units(read_var_string(update, at)[0])


def _embed(update: bytes, at: int) -> Any:
    return plain(read_json(read_var_bytes(update, at)[0]))


def _format(update: bytes, at: int) -> Format:
    key, at = read_var_string(update, at)
    return Format(key, _embed(update, at))


def _shared(update: bytes, at: int) -> Shared:
    ref, at = read_var_uint(update, at)
    return Shared(ref, read_var_string(update, at)[0] if ref == XML_ELEMENT else "")


def _values(update: bytes, at: int) -> list[Any]:
    count, at = read_var_uint(update, at)
    values = []
    for _ in range(count):
        value, at = read_any(update, at)
        values.append(plain(value))
    return values


def _document(update: bytes, at: int) -> Subdocument:
    return Subdocument(read_var_string(update, at)[0])


_Reader: TypeAlias = Callable[[bytes, int], Any]

_READERS: dict[int, _Reader] = {
    DELETED: _nothing,
    BINARY: _binary,
    STRING: _string,
    EMBED: _embed,
    FORMAT: _format,
    TYPE: _shared,
    ANY: _values,
    DOC: _document,
}
