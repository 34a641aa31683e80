"""The bundled relay: one port, for WebSockets and for the few pages around them.

Rules:

1. One relay serves one workspace, in the process that holds its file.
2. A relay that asks nobody who they are serves this machine only: it binds loopback addresses,
   and takes requests for loopback names from loopback pages (:mod:`.upgrade`).
3. What cannot be served is refused before the upgrade, with a status and a sentence.
4. Each connection is looked after once a round (:mod:`.wire`), a slice of them at a time.
5. It goes as it came: no new connections, what was received is stored and acknowledged, the
   clients are told to come back (1012), and only then is it gone.
6. No token is ever logged: neither here nor, at any level, by the libraries below.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import logging
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack, ExitStack
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeAlias

import picows
import uvloop

from ..access.model import Authenticate
from ..errors import LocalProtocolError
from ..sessions.workspace import Workspace
from ..sync.hub import Hub
from .auth import open_house
from .http import Request, Response, refuse
from .limits import DEFAULT_LIMITS, Limits
from .reception import Reception
from .upgrade import Door, wants_websocket
from .ward import Ward
from .wire import Wire

__all__ = ["Relay", "tls_context"]

log = logging.getLogger(__name__)

DEFAULT_PORT = 4711
# The least that picows allocates; it doubles when it fills. Its default costs an idle client 14 KB.
READ_BUFFER_BYTES = 2048
# Files that are no connections: the store, the listener, the engine's pipes, the host's own.
SPARE_FILES = 64
BACKLOG = 1024


class Relay:
    """Serves a workspace over WebSockets, as long as its ``async with`` block runs.

    Args:
        workspace: The open workspace.
        host: Address to bind; all of them if the name has several.
        port: Port to bind; 0 picks a free one, which :attr:`url` tells.
        authenticate: Who decides who comes in. None serves anybody, on this machine only.
        tls: Serve ``wss://`` with this context; :func:`tls_context` makes one.
        origins: Origins of the pages that may connect, such as ``https://app.example``.
        cookie: Name of a cookie that may carry the token.
        create_sessions: Whether a session is made of each name that somebody who may write
            opens; by default only where nobody is asked who he is.
        limits: What sockets may cost.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        authenticate: Authenticate | None = None,
        tls: ssl.SSLContext | None = None,
        origins: Collection[str] = (),
        cookie: str | None = None,
        create_sessions: bool | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.limits = limits
        self._workspace = workspace
        self._host = host
        self._port = port
        self._authenticate = authenticate or open_house()
        self._tls = tls
        self._asks = authenticate is not None
        self._create_sessions = not self._asks if create_sessions is None else create_sessions
        self._door = Door(self._asks, frozenset(map(str.lower, origins)), cookie)
        self._address: tuple[str, int] | None = None
        self._stack: AsyncExitStack | None = None

    def __repr__(self) -> str:
        where = "not serving" if self._address is None else f"at {self.url}"
        return f"<Relay of {self._workspace.path}, {where}>"

    @property
    def url(self) -> str:
        """Where it serves, such as ``ws://127.0.0.1:4711``; a room's name goes behind a slash."""
        if self._address is None:
            raise LocalProtocolError("this relay is not serving: use it with `async with`")
        host, port = self._address
        shown = f"[{host}]" if ":" in host else host
        return f"{'ws' if self._tls is None else 'wss'}://{shown}:{port}"

    async def until_stopped(self) -> None:
        """Wait for SIGINT or SIGTERM. A second one does what it does to any program."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        signals = (signal.SIGINT, signal.SIGTERM)
        for each in signals:
            loop.add_signal_handler(each, stopped.set)
        try:
            await stopped.wait()
        finally:
            for each in signals:
                loop.remove_signal_handler(each)

    async def __aenter__(self) -> Self:
        """Bind and serve.

        Raises:
            LocalProtocolError: Nobody is asked who he is, and the address is not this machine's
                own; or somebody serves the workspace already.
            OSError: The address cannot be bound.
        """
        async with AsyncExitStack() as stack:
            sockets = await _bind(self._host, self._port)
            for each in sockets:
                stack.callback(each.close)
            if not self._asks and not all(_is_loopback(each) for each in sockets):
                raise LocalProtocolError(
                    "a relay that asks nobody who he is serves this machine only: "
                    f"give it `authenticate=`, or bind it to 127.0.0.1 instead of {self._host!r}"
                )
            hub = await stack.enter_async_context(
                self._workspace.serving(self._authenticate, unlocked=self._create_sessions)
            )
            reception = Reception(
                hub, self._door, max_connections=_affordable(self.limits.max_connections)
            )
            ward = Ward(hub, reception.traffic, self.limits)
            rounds = asyncio.create_task(ward.rounds(), name="collabkit rounds")
            stack.callback(rounds.cancel)
            stack.push_async_callback(_farewell, hub, reception, ward)
            for each in sockets:
                at: str = each.getsockname()[0]
                server = await self._serve(each, functools.partial(_receive, reception, ward, at))
                stack.callback(server.close)
            self._address = sockets[0].getsockname()[:2]
            self._stack = stack.pop_all()
        log.info("listening on %s", self.url)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drain; see rule 5."""
        stack, self._stack, self._address = self._stack, None, None
        if stack is not None:
            await stack.__aexit__(kind, error, trace)

    async def _serve(self, listener: socket.socket, receive: _Receive) -> asyncio.Server:
        tls: dict[str, Any] = {}
        if self._tls is not None:
            tls = {
                "ssl": self._tls,
                "ssl_handshake_timeout": self.limits.handshake_timeout,
                "ssl_shutdown_timeout": self.limits.close_timeout,
            }
        return await picows.ws_create_server(
            receive,
            sock=listener,
            backlog=BACKLOG,
            websocket_handshake_timeout=self.limits.handshake_timeout,
            max_frame_size=self.limits.max_message_bytes,
            read_buffer_init_size=READ_BUFFER_BYTES,
            enable_auto_pong=False,
            logger_name=_Hushed(log),
            # uvloop's transports take half the memory of aiofastnet's, and survive running out of
            # files, where those spin. asyncio's own, since 3.12, keep views of memory that picows
            # uses again.
            use_aiofastnet=not isinstance(asyncio.get_running_loop(), uvloop.Loop),
            **tls,
        )


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """Make a server's context of two PEM files: a certificate with its chain, and its key."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


# Requests

_Receive: TypeAlias = Callable[[picows.WSUpgradeRequest], picows.WSUpgradeResponseWithListener]


def _receive(
    reception: Reception, ward: Ward, at: str, head: picows.WSUpgradeRequest
) -> picows.WSUpgradeResponseWithListener:
    headers = tuple((name.lower(), value) for name, value in head.headers.items())
    try:
        # picows does not tell the peer. But only this machine reaches a loopback address.
        request = Request.of(head.method.decode(), head.path, headers, peer=at)
        answer = reception.receive(request, websocket=wants_websocket(request))
    except Exception:
        log.exception("the relay failed over a request")
        answer = refuse(500, "The relay failed over this request.")
    if isinstance(answer, Response):
        response = picows.WSUpgradeResponse.create_ok_response(answer.body, answer.headers)
        response.status = HTTPStatus(answer.status)
        return picows.WSUpgradeResponseWithListener(response, None)
    # Firefox sends `keep-alive, Upgrade`, a list that picows compares as if it were a word.
    if "upgrade" in map(str.strip, head.headers.get("Connection", "").lower().split(",")):
        head.headers["Connection"] = "upgrade"
    agreed = {"Sec-WebSocket-Protocol": answer.subprotocol} if answer.subprotocol else {}
    response = picows.WSUpgradeResponse.create_101_response(agreed)
    return picows.WSUpgradeResponseWithListener(response, Wire(ward, answer))


async def _farewell(hub: Hub, reception: Reception, ward: Ward) -> None:
    reception.draining = True
    ward.hold()
    await hub.settled()
    await ward.send_home(1012, "the relay restarts")


class _Hushed(logging.LoggerAdapter[logging.Logger]):
    """picows' log, as details of ours: what peers do wrong is no error of this program.

    At its own level below DEBUG picows writes whole requests, tokens and all: that level is off.
    """

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  the name is logging's
        return level > picows.PICOWS_DEBUG_LL and self.logger.isEnabledFor(logging.DEBUG)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if self.isEnabledFor(level):
            self.logger.log(logging.DEBUG, msg, *args, **kwargs)


# Addresses


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Listen at every address of a name, at one port."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    with ExitStack() as stack:
        for family, _, _, _, address in dict.fromkeys(found):
            at = (address[0], bound[0].getsockname()[1]) if bound else address[:2]
            try:
                listener = socket.create_server(at, family=family, backlog=BACKLOG)
            except OSError as error:
                # `localhost` has an IPv6 address on machines that have no IPv6.
                if error.errno == errno.EADDRNOTAVAIL and len(found) > 1:
                    continue
                raise
            bound.append(stack.enter_context(listener))
        if not bound:
            raise OSError(errno.EADDRNOTAVAIL, f"no address of {host!r} can be bound")
        stack.pop_all()
    return bound


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _affordable(max_connections: int) -> int:
    """How many connections there are files for: without one left, none could be refused."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return max_connections
    return max(1, min(max_connections, files - SPARE_FILES))
