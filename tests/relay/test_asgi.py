"""The relay inside an ASGI server, alone and mounted."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from collabkit.access.tokens import Claims, mint
from collabkit.errors import FileHeld
from collabkit.relay import asgi
from collabkit.relay.auth import jwt
from collabkit.relay.limits import Limits
from collabkit.sessions.workspace import Workspace
from collabkit.sync.client import connect
from collabkit.sync.seat import HIGH_WATER_BYTES
from collabkit.sync.sendqueue import LIMIT_BYTES
from relay.hosting import hosted
from relay.peers import BINARY, CLOSE, SYNC_STEP_1, Peer, Raw, frame, noise

KEY = b"k" * 32


@pytest.fixture
def file(tmp_path: Path) -> Workspace:
    """A file of sessions that nobody has opened."""
    return Workspace.open(tmp_path / "rooms.db")


def page(url: str) -> str:
    """The same place for plain requests."""
    return url.replace("ws", "http", 1)


def starlette(relay: asgi.App) -> Starlette:
    """An application that mounts a relay and enters it in its lifespan."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with relay:
            yield

    return Starlette(routes=[Mount("/deep/relay", relay)], lifespan=lifespan)


def fastapi(relay: asgi.App) -> FastAPI:
    """The same with FastAPI."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with relay:
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/deep/relay", relay)
    return app


# Where it can be


async def test_alone_it_is_an_application(file: Workspace) -> None:
    """A server's lifespan opens the file, and what was written is there the next time."""
    for text in ("one", "one two"):
        async with (
            hosted(asgi.app(file)) as url,
            websockets.connect(f"{url}/notes") as one,
            websockets.connect(f"{url}/n%6Ftes") as other,
            Peer.joined(one) as ada,
            Peer.joined(other) as bob,
        ):
            await ada.write(text.removeprefix(str(ada.text)))
            await bob.reads(text)
            async with httpx.AsyncClient(base_url=page(url)) as http:
                assert (await http.get("/healthz")).json()["connections"] == 2


@pytest.mark.parametrize("host", [starlette, fastapi])
async def test_mounted_it_is_below_its_path(file: Workspace, host: Any) -> None:
    """Rooms and pages are found below the mount, and the rest is the host's."""
    async with (
        hosted(host(asgi.app(file))) as url,
        httpx.AsyncClient(base_url=page(url)) as http,
        websockets.connect(f"{url}/deep/relay/a/b") as one,
        websockets.connect(f"{url}/deep/relay/a%2Fb") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        await ada.write("met")
        await bob.reads("met")
        assert (await http.get("/deep/relay/healthz")).json()["rooms"] == 1
        assert (await http.get("/healthz")).status_code == 404
        moved = await http.get("/deep/relay")
        assert moved.has_redirect_location
        assert moved.next_request is not None
        assert moved.next_request.url.path == "/deep/relay/"


async def test_a_prefix_is_for_hosts_that_route_by_hand(file: Workspace) -> None:
    """With a prefix, only what is below it is the relay's."""
    async with (
        hosted(asgi.app(file, prefix="/relay/")) as url,
        httpx.AsyncClient(base_url=page(url)) as http,
        websockets.connect(f"{url}/relay/notes") as client,
        Peer.joined(client),
    ):
        assert (await http.get("/relay/healthz")).status_code == 200
        for elsewhere in ("/healthz", "/relayhealthz", "/"):
            assert (await http.get(elsewhere)).status_code == 404
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{url}/notes")
        assert refused.value.response.status_code == 404


async def test_a_workspace_may_be_open_already(workspace: Workspace) -> None:
    """A host that has its file open serves that, and still has it afterwards."""
    async with (
        asgi.app(workspace) as relay,
        hosted(relay) as url,
        websockets.connect(f"{url}/notes") as client,
        Peer.joined(client),
    ):
        pass
    assert [record.name for record in await workspace.list()] == ["notes"]


async def test_before_its_start_it_asks_for_patience(file: Workspace) -> None:
    """An application that was mounted and not entered says what is missing."""
    relay = asgi.app(file)
    async with (
        hosted(Starlette(routes=[Mount("/relay", relay)])) as url,
        httpx.AsyncClient(base_url=page(url)) as http,
    ):
        answer = await http.get("/relay/healthz")
        assert (answer.status_code, "lifespan" in answer.text) == (503, True)
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{url}/relay/notes")
        assert refused.value.response.status_code == 503
    assert "not serving" in repr(relay)


async def test_a_second_process_is_refused_at_its_start(
    workspace: Workspace, file: Workspace
) -> None:
    """A file that is held stops the application with the reason, as a second worker is."""
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    with pytest.raises(FileHeld):
        await asgi.app(file)({"type": "lifespan"}, receive, send)
    assert said[0]["type"] == "lifespan.startup.failed"
    assert "is held by" in said[0]["message"]


# What it does


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?token={}", {}),
        ("", {"Authorization": "Bearer {}"}),
        ("", {"Sec-WebSocket-Protocol": "yjs, collabkit.token.{}"}),
        ("", {"Cookie": "session={}"}),
    ],
)
async def test_a_token_opens_the_door(file: Workspace, query: str, headers: dict[str, str]) -> None:
    """Wherever a token is shown it is found, and without one nobody comes in."""
    token = mint(Claims("user:ada", 4_000_000_000, write=("notes",)), KEY, now=1)
    shown = {name: value.format(token) for name, value in headers.items()}
    async with file:
        await file.create("notes")
    async with hosted(asgi.app(file, authenticate=jwt(KEY), cookie="session")) as url:
        async with Raw.connect(url, "/notes" + query.format(token), headers=shown) as client:
            client.say(frame(BINARY, SYNC_STEP_1))
            assert (await client.hear_only(BINARY))[:2] == b"\0\0"
        async with Raw.connect(url) as client:
            client.say(frame(BINARY, SYNC_STEP_1))
            assert (await client.hear_only(BINARY))[:2] == b"\2\0"


