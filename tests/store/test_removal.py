"""Deleting and compacting, a slice at a time."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, LocalProtocolError, SessionNotFound
from collabkit.ids import SessionId
from collabkit.store import removal, rows
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


def size(ledger: Ledger) -> int:
    """Of the file, once all is in it."""
    ledger.file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return os.path.getsize(ledger.path)


def test_compaction_gives_space_back(ledger: Ledger, session: SessionId) -> None:
    """The file itself shrinks, and the record of the session says so too."""
    fill(ledger, session)
    ledger.file.settle()
    before, record = size(ledger), ledger.find_session("notes", "default")
    assert finish(ledger.compact(session, "main", MANY - 5)) == MANY - 5
    assert size(ledger) < before / 5
    assert ledger.find_session("notes", "default").size_bytes < record.size_bytes / 100
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
        assert reader.info().free_bytes == 0


def test_commits_go_on_between_slices(ledger: Ledger, session: SessionId) -> None:
    """While a document is compacted and another session deleted, rows are written and read."""
    other = ledger.create_session("other", "default", "single", ADA).id
    fill(ledger, session)
    fill(ledger, other)
    work = [ledger.compact(session, "main", MANY - 5), ledger.delete_session(other)]
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


def test_a_compaction_that_was_interrupted_is_no_damage(path: str) -> None:
    """What is gone is accounted for after each slice, and the rest can go later."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        fill(ledger, session)
        next(ledger.compact(session, "main", MANY - 5))
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        assert len(finish(ledger.load(session, "main")).rows) == 5
        with Reader(path) as reader:
            assert list(reader.verify()) == []
        left = MANY - 5 - rows.PAGE_ROWS
        assert finish(ledger.compact(session, "main", MANY - 5)) == left


def test_a_damaged_checkpoint_stops_compaction(ledger: Ledger, session: SessionId) -> None:
    """What it should hold cannot go, though another one holds it too."""
    fill(ledger, session)
    ledger.file.connection.execute("UPDATE checkpoints SET body = x'00' WHERE no = 1")
    with pytest.raises(LocalProtocolError, match="2 sound checkpoints hold them; there are 1"):
        finish(ledger.compact(session, "main", 1))


def test_compacting_nothing_is_fine(ledger: Ledger, session: SessionId) -> None:
    """A document that is not there has nothing to remove."""
    assert finish(ledger.compact(session, "none", 5)) == 0


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
