"""The thread that owns a file, while the disk takes nothing: when it is asked again."""

from __future__ import annotations

import pytest

from collabkit.errors import CannotWrite
from collabkit.store import writer as writers
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import draft
from store.writing import FULL, ROOMY, bodies, pragma, running


async def test_closing_tries_once_more(path: str) -> None:
    """Space that came back after the last attempt is found by the last."""
    async with running(path) as (writer, session):
        await pragma(writer, FULL)
        writer.enqueue(session, draft(b"x" * 50_000))
        with pytest.raises(CannotWrite):
            await writer.flush()
        await pragma(writer, ROOMY)
    with Reader(path) as reader:
        assert len(reader.rows(session)) == 1


async def test_a_full_disk_is_not_asked_at_each_key(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows queued behind those that wait do not have them all tried again."""
    monkeypatch.setattr(writers, "RETRY_EVERY", 3600.0)
    async with running(path) as (writer, session):
        await pragma(writer, FULL)
        writer.enqueue(session, draft(b"x" * 50_000))
        with pytest.raises(CannotWrite):
            await writer.flush()
        begun: list[str] = []
        await writer.submit(lambda it: it.file.connection.set_trace_callback(begun.append))
        for _ in range(20):
            with pytest.raises(CannotWrite, match="the row waits in memory"):
                writer.enqueue(session, draft(b"key"))
            await writer.submit(lambda _: None)
        assert "BEGIN IMMEDIATE" not in begun
        await pragma(writer, ROOMY)
        await writer.flush()
        assert len(await bodies(writer, session)) == 21