async def test_our_own_client_is_acknowledged(file: Workspace) -> None:
    """A replica that speaks our dialect learns that its edits are saved."""
    async with hosted(asgi.app(file)) as url, connect(f"{url}/notes") as replica:
        replica.document.text("body").insert(0, "hello")
        await replica.saved()


async def test_foreign_pages_are_refused_at_the_upgrade(file: Workspace) -> None:
    """The rules of the door are those of the bundled server, and so is the answer."""
    async with hosted(asgi.app(file)) as url:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            async with Raw.connect(url, headers=headers) as client:
                assert client.status == 403
                assert b"evil.example" in await client.body()


class Socket:
    """An ASGI server's end of one WebSocket, which takes as many messages as it is told."""

    def __init__(self, client: tuple[str, int] | None = ("127.0.0.1", 4242)) -> None:
        self.scope = {
            "type": "websocket",
            "path": "/notes",
            "headers": [(b"host", b"localhost")],
            "client": client,
        }
        self.said: list[MutableMapping[str, Any]] = []
        self.takes = asyncio.Semaphore(0)
        self.events: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.events.put_nowait({"type": "websocket.connect"})

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.takes.acquire()
        self.said.append(message)

    def take(self, count: int) -> None:
        for _ in range(count):
            self.takes.release()

    def serve(self, relay: asgi.App) -> asyncio.Task[None]:
        return asyncio.ensure_future(relay(self.scope, self.events.get, self.send))


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        (("127.0.0.1", 4242), "websocket.accept"),
        (("::ffff:127.0.0.1", 4242), "websocket.accept"),
        (("192.0.2.7", 4242), "websocket.close"),
        (None, "websocket.close"),
    ],
)
async def test_an_open_house_is_for_this_machine(
    file: Workspace, client: tuple[str, int] | None, answer: str
) -> None:
    """Without authentication nobody else comes in, whatever Host he names."""
    async with asgi.app(file) as relay:
        socket = Socket(client)
        socket.take(100)
        serving = socket.serve(relay)
        socket.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(serving, 20)
        assert socket.said[0]["type"] == answer


