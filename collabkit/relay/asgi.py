"""The relay inside an application's own ASGI server.

Rules:

1. It speaks ASGI 3 (https://asgi.readthedocs.io/): WebSockets and plain requests, below whatever
   path it is mounted at. It is one process's: several workers cannot hold one file.
2. It serves from the start of the application's lifespan to its end, or as long as an ``async
   with`` block of it runs. A host that mounts it enters it in its own lifespan, since servers tell
   only the outermost application. Before and after, requests are answered 503.
3. A workspace that is not open is opened, and closed, together with it.
4. What an ASGI ``send`` has not taken counts as waiting, so the hub's bounds hold for slow readers.
5. Pings, message sizes and closing handshakes are the server's. Frames above the limit are
   refused here too, and who sends too fast is read more slowly.
6. Without authentication it serves this machine only, by the address that the server gives for
   the other end. Behind a proxy that is the proxy's, unless the server is told to trust it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self
from urllib.parse import quote

import msgspec

from ..access.model import Authenticate
from ..crdt.budget import DEFAULT_BUDGET, Budget
from ..crdt.nursery import MEMORY_BYTES, PATIENCE_S
from ..errors import LocalProtocolError
from ..sessions.shelter import Children
from ..sessions.workspace import Workspace
from ..sync.channel import serve_channel
from ..sync.hub import Hub
from .addresses import Network, counted_as, networks
from .asgichannel import AsgiChannel, Receive, Scope, Send
from .auth import open_house
from .farewell import spread
from .hindsight import Hindsight
from .http import Request, Response, refuse
from .limits import DEFAULT_LIMITS, Limits
from .reception import Reception, serving
from .upgrade import Door, Visit

__all__ = ["App", "app"]

NOT_SERVING = "The relay is not serving. Its application enters it in its lifespan."


def app(
    workspace: Workspace,
    *,
    authenticate: Authenticate | None = None,
    prefix: str = "",
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
) -> App:
    """Make an ASGI application that serves a workspace.

    Args:
        workspace: What is served; opened with the application if it is not open.
        authenticate: Who decides who comes in. None serves anybody, on this machine only.
        prefix: Path below which it is, where the server does not say so itself (``root_path``).
        origins: Origins of the pages that may connect, such as ``https://app.example``.
        cookie: Name of a cookie that may carry the token.
        create_sessions: Whether a session is made of each name that somebody who may write
            opens; by default only where nobody is asked who he is.
        unseen_histories: As for :class:`~collabkit.relay.server.Relay`.
        trusted_proxies: Addresses or networks of proxies whose headers tell who the client is,
            where the server does not see to that.
        limits: All but those of the handshake, of rounds and of unfinished messages count here;
            those are the server's.
        budget: As for :class:`~collabkit.relay.server.Relay`.
        children: How many processes apply updates; more than one is for more than one processor.
        child_memory_bytes: How much memory each of them should have at most; above, one is let
            go, and it cannot have twice as much.
        child_patience: How long one may take for an update, besides what its size takes.

    Returns:
        The application: hand it to a server, or mount it and enter it in your lifespan.
    """
    asks = authenticate is not None
    return App(
        workspace,
        authenticate=authenticate or open_house(),
        create_sessions=not asks if create_sessions is None else create_sessions,
        unseen_histories=unseen_histories,
        prefix=prefix.rstrip("/"),
        door=Door(asks, frozenset(map(str.lower, origins)), cookie),
        proxies=networks(trusted_proxies),
        limits=limits,
        budget=budget,
        children=Children(children, child_memory_bytes, child_patience, budget),
    )


class App:
    """An ASGI application; see :func:`app`."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        authenticate: Authenticate,
        create_sessions: bool,
        unseen_histories: bool,
        prefix: str,
        door: Door,
        proxies: Sequence[Network],
        limits: Limits,
        budget: Budget,
        children: Children,
    ) -> None:
        self._workspace = workspace
        self._authenticate = authenticate
        self._create_sessions = create_sessions
        self._unseen_histories = unseen_histories
        self._prefix = prefix
        self._door = door
        self._proxies = proxies
        self._limits = limits
        self._budget = budget
        self._children = children
        self._open: _Open | None = None
        self._stack: AsyncExitStack | None = None

    def __repr__(self) -> str:
        state = "not serving" if self._open is None else f"{len(self._open.channels)} connections"
        return f"<App of {self._workspace.path}, {state}>"

    # Life

    async def __aenter__(self) -> Self:
        """Serve.

        Raises:
            FileHeld: Another process holds the file: this application runs in one process.
            LocalProtocolError: Somebody serves the workspace already.
        """
        async with AsyncExitStack() as stack:
            hub = await stack.enter_async_context(
                serving(
                    self._workspace,
                    self._authenticate,
                    unlocked=self._create_sessions,
                    children=self._children,
                )
            )
            hub.unseen_histories = self._unseen_histories
            hub.subjects.most = self._limits.max_per_subject
            hub.budget = self._budget
            hub.max_documents = self._limits.max_documents
            hindsight = Hindsight(self._workspace.path, hub.entry.look, self._door)
            reception = Reception(
                hub,
                self._door,
                max_connections=self._limits.max_connections,
                max_per_address=self._limits.max_per_address,
                proxies=self._proxies,
                hindsight=await stack.enter_async_context(hindsight),
            )
            self._open = _Open(hub, reception, self._limits)
            stack.callback(setattr, self, "_open", None)
            stack.push_async_callback(self._open.farewell)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Store what came, tell the clients to come back, and end."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.__aexit__(kind, error, trace)

    # ASGI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        match scope["type"]:
            case "lifespan":
                await self._lifespan(receive, send)
            case "http":
                await _answer(send, await self._requested(scope), scope["method"])
            case "websocket":
                await self._websocket(scope, receive, send)
            case other:
                raise LocalProtocolError(f"no ASGI scope {other!r} is known here")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.__aexit__(None, None, None)
                await send({"type": "lifespan.shutdown.complete"})
                return
            try:
                if self._open is None:
                    await self.__aenter__()
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.startup.complete"})

    async def _requested(self, scope: Scope) -> Response:
        request = self._read(scope, scope["method"])
        if request is None:
            return refuse(404, "There is nothing here.")
        if not request.path:
            # The page names its files relative to itself, so its address must end in a slash.
            folder = quote(scope["path"].rpartition("/")[2]) + "/"
            return refuse(307, "The page is one slash further.", ("Location", folder))
        if self._open is None:
            return refuse(503, NOT_SERVING)
        answer = self._open.reception.receive(request, websocket=False)
        assert not isinstance(answer, Visit)
        return await answer if isinstance(answer, asyncio.Task) else answer

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # `websocket.connect`
        answer: Response | Visit
        if (request := self._read(scope, "GET")) is None:
            answer = refuse(404, "There is nothing here.")
        elif (there := self._open) is None:
            answer = refuse(503, NOT_SERVING)
        else:
            received = there.reception.receive(request, websocket=True)
            assert not isinstance(received, asyncio.Task)  # looking back is plain HTTP
            answer = received
            if isinstance(answer, Visit):
                await send({"type": "websocket.accept", "subprotocol": answer.subprotocol})
                await there.serve(answer, receive, send)
                return
        if "websocket.http.response" in scope.get("extensions", {}):
            await _answer(send, answer, "GET", kind="websocket.http.response")
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})

    def _read(self, scope: Scope, method: str) -> Request | None:
        """The request, its path taken from where the relay is mounted; None if it is elsewhere."""
        path = scope.get("raw_path") or quote(scope["path"]).encode()
        target = path.partition(b"?")[0] + b"?" + scope.get("query_string", b"")
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        )
        peer = (scope.get("client") or ("",))[0]
        request = Request.of(method, target, headers, peer=peer)
        # Servers differ on whether `path` has `root_path` in front; the prefix is always there.
        below = _below(scope.get("root_path", ""), request.path)
        below = _below(self._prefix, request.path if below is None else below)
        return None if below is None else msgspec.structs.replace(request, path=below)


