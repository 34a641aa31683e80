"""One client that says exactly what it is told, for the cases of RFC 6455."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collabkit.relay.server import Relay
from relay.peers import BINARY, CLOSE, PING, PONG, SYNC_STEP_1, Raw, frame

# One code that nobody else uses, to see it come back.
BYE = 4321


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame of a client."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


@asynccontextmanager
async def seated(relay: Relay) -> AsyncIterator[Raw]:
    """A client that has a place in a room."""
    async with Raw.connect(relay.url) as client:
        client.say(frame(BINARY, SYNC_STEP_1))
        await answer(client)
        yield client


async def answer(client: Raw) -> None:
    """Wait for a SyncStep2, which is what a SyncStep1 is answered with."""
    while (await client.hear_only(BINARY))[:2] != b"\0\1":
        pass


async def lives(client: Raw) -> bool:
    """Whether the connection goes on."""
    client.say(frame(PING, b"alive?"))
    return await client.hear_only(PONG) == b"alive?"


async def ended(client: Raw) -> tuple[int | None, list[int]]:
    """The code of the close frame, and the opcodes before it; then nothing may come any more."""
    before: list[int] = []
    while (heard := await client.hear()) is not None:
        opcode, payload = heard
        if opcode == CLOSE:
            client.say(frame(CLOSE, payload[:2]))
            assert await client.hear() is None, "something came after the close frame"
            return (int.from_bytes(payload[:2], "big") if payload else None), before
        before.append(opcode)
    raise AssertionError("the connection ended without a close frame")
