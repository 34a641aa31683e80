"""What a Yjs item can hold: the ten kinds of content, and how long each one is.

A content's length is the number of clocks it takes. Text counts UTF-16 code units,
because that is how the editors that Yjs was made for count.

====  ========  ==============================================  =====================
ref   content   bytes                                           length
====  ========  ==============================================  =====================
1     Deleted   varUint n                                       n
2     JSON      varUint n, n*varString (JSON or ``undefined``)  n
3     Binary    varBytes                                        1
4     String    varString                                       its UTF-16 code units
5     Embed     varString (JSON)                                1
6     Format    varString key, varString (JSON)                 1
7     Type      varUint type ref, varString name if 3 or 5      1
8     Any       varUint n, n*any                                n
9     Doc       varString guid, any                             1
====  ========  ==============================================  =====================

Type refs: 0 array, 1 map, 2 text, 3 XML element, 4 XML fragment, 5 XML hook, 6 XML text.
Refs 0 (GC) and 10 (Skip) stand for structs that are not items.

Refused are what no released Yjs client reads, experiments: 11 (Move) and type ref 7
(WeakLink). And what the engine reads otherwise than Yjs writes it, since an update could
then say one thing to a scan and another to the engine: of JSON, which Yjs has not written
since version 13, yrs 0.28 reads one string more than there are, and of an XML hook no name.

Each reader takes ``(data, at, depth)``, the last being how deep values may nest, and
returns ``(length, at behind it)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..errors import MalformedBytes
from .budget import refuse
from .lib0 import check_json, read_var_bytes, read_var_uint, skip_any

__all__ = [
    "ANY",
    "BINARY",
    "CONTENTS",
    "DELETED",
    "DOC",
    "EMBED",
    "FORMAT",
    "GC",
    "JSON",
    "SKIP",
    "STRING",
    "TYPE",
    "XML_ELEMENT",
    "check_text",
    "utf16_length",
]

GC, DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, ANY, DOC, SKIP = range(11)

_TYPE_REFS = range(7)
XML_ELEMENT, _XML_HOOK = 3, 5


def utf16_length(text: bytes, at: int) -> int:
    """Count the UTF-16 code units of UTF-8 ``text``, which stood at ``at``."""
    if text.isascii():
        return len(text)
    try:
        return len(text.decode().encode("utf-16-le")) >> 1
    except UnicodeDecodeError:
        raise MalformedBytes("text is not UTF-8", at) from None


def check_text(data: bytes, at: int) -> tuple[bytes, int]:
    """Read a varString without decoding it; it is UTF-8."""
    text, stop = read_var_bytes(data, at)
    if not text.isascii():
        utf16_length(text, stop - len(text))
    return text, stop


def _deleted(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return read_var_uint(data, at)


def _json(data: bytes, at: int, depth: int) -> tuple[int, int]:
    refuse("misread-content", f"content {JSON}")


def _binary(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return 1, read_var_bytes(data, at)[1]


def _string(data: bytes, at: int, depth: int) -> tuple[int, int]:
    text, stop = read_var_bytes(data, at)
    return utf16_length(text, stop - len(text)), stop


def _embed(data: bytes, at: int, depth: int) -> tuple[int, int]:
    text, at = read_var_bytes(data, at)
    check_json(text, at - len(text), depth)
    return 1, at


def _format(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return _embed(data, check_text(data, at)[1], depth)


def _type(data: bytes, at: int, depth: int) -> tuple[int, int]:
    ref, stop = read_var_uint(data, at)
    if ref not in _TYPE_REFS:
        refuse("unknown-type", ref)
    if ref == _XML_HOOK:
        refuse("misread-content", f"shared type {ref}")
    if ref == XML_ELEMENT:
        stop = check_text(data, stop)[1]
    return 1, stop


def _any(data: bytes, at: int, depth: int) -> tuple[int, int]:
    count, at = read_var_uint(data, at)
    for _ in range(count):
        at = skip_any(data, at, depth)
    return count, at


def _doc(data: bytes, at: int, depth: int) -> tuple[int, int]:
    return 1, skip_any(data, check_text(data, at)[1], depth)


Reader: TypeAlias = Callable[[bytes, int, int], tuple[int, int]]

CONTENTS: dict[int, Reader] = {
    DELETED: _deleted,
    JSON: _json,
    BINARY: _binary,
    STRING: _string,
    EMBED: _embed,
    FORMAT: _format,
    TYPE: _type,
    ANY: _any,
    DOC: _doc,
}
