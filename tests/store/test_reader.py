"""Reading a file beside its holder."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collabkit.errors import NotACollabFile, SessionNotFound
from collabkit.ids import SessionId
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.schema import SUPPORTED
from collabkit.testing.store_contract import checkpoint, draft
from store.processes import Start, finish, line

HOLD = """
import asyncio, sys
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, draft
async def main():
    async with SQLiteStore.open(sys.argv[1]) as store:
        session = await store.create_session("notes", project="default", kind="k", by=ADA)
        for line in sys.stdin:
            print(await store.append(session.id, [draft(line.strip().encode())]), flush=True)
asyncio.run(main())
"""


def test_a_reader_sees_what_the_holder_committed(path: str, start: Start) -> None:
    """Each question is answered as of now, from another process, also while that is stopped."""
    process = start(HOLD, path)
    assert process.stdin is not None

    def tell(text: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        line(process)

    tell("one")
    with Reader(path) as reader:
        (record,) = reader.sessions()
        assert reader.find("notes", project="default") == record
        assert [row.body for row in reader.rows(record.id)] == [b"one"]
        tell("two")
        assert [row.body for row in reader.rows(record.id)] == [b"one", b"two"]
        os.kill(process.pid, signal.SIGSTOP)
        assert [row.body for row in reader.load(record.id, "main").rows] == [b"one", b"two"]
        assert reader.find(record.id, project="default").last_seq == 2
        os.kill(process.pid, signal.SIGCONT)
        holder = reader.info().holder
        assert holder is not None
        assert holder.pid == process.pid


def test_a_reader_keeps_the_log_from_nothing(path: str, ledger: Ledger, session: SessionId) -> None:
    """Between two questions no transaction is open: the write-ahead log can be emptied."""
    ledger.write([(session, [draft(b"x")])])
    with Reader(path) as reader:
        reader.sessions()
        reader.rows(session)
        reader.load(session, "main")
        reader.get("t", "k")
        next(reader.verify(), None)
        done = ledger.file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert done == (0, 0, 0)


def test_a_reader_answers_as_the_holder_does(path: str, ledger: Ledger, session: SessionId) -> None:
    """The same records, rows, documents and values."""
    ledger.write([(session, [draft(b"1"), draft(b"2", "b"), draft(b"3")])])
    ledger.put_checkpoint(session, checkpoint(1))
    ledger.put("t", "k", [1], None)
    with Reader(path) as reader:
        assert reader.sessions() == ledger.sessions(None)
        assert reader.sessions(project="none") == []
        for document in (None, "main", "none"):
            expected = finish(ledger.rows(session, after=1, document=document, limit=5))
            assert reader.rows(session, after=1, document=document, limit=5) == expected
        assert reader.load(session, "main") == finish(ledger.load(session, "main"))
        assert reader.get("t", "k") == ([1], 1)
        assert reader.get("t", "none") is None
        assert reader.entries("t", prefix="k") == [("k", [1], 1)]


def test_a_document_that_never_was_opened_has_no_lineage(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """A reader gives none: that is the holder's to do."""
    with Reader(path) as reader:
        loaded = reader.load(session, "new")
        assert (loaded.lineage, loaded.checkpoint, loaded.rows, loaded.upto) == ("", None, (), 0)
        with pytest.raises(SessionNotFound):
            reader.load(SessionId("none"), "main")
    assert ledger.find_session("notes", "default").documents == ()


def test_info_is_about_the_file(path: str, ledger: Ledger, session: SessionId) -> None:
    """Who opened it how often, what is in it, and how large it is."""
    ledger.write([(session, [draft(b"1"), draft(b"2", "b")])])
    with Reader(path) as reader:
        info = reader.info()
    assert (info.path, info.schema, info.epoch, info.holder) == (path, SUPPORTED, 1, None)
    assert (info.sessions, info.documents, info.rows) == (1, 2, 2)
    files = (path, f"{path}-wal")
    assert info.size_bytes == sum(Path(each).stat().st_size for each in files)
    assert info.free_bytes == 0


def test_a_reader_reads_no_other_file(path: str) -> None:
    """What is no file of ours is refused when it is opened."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE t (x)")
    with pytest.raises(NotACollabFile):
        Reader(path)


def test_a_reader_says_what_it_reads(path: str, ledger: Ledger) -> None:
    """Also through a link, which is followed once."""
    os.symlink(path, f"{path}.link")
    with Reader(f"{path}.link") as reader:
        assert repr(reader) == f"<Reader {path}>"
    assert ledger.path == path
