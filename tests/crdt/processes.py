"""What the system knows of processes, for tests that start and end some."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["gone", "until"]


async def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


def gone(pids: Iterable[int]) -> bool:
    """Whether there is none of them any more, not even a zombie of ours."""
    return not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    # For those whose parent is gone somebody else has to wait, who may not care; they are as dead.
    return state[0] != "Z" or int(state[1]) == os.getpid()
