"""The file itself: transactions, settling, epochs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from collabkit.errors import CannotWrite, Corrupt
from collabkit.ids import SessionId
from collabkit.store import ledger as ledgers
from collabkit.store.base import Loaded
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft
from store.processes import finish


def load(ledger: Ledger, session: SessionId, document: str = "main") -> Loaded:
    """Load a document in one go."""
    return finish(ledger.load(session, document))


@pytest.fixture
def full(ledger: Ledger, session: SessionId) -> Iterator[Ledger]:
    """A ledger whose disk takes no further page."""
    ledger.write([(session, [draft(b"before")])])
    ledger.connection.execute("PRAGMA max_page_count = 1")
    yield ledger
    ledger.connection.execute("PRAGMA max_page_count = 1000000")


def test_a_full_disk_takes_nothing_and_forgets_nothing(full: Ledger, session: SessionId) -> None:
    """A transaction that fails gives its places back; the next one goes on as if it never was."""
    big = draft(b"x" * 10_000)
    for _ in range(3):
        with pytest.raises(CannotWrite, match="database or disk is full"):
            full.write([(session, [draft(b"a", "new")]), (session, [big])])
    assert [row.body for row in load(full, session).rows] == [b"before"]
    full.connection.execute("PRAGMA max_page_count = 1000000")
    assert full.write([(session, [draft(b"a", "new")]), (session, [big])]) == [[2], [3]]
    with Reader(full.path) as reader:
        assert list(reader.verify()) == []


def test_a_full_disk_is_no_empty_document(full: Ledger, session: SessionId) -> None:
    """A document that was never opened cannot be, while its lineage cannot be kept."""
    for number in range(1000):
        with suppress(CannotWrite):
            load(full, session, f"filler-{number}")
    with pytest.raises(CannotWrite):
        load(full, session, "new")
    assert "new" not in full.find_session("notes", "default").documents


def test_a_full_disk_does_not_move_rows(full: Ledger, session: SessionId) -> None:
    """Rows that cannot be settled are as well where they are."""
    full.connection.execute("PRAGMA max_page_count = 1000000")
    full.write([(session, [draft(b"x" * 1000)] * 200)])
    full.connection.execute("PRAGMA max_page_count = 1")
    before = load(full, session)
    with pytest.raises(CannotWrite):
        full.settle()
    assert load(full, session) == before
    assert full.directory.hot_rows == 201


def test_rows_settle_by_number_and_by_size(ledger: Ledger, session: SessionId) -> None:
    """Many small rows or a few large ones: `hot` never grows far."""
    ledger.write([(session, [draft(b"")] * (ledgers.SETTLE_ROWS - 1))])
    assert not ledger.settling_due()
    ledger.write([(session, [draft(b"")])])
    assert ledger.settling_due()
    ledger.settle()
    assert not ledger.settling_due()
    ledger.write([(session, [draft(bytes(ledgers.SETTLE_BYTES))])])
    assert ledger.settling_due()
    before = load(ledger, session)
    ledger.settle()
    assert load(ledger, session) == before


def test_each_opening_has_an_epoch(path: str) -> None:
    """Every row says in which opening of the file it was written."""
    for epoch in (1, 2, 3):
        with closing(Ledger(path, durability="stored", create=epoch == 1)) as ledger:
            assert ledger.epoch == epoch
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
    ledger.connection.execute("PRAGMA busy_timeout = 10")
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


def test_two_rows_of_one_place_are_damage(ledger: Ledger, session: SessionId) -> None:
    """Settling never writes over a row."""
    ledger.write([(session, [draft(b"1")])])
    ledger.settle()
    ledger.write([(session, [draft(b"2")])])
    ledger.connection.execute("UPDATE hot SET seq = 1")
    with pytest.raises(Corrupt, match="a row has two places"):
        ledger.settle()
