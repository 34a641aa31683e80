"""One WebSocket of an ASGI server, as a channel that a hub can be served through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn, TypeAlias

from ..errors import BadFrame, ConnectionClosed
from ..sync.channel import Iterated
from ..sync.limits import Meter
from ..sync.outbox import Outbox
from .frames import close_reason
from .limits import Limits
from .metrics import Traffic
from .upgrade import Visit

__all__ = ["AsgiChannel", "Message", "Receive", "Scope", "Send"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class AsgiChannel(Iterated):
    """A WebSocket of an ASGI server, as a channel.

    Attributes:
        path: The room's name.
        subprotocol: What was agreed on.
        outbox: What waits to be sent.
        held: Whether frames that come are dropped, because this is the end.
    """

    def __init__(
        self,
        visit: Visit,
        receive: Receive,
        send: Send,
        *,
        traffic: Traffic,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self.path = visit.path
        self.subprotocol = visit.subprotocol
        self.outbox = Outbox()
        self.held = False
        self.close_code: int | None = None
        self.close_reason = ""
        self._receive = receive
        self._send = send
        self._traffic = traffic
        self._limits = limits
        self._clock = clock
        self._meter = Meter(limits.rate, now=clock())

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed ({self.close_code})"
        return f"<AsgiChannel {self.path!r} {state}>"

    async def send(self, message: bytes) -> None:
        """Send a frame; waits as long as the server makes it."""
        if self.close_code is not None:
            raise ConnectionClosed(self.close_code, self.close_reason)
        try:
            await self._send({"type": "websocket.send", "bytes": message})
        except OSError as error:
            raise ConnectionClosed(1006, str(error)) from error

    async def recv(self) -> bytes:
        """Wait for a frame."""
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                self.close_code = self.close_code or event.get("code") or 1005
                raise ConnectionClosed(self.close_code, self.close_reason)
            message = event.get("bytes")
            if message is None:
                await self._refuse(BadFrame("text frames carry nothing here", close_code=1003))
            elif len(message) > self._limits.max_message_bytes:
                bound = f"a message above {self._limits.max_message_bytes} bytes"
                await self._refuse(BadFrame(bound, close_code=1009))
            elif not self.held:
                self._traffic.bytes_in += len(message)
                if self._meter.spend(len(message)):
                    await self._slow_down()
                return bytes(message)

    async def _slow_down(self) -> None:
        """Take nothing for a while, so that the server takes nothing either."""
        seconds = self._meter.rest(now=self._clock())
        if self._meter.flooding_s(now=self._clock()) >= self._limits.flood_timeout:
            await self._refuse(BadFrame("too much for too long", close_code=4429))
        if seconds:
            self._traffic.rests += 1
            await asyncio.sleep(seconds)

    async def _refuse(self, error: BadFrame) -> NoReturn:
        await self.close(error.close_code, error.reason)
        raise error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye; closing again is fine."""
        if self.close_code is not None:
            return
        self.close_code, self.close_reason = code, reason
        self._traffic.closed[code] += 1
        said = close_reason(reason).decode()
        with contextlib.suppress(OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": said})
