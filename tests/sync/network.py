"""A network inside this process, between replicas and a hub, that can be taken down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from collabkit.crdt.document import Document
from collabkit.errors import ConnectionClosed
from collabkit.sync.channel import MemoryChannel, memory_channels, serve_channel
from collabkit.sync.dialects import SUBPROTOCOL
from collabkit.sync.hub import Hub
from collabkit.sync.replica import Replica

# Nothing takes as long, but on a machine that has too much to do.
TIMEOUT = 60.0


class Network:
    """Links to one hub. ``dial`` is what a replica dials with."""

    def __init__(
        self, hub: Hub, room: str = "notes", *, subprotocol: str | None = SUBPROTOCOL
    ) -> None:
        self.hub = hub
        self.room = room
        self.up = True
        self.dialled = 0
        self._subprotocol = subprotocol
        self._tasks: dict[asyncio.Task[None], MemoryChannel] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.fail()

    async def dial(self, token: str | None = None, name: str | None = None) -> MemoryChannel:
        """Open a link."""
        self.dialled += 1
        if not self.up:
            raise ConnectionClosed(1006, "no network")
        here, there = memory_channels(self.room, subprotocol=self._subprotocol)
        task = asyncio.create_task(serve_channel(self.hub, there, token=token, name=name))
        self._tasks[task] = here
        task.add_done_callback(self._tasks.pop)
        return here

    async def fail(self) -> None:
        """Cut all links, and let nobody dial until :meth:`recover`."""
        self.up = False
        for task, channel in tuple(self._tasks.items()):
            await channel.close(1006, "cut")
            await task

    async def closed(self) -> None:
        """Wait until all links have been ended by those who use them."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TIMEOUT)

    def recover(self, hub: Hub | None = None) -> None:
        """Let links be dialled again, perhaps to another hub."""
        self.hub = hub or self.hub
        self.up = True

    def replica(self, **options: Any) -> Replica:
        """A replica of the room."""
        return Replica.over(self.dial, **options)

    def guest(self, token: str | None = None, name: str | None = None) -> Replica:
        """A replica of somebody with a token or a name."""
        return Replica.over(lambda: self.dial(token, name))


class Wrapped:
    """A channel of somebody else's making."""

    def __init__(self, inner: MemoryChannel) -> None:
        self.inner = inner
        self.path = inner.path
        self.subprotocol = inner.subprotocol

    @property
    def close_code(self) -> int | None:
        return self.inner.close_code

    @property
    def close_reason(self) -> str:
        return self.inner.close_reason

    async def send(self, message: bytes) -> None:
        await self.inner.send(message)

    async def recv(self) -> bytes:
        return await self.inner.recv()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await self.inner.__anext__()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.inner.close(code, reason)


async def until(document: Document, holds: Callable[[], object]) -> None:
    """Wait for what a document's next changes make true."""
    changed = asyncio.Event()
    stop = document.on_update(lambda _: changed.set())
    try:
        async with asyncio.timeout(TIMEOUT):
            while not holds():
                changed.clear()
                await changed.wait()
    finally:
        stop()


async def turns(replica: Replica, *status: Any) -> None:
    """Wait until a replica has one of these statuses."""
    async with asyncio.timeout(TIMEOUT):
        async for now in replica.statuses():
            if now in status:
                return
    raise AssertionError(f"{replica} ended before")
