"""Stores of any kind, opened as the contracts want them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import Opening

__all__ = ["opening"]


def opening(kind: type[SQLiteStore], path: Path) -> Opening:
    """A way to open a store of some kind."""

    @asynccontextmanager
    async def open_it() -> AsyncIterator[SQLiteStore]:
        async with kind.open(path / "a.db") as store:
            yield store

    return open_it
