"""The relay's plain HTTP: a request in, a response out.

=============  ==========================================================================
route          answer
=============  ==========================================================================
``/healthz``   JSON; 200 while clients are welcome, 503 while draining
``/metrics``   Prometheus text
``/history/…`` JSON; what a document was, see :mod:`.hindsight`
``/``          the page; ``/?session=NAME`` opens a session, which the page itself reads
other paths    the page's assets, by their name in its build
=============  ==========================================================================

Rules:

1. Only GET and HEAD, and OPTIONS, which tells that; anything else is 405. Nothing changes by HTTP:
   operations travel over the WebSocket, where they are permitted and audited.
2. The page may load and connect to its own origin alone, and be framed by nobody.
3. An asset is checked against its ETag at each use; a build is small, and never stale.
4. Every answer forbids sniffing and sends no referrer, since an address may carry a token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

__all__ = ["Asset", "Headers", "Request", "Response", "State", "answer_json", "refuse", "respond"]

Headers: TypeAlias = tuple[tuple[str, str], ...]

# Strict, since the page needs no more: its editor's styles are constructed sheets in a shadow root.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
ALWAYS: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
ALLOW = ("Allow", "GET, HEAD, OPTIONS")
NOT_BUILT = "The page is not part of this installation. In a checkout, `make page` builds it.\n"


class Request(msgspec.Struct, frozen=True):
    """A request's head.

    Attributes:
        method: As sent.
        path: Percent-decoded once. Bytes that are not UTF-8 are lone surrogates, which no name
            and no asset has.
        query: The first value of each field.
        headers: Names in lower case, in the order sent.
        peer: The address that it came from; empty if the server does not tell.
        secure: Whether it came by TLS, as far as that is known.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    peer: str = ""
    secure: bool = False

    @classmethod
    def of(
        cls,
        method: str,
        target: bytes,
        headers: Headers,
        *,
        peer: str = "",
        secure: bool = False,
    ) -> Request:
        """Read a request target (RFC 9112 §3.2.1), such as ``b"/a%20b?name=ada"``.

        >>> request = Request.of("GET", b"/a%20b?name=ada", ())
        >>> request.path, request.query["name"]
        ('/a b', 'ada')
        """
        path, _, query = target.partition(b"?")
        fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")
        return cls(
            method,
            unquote_to_bytes(path).decode("utf-8", "surrogateescape"),
            dict(reversed(fields)),
            headers,
            peer,
            secure,
        )

    def header(self, name: str) -> str | None:
        """The value of a header; several lines are joined (RFC 9110 §5.3)."""
        values = [value for known, value in self.headers if known == name]
        return ", ".join(values) if values else None


class Response(msgspec.Struct, frozen=True):
    """What goes back. The shell adds the length, and leaves the body of a HEAD out."""

    status: int
    headers: Headers
    body: bytes


class Asset(msgspec.Struct, frozen=True):
    """A file of the page's build."""

    body: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> Asset:
        """Describe a file by its content."""
        return cls(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class State(msgspec.Struct, frozen=True):
    """What the answers depend on.

    Attributes:
        draining: Whether the relay is going away.
        health: What ``/healthz`` says besides its status.
        page: The page's files by their path, ``/index.html`` among them if it was built.
        metrics: Writes the Prometheus text, and says its media type.
    """

    draining: bool
    health: Mapping[str, int]
    page: Mapping[str, Asset]
    metrics: Callable[[], tuple[bytes, str]]


def respond(request: Request, state: State) -> Response:
    """Answer a request that is not an upgrade.

    >>> state = State(False, {"rooms": 2}, {}, lambda: (b"", "text/plain"))
    >>> respond(Request.of("GET", b"/healthz", ()), state).body
    b'{"status":"ok","rooms":2}'
    >>> respond(Request.of("POST", b"/healthz", ()), state).status
    405
    """
    if request.method == "OPTIONS":
        return Response(204, (*ALWAYS, ALLOW), b"")
    if request.method not in ("GET", "HEAD"):
        return refuse(405, "Only GET is answered here.", ALLOW)
    match request.path:
        case "/healthz":
            return _health(state)
        case "/metrics":
            body, media_type = state.metrics()
            return _answer(200, body, ("Content-Type", media_type), ("Cache-Control", "no-store"))
        case "/":
            return _asset(request, state, "/index.html")
        case path:
            return _asset(request, state, path)


def refuse(status: int, reason: str, *more: tuple[str, str]) -> Response:
    """Answer with one sentence for a person."""
    return _answer(status, f"{reason}\n".encode(), *more)


def answer_json(status: int, body: bytes) -> Response:
    """Answer with JSON that holds at this moment only."""
    json = ("Content-Type", "application/json")
    return _answer(status, body, json, ("Cache-Control", "no-store"))


def _health(state: State) -> Response:
    body = msgspec.json.encode({"status": "draining" if state.draining else "ok", **state.health})
    return answer_json(503 if state.draining else 200, body)


def _asset(request: Request, state: State, path: str) -> Response:
    asset = state.page.get(path)
    if asset is None:
        if path == "/index.html":
            return refuse(404, NOT_BUILT.strip())
        return refuse(404, "There is nothing here. A room's name is an address for WebSockets.")
    validators = (("ETag", asset.etag), ("Cache-Control", "no-cache"))
    if _knows(request.header("if-none-match"), asset.etag):
        return Response(304, (*ALWAYS, *validators), b"")
    return _answer(
        200,
        asset.body,
        ("Content-Type", asset.media_type),
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        *validators,
    )


def _knows(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    known = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in known or "*" in known


def _answer(status: int, body: bytes, *headers: tuple[str, str]) -> Response:
    if not any(name == "Content-Type" for name, _ in headers):
        headers = (("Content-Type", "text/plain; charset=utf-8"), *headers)
    return Response(status, (*ALWAYS, *headers), body)
