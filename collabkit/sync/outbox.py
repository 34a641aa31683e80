"""Frames between code that must not wait and a channel that takes its time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

__all__ = ["Outbox"]


class _Sender(Protocol):
    async def send(self, message: bytes) -> None: ...


class Outbox:
    """What waits to be sent. It has no bound of its own: whoever fills it looks at its bytes.

    Attributes:
        buffered_bytes: How much waits, the frame that is being sent included.
    """

    def __init__(self) -> None:
        self.buffered_bytes = 0
        self._frames: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __repr__(self) -> str:
        return f"<Outbox {len(self._frames)} frames, {self.buffered_bytes} bytes>"

    def put(self, frame: bytes) -> None:
        """Add a frame."""
        self._frames.append(frame)
        self.buffered_bytes += len(frame)
        self._empty.clear()
        self._more.set()

    async def emptied(self) -> None:
        """Wait until nothing waits any more."""
        await self._empty.wait()

    async def pump(self, channel: _Sender, drained: Callable[[], object]) -> None:
        """Send for ever what is put in, and tell each time that nothing is left.

        Raises:
            ConnectionClosed: The channel has ended.
        """
        while True:
            while self._frames:
                frame = self._frames.popleft()
                await channel.send(frame)
                self.buffered_bytes -= len(frame)
            drained()
            if not self._frames:
                self._empty.set()
                self._more.clear()
                await self._more.wait()
