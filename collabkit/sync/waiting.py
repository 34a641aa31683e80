"""How it goes with a replica, for those who wait for something.

What waits for the relay raises when it will not come; what does not wait never does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import CollabError, ConnectionClosed

__all__ = ["Waiting"]


class Waiting:
    """What went wrong so far, and who waits.

    Attributes:
        failure: The end of it: nothing will come any more.
        refusal: The relay did not take an edit.
        trouble: Why the replica is not live, as far as that is known.
    """

    def __init__(self) -> None:
        self.failure: CollabError | None = None
        self.refusal: CollabError | None = None
        self.trouble: CollabError | None = None
        self._moved = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Waiting, {self.trouble!r}>"

    def failed(self, error: CollabError, *, for_good: bool) -> None:
        """Something failed, ``for_good`` or once."""
        self.trouble = error
        if for_good:
            self.failure = error
        else:
            self.refusal = error

    def lost(self, error: ConnectionClosed) -> None:
        """A link was lost."""
        if self.failure is None:
            self.trouble = error

    def moved(self, *, pending: int) -> None:
        """Something may have changed that somebody waits for."""
        if not pending:
            self.refusal = None
        self._moved.set()

    async def until(self, done: Callable[[], bool], closed: Callable[[], bool]) -> None:
        """Wait until something is done; raises if it will not be."""
        while not done():
            if self.failure is not None:
                raise self.failure.with_traceback(None)
            if closed():
                raise ConnectionClosed(1000, "the replica was closed")
            self._moved.clear()
            await self._moved.wait()
