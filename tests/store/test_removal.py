"""Deleting and compacting, a slice at a time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, SessionNotFound
from collabkit.ids import SessionId
from collabkit.store import removal, rows
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, checkpoint, draft
from store.processes import finish

MANY = 2 * rows.PAGE_ROWS + 10


def fill(ledger: Ledger, session: SessionId, name: str = "main") -> None:
    """Write many rows, and two checkpoints near the end."""
    ledger.write([(session, [draft(b"x" * 200, name)] * MANY)])
    for _ in range(2):
        ledger.put_checkpoint(
            session, checkpoint(ledger.file.directory.get(session).last_seq - 5, name)
        )


def test_commits_go_on_between_slices(ledger: Ledger, session: SessionId) -> None:
    """While a document is compacted and another session deleted, rows are written and read."""
    other = ledger.create_session("other", "default", "single", ADA).id
    fill(ledger, session)
    fill(ledger, other)
    work = [ledger.compact(session, "main", Asked(MANY - 5)), ledger.delete_session(other)]
    slices = 0
    while work:
        for each in list(work):
            try:
                next(each)
            except StopIteration:
                work.remove(each)
        slices += 1
        ledger.write([(session, [draft(b"meanwhile")])])
    assert slices > MANY / rows.PAGE_ROWS
    loaded = finish(ledger.load(session, "main"))
    assert len(loaded.rows) == 5 + slices
    assert [one.name for one in ledger.sessions(None)] == ["notes"]
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []


def test_large_rows_make_small_slices(ledger: Ledger, session: SessionId) -> None:
    """A slice ends by bytes as well as by rows."""
    for _ in range(20):
        ledger.write([(session, [draft(bytes(1 << 20))])])
    ledger.file.settle()
    with ledger.file.transaction():
        gone = rows.delete_some(ledger.file.connection, 1, upto=rows.MAX_SEQ)
    assert gone == (8, 8 << 20)


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_a_deletion_that_was_interrupted_is_finished_later(path: str, slices: int) -> None:
    """The next holder goes on; nothing of the session is ever seen again."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        fill(ledger, session)
        work = ledger.delete_session(session)
        for _ in range(slices):
            next(work)
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        with pytest.raises(SessionNotFound):
            finish(ledger.rows(session, after=0, document=None, limit=1))
        finish(removal.resume(ledger.file))
        for table in ("sessions", "documents", "hot", "log", "checkpoints"):
            assert ledger.file.connection.execute(f"SELECT * FROM {table}").fetchall() == []


def test_a_full_disk_stops_a_deletion_half_way(ledger: Ledger, session: SessionId) -> None:
    """The session stays gone, and the next opening finishes."""
    fill(ledger, session)
    work = ledger.delete_session(session)
    next(work)
    ledger.file.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(CannotWrite):
        finish(work)
    ledger.file.connection.execute("PRAGMA query_only = OFF")
    assert ledger.sessions(None) == []
    ledger.close()
    with closing(Ledger(ledger.path, durability="stored", create=False)) as again:
        finish(removal.resume(again.file))
        assert again.file.connection.execute("SELECT count(*) FROM log").fetchone() == (0,)
    assert Path(ledger.path).exists()


@pytest.mark.parametrize("clean", [True, False])
def test_what_was_free_when_the_process_died_is_given_back(path: str, clean: bool) -> None:
    """What was deleted may stand in it. After a clean end it is left, to be used again."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        ledger.write([(session, [draft(b"x" * 1000)] * 500)])
        ledger.file.settle()
        ledger.close(clean=clean)
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        finish(removal.resume(ledger.file))
        with Reader(path) as reader:
            assert (reader.info().free_bytes > 0) == clean
