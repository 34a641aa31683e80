"""A gate before a relay: what goes through it waits until it is let on, or is never heard of.

Bytes are passed on in the pieces in which they came. A held gate lets one piece through when it
is told to; a shut one cuts what is connected and takes nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Self
from urllib.parse import urlsplit

__all__ = ["Gate"]


class Gate:
    """One way to a relay; see :meth:`before`.

    Attributes:
        url: Where to connect instead of to the relay.
        held: Pieces wait for :meth:`let_one`.
    """

    def __init__(self, target: str) -> None:
        self.url = ""
        self.held = False
        self._target = urlsplit(target)
        self._waiting: list[tuple[deque[bytes], asyncio.StreamWriter]] = []
        self._shut = False
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, target: str) -> AsyncIterator[Self]:
        """Stand before a relay until the end of the block."""
        gate = cls(target)
        server = await asyncio.start_server(gate._come, "127.0.0.1", 0)
        gate.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield gate
        finally:
            server.close()
            gate.shut()
            for task in tuple(gate._tasks):
                task.cancel()
            await asyncio.gather(*gate._tasks, return_exceptions=True)

    def shut(self) -> None:
        """Cut all who are connected; what waits is lost."""
        self._shut = True
        for pieces, writer in self._waiting:
            pieces.clear()
            writer.transport.abort()
        self._waiting.clear()

    def open(self) -> None:
        """Take people again."""
        self._shut = False

    def let_one(self, dice: Random) -> None:
        """Let one piece through, in one direction."""
        ready = [each for each in self._waiting if each[0]]
        if ready:
            pieces, writer = dice.choice(ready)
            writer.write(pieces.popleft())

    def let_all(self) -> None:
        """Let through all that waits."""
        for pieces, writer in self._waiting:
            while pieces:
                writer.write(pieces.popleft())

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._shut:
            writer.transport.abort()
            return
        host, port = self._target.hostname, self._target.port
        # asyncio's server logs how a task of its own ends, unless that is well.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, relay = await asyncio.open_connection(host, port)
            try:
                await asyncio.gather(self._pass(reader, relay), self._pass(there, writer))
            finally:
                relay.transport.abort()
                writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces: deque[bytes] = deque()
        way = (pieces, writer)
        self._waiting.append(way)
        try:
            while piece := await reader.read(1 << 16):
                pieces.append(piece)
                if not self.held:
                    self.let_all()
        finally:
            writer.transport.abort()
            if way in self._waiting:
                self._waiting.remove(way)
