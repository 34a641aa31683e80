"""Two ends of a WebSocket: one that says whatever it is told, and one that keeps a document."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import pycrdt

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SYNC_STEP_1 = bytes.fromhex("00000100")
PATIENCE = 20.0


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True
) -> bytes:
    """Write one frame of a client, right or wrong."""
    head = bytes([fin << 7 | reserved << 4 | opcode])
    if len(payload) < 126:
        head += bytes([masked << 7 | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([masked << 7 | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([masked << 7 | 127]) + len(payload).to_bytes(8, "big")
    return head + (b"\0\0\0\0" if masked else b"") + payload


class Raw:
    """A TCP connection on which a WebSocket was asked for; see :meth:`connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        target: str = "/notes",
        *,
        upgrade: bool = True,
        tls: ssl.SSLContext | None = None,
        narrow: bool = False,
        method: str = "GET",
        headers: Mapping[str, str] = MappingProxyType({}),
        behind: bytes = b"",
    ) -> AsyncIterator[Self]:
        """Send a request and read the answer's head.

        Args:
            url: Where the relay serves.
            target: What the request line names.
            upgrade: Whether to ask for a WebSocket.
            tls: How to trust the server.
            narrow: Take no more than a few pages of what is not read.
            method: What the request begins with.
            headers: Added to the usual ones, or in their place; an empty one is left out.
            behind: What is sent together with the request.
        """
        parts = urlsplit(url)
        assert parts.hostname is not None
        sock = socket.socket()
        if narrow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
        reader, writer = await asyncio.open_connection(
            sock=sock,
            ssl=tls,
            server_hostname=parts.hostname if tls else None,
            limit=4096 if narrow else 1 << 16,
        )
        raw = cls(reader, writer)
        try:
            usual = {"Host": parts.netloc} | (UPGRADE if upgrade else {"Connection": "close"})
            await raw._ask(f"{method} {target}", usual | dict(headers), behind)
            yield raw
        finally:
            writer.transport.abort()

    async def _ask(self, asked: str, lines: dict[str, str], behind: bytes) -> None:
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        self.writer.write(f"{asked} HTTP/1.1\r\n{text}\r\n".encode() + behind)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        first, *rest = head.decode().rstrip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in rest)}

    async def body(self) -> bytes:
        """Everything behind the head, to the end of the connection."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    def say(self, *data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(b"".join(data))

    async def hear(self) -> tuple[int, bytes] | None:
        """The opcode and payload of the next frame; None at the end of the connection."""
        try:
            # `wait_for` of Python 3.11 may lose the cancellation of who waits.
            async with asyncio.timeout(PATIENCE):
                return await self._frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self.reader.readexactly(2)
        assert first & 0x70 == 0, "a server must not set reserved bits"
        assert second & 0x80 == 0, "a server must not mask"
        size = second
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        return first & 0x0F, await self.reader.readexactly(size)

    async def send(self, message: bytes) -> None:
        """Say a binary message, as a peer does."""
        self.say(frame(BINARY, message))
        await self.writer.drain()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (heard := await self.hear()) is not None:
            if heard[0] == BINARY:
                yield heard[1]

    async def hear_only(self, opcode: int) -> bytes:
        """The payload of the next frame of this kind; others before it are passed over."""
        while (heard := await self.hear()) is not None:
            if heard[0] == opcode:
                return heard[1]
        raise AssertionError(f"the connection ended before a frame with opcode {opcode}")

    async def farewell(self) -> tuple[int, str]:
        """The code and reason of the close frame, and the end of the connection after it."""
        payload = await self.hear_only(CLOSE)
        self.say(frame(CLOSE, payload))
        with suppress(ConnectionResetError):  # who closes waits for that answer only so long
            while await self.hear() is not None:
                pass
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Frames(Protocol):
    """What a peer needs of its socket; `websockets` and pycrdt's channels have it."""

    async def send(self, message: bytes, /) -> None: ...

    def __aiter__(self) -> AsyncIterator[Any]: ...


class Peer:
    """A y-websocket client with a document that has one text; see :meth:`joined`."""

    def __init__(self, frames: Frames) -> None:
        self.doc = pycrdt.Doc[Any]()
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.place = self.doc.get("place", type=pycrdt.Map)
        self._frames = frames
        self._synced = False
        self._changed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def joined(cls, frames: Frames) -> AsyncIterator[Self]:
        """Sync, and stay in sync as long as the block runs."""
        peer = cls(frames)
        await frames.send(pycrdt.create_sync_message(peer.doc))
        reading = asyncio.ensure_future(peer._read())
        try:
            await peer.until(lambda: peer._synced)
            yield peer
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self) -> None:
        async for message in self._frames:
            if message[0] == pycrdt.YMessageType.SYNC:
                reply = pycrdt.handle_sync_message(message[1:], self.doc)
                if reply is not None:
                    await self._frames.send(reply)
                self._synced = self._synced or message[1] == pycrdt.YSyncMessageType.SYNC_STEP2
                self._changed.set()

    async def write(self, text: str) -> None:
        """Append to the text, and send the edit."""
        await self._frames.send(self.edit(text))

    def edit(self, text: str) -> bytes:
        """Append to the text; returns the message that tells of it."""
        before = self.doc.get_state()
        self.text += text
        return pycrdt.create_update_message(self.doc.get_update(before))

    async def replace(self, value: str) -> None:
        """Put something in the place of what was there before, and send the edit."""
        before = self.doc.get_state()
        self.place["value"] = value
        await self._frames.send(pycrdt.create_update_message(self.doc.get_update(before)))

    async def reads(self, text: str) -> None:
        """Wait until this is the text."""
        await self.until(lambda: str(self.text) == text)

    async def finds(self, value: str) -> None:
        """Wait until this is in the place."""
        await self.until(lambda: self.place.get("value") == value)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, without polling, until what arrived makes the condition true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


def noise(size: int) -> bytes:
    """Bytes that nothing compresses."""
    return os.urandom(size)
