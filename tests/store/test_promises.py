"""Futures of several loops, kept from one thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from collabkit.store.promises import deliver


async def test_what_was_promised_is_told_from_another_thread() -> None:
    """A result as such, an error as an error; a caller who was cancelled is passed over."""
    loop = asyncio.get_running_loop()
    kept, broken, gone = (loop.create_future() for _ in range(3))
    gone.cancel()
    outcomes = [(gone, 1), (kept, 2), (broken, ZeroDivisionError("no"))]
    threading.Thread(target=deliver, args=(outcomes,)).start()
    assert await kept == 2
    with pytest.raises(ZeroDivisionError):
        await broken


async def test_a_loop_that_is_gone_keeps_no_other_waiting() -> None:
    """Nobody waits on a closed loop, and those on others are told all the same."""
    closed = asyncio.new_event_loop()
    lost: asyncio.Future[int] = closed.create_future()
    closed.close()
    kept: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    deliver([(lost, 1), (kept, 2)])
    assert await kept == 2
    assert not lost.done()
