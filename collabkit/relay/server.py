"""The bundled relay: one port, for WebSockets and for the few pages around them.

Rules:

1. One relay serves one workspace, in the process that holds its file.
2. A relay that asks nobody who they are serves this machine only: it binds loopback addresses,
   and takes requests for loopback names from loopback pages (:mod:`.upgrade`).
3. What cannot be served is refused before the upgrade, with a status and a sentence.
4. Each connection is looked after once a round (:mod:`.wire`), a slice of them at a time.
5. It goes as it came: no new connections, what was received is stored and acknowledged, the
   clients are told to come back (1012), a few at a time, and only then is it gone.
6. No token is ever logged: neither here nor, at any level, by the libraries below.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import resource
import signal
import socket
import ssl
from collections.abc import Collection
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Self

from ..access.model import Authenticate
from ..crdt.budget import DEFAULT_BUDGET, Budget
from ..crdt.nursery import MEMORY_BYTES, PATIENCE_S
from ..errors import LocalProtocolError
from ..sessions.shelter import Children
from ..sessions.workspace import Workspace
from ..sync.hub import Hub
from .addresses import networks
from .auth import open_house
from .hindsight import Hindsight
from .limits import DEFAULT_LIMITS, Limits
from .porch import Porch
from .reception import Reception
from .upgrade import Door
from .ward import Ward

__all__ = ["Relay", "tls_context"]

log = logging.getLogger(__name__)

DEFAULT_PORT = 4711
# Files that are no connections: the store, the listener, the engine's pipes, the host's own.
SPARE_FILES = 64
# Of those, so many may be taken to tell people that it is full.
GATES_IN_SPARE_FILES = 32
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
        unseen_histories: Whether stock clients may bring copies that share no edit with a
            document, such as those begun offline; what is in both is there twice then.
        trusted_proxies: Addresses or networks of proxies whose headers tell who the client is.
        limits: What sockets may cost.
        budget: What one update may hold: no more than by default, which the engine keeps to.
        children: How many processes apply updates; more than one is for more than one processor.
        child_memory_bytes: How much memory each of them should have at most; above, one is let
            go, and it cannot have twice as much.
        child_patience: How long one may take for an update, besides what its size takes.

    Raises:
        ValueError: A trusted proxy is no address and no network, or children have too little.
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
        unseen_histories: bool = False,
        trusted_proxies: Collection[str] = (),
        limits: Limits = DEFAULT_LIMITS,
        budget: Budget = DEFAULT_BUDGET,
        children: int = 1,
        child_memory_bytes: int = MEMORY_BYTES,
        child_patience: float = PATIENCE_S,
    ) -> None:
        self.limits = limits
        self._budget = budget
        self._children = Children(children, child_memory_bytes, child_patience, budget)
        self._proxies = networks(trusted_proxies)
        self._workspace = workspace
        self._host = host
        self._port = port
        self._authenticate = authenticate or open_house()
        self._tls = tls
        self._asks = authenticate is not None
        self._create_sessions = not self._asks if create_sessions is None else create_sessions
        self._unseen_histories = unseen_histories
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
                self._workspace.serving(
                    self._authenticate, unlocked=self._create_sessions, children=self._children
                )
            )
            hub.unseen_histories = self._unseen_histories
            hub.subjects.most = self.limits.max_per_subject
            hub.budget = self._budget
            hub.max_documents = self.limits.max_documents
            most = _affordable(self.limits.max_connections)
            hindsight = Hindsight(self._workspace.path, hub.entry.look, self._door)
            reception = Reception(
                hub,
                self._door,
                max_connections=most,
                max_per_address=self.limits.max_per_address,
                proxies=self._proxies,
                hindsight=await stack.enter_async_context(hindsight),
            )
            ward = Ward(hub, reception.traffic, reception.addresses, self.limits)
            rounds = asyncio.create_task(ward.rounds(), name="collabkit rounds")
            stack.callback(rounds.cancel)
            porch = Porch(sockets, reception, ward, tls=self._tls, most=most + GATES_IN_SPARE_FILES)
            stack.callback(porch.clear)
            stack.push_async_callback(_farewell, hub, reception, ward)
            await stack.enter_async_context(porch)
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


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """Make a server's context of two PEM files: a certificate with its chain, and its key."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def _farewell(hub: Hub, reception: Reception, ward: Ward) -> None:
    reception.draining = True
    ward.hold()
    await hub.settled()
    await ward.send_home(1012, "the relay restarts")


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
