"""What frames travel on, whatever it is made of.

A :class:`Channel` has the shape that pycrdt uses (``path``, ``send``, ``recv``, async
iteration that ends when the channel does), so adapters written for pycrdt's providers fit
here as they are. Three things are made of it: an end of :func:`memory_channels`, a
:class:`WebSocketChannel`, and the relay's end of either, by :func:`serve_channel`.

Rules:

1. A frame is a message: none is split, joined or reordered. Frames are binary.
2. Sending waits while the other end is slow; what waits in a channel is bounded in bytes.
3. After a close, what was sent before can still be received; then iteration ends, ``recv``
   and ``send`` raise ConnectionClosed, and ``close_code`` says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol, Self, runtime_checkable
from urllib.parse import unquote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed as WebSocketClosed
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from ..errors import BadFrame, ConnectionClosed, InvalidToken, LocalProtocolError
from .dialects import SUBPROTOCOL, SUBPROTOCOLS
from .hub import Hub, Link
from .outbox import ChannelSocket, Outbox

__all__ = [
    "Channel",
    "Closable",
    "Iterated",
    "MemoryChannel",
    "WebSocketChannel",
    "memory_channels",
    "serve_channel",
]

# Of each direction. One message more is always taken, so a large document passes too.
MAX_BUFFERED_BYTES = 1024 * 1024
# Documents of 6 MB are real, and a relay takes updates of 16 MiB: a checkpoint joins many.
MAX_FRAME_BYTES = 64 * 1024 * 1024
# Seconds between pings, and for their answer: a dead peer is found within half a minute.
PING_EVERY = 15.0
OPEN_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
# What a reader that is put out may take for what was said before, and again for the goodbye.
GOODBYE_TIMEOUT = 5.0
# RFC 6750 §2.1; anything else could end the header and begin another.
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Channel(Protocol):
    """A duplex stream of binary frames."""

    @property
    def path(self) -> str:
        """The room at the other end, as the URL has it."""
        ...

    async def send(self, message: bytes) -> None:
        """Send a frame; waits while the other end is slow. Raises ConnectionClosed."""
        ...

    async def recv(self) -> bytes:
        """Wait for a frame. Raises ConnectionClosed."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...


@runtime_checkable
class Closable(Protocol):
    """A channel that can be ended from here, and says how it ended."""

    @property
    def close_code(self) -> int | None:
        """Why it ended; None while it has not."""
        ...

    @property
    def close_reason(self) -> str:
        """What was said about why it ended."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the channel in both directions; closing again is fine."""
        ...


