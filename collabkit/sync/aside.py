"""Looks at updates that take long, made where the loop does not wait for them.

Rules:

1. A look is Python, and so is the loop: they take turns of some milliseconds on the interpreter.
   With one thread for all looks the loop waits for one at most.
2. Each link has one update looked at at a time, and looks are made in the order in which they are
   asked for. So whoever has large updates takes turns with all others that have.
3. Garbage is not collected meanwhile. That is one step, for which everybody waits, and a look makes
   much that has to be gone through, and next to none of it is garbage.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from ..crdt.budget import Budget
from ..crdt.update import Scan, scan
from .messages import Message

__all__ = ["Aside", "Held", "update_of"]


# What a message takes beside its update.
OVERHEAD_BYTES = 256

P = TypeVar("P")
T = TypeVar("T")


class Held(Generic[P]):
    """What was said behind a large update on one socket, in order, and at which place of it.

    Attributes:
        size_bytes: What it takes.
    """

    __slots__ = ("_words", "size_bytes")

    def __init__(self) -> None:
        self._words: deque[tuple[P, Message | None]] = deque()
        self.size_bytes = 0

    def __repr__(self) -> str:
        return f"<Held: {len(self._words)} messages, {self.size_bytes} bytes>"

    def __bool__(self) -> bool:
        return bool(self._words)

    def add(self, place: P, message: Message | None) -> None:
        """Hold a message; None is that whoever sat there left it."""
        self._words.append((place, message))
        self.size_bytes += len(update_of(message)) + OVERHEAD_BYTES

    @property
    def first(self) -> tuple[P, Message | None]:
        """The oldest, which stays."""
        return self._words[0]

    def take(self) -> tuple[P, Message | None]:
        """The oldest, which is held no more."""
        place, message = self._words.popleft()
        self.size_bytes -= len(update_of(message)) + OVERHEAD_BYTES
        return place, message

    def concerns(self, place: P) -> bool:
        """Whether anything was said at a place."""
        return any(one is place for one, _ in self._words)

    def silence(self, place: P) -> None:
        """Forget what was said at a place, but not that it was left."""
        for _ in range(len(self._words)):
            one, message = self.take()
            if one is not place or message is None:
                self.add(one, message)


def update_of(message: Message | None) -> bytes:
    """The update that a message brings, of the document or of presence; empty if it brings none."""
    update: bytes = getattr(message, "update", b"")
    return update


class Aside:
    """The thread that looks.

    Attributes:
        waiting: How many looks are not made yet.

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
        return await self.run(lambda: scan(update, budget))

    async def run(self, look: Callable[[], T]) -> T:
        """Take another look at updates."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="collabkit scan")
        self.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, partial(_uncollected, look))
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Let the thread end; what waits is not looked at any more."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None


def _uncollected(look: Callable[[], T]) -> T:
    collects = gc.isenabled()
    gc.disable()
    try:
        return look()
    finally:
        if collects:
            gc.enable()
