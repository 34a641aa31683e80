"""One WebSocket of an ASGI server, by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collabkit.errors import BadFrame, ConnectionClosed
from collabkit.relay.asgichannel import AsgiChannel
from collabkit.relay.limits import Limits
from collabkit.relay.metrics import Traffic
from collabkit.relay.upgrade import Visit
from collabkit.sync.limits import Rate


class Server:
    """An ASGI server of one connection: what it says, and what it was told."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.said = list(events)
        self.told: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """The next event."""
        return self.said.pop(0)

    async def send(self, message: Any) -> None:
        """Take a message."""
        self.told.append(dict(message))


def channel(server: Server, limits: Limits, *, at: list[float]) -> AsgiChannel:
    """A channel of a visitor to `notes`, with a clock that reads `at`."""
    return AsgiChannel(
        Visit("notes", None, None, None),
        server.receive,
        server.send,
        traffic=Traffic(),
        limits=limits,
        clock=lambda: at[0],
    )


def frame(data: bytes) -> dict[str, Any]:
    """A frame as a server hands it over."""
    return {"type": "websocket.receive", "bytes": data}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "websocket.receive", "text": "hello"}, 1003),
        (frame(b"x" * 11), 1009),
    ],
)
async def test_what_is_no_message_ends_it(event: dict[str, Any], code: int) -> None:
    """A text frame and one above the limit are answered with their code."""
    server = Server(event)
    with pytest.raises(BadFrame):
        await channel(server, Limits(max_message_bytes=10), at=[0.0]).recv()
    assert [message.get("code") for message in server.told] == [code]


async def test_who_sends_too_fast_is_read_more_slowly() -> None:
    """Beyond its rate a connection waits; within it nothing does."""
    server = Server(*[frame(b"x")] * 4)
    rate = Rate(messages=1000, burst_messages=2)
    there = channel(server, Limits(rate=rate), at=[0.0])
    traffic = there._traffic
    assert [await there.recv() for _ in range(2)] == [b"x"] * 2
    assert traffic.rests == 0
    assert [await there.recv() for _ in range(2)] == [b"x"] * 2
    assert traffic.rests == 2


async def test_a_flood_that_goes_on_is_ended() -> None:
    """Who does not stop in time is told so with a code of its own."""
    at = [0.0]
    server = Server(*[frame(b"x")] * 50)
    limits = Limits(rate=Rate(messages=1000, burst_messages=1), flood_timeout=0.0)
    there = channel(server, limits, at=at)
    await there.recv()
    with pytest.raises(BadFrame):
        await there.recv()
    assert server.told[-1]["code"] == 4429
    assert there.close_code == 4429


async def test_its_end_is_an_end() -> None:
    """After a disconnect nothing is received or sent."""
    server = Server({"type": "websocket.disconnect", "code": 1001})
    there = channel(server, Limits(), at=[0.0])
    with pytest.raises(ConnectionClosed):
        await there.recv()
    with pytest.raises(ConnectionClosed):
        await there.send(b"x")
    await asyncio.wait_for(there.close(), 5)
    assert server.told == []
    assert repr(there) == "<AsgiChannel 'notes' closed (1001)>"
