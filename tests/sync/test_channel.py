"""What frames travel on: order, bounds and ends, whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pycrdt
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from collabkit.errors import BadFrame, ConnectionClosed, InvalidToken, LocalProtocolError
from collabkit.ids import Subject
from collabkit.sync import messages as say
from collabkit.sync.channel import (
    MAX_BUFFERED_BYTES,
    MemoryChannel,
    WebSocketChannel,
    memory_channels,
    serve_channel,
)
from collabkit.sync.dialects import SUBPROTOCOL
from collabkit.sync.hub import Hub
from collabkit.sync.outbox import Outbox
from collabkit.sync.sendqueue import LIMIT_BYTES
from sync.network import Wrapped

# In memory


async def test_frames_stay_whole_and_in_order() -> None:
    """What is sent arrives as it was sent, in both directions at once."""
    here, there = memory_channels("notes")
    for frame in (b"one", b"", b"three"):
        await here.send(frame)
    await there.send(b"answer")
    assert [await there.recv() for _ in range(3)] == [b"one", b"", b"three"]
    assert await here.recv() == b"answer"


async def test_sender_waits_for_a_slow_reader() -> None:
    """What waits is bounded in bytes: the sender goes on as the reader reads."""
    here, there = memory_channels("notes")
    await here.send(bytes(MAX_BUFFERED_BYTES))
    waiting = asyncio.create_task(here.send(b"next"))
    await asyncio.sleep(0)
    assert not waiting.done()
    await there.recv()
    await waiting
    assert await there.recv() == b"next"


async def test_large_frame_passes() -> None:
    """A frame above the bound passes when nothing else waits."""
    here, there = memory_channels("notes")
    await here.send(bytes(MAX_BUFFERED_BYTES * 3))
    assert len(await there.recv()) == MAX_BUFFERED_BYTES * 3


async def test_close_comes_after_what_was_sent() -> None:
    """After a close the other end reads what was sent before, and then the end and its reason."""
    here, there = memory_channels("notes")
    await here.send(b"last words")
    await here.close(4403, "not you")
    assert [frame async for frame in there] == [b"last words"]
    assert (there.close_code, there.close_reason) == (4403, "not you")
    with pytest.raises(ConnectionClosed) as caught:
        await there.recv()
    assert caught.value.code == 4403


async def test_nothing_is_sent_after_a_close() -> None:
    """Sending on a closed channel raises, at both ends, and wakes who waits."""
    here, there = memory_channels("notes")
    await here.send(bytes(MAX_BUFFERED_BYTES))
    waiting = asyncio.create_task(here.send(b"never"))
    await asyncio.sleep(0)
    await there.close()
    with pytest.raises(ConnectionClosed):
        await waiting
    with pytest.raises(ConnectionClosed):
        await there.send(b"never")


async def test_close_wakes_a_reader() -> None:
    """A reader that waits sees the end."""
    here, there = memory_channels("notes")
    reading = asyncio.create_task(anext(aiter(there), None))
    await asyncio.sleep(0)
    await here.close()
    assert await reading is None


async def test_first_close_counts() -> None:
    """Closing again changes nothing."""
    here, there = memory_channels("notes")
    await here.close(4401, "first")
    await there.close(1000, "second")
    assert (here.close_code, there.close_code) == (4401, 4401)


# WebSockets

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, **options: object) -> AsyncIterator[str]:
    """A WebSocket server; gives its address."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def test_websocket_offers_and_shows() -> None:
    """The upgrade offers our subprotocol, shows the token in a header, and names the room."""
    seen: list[tuple[str, str | None]] = []

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append((socket.request.path, socket.request.headers.get("Authorization")))
        await socket.send(await socket.recv())

    async with serving(handler, subprotocols=[SUBPROTOCOL]) as url:
        channel = await WebSocketChannel.dial(f"{url}/my%20notes", token="secret")
        assert channel.subprotocol == SUBPROTOCOL
        assert channel.path == "my notes"
        await channel.send(b"hello")
        assert [frame async for frame in channel] == [b"hello"]
        assert channel.close_code == 1000
    assert seen == [("/my%20notes", "Bearer secret")]


