"""Who waits for something gets it, or hears why not."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.errors import ConnectionClosed, UpdateRefused
from collabkit.sync.waiting import Waiting

LOST = ConnectionClosed(1006, "lost")
REFUSED = UpdateRefused("banned", "it is")


async def test_it_comes() -> None:
    """Whoever waits looks again whenever something moves."""
    waiting, there = Waiting(), [False]
    task = asyncio.create_task(waiting.until(lambda: there[0], lambda: False))
    await asyncio.sleep(0)
    waiting.moved(pending=1)
    await asyncio.sleep(0)
    assert not task.done()
    there[0] = True
    waiting.moved(pending=0)
    await task


async def test_it_will_not_come() -> None:
    """What is for good is raised, and so is the end; a lost link is no reason."""
    waiting = Waiting()
    waiting.lost(LOST)
    assert (waiting.trouble, waiting.failure) == (LOST, None)
    with pytest.raises(ConnectionClosed, match="was closed"):
        await waiting.until(lambda: False, lambda: True)
    waiting.failed(REFUSED, for_good=True)
    waiting.lost(LOST)
    assert waiting.trouble is REFUSED
    with pytest.raises(UpdateRefused):
        await waiting.until(lambda: False, lambda: False)


def test_a_refusal_counts_as_long_as_something_is_pending() -> None:
    """Then what was refused has gone through in another way."""
    waiting = Waiting()
    waiting.failed(REFUSED, for_good=False)
    waiting.moved(pending=1)
    assert waiting.refusal is REFUSED
    waiting.moved(pending=0)
    assert waiting.refusal is None
