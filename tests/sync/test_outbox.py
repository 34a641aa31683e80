"""Frames between code that must not wait and a channel that takes its time."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.errors import ConnectionClosed
from collabkit.sync.channel import MAX_BUFFERED_BYTES, memory_channels
from collabkit.sync.outbox import Outbox


async def test_all_leaves_in_order() -> None:
    """What is put in leaves in its order, also what comes while it is pumped."""
    outbox = Outbox()
    here, there = memory_channels("notes")
    outbox.put(b"one")
    pumping = asyncio.create_task(outbox.pump(here, lambda: None))
    assert await there.recv() == b"one"
    outbox.put(b"two")
    outbox.put(b"three")
    assert [await there.recv(), await there.recv()] == [b"two", b"three"]
    pumping.cancel()


async def test_bytes_count_until_they_are_taken() -> None:
    """A frame counts as waiting until the channel has taken it."""
    outbox = Outbox()
    here, there = memory_channels("notes")
    outbox.put(bytes(MAX_BUFFERED_BYTES))
    outbox.put(b"next")
    pumping = asyncio.create_task(outbox.pump(here, lambda: None))
    await asyncio.sleep(0)
    assert outbox.buffered_bytes == len(b"next")
    await there.recv()
    await outbox.emptied()
    assert outbox.buffered_bytes == 0
    pumping.cancel()


async def test_drained_is_told_each_time() -> None:
    """Whoever waits for room hears each time that nothing waits any more, and may fill it again."""
    outbox = Outbox()
    here, there = memory_channels("notes")
    left = [b"two", b"three"]

    def drained() -> None:
        if left:
            outbox.put(left.pop(0))

    outbox.put(b"one")
    pumping = asyncio.create_task(outbox.pump(here, drained))
    assert [await there.recv() for _ in range(3)] == [b"one", b"two", b"three"]
    await outbox.emptied()
    pumping.cancel()


async def test_end_of_the_channel() -> None:
    """When the channel ends, so does the pump."""
    outbox = Outbox()
    here, there = memory_channels("notes")
    await there.close(4403, "not you")
    outbox.put(b"one")
    with pytest.raises(ConnectionClosed) as caught:
        await outbox.pump(here, lambda: None)
    assert caught.value.code == 4403
