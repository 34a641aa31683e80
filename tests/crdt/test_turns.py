"""Taking turns."""

from __future__ import annotations

import asyncio
from threading import RLock, Thread

from collabkit.crdt.turns import acquire, current_task


def test_a_lock_that_is_taken_is_noted() -> None:
    """And so is one that another thread has."""
    lock = RLock()
    mine: list[bool] = []
    acquire(lock, mine)
    acquire(lock, mine)
    theirs: list[bool] = []
    thread = Thread(target=lambda: acquire(lock, theirs, blocking=False))
    thread.start()
    thread.join()
    assert (mine, theirs) == ([True, True], [False])


async def test_a_task_is_told_from_the_one_that_began_it() -> None:
    """And from no task at all."""

    async def child() -> object:
        return current_task()

    assert await asyncio.create_task(child()) is not current_task()
    assert await child() is current_task()
    assert await asyncio.to_thread(current_task) is None