async def test_websocket_tells_why_it_ended() -> None:
    """The code and the reason of the other end's close can be read."""

    async def handler(socket: ServerConnection) -> None:
        await socket.close(4409, "another document")

    async with serving(handler) as url:
        channel = await WebSocketChannel.dial(f"{url}/notes")
        with pytest.raises(ConnectionClosed) as caught:
            await channel.recv()
        assert (caught.value.code, caught.value.reason) == (4409, "another document")
        with pytest.raises(ConnectionClosed):
            await channel.send(b"never")


async def test_text_frames_are_refused() -> None:
    """A text frame ends the channel: frames are binary."""

    async def handler(socket: ServerConnection) -> None:
        await socket.send("text")
        await socket.wait_closed()

    async with serving(handler) as url:
        channel = await WebSocketChannel.dial(f"{url}/notes")
        with pytest.raises(BadFrame):
            await channel.recv()
        assert channel.close_code == 1003


@pytest.mark.parametrize(
    ("status", "code"),
    [(HTTPStatus.UNAUTHORIZED, 4401), (HTTPStatus.NOT_FOUND, 4404), (HTTPStatus.BAD_GATEWAY, 1006)],
)
async def test_refused_upgrade(status: HTTPStatus, code: int) -> None:
    """A refused upgrade has its HTTP status plus 4000 as code, and a broken server a loss."""

    def refuse(socket: ServerConnection, _: Request) -> Response:
        return socket.respond(status, "why not\n")

    async def handler(_: ServerConnection) -> None:
        raise AssertionError("unreachable")

    async with serving(handler, process_request=refuse) as url:
        with pytest.raises(ConnectionClosed) as caught:
            await WebSocketChannel.dial(f"{url}/notes")
    assert caught.value.code == code
    assert "why not" in caught.value.reason


async def test_nobody_there() -> None:
    """A server that is not there is a loss, not a refusal."""

    async def handler(_: ServerConnection) -> None:
        return

    async with serving(handler) as url:
        pass
    with pytest.raises(ConnectionClosed) as caught:
        await WebSocketChannel.dial(f"{url}/notes")
    assert caught.value.code == 1006


async def test_no_url() -> None:
    """What is no URL is the caller's mistake."""
    with pytest.raises(LocalProtocolError):
        await WebSocketChannel.dial("http://localhost/notes")


@pytest.mark.parametrize("token", ["", "…", "a b", "a\r\nX: y"])
async def test_token_that_no_header_can_carry(token: str) -> None:
    """A token that would break the header is found out before anything is sent."""
    with pytest.raises(InvalidToken):
        await WebSocketChannel.dial("ws://127.0.0.1:1/notes", token=token)


async def test_loopback_uses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names is not asked for a server on this machine."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serving(handler) as url:
        channel = await WebSocketChannel.dial(f"{url}/notes")
        await channel.close()


# The relay's end


@asynccontextmanager
async def attached(hub: Hub, **options: str | None) -> AsyncIterator[MemoryChannel]:
    """Our end of a channel whose other end a hub serves."""
    here, there = memory_channels("notes", subprotocol=options.pop("subprotocol", None))
    task = asyncio.create_task(serve_channel(hub, there, **options))  # type: ignore[arg-type]
    try:
        yield here
    finally:
        await here.close()
        await task


async def test_hub_over_a_channel(hub: Hub) -> None:
    """Who is at the other end of a channel takes part like a socket."""
    async with attached(hub, subprotocol=SUBPROTOCOL) as channel:
        welcome = say.read_collabkit(await channel.recv())
        assert isinstance(welcome, say.Welcome)
        assert welcome.subject == "user:somebody"


async def test_token_and_name_reach_the_door(hub: Hub) -> None:
    """What the shell was told of the other end is what the hub is told."""
    await hub.store.create_session(
        "notes", project="default", kind="collaborative", by=Subject("user:bob")
    )
    async with attached(hub, subprotocol=SUBPROTOCOL, token="ro", name="ada") as channel:
        welcome = say.read_collabkit(await channel.recv())
        assert isinstance(welcome, say.Welcome)
        assert (welcome.subject, welcome.can_write) == ("user:ada", False)


async def test_refusal_is_told_and_ends_it(hub: Hub) -> None:
    """Who is refused hears why and with which code, and the shell ends by itself."""
    here, there = memory_channels("notes")
    await serve_channel(hub, there, token="no")
    assert [say.read(frame) async for frame in here] == [say.Denied("you may not enter")]
    assert here.close_code == 4403