class Iterated(ABC):
    """What a channel is besides, since it can receive: its frames, until it ends."""

    @abstractmethod
    async def recv(self) -> bytes:
        """Wait for a frame. Raises ConnectionClosed."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None


class _Pipe:
    """One direction of a memory channel."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.buffered_bytes = 0
        self.end: tuple[int, str] | None = None
        self._moved = asyncio.Event()

    async def changed(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    def tell(self) -> None:
        self._moved.set()


class MemoryChannel(Iterated):
    """One end of a pair inside this process; see :func:`memory_channels`."""

    def __init__(self, path: str, subprotocol: str | None, incoming: _Pipe, outgoing: _Pipe):
        self.path = path
        self.subprotocol = subprotocol
        self._in = incoming
        self._out = outgoing

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed ({self.close_code})"
        return f"<MemoryChannel {self.path!r} {state}>"

    @property
    def close_code(self) -> int | None:
        """Why it ended; None while it has not."""
        return None if self._in.end is None else self._in.end[0]

    @property
    def close_reason(self) -> str:
        """What was said about why it ended."""
        return "" if self._in.end is None else self._in.end[1]

    async def send(self, message: bytes) -> None:
        """Send a frame; waits while the other end has too much to read."""
        while self._out.end is None and self._out.buffered_bytes >= MAX_BUFFERED_BYTES:
            await self._out.changed()
        if self._out.end is not None:
            raise ConnectionClosed(*self._out.end)
        self._out.frames.append(bytes(message))
        self._out.buffered_bytes += len(message)
        self._out.tell()

    async def recv(self) -> bytes:
        """Wait for a frame."""
        while not self._in.frames:
            if self._in.end is not None:
                raise ConnectionClosed(*self._in.end)
            await self._in.changed()
        frame = self._in.frames.popleft()
        self._in.buffered_bytes -= len(frame)
        self._in.tell()
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the channel in both directions."""
        for pipe in (self._in, self._out):
            if pipe.end is None:
                pipe.end = (code, reason)
            pipe.tell()


def memory_channels(
    path: str, *, subprotocol: str | None = SUBPROTOCOL
) -> tuple[MemoryChannel, MemoryChannel]:
    """Make the two ends of a channel inside this process.

    Args:
        path: The room's name, for both ends.
        subprotocol: What the ends agreed to speak; None for plain y-websocket.

    Give one end to :func:`serve_channel`, and let the other be what ``Replica.over`` dials,
    or hand it to any Yjs provider written for pycrdt.
    """
    one, other = _Pipe(), _Pipe()
    return (
        MemoryChannel(path, subprotocol, incoming=one, outgoing=other),
        MemoryChannel(path, subprotocol, incoming=other, outgoing=one),
    )


class WebSocketChannel(Iterated):
    """A channel over a WebSocket; see :meth:`dial`."""

    def __init__(self, socket: ClientConnection, path: str) -> None:
        self.path = path
        self._socket = socket

    @classmethod
    async def dial(
        cls, url: str, *, token: str | None = None, proxy: str | bool | None = None
    ) -> WebSocketChannel:
        """Connect to a server, offering our subprotocol.

        Args:
            url: Address of the room, such as ``ws://localhost:4711/notes``.
            token: Shown as ``Authorization: Bearer``, so that it is in no log of addresses.
            proxy: Address of a proxy, or whether to use the one the environment names; by
                default it is used unless the URL is of this machine.

        Raises:
            ConnectionClosed: There is no link. A refused upgrade has its HTTP status plus
                4000 as its code; everything else 1006.
            InvalidToken: No header can carry it.
            LocalProtocolError: The URL is none.
        """
        parts = urlsplit(url)
        if token is not None and not _BEARER.fullmatch(token):
            raise InvalidToken("it has characters that a bearer token cannot have")
        if proxy is None:
            proxy = parts.hostname not in _LOOPBACK
        try:
            socket = await connect(
                url,
                subprotocols=[Subprotocol(version) for version in SUBPROTOCOLS],
                additional_headers={} if token is None else {"Authorization": f"Bearer {token}"},
                user_agent_header="collabkit",
                proxy=proxy or None,
                compression=None,  # relays are asked for CPU first, and updates hardly shrink
                max_size=MAX_FRAME_BYTES,
                open_timeout=OPEN_TIMEOUT,
                ping_interval=PING_EVERY,
                ping_timeout=PING_EVERY,
                close_timeout=CLOSE_TIMEOUT,
            )
        except InvalidURI as error:
            raise LocalProtocolError(str(error)) from error
        except InvalidStatus as error:
            status = error.response.status_code
            reason = error.response.body.decode(errors="replace").strip()[:200]
            code = 4000 + status if 400 <= status < 500 else 1006
            raise ConnectionClosed(code, reason or f"HTTP {status}") from error
        except (OSError, WebSocketException) as error:
            raise ConnectionClosed(1006, str(error) or type(error).__name__) from error
        return cls(socket, unquote(parts.path.removeprefix("/")))

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed ({self.close_code})"
        return f"<WebSocketChannel {self.path!r} {state}>"

    @property
    def subprotocol(self) -> str | None:
        """What the server selected."""
        return self._socket.subprotocol

    @property
    def close_code(self) -> int | None:
        """Why it ended; None while it has not."""
        return self._socket.close_code

    @property
    def close_reason(self) -> str:
        """What was said about why it ended."""
        return self._socket.close_reason or ""

    async def send(self, message: bytes) -> None:
        """Send a frame; waits while the network is slow."""
        try:
            await self._socket.send(message)
        except WebSocketClosed:
            raise self._closed() from None

    async def recv(self) -> bytes:
        """Wait for a frame."""
        try:
            frame = await self._socket.recv()
        except WebSocketClosed:
            raise self._closed() from None
        if isinstance(frame, str):
            await self.close(1003, "text frames carry nothing here")
            raise BadFrame("a text frame", close_code=1003)
        return frame

    async def closed(self) -> None:
        """Wait until it has ended."""
        await self._socket.wait_closed()

    def _closed(self) -> ConnectionClosed:
        return ConnectionClosed(self.close_code or 1006, self.close_reason)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and wait a moment for the answer."""
        await self._socket.close(code, reason)


# The relay's end


async def serve_channel(
    hub: Hub,
    channel: Channel,
    *,
    token: str | None = None,
    name: str | None = None,
    subprotocol: str | None = None,
    peer: str = "channel",
    label: str = "",
    outbox: Outbox | None = None,
    close_timeout: float = GOODBYE_TIMEOUT,
) -> None:
    """Let whoever is at the other end of a channel take part in a hub, until either ends it.

    Args:
        hub: A running hub.
        channel: Its ``path`` names the room.
        token: What the other end showed, if anything.
        name: What the other end calls itself.
        subprotocol: What was agreed on; by default what the channel itself says.
        peer: Where the other end is, for logs.
        label: What the connection is called there.
        outbox: Where frames wait for the other end; give one to see how much does.
        close_timeout: How long the other end may take, when it is put out, for what was said
            before, and as long again for the goodbye.

    Returns when the channel is over. What waits for a slow reader is bounded by the hub's
    own queues: they see the bytes that wait here.
    """
    socket = ChannelSocket(outbox or Outbox())
    link = hub.attach(
        socket,
        path=channel.path,
        token=token,
        subprotocol=subprotocol or getattr(channel, "subprotocol", None),
        peer=peer,
        name=name,
        label=label,
    )
    parts = [
        asyncio.create_task(_listen(channel, link, socket)),
        asyncio.create_task(socket.left(close_timeout)),
        asyncio.create_task(socket.outbox.pump(channel, link.writable)),
    ]
    try:
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for part in parts:
            part.cancel()
        ends = await asyncio.gather(*parts, return_exceptions=True)
        link.lost()
        if isinstance(channel, Closable):
            with contextlib.suppress(TimeoutError):
                goodbye = channel.close(*(socket.goodbye or (1000, "")))
                await asyncio.wait_for(goodbye, close_timeout)
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, ConnectionClosed | BadFrame):
            raise end


async def _listen(channel: Channel, link: Link, socket: ChannelSocket) -> None:
    async for frame in channel:
        link.received(frame)
        if socket.rests:
            seconds, socket.rests = socket.rests, 0.0
            await asyncio.sleep(seconds)
