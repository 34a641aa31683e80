"""An open file: settling, epochs, other programs, and its end."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, Corrupt
from collabkit.ids import SessionId
from collabkit.store import database, openfile
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft
from store.processes import finish


def test_rows_settle_by_number_and_by_size(ledger: Ledger, session: SessionId) -> None:
    """Many small rows or a few large ones: `hot` never grows far."""
    ledger.write([(session, [draft(b"")] * (openfile.SETTLE_ROWS - 1))])
    assert not ledger.file.settling_due()
    ledger.write([(session, [draft(b"")])])
    assert ledger.file.settling_due()
    ledger.file.settle()
    assert not ledger.file.settling_due()
    ledger.write([(session, [draft(bytes(openfile.SETTLE_BYTES))])])
    assert ledger.file.settling_due()
    before = finish(ledger.load(session, "main"))
    ledger.file.settle()
    assert finish(ledger.load(session, "main")) == before


def test_each_opening_has_an_epoch(path: str) -> None:
    """Every row says in which opening of the file it was written."""
    for epoch in (1, 2, 3):
        with closing(Ledger(path, durability="stored", create=epoch == 1)) as ledger:
            assert ledger.file.epoch == epoch
            if epoch == 1:
                ledger.create_session("notes", "default", "single", ADA)
            session = ledger.find_session("notes", "default").id
            ledger.write([(session, [draft(b"%d" % epoch)])])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT epoch FROM log").fetchall() == [(1,), (2,), (3,)]


def test_an_older_opening_can_write_nothing(path: str) -> None:
    """Should two processes ever write in spite of the lock, the first is stopped at once."""
    with closing(Ledger(path, durability="stored", create=True)) as first:
        session = first.create_session("notes", "default", "single", ADA).id
        with closing(Ledger(path, durability="stored", create=False)) as second:
            with pytest.raises(CannotWrite, match=r"it was opened again since \(epoch 2\)"):
                first.write([(session, [draft(b"first")])])
            assert second.write([(session, [draft(b"second")])]) == [[1]]


def test_another_program_that_writes_is_waited_for_and_then_named(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """A transaction that somebody else holds open is no damage."""
    ledger.file.connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CannotWrite, match="another program is writing to it"):
            ledger.write([(session, [draft(b"x")])])
        other.execute("ROLLBACK")
    assert ledger.write([(session, [draft(b"x")])]) == [[1]]


def test_a_closed_file_is_one_file(path: str, ledger: Ledger, session: SessionId) -> None:
    """Nothing stands in `hot` any more, and no write-ahead log beside the file."""
    ledger.write([(session, [draft(b"x")])])
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM hot").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (1,)


def test_a_reader_leaves_the_file_whole_too(path: str, ledger: Ledger, session: SessionId) -> None:
    """Closed beside a reader, the log is emptied all the same: nothing stands beside the file."""
    ledger.write([(session, [draft(b"x")])])
    with Reader(path) as reader:
        ledger.close()
        assert reader.info().rows == 1
        assert (Path(f"{path}-wal").stat().st_size, len(reader.rows(session))) == (0, 1)


def test_a_transaction_holds_wholly_or_not_at_all(ledger: Ledger, session: SessionId) -> None:
    """Whatever is raised inside one, nothing of it is kept."""
    change = "UPDATE sessions SET kind = 'x'"
    with suppress(ZeroDivisionError), ledger.file.transaction():
        ledger.file.connection.execute(change)
        raise ZeroDivisionError
    kinds = ledger.file.connection.execute("SELECT kind FROM sessions").fetchall()
    assert kinds == [(ledger.find_session(session, "default").kind,)]


def test_two_rows_of_one_place_are_damage(ledger: Ledger, session: SessionId) -> None:
    """Settling never writes over a row."""
    ledger.write([(session, [draft(b"1")])])
    ledger.file.settle()
    ledger.write([(session, [draft(b"2")])])
    ledger.file.connection.execute("UPDATE hot SET seq = 1")
    with pytest.raises(Corrupt, match="a row has two places"):
        ledger.file.settle()


def test_a_sync_that_failed_is_made_good_by_writing_anew(
    ledger: Ledger, session: SessionId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one does not trust the log: what is in it is in the file itself afterwards."""

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    ledger.write([(session, [draft(b"1")])])
    with monkeypatch.context() as patch:
        patch.setattr(database, "_fdatasync", broken)
        with pytest.raises(CannotWrite, match="its log cannot be synced"):
            ledger.file.sync()
    ledger.write([(session, [draft(b"2")])])
    ledger.file.sync()
    alone = f"{ledger.path}.alone"
    shutil.copy(ledger.path, alone)
    with Reader(alone) as reader:
        assert [row.body for row in reader.rows(session)] == [b"1", b"2"]
