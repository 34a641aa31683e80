"""Somebody who comes to a workspace over a channel in memory, as a socket would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.ids import Subject
from collabkit.sync.channel import MemoryChannel, memory_channels, serve_channel
from collabkit.sync.hub import Hub
from collabkit.sync.replica import Replica


async def anybody(knock: Knock) -> Identity | Refusal:
    """Lets everybody in who knocks, under the name he gives."""
    return Identity(Subject(f"anonymous:{knock.name or 'nobody'}"))


async def readers(knock: Knock) -> Identity | Refusal:
    """Lets everybody in, to look."""
    return Identity(Subject("anonymous:reader"), can_write=False)


@contextlib.asynccontextmanager
async def visit(
    hub: Hub, room: str, *, token: str | None = None, name: str | None = None
) -> AsyncIterator[Replica]:
    """Be connected to a document."""
    pumps: list[asyncio.Task[None]] = []

    async def dial() -> MemoryChannel:
        ours, theirs = memory_channels(room)
        pumps.append(asyncio.create_task(serve_channel(hub, theirs, token=token, name=name)))
        return ours

    try:
        async with Replica.over(dial) as replica:
            yield replica
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
