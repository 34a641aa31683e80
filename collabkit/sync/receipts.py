"""The receipts that a replica got: what of its edits its relay did not take."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from .news import News
from .untaken import Receipt

__all__ = ["MAX_RECEIPTS", "Receipts"]

# Each may hold a draft of 64 KiB. Who looks at none has the latest.
MAX_RECEIPTS = 100


class Receipts:
    """Those that came and were not discarded, the oldest first; of very many the latest.

    >>> receipts = Receipts()
    >>> receipts.came(Receipt("no-match", "you may not write /a"))
    >>> [receipt] = receipts
    >>> receipts.discard(receipt)
    >>> len(receipts)
    0
    """

    def __init__(self) -> None:
        self._kept: deque[Receipt] = deque(maxlen=MAX_RECEIPTS)
        self._fresh: deque[Receipt] = deque(maxlen=MAX_RECEIPTS)
        self._news = News[Receipt | None]("receipts")
        self._over = False

    def __repr__(self) -> str:
        return f"<Receipts: {len(self)}>"

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Receipt]:
        return iter(tuple(self._kept))

    def discard(self, receipt: Receipt) -> None:
        """Keep it no longer; whether its draft was written elsewhere is nobody's business here."""
        if receipt in self._kept:
            self._kept.remove(receipt)

    def observe(self, observer: Callable[[Receipt], object]) -> Callable[[], None]:
        """Call back with each one that comes; returns what stops it."""
        return self._news.observe(lambda receipt: receipt is None or observer(receipt))

    async def coming(self) -> AsyncIterator[Receipt]:
        """Each one that comes from now on, until the replica is closed or refused."""
        stream = asyncio.Queue[Receipt | None]()
        stop = self._news.observe(stream.put_nowait)
        try:
            while not self._over and (receipt := await stream.get()) is not None:
                yield receipt
        finally:
            stop()

    # What the replica brings

    def came(self, receipt: Receipt) -> None:
        """One came."""
        self._kept.append(receipt)
        self._fresh.append(receipt)
        self._news.tell(receipt)

    def taken(self) -> tuple[Receipt, ...]:
        """Those that came since this was asked before."""
        fresh = tuple(self._fresh)
        self._fresh.clear()
        return fresh

    def end(self) -> None:
        """None comes any more."""
        self._over = True
        self._news.tell(None)
