"""Frames between code that must not wait and a channel that takes its time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

from .seat import HIGH_WATER_BYTES

__all__ = ["ChannelSocket", "Outbox"]


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


class ChannelSocket:
    """A channel as a hub wants it: write now, and it leaves when the other end takes it.

    Attributes:
        outbox: What waits to leave.
        goodbye: What is to be said at the end, once that is known.
        rests: For how many seconds nothing is to be taken from the other end.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.goodbye: tuple[int, str] | None = None
        self.rests = 0.0
        self._closing = asyncio.Event()

    def __repr__(self) -> str:
        return f"<ChannelSocket {self.outbox!r}>"

    @property
    def buffered_bytes(self) -> int:
        """What the other end has not taken yet."""
        return self.outbox.buffered_bytes

    @property
    def clogged(self) -> bool:
        """Whether that is much."""
        return self.outbox.buffered_bytes > HIGH_WATER_BYTES

    def send(self, frame: bytes) -> None:
        """Put a frame into the outbox."""
        if self.goodbye is None:
            self.outbox.put(frame)

    def rest(self, seconds: float) -> None:
        """Take no more from the other end for a while."""
        self.rests = seconds

    def close(self, code: int, reason: str) -> None:
        """Say goodbye when what was sent before it has left."""
        self.goodbye = self.goodbye or (code, reason)
        self._closing.set()

    async def left(self, within: float) -> None:
        """Wait for the goodbye, and a while for what was sent before it to be taken."""
        await self._closing.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.outbox.emptied(), within)
