"""A running writer, its disk full or not, and what it has written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collabkit.ids import SessionId
from collabkit.store.ledger import Ledger
from collabkit.store.writer import Writer
from collabkit.testing.store_contract import ADA

# How large SQLite lets the file grow, in pages: a disk that is full, and one that is not.
FULL = "PRAGMA max_page_count = 1"
ROOMY = "PRAGMA max_page_count = 1000000"


@asynccontextmanager
async def running(path: str) -> AsyncIterator[tuple[Writer, SessionId]]:
    """A writer of a new file, and a session in it."""
    writer = Writer(lambda: Ledger(path, durability="stored", create=True), path=path, sync=True)
    await writer.start()
    record = await writer.submit(lambda it: it.create_session("notes", "p", "k", ADA))
    try:
        yield writer, record.id
    finally:
        await writer.stop()


async def pragma(writer: Writer, statement: str) -> None:
    """Tell SQLite something, in its thread."""
    await writer.submit(lambda it: it.file.connection.execute(statement).fetchall())


async def bodies(writer: Writer, session: SessionId) -> list[bytes]:
    """What a session's log holds."""
    found = await writer.submit_slices(
        lambda it: it.rows(session, after=0, document=None, limit=1_000_000)
    )
    return [row.body for row in found]
