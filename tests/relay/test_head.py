"""Heads of requests, right and wrong, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.relay.head import MAX_BODY_BYTES, MAX_FIELDS, MAX_LINE_BYTES, Head, read_head
from collabkit.relay.http import Response

HOST = b"Host: localhost"


def read(*lines: bytes) -> Head | Response:
    """Read a head of these lines."""
    return read_head(b"\r\n".join(lines), peer="192.0.2.7")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"",), 400),
        ((b"GET /",), 400),
        ((b"GET / HTTP/1.1 ", HOST), 400),
        ((b"GET  / HTTP/1.1", HOST), 400),
        ((b"GET / http/1.1", HOST), 400),
        ((b"GET / HTTP/1.10", HOST), 400),
        ((b"GET /\x00 HTTP/1.1", HOST), 400),
        ((b"G(T / HTTP/1.1", HOST), 400),
        ((b"GET / HTTP/2.0", HOST), 505),
        ((b"PRI * HTTP/2.0",), 505),
        ((b"GET / HTTP/0.9", HOST), 505),
        ((b"GET /" + b"a" * MAX_LINE_BYTES + b" HTTP/1.1", HOST), 414),
        ((b"GET / HTTP/1.1", HOST, *[b"A: b"] * MAX_FIELDS), 431),
        ((b"GET a HTTP/1.1", HOST), 400),
        ((b"GET * HTTP/1.1", HOST), 400),
        ((b"CONNECT localhost:80 HTTP/1.1", HOST), 400),
        ((b"GET ftp://localhost/ HTTP/1.1", HOST), 400),
        ((b"GET / HTTP/1.1",), 400),
        ((b"GET / HTTP/1.1", HOST, HOST), 400),
        ((b"GET / HTTP/1.1", b"Host : localhost"), 400),
        ((b"GET / HTTP/1.1", HOST, b"A"), 400),
        ((b"GET / HTTP/1.1", HOST, b": b"), 400),
        ((b"GET / HTTP/1.1", HOST, b" folded: b"), 400),
        ((b"GET / HTTP/1.1", HOST, b"A: b", b"\tc"), 400),
        ((b"GET / HTTP/1.1", HOST, b"A: \x00"), 400),
        ((b"GET / HTTP/1.1", HOST, b"A: b\nc: d"), 400),
        ((b"GET / HTTP/1.1", HOST, b"A: b\rc"), 400),
        ((b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: chunked"), 411),
        ((b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: x", b"Content-Length: 1"), 400),
        ((b"POST / HTTP/1.1", HOST, b"Content-Length: 1", b"Content-Length: 2"), 400),
        ((b"POST / HTTP/1.1", HOST, b"Content-Length: +1"), 400),
        ((b"POST / HTTP/1.1", HOST, b"Content-Length: 1, 1"), 400),
        ((b"POST / HTTP/1.1", HOST, b"Content-Length: \xb2"), 400),
        ((b"POST / HTTP/1.1", HOST, b"Content-Length: " + b"1" * 10_000), 400),
        ((b"POST / HTTP/1.1", HOST, b"Content-Length: %d" % (MAX_BODY_BYTES + 1)), 413),
    ],
)
def test_what_is_wrong_is_named(lines: tuple[bytes, ...], status: int) -> None:
    """Each mistake has the status that HTTP gives it, and a sentence."""
    answer = read(*lines)
    assert isinstance(answer, Response)
    assert answer.status == status
    assert answer.body.endswith(b".\n")


def test_a_head_is_read_as_it_was_meant() -> None:
    """Method, target, fields and peer are in the request, names in lower case."""
    head = read(b"GET /a%20b?name=ada HTTP/1.1", HOST, b"X-A:\t b \t", b"x-a:c")
    assert isinstance(head, Head)
    request = head.request
    assert (request.method, request.path, request.peer) == ("GET", "/a b", "192.0.2.7")
    assert request.query == {"name": "ada"}
    assert request.header("x-a") == "b, c"
    assert (head.body_bytes, head.keeps, head.current) == (0, True, True)


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://relay.example/notes?a=b", "/notes", "relay.example"),
        (b"WSS://relay.example:4711", "/", "relay.example:4711"),
        (b"https://relay.example?a=b", "", "relay.example"),
    ],
)
def test_an_absolute_target_names_the_host(target: bytes, path: str, host: str) -> None:
    """What a proxy's client writes is taken, and its host counts for more than the field."""
    head = read(b"GET " + target + b" HTTP/1.1", b"Host: other")
    assert isinstance(head, Head)
    assert (head.request.path, head.request.header("host")) == (path, host)


def test_the_whole_server_may_be_asked() -> None:
    """`OPTIONS *` is the one request without a path."""
    head = read(b"OPTIONS * HTTP/1.1", HOST)
    assert isinstance(head, Head)
    assert head.request.path == "*"


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Upgrade, Close", False),
        (b"1.1", b"closed", True),
        (b"1.0", b"", False),
        (b"1.0", b"keep-alive", False),
    ],
)
def test_who_goes_on_says_so(version: bytes, connection: bytes, keeps: bool) -> None:
    """HTTP/1.1 goes on unless it says no; HTTP/1.0 does not, and needs no Host."""
    head = read(b"GET / HTTP/" + version, HOST, b"Connection: " + connection)
    assert isinstance(head, Head)
    assert (head.keeps, head.current) == (keeps, version == b"1.1")
    assert isinstance(read(b"GET / HTTP/1.0"), Head)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, begun: bool) -> None:
    """Nothing that comes raises; a refusal is one of the statuses of the table."""
    answer = read_head((b"GET / HTTP/1.1\r\n" if begun else b"") + data)
    if isinstance(answer, Response):
        assert answer.status in (400, 411, 413, 414, 431, 505)