class _Open:
    """An application that serves."""

    def __init__(self, hub: Hub, reception: Reception, limits: Limits) -> None:
        self.reception = reception
        self.channels: set[AsgiChannel] = set()
        self._hub = hub
        self._limits = limits
        self._empty = asyncio.Event()
        reception.traffic.unsent_bytes = self._unsent_bytes

    def _unsent_bytes(self) -> int:
        return sum(channel.outbox.buffered_bytes for channel in self.channels)

    async def serve(self, visit: Visit, receive: Receive, send: Send) -> None:
        """Let a visitor take part until he leaves."""
        traffic = self.reception.traffic
        limits, clock = self._limits, self._hub.now
        channel = AsgiChannel(visit, receive, send, traffic=traffic, limits=limits, clock=clock)
        counted = counted_as(visit.peer)
        self.channels.add(channel)
        self.reception.addresses.enter(counted)
        traffic.connections += 1
        try:
            await serve_channel(
                self._hub,
                channel,
                token=visit.token,
                name=visit.name,
                peer=visit.peer,
                label=visit.connection,
                outbox=channel.outbox,
                close_timeout=self._limits.close_timeout,
            )
        finally:
            traffic.connections -= 1
            self.reception.addresses.leave(counted)
            self.channels.discard(channel)
            if not self.channels:
                self._empty.set()

    async def farewell(self) -> None:
        """Take no more, store what was taken, and send everybody home."""
        self.reception.draining = True
        for channel in self.channels:
            channel.held = True
        await self._hub.settled()
        self._empty.clear()
        if self.channels:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._send_home(), self._limits.drain_timeout)

    async def _send_home(self) -> None:
        async for group in spread(list(self.channels), within=self._limits.drain_timeout):
            await asyncio.gather(*(c.close(1012, "the relay restarts") for c in group))
        await self._empty.wait()


async def _answer(
    send: Send, response: Response, method: str, *, kind: str = "http.response"
) -> None:
    length = () if response.status == 304 else (("Content-Length", str(len(response.body))),)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in (*response.headers, *length)
    ]
    await send({"type": f"{kind}.start", "status": response.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": b"" if method == "HEAD" else response.body})


def _below(root: str, path: str) -> str | None:
    if not path.startswith(root) or path.removeprefix(root)[:1] not in ("", "/"):
        return None
    return path.removeprefix(root)
