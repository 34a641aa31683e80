"""Whose turn it is at a document: taking its lock, and whose block is open.

Rules:

1. Ctrl-C can come after any call. So a lock is taken inside the ``try`` that releases it.
2. A block is its task's alone. What says so is a variable of the context, which knows
   other kinds of tasks than asyncio's too, together with asyncio's task, because one that is
   begun in a block inherits the context.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Protocol

__all__ = ["Lock", "acquire", "current_task", "inside"]

inside: ContextVar[tuple[object, ...]] = ContextVar("collabkit_edit_blocks", default=())
"""The edit blocks that the current task is in, of all documents, and those it was begun in."""


class Lock(Protocol):
    """What ``RLock()`` makes, of which the class has no name."""

    def acquire(self, blocking: bool = True, /) -> bool:
        """Acquire it; returns whether it was got."""
        ...


def current_task() -> object:
    """The caller's task of asyncio; his thread needs no telling, as it has the lock."""
    try:
        return asyncio.current_task()
    except RuntimeError:  # there is no loop
        return None


def acquire(lock: Lock, taken: list[bool], *, blocking: bool = True) -> None:
    """Acquire a lock and note whether it was got, in one step of the interpreter.

    Ctrl-C comes before both or after both, so whoever notes it inside his ``try`` knows what
    to release. Between an ``acquire()`` and a ``try``, it would leave the lock held for ever.
    """
    taken.extend(map(lock.acquire, (blocking,)))