async def test_what_waits_is_counted(file: Workspace) -> None:
    """A scraper sees how many bytes slow readers have not taken."""
    async with asgi.app(file) as relay, hosted(relay) as url:
        socket = Socket()
        socket.take(1)
        serving = socket.serve(relay)
        socket.events.put_nowait({"type": "websocket.receive", "bytes": SYNC_STEP_1})
        waiting = "collabkit_unsent_bytes 0.0"
        async with httpx.AsyncClient(base_url=page(url)) as http, asyncio.timeout(20):
            while waiting in (await http.get("/metrics")).text:
                await asyncio.sleep(0.01)
            socket.take(100)
            while waiting not in (await http.get("/metrics")).text:
                await asyncio.sleep(0.01)
        socket.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await serving


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(1, b"text"), 1003),
        (frame(BINARY, b"x" * 1001), 1009),
        (frame(BINARY, b"\xff"), 1007),
    ],
)
async def test_what_it_does_not_take_ends_one_connection(
    file: Workspace, data: bytes, code: int
) -> None:
    """Who sends what is no message is told so, and his room goes on."""
    async with (
        hosted(asgi.app(file, limits=Limits(max_message_bytes=1000))) as url,
        websockets.connect(f"{url}/notes") as one,
        websockets.connect(f"{url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
        Raw.connect(url) as mallory,
    ):
        mallory.say(frame(BINARY, SYNC_STEP_1))
        await mallory.hear_only(BINARY)
        mallory.say(data)
        assert (await mallory.farewell())[0] == code
        await ada.write("on we go")
        await bob.reads("on we go")


async def test_plain_requests_are_answered(file: Workspace) -> None:
    """Pages, metrics and methods are those of the bundled server."""
    async with (
        hosted(asgi.app(file)) as url,
        httpx.AsyncClient(base_url=page(url)) as http,
    ):
        assert (await http.get("/metrics")).text.startswith("# HELP collabkit_")
        head = await http.head("/healthz")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0
        assert (await http.post("/healthz", content=b"x")).status_code == 405


async def test_one_connection_too_many_is_told_to_wait(file: Workspace) -> None:
    """Above the limit an upgrade gets 503."""
    async with (
        hosted(asgi.app(file, limits=Limits(max_connections=1))) as url,
        Raw.connect(url) as one,
        Raw.connect(url) as two,
    ):
        assert (one.status, two.status) == (101, 503)


async def test_a_slow_reader_costs_no_more_than_its_share(file: Workspace) -> None:
    """What waits for one who does not read is bounded; when he reads on, he is in sync."""
    async with (
        hosted(asgi.app(file)) as url,
        websockets.connect(f"{url}/notes") as socket,
        Peer.joined(socket) as writer,
        Raw.connect(url, narrow=True) as slow,
    ):
        slow.say(frame(BINARY, SYNC_STEP_1))
        await slow.hear_only(BINARY)
        tracemalloc.start()
        try:
            for _ in range(800):
                await writer.replace(noise(25_000).hex())
            await writer.replace("the last")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # What may wait, the rows on their way to disk, and this test's own copies: not the 40 MB.
        assert most < 10 * (HIGH_WATER_BYTES + LIMIT_BYTES)
        async with Peer.joined(slow) as reader:
            await reader.finds("the last")


# Its end


async def test_it_goes_as_it_came(workspace: Workspace) -> None:
    """What others have seen is stored by the time that everybody is told to come back."""
    relay = asgi.app(workspace)
    async with (
        relay,
        hosted(relay) as url,
        websockets.connect(f"{url}/notes") as one,
        websockets.connect(f"{url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        for word in ("the ", "last ", "words"):
            await ada.write(word)
        await bob.reads("the last words")
        await relay.__aexit__(None, None, None)
        assert workspace.hub.stats().edits == 3
        for client in (one, other):
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1012, "the relay restarts")


async def test_who_takes_nothing_does_not_hold_up_its_end(file: Workspace) -> None:
    """The goodbye to one who does not read is given up, and everybody else has his."""
    limits = Limits(drain_timeout=0.1)
    stuck, other = Socket(), Socket()
    async with asgi.app(file, limits=limits) as relay:
        stuck.take(1)
        other.take(100)
        serving = [socket.serve(relay) for socket in (stuck, other)]
        async with asyncio.timeout(20):
            while not (stuck.said and other.said):
                await asyncio.sleep(0)
            await relay.__aexit__(None, None, None)
        assert stuck.said[1:] == []
        assert other.said[-1]["code"] == 1012
    for socket in (stuck, other):
        socket.take(100)
        socket.events.put_nowait({"type": "websocket.disconnect", "code": 1006})
    await asyncio.gather(*serving)


async def test_a_peer_that_vanishes_is_let_go(workspace: Workspace) -> None:
    """A connection that is reset leaves nothing behind."""
    relay = asgi.app(workspace)
    async with relay, hosted(relay) as url:
        for last in (b"", frame(BINARY, SYNC_STEP_1), b"\x82", frame(CLOSE)):
            async with Raw.connect(url) as client:
                client.say(last)
                await client.writer.drain()
        async with asyncio.timeout(20):
            while workspace.hub.stats().links:
                await asyncio.sleep(0.01)
        assert "0 connections" in repr(relay)
