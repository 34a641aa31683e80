"""The head of an HTTP/1 request, read from bytes that nobody vouches for (RFC 9112, RFC 9110).

What is wrong is answered, in this order, and the connection ends with it:

=======================================================  ======  ================
the head                                                 status  RFC 9112 unless
                                                                 said otherwise
=======================================================  ======  ================
has a request line above :data:`MAX_LINE_BYTES`          414     §3
has no three words in its request line                   400     §3
names a version that is none, such as ``HTTP/one``       400     §2.3
names a version other than 1.0 and 1.1                   505     RFC 9110 §15.6.6
names a method that is no token                          400     §3.1
has more than :data:`MAX_FIELDS` fields                  431     RFC 6585 §5
has a field with a bad name, a space before its colon,   400     §5.1, §5.2
a control character, or one that is folded
has no target in origin, absolute or asterisk form       400     §3.2
says HTTP/1.1 and has no Host or two                     400     §3.2
has both a length and a coding of its body               400     §6.1 (smuggling)
has two lengths, or one that is no number                400     §6.3
has a body that comes in pieces                          411     §6.3
has a body above :data:`MAX_BODY_BYTES`                  413     RFC 9110 §15.5.14
=======================================================  ======  ================

A body is never read here, only passed over: nothing changes by HTTP.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

from .http import Headers, Request, Response, refuse

__all__ = ["MAX_BODY_BYTES", "MAX_FIELDS", "MAX_HEAD_BYTES", "MAX_LINE_BYTES", "Head", "read_head"]

# Room for a token in the address and another in a header, and for a browser's cookies.
MAX_HEAD_BYTES = 16 << 10
MAX_LINE_BYTES = 8 << 10
# Browsers behind two proxies send some 30.
MAX_FIELDS = 100
MAX_BODY_BYTES = 64 << 10

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(rb"HTTP/\d\.\d")
# Visible characters, spaces, tabs and what is beyond ASCII (RFC 9110 §5.5).
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_ABSOLUTE = re.compile(rb"(?i:https?|wss?)://([^/?#]+)([/?].*)?")


class Head(msgspec.Struct, frozen=True):
    """A request, and what its connection has to know of it.

    Attributes:
        request: Method, target and fields.
        body_bytes: How many bytes follow that belong to it.
        keeps: Whether the client wants to go on with this connection.
        current: Whether it speaks HTTP/1.1; an older one must not be upgraded.
    """

    request: Request
    body_bytes: int
    keeps: bool
    current: bool


_Line: TypeAlias = tuple[str, bytes, bool]


def read_head(data: bytes, *, peer: str = "", secure: bool = False) -> Head | Response:
    r"""Read a head, without the empty line at its end; a Response says what is wrong with it.

    >>> read_head(b"GET /a HTTP/1.1\r\nHost: localhost").request.path
    '/a'
    >>> read_head(b"GET /a HTTP/2.0\r\nHost: localhost").status
    505
    """
    first, *rest = data.split(b"\r\n")
    line = _request_line(first)
    if isinstance(line, Response):
        return line
    method, target, current = line
    if len(rest) > MAX_FIELDS:
        return refuse(431, f"More than {MAX_FIELDS} header fields.")
    fields = _fields(rest)
    if isinstance(fields, Response):
        return fields
    hosts = [value for name, value in fields if name == "host"]
    if absolute := _ABSOLUTE.fullmatch(target):
        # Its host is the one that counts, whatever the field says (§3.2.2).
        hosts = [absolute[1].decode("latin-1")]
        fields = (*(field for field in fields if field[0] != "host"), ("host", hosts[0]))
        target = absolute[2] or b"/"
    elif not target.startswith(b"/") and (target, method) != (b"*", "OPTIONS"):
        return refuse(400, "The request names no path.")
    if len(hosts) > 1 or (current and not hosts):
        return refuse(400, "A request has exactly one Host.")
    length = _body_bytes(fields)
    if isinstance(length, Response):
        return length
    request = Request.of(method, target, fields, peer=peer, secure=secure)
    wishes = [each.strip() for each in (request.header("connection") or "").lower().split(",")]
    return Head(request, length, current and "close" not in wishes, current)


def _request_line(line: bytes) -> _Line | Response:
    if len(line) > MAX_LINE_BYTES:
        return refuse(414, f"The request line is longer than {MAX_LINE_BYTES} bytes.")
    words = line.split(b" ")
    if len(words) != 3 or not words[1] or not _VALUE.fullmatch(words[1]):
        return refuse(400, "The request line is not `METHOD TARGET VERSION`.")
    method, target, version = words
    if not _VERSION.fullmatch(version):
        return refuse(400, "The request line names no version of HTTP.")
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return refuse(505, "HTTP/1.1 is spoken here.")
    if not _TOKEN.fullmatch(method):
        return refuse(400, "The request line names no method.")
    return method.decode(), target, version == b"HTTP/1.1"


def _fields(lines: list[bytes]) -> Headers | Response:
    fields: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            return refuse(400, "A header field is malformed.")
        fields.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
    return tuple(fields)


def _body_bytes(fields: Headers) -> int | Response:
    lengths = {value for name, value in fields if name == "content-length"}
    if any(name == "transfer-encoding" for name, _ in fields):
        if lengths:
            return refuse(400, "A body has a length or comes in pieces, not both.")
        return refuse(411, "A body must say how long it is.")
    if not lengths:
        return 0
    said = lengths.pop()
    # As many digits as the limit has, and one more: `int` of a megabyte of them takes its time.
    if lengths or not (said.isascii() and said.isdigit() and len(said) <= 20):
        return refuse(400, "The length of the body is no number.")
    if int(said) > MAX_BODY_BYTES:
        return refuse(413, f"A body above {MAX_BODY_BYTES} bytes is not taken.")
    return int(said)