async def test_reader_that_does_not_read_is_put_out(hub: Hub) -> None:
    """A goodbye does not wait for ever behind what nobody takes."""
    here, there = memory_channels("notes")
    await there.send(b"x" * MAX_BUFFERED_BYTES)
    async with asyncio.timeout(20):
        await serve_channel(hub, there, token="no", close_timeout=0.01)
    assert here.close_code == 4403
    assert hub.stats().links == 0


async def test_channel_that_does_not_close(hub: Hub) -> None:
    """A channel that takes for ever to close is let go."""
    here, there = memory_channels("notes")

    class Stuck(Wrapped):
        """A channel whose other end does not answer the goodbye."""

        async def close(self, code: int = 1000, reason: str = "") -> None:
            await asyncio.Event().wait()

    async with asyncio.timeout(20):
        await serve_channel(hub, Stuck(there), token="no", close_timeout=0.01)
    assert here.close_code is None
    assert hub.stats().links == 0


async def test_outbox_tells_what_waits(hub: Hub) -> None:
    """Who gives an outbox sees how many bytes the other end has not taken."""
    here, there = memory_channels("notes")
    await there.send(b"x" * MAX_BUFFERED_BYTES)
    outbox = Outbox()
    serving = asyncio.create_task(serve_channel(hub, there, outbox=outbox))
    async with asyncio.timeout(20):
        while not outbox.buffered_bytes:
            await asyncio.sleep(0)
        await here.recv()
        assert isinstance(say.read_collabkit(await here.recv()), say.Welcome)
        await outbox.emptied()
    assert outbox.buffered_bytes == 0
    await here.close()
    await serving


async def test_leaving_is_noticed(hub: Hub) -> None:
    """When the other end goes, the hub forgets it."""
    async with attached(hub) as channel:
        await channel.send(say.write(say.SyncStep1(b"\x00")))
        await channel.recv()
        assert hub.stats().links == 1
    assert hub.stats().links == 0


async def test_pycrdt_provider_takes_part(hub: Hub) -> None:
    """pycrdt's own provider works over our channels: they have the shape it knows."""
    documents: list[pycrdt.Doc[pycrdt.Text]] = [pycrdt.Doc(), pycrdt.Doc()]
    one, other = (document.get("text", type=pycrdt.Text) for document in documents)
    arrived = asyncio.Event()
    subscription = other.observe(lambda _: arrived.set())
    async with (
        asyncio.timeout(20),
        attached(hub) as a,
        attached(hub) as b,
        pycrdt.Provider(documents[0], a),
        pycrdt.Provider(documents[1], b),
    ):
        one += "hello"
        await arrived.wait()
    other.unobserve(subscription)
    assert str(other) == "hello"


async def test_slow_reader_is_bounded(hub: Hub) -> None:
    """For a reader that stops reading, no more waits than the hub's queue allows, and it heals."""
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    text = document.get("text", type=pycrdt.Text)
    updates: list[bytes] = []
    subscription = document.observe(lambda event: updates.append(event.update))
    piece = "x" * 100_000
    rounds = 8 * LIMIT_BYTES // len(piece)
    async with attached(hub) as writer, attached(hub) as reader:
        for channel in (writer, reader):
            await channel.send(say.write(say.SyncStep1(b"\x00")))
        while not isinstance(say.read(await reader.recv()), say.SyncStep2):
            pass
        for _ in range(rounds):
            text += piece
            await writer.send(say.write(say.Update(updates.pop())))
        async with asyncio.timeout(20):
            while hub.stats().edits < rounds:  # a writer who is far ahead is let rest
                await hub.settled()
        got: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        received = 0
        async with asyncio.timeout(20):
            while got.get_state() != document.get_state():
                frame = await reader.recv()
                received += len(frame)
                message = say.read(frame)
                if isinstance(message, say.Update | say.SyncStep2):
                    got.apply_update(message.update)
    document.unobserve(subscription)
    # All of it once, as the difference that heals, and what was queued before: not twice.
    assert received < rounds * len(piece) + 3 * (LIMIT_BYTES + MAX_BUFFERED_BYTES)
