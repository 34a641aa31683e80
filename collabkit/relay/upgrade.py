"""Who asks for a WebSocket, for which room, and whether their browser may.

What a stock client can send differs: a browser sets no headers, y-websocket sets the query and the
subprotocols, a program all of it. So a token is looked for, in this order, in

1. ``Authorization: Bearer TOKEN``
2. a subprotocol ``collabkit.token.TOKEN`` beside the one that is really meant
3. ``?token=TOKEN``
4. the cookie that the relay was told to read, if any

(and Hocuspocus clients show one inside the connection). An address ends up in logs of proxies, so
the query comes after the subprotocol.

A page of another site can make its visitor's browser connect anywhere, with whatever the browser is
trusted for: its cookies, its place in the network. Hence who may connect from where:

================  ==========  ==========  ========================================================
the relay         peer        Host        Origin (absent: not a browser, fine)
================  ==========  ==========  ========================================================
asks for nothing  loopback    loopback    loopback or an allowed one
asks who it is    any         any         an allowed one; if none is named, the Host's own
================  ==========  ==========  ========================================================

An origin's port does not count, as it does not for cookies. Its scheme does where the request came
by TLS: whoever is on the way can write anything into a page of ``http://``. The Host is looked at
because a foreign name may point at 127.0.0.1 (DNS rebinding), and the peer because anybody can
send any Host.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

import msgspec

from ..sync.dialects import SUBPROTOCOLS
from .http import Request, Response, refuse

__all__ = ["Door", "Visit", "accept_key", "forbidden", "visit", "wants_websocket"]

# Chosen for a stock client that must name something beside its token: a browser fails the handshake
# if it offered subprotocols and none was chosen.
STOCK_DIALECT = "yjs"
TOKEN_PREFIX = "collabkit.token."  # noqa: S105  not a secret: what stands before one
# A name is for people to read in a list; more is somebody playing.
MAX_NAME_LENGTH = 64
_VERSION = (
    ("Sec-WebSocket-Version", "13"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
)
# RFC 6455 §1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Door(msgspec.Struct, frozen=True):
    """What is asked of those who come.

    Attributes:
        asks: Whether anybody is asked who they are. Without, only loopback is served.
        origins: Exact origins (``https://app.example``) of pages that may connect; ``*`` is any.
        cookie: Name of the cookie that may carry the token.
    """

    asks: bool
    origins: Collection[str] = ()
    cookie: str | None = None


class Visit(msgspec.Struct, frozen=True):
    """Somebody at the door.

    Attributes:
        path: The room's name, decoded once, without the leading slash.
        token: What was shown, if anything.
        name: What the client calls itself, cleaned.
        subprotocol: The one to agree on, if any.
        peer: The address that the client has.
        connection: What the connection is called in the log.
    """

    path: str
    token: str | None
    name: str | None
    subprotocol: str | None
    peer: str = ""
    connection: str = ""

    def __repr__(self) -> str:
        """Without the token, so that no log line ever holds one."""
        shown = "None" if self.token is None else "…"
        return f"Visit({self.path!r}, token={shown}, name={self.name!r}, {self.subprotocol!r})"


def wants_websocket(request: Request) -> bool:
    """Whether this is an upgrade to WebSocket, well formed or not."""
    return "websocket" in _list(request.header("upgrade"))


def accept_key(request: Request) -> str | Response:
    """What the answer to an upgrade proves itself with; a Response says what is wrong with it.

    RFC 6455 §4.2.1, for what came as HTTP/1.1 with a Host.

    >>> sample = (
    ...     ("connection", "keep-alive, Upgrade"),
    ...     ("sec-websocket-version", "13"),
    ...     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ... )
    >>> accept_key(Request.of("GET", b"/notes", sample))
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    if request.method != "GET":
        return refuse(405, "A WebSocket is opened with GET.", ("Allow", "GET"))
    if "upgrade" not in _list(request.header("connection")):
        return refuse(400, "`Connection` does not name the upgrade.")
    if request.header("sec-websocket-version") != "13":
        # §4.4: told which there are, a client may try again.
        return refuse(426, "Version 13 is spoken here.", *_VERSION)
    key = request.header("sec-websocket-key") or ""
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16:
        return refuse(400, "`Sec-WebSocket-Key` is not 16 bytes in base64.")
    proof = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False)
    return base64.b64encode(proof.digest()).decode()


def forbidden(request: Request, door: Door) -> Response | None:
    """Refuse a request that a foreign page may have sent; None if it is fine."""
    host, origin = request.header("host") or "", request.header("origin")
    strangers = [
        name
        for name, address in ((request.peer, request.peer), (host, _hostname(f"//{host}")))
        if not _is_loopback(address)
    ]
    if strangers and not door.asks:
        return refuse(
            403,
            "This relay asks for no token and so serves only this machine, not "
            f"{strangers[0][:100]!r}. Start it with authentication to serve others.",
        )
    if origin is None or _welcome(origin, request, door):
        return None
    return refuse(403, f"Pages of {origin[:100]!r} may not connect to this relay.")


def _welcome(origin: str, request: Request, door: Door) -> bool:
    if "*" in door.origins or origin.lower() in door.origins:
        return True
    if not door.asks:
        return _is_loopback(_hostname(origin))
    if door.origins or (request.secure and not origin.lower().startswith("https:")):
        return False
    return _hostname(origin) == _hostname(f"//{request.header('host') or ''}") != ""


def visit(request: Request, door: Door) -> Visit:
    """Read what an upgrade says of its sender.

    >>> request = Request.of("GET", b"/notes?token=t&name=Ada", ())
    >>> visit(request, Door(asks=True))
    Visit('notes', token=…, name='Ada', None)
    """
    offered = [each.strip() for each in (request.header("sec-websocket-protocol") or "").split(",")]
    chosen = next((each for each in (*SUBPROTOCOLS, STOCK_DIALECT) if each in offered), None)
    return Visit(
        request.path.removeprefix("/"),
        _token(request, offered, door),
        _name(request.query.get("name", "")),
        chosen,
        request.peer,
    )


def _token(request: Request, offered: list[str], door: Door) -> str | None:
    scheme, _, credentials = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    for each in offered:
        if each.startswith(TOKEN_PREFIX):
            return each.removeprefix(TOKEN_PREFIX) or None
    return request.query.get("token") or _from_cookie(request, door.cookie)


def _from_cookie(request: Request, name: str | None) -> str | None:
    if name is None:
        return None
    try:
        morsel = SimpleCookie(request.header("cookie") or "").get(name)
    except CookieError:
        return None
    return morsel.value or None if morsel is not None else None


def _list(header: str | None) -> list[str]:
    return [each.strip() for each in (header or "").lower().split(",")]


def _name(said: str) -> str | None:
    cleaned = "".join(char for char in said if char.isprintable()).strip()
    return cleaned[:MAX_NAME_LENGTH] or None


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # brackets without an address in them
        return ""


def _is_loopback(hostname: str) -> bool:
    """``localhost`` and below are loopback by RFC 6761 §6.3; all else must be an address."""
    if hostname == "localhost" or hostname.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(hostname)
    except ValueError:
        return False
    # Sockets that take both families name IPv4 peers as IPv6 addresses (RFC 4291 §2.5.5.2).
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
