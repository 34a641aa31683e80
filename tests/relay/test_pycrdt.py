"""pycrdt-websocket's own adapters around our server, as its users have them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pycrdt
import pytest
import websockets
from pycrdt.websocket import ASGIServer
from starlette.applications import Starlette
from starlette.routing import Mount

from collabkit.errors import LocalProtocolError
from collabkit.relay.pycrdt import WebsocketServer
from collabkit.sessions.workspace import Workspace
from collabkit.sync.channel import memory_channels
from relay.hosting import hosted
from relay.peers import Peer


@asynccontextmanager
async def joined(server: WebsocketServer, path: str) -> AsyncIterator[Peer]:
    """A peer at the other end of a channel that the server serves."""
    ours, theirs = memory_channels(path, subprotocol=None)
    serving = asyncio.ensure_future(server.serve(ours))
    async with Peer.joined(theirs) as peer:
        yield peer
    await theirs.close()
    await serving


def as_asgi(server: WebsocketServer) -> Starlette:
    """A host that serves it with pycrdt-websocket's ASGIServer."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with server:
            yield

    app: Any = ASGIServer(server)  # type: ignore[arg-type]  # names the class that ours replaces
    return Starlette(routes=[Mount("/", app)], lifespan=lifespan)


async def test_asgi_server_takes_it(workspace: Workspace) -> None:
    """Under pycrdt-websocket's ASGIServer peers meet, and what they write is in the file."""
    async with (
        hosted(as_asgi(WebsocketServer(workspace=workspace))) as url,
        websockets.connect(f"{url}/notes") as one,
        websockets.connect(f"{url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        await ada.write("hello")
        await bob.reads("hello")
        await bob.write("!")
        await ada.reads("hello!")
    assert [record.name for record in await workspace.list()] == ["notes"]
    assert workspace.hub.stats().edits == 2


class Client(pycrdt.Channel):
    """A WebSocket as pycrdt's Provider wants it."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket

    @property
    def path(self) -> str:
        return "/notes"

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except websockets.ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> bytes:
        frame = await self._socket.recv()
        assert isinstance(frame, bytes)
        return frame


async def test_pycrdt_providers_meet(workspace: Workspace) -> None:
    """pycrdt's own Provider, against its own ASGIServer and our server, syncs both ways."""
    one, other = pycrdt.Doc[Any](), pycrdt.Doc[Any]()
    one["text"] = pycrdt.Text("from one")
    text = other.get("text", type=pycrdt.Text)
    arrived = asyncio.Event()
    text.observe(lambda event: arrived.set())
    async with (
        hosted(as_asgi(WebsocketServer(workspace=workspace))) as url,
        websockets.connect(f"{url}/notes") as first,
        websockets.connect(f"{url}/notes") as second,
        pycrdt.Provider(one, Client(first)),
        pycrdt.Provider(other, Client(second)),
    ):
        await asyncio.wait_for(arrived.wait(), 20)
        assert str(text) == "from one"
        arrived.clear()
        one["text"] += ", still"
        await asyncio.wait_for(arrived.wait(), 20)
        assert str(text) == "from one, still"


async def test_without_a_workspace_documents_live_as_long_as_the_server() -> None:
    """By itself it keeps what was written until it ends, also in rooms that nobody is in."""
    async with WebsocketServer() as server:
        async with joined(server, "/notes") as peer:
            await peer.write("kept")
            async with joined(server, "notes") as other:
                await other.reads("kept")
        async with joined(server, "/notes") as peer:
            await peer.reads("kept")
    async with WebsocketServer() as server, joined(server, "/notes") as peer:
        await peer.reads("")


async def test_it_starts_and_stops_in_a_task() -> None:
    """The lower-level way of running it: a task, an event, and a stop that waits."""
    server = WebsocketServer()
    with pytest.raises(LocalProtocolError):
        await server.stop()
    for _ in range(2):
        running = asyncio.ensure_future(server.start())
        await server.started.wait()
        async with joined(server, "/notes") as peer:
            await peer.write("x")
        await server.stop()
        assert running.done()
        assert not server.running
        assert not server.started.is_set()


async def test_stop_ends_those_it_serves(workspace: Workspace) -> None:
    """When it stops, what was received is stored and nobody is served any more."""
    server = WebsocketServer(workspace=workspace)
    async with server:
        ours, theirs = memory_channels("/notes", subprotocol=None)
        serving = asyncio.ensure_future(server.serve(ours))
        async with Peer.joined(theirs) as peer, joined(server, "/notes") as other:
            await peer.write("last")
            await other.reads("last")
            await server.stop()
            await serving
            assert workspace.hub.stats().edits == 1
    with pytest.raises(LocalProtocolError):
        await server.serve(ours)


class Broken:
    """A channel whose socket fails."""

    path = "/notes"

    async def send(self, message: bytes) -> None:
        raise ZeroDivisionError

    async def recv(self) -> bytes:
        raise ZeroDivisionError

    def __aiter__(self) -> Broken:
        return self

    async def __anext__(self) -> bytes:
        return await self.recv()


async def test_a_failing_channel_is_its_own_problem() -> None:
    """A failure goes to the handler if there is one, else to who serves; others are not touched."""
    told: list[Exception] = []

    def handler(error: Exception, log: logging.Logger) -> bool:
        told.append(error)
        return True

    async with WebsocketServer(exception_handler=handler) as server, joined(server, "/a") as peer:
        await server.serve(Broken())
        assert [type(error) for error in told] == [ZeroDivisionError]
        async with joined(server, "/a") as other:
            await peer.write("on we go")
            await other.reads("on we go")
    async with WebsocketServer() as server:
        with pytest.raises(ZeroDivisionError):
            await server.serve(Broken())


def test_what_it_cannot_do_is_said_at_once(tmp_path: Path) -> None:
    """Arguments that mean something else here are refused, not ignored."""
    with pytest.raises(LocalProtocolError, match="ready"):
        WebsocketServer(rooms_ready=False)
    with pytest.raises(LocalProtocolError, match="providers"):
        WebsocketServer(provider_factory=lambda: None)  # type: ignore[arg-type]
    assert repr(WebsocketServer(auto_clean_rooms=False)) == "<WebsocketServer not running>"
