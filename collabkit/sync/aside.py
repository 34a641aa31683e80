"""Scans that take long, made where the loop does not wait for them.

A scan is Python, and so is the loop: they take turns of some milliseconds on the interpreter. With
one thread for all scans the loop waits for one at most.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from ..crdt.budget import Budget
from ..crdt.update import Scan, scan

__all__ = ["LARGE_BYTES", "Aside"]

# The densest update of this size is scanned in some 10 ms; nearly all are a thousand times smaller.
LARGE_BYTES = 64 * 1024


class Aside:
    """The thread that scans.

    Attributes:
        waiting: How many scans are not made yet.

    >>> hi = bytes.fromhex("010107000401017402686900")
    >>> aside = Aside()
    >>> asyncio.run(aside.scan(hi, Budget())) == scan(hi)
    True
    >>> aside.close()
    """

    __slots__ = ("_thread", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self._thread: ThreadPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"<Aside, {self.waiting} wait>"

    async def scan(self, update: bytes, budget: Budget) -> Scan:
        """Scan an update.

        Raises:
            MalformedBytes: It is none.
            UpdateRefused: It exceeds the budget.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="collabkit scan")
        self.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, scan, update, budget)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Let the thread end; what waits is not scanned any more."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None
