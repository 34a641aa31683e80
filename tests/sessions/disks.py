"""A disk that is full for a while."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from collabkit.store.ledger import Ledger
from collabkit.store.sqlite import SQLiteStore


async def _limit(store: SQLiteStore, pages: int) -> None:
    def limit(ledger: Ledger) -> None:
        ledger.file.connection.execute(f"PRAGMA max_page_count = {pages}")

    await store._writer.submit(limit)


@contextlib.asynccontextmanager
async def full(store: SQLiteStore) -> AsyncIterator[None]:
    """As long as the block runs, the file cannot grow: SQLite says that the disk is full."""
    await _limit(store, 1)
    try:
        yield
    finally:
        await _limit(store, 1_000_000)
