"""Python participants: pycrdt's own provider, and the package's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec
from pycrdt import Array, Doc, Map, Provider, Text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import collabkit.sync.client
from interop.agreement import Content, edits_of


class Held(msgspec.Struct, frozen=True):
    """What a Python participant has at one moment."""

    content: Content
    edits: str
    pending: bool
    revision: int


class WebSocketChannel:
    """The shape that pycrdt wants of a transport, around a socket of `websockets`."""

    def __init__(self, socket: ClientConnection, path: str) -> None:
        self._socket = socket
        self.path = path

    def __aiter__(self) -> WebSocketChannel:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        """Send one message."""
        await self._socket.send(message)

    async def recv(self) -> bytes:
        """Receive one message."""
        message = await self._socket.recv()
        assert isinstance(message, bytes), "the relay sent a text frame"
        return message


class _Participant:
    """Counts what happens to a replica, and waits for it."""

    def __init__(self) -> None:
        self.revision = 0
        self._happened = asyncio.Event()

    def happened(self, *_what: object) -> None:
        """Something did."""
        self.revision += 1
        self._happened.set()

    async def changed(self, revision: int, *, timeout: float) -> Held:
        """Wait for anything to happen after ``revision``."""
        async with asyncio.timeout(timeout):
            while self.revision <= revision:
                self._happened.clear()
                await self._happened.wait()
        return await self.read()

    async def read(self) -> Held:
        """What the replica has now."""
        raise NotImplementedError

    async def until(self, condition: Callable[[], object], *, timeout: float = 30.0) -> None:
        """Wait until a condition holds."""
        while not condition():
            await self.changed(self.revision, timeout=timeout)


class PycrdtClient(_Participant):
    """A `pycrdt.Provider` on a document with the roots of the other clients."""

    def __init__(self, doc: Doc[Any], provider: Provider) -> None:
        super().__init__()
        self.doc = doc
        self.text = doc.get("text", type=Text)
        self.map = doc.get("map", type=Map[Any])
        self.array = doc.get("array", type=Array[Any])
        self.provider = provider
        self._watching = doc.observe(self.happened)

    def __repr__(self) -> str:
        return f"<PycrdtClient {self.doc.client_id}>"

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, room: str) -> AsyncIterator[PycrdtClient]:
        """A client that has synced, until the end of the block."""
        address = f"{url}/{quote(room)}"
        doc: Doc[Any] = Doc()
        async with connect(address, max_size=None) as socket:
            provider = Provider(doc, WebSocketChannel(socket, address))
            client = cls(doc, provider)
            async with provider:
                await provider.synced.wait()
                yield client

    def write(self, text: str) -> None:
        """Insert at the end of the text."""
        self.text += text

    async def read(self) -> Held:
        """What the client has now."""
        content = Content(str(self.text), self.map.to_py() or {}, self.array.to_py() or [])
        edits = edits_of(self.doc.get_update(), self.doc.get_state())
        return Held(content, edits, False, self.revision)


class ReplicaClient(_Participant):
    """The package's own client on a document with the roots of the other clients."""

    def __init__(self, replica: collabkit.sync.client.Replica) -> None:
        super().__init__()
        self.replica = replica
        self.document = replica.document
        self.text = self.document.text("text")
        self.map = self.document.map("map")
        self.array = self.document.array("array")
        self.document.on_update(self.happened)
        replica.presence.observe(self.happened)
        replica.observe(self.happened)

    def __repr__(self) -> str:
        return f"<ReplicaClient {self.replica!r}>"

    @classmethod
    @asynccontextmanager
    async def connected(
        cls, url: str, room: str, *, token: str | None = None
    ) -> AsyncIterator[ReplicaClient]:
        """A client that has synced, until the end of the block."""
        async with collabkit.sync.client.connect(f"{url}/{quote(room)}", token=token) as replica:
            await replica.synced()
            yield cls(replica)

    def write(self, text: str) -> None:
        """Insert at the end of the text."""
        self.text.append(text)

    async def read(self) -> Held:
        """What the client has now."""
        found = self.document.to_dict()
        content = Content(found.get("text", ""), found.get("map", {}), found.get("array", []))
        edits = edits_of(self.document.update(), self.document.state_vector)
        return Held(content, edits, False, self.revision)
