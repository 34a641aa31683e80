"""When a recovery begins, and what its epoch is."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, Corrupt
from collabkit.ids import SessionId
from collabkit.store import recovery
from collabkit.store.backup import backup
from collabkit.store.base import RECOVERY_MS, Loaded
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft
from store.processes import finish
from store.writing import FULL, pragma, running


def loaded(path: str) -> Loaded:
    """What a holder who opens the file is told of its document."""
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        session = ledger.file.directory.find("notes", "default").id
        found = finish(ledger.load(session, "main"))
    with Reader(path) as reader:
        assert reader.load(session, "main") == found
    return found


def test_a_clean_stop_begins_nothing(path: str, ledger: Ledger, session: SessionId) -> None:
    """Who closes a file leaves no doubt about what is in it."""
    ledger.write([(session, [draft(b"1")])])
    ledger.close()
    for _ in range(2):
        assert (loaded(path).epoch, loaded(path).recovers_until_ms) == (0, 0)


def test_an_unclean_stop_begins_a_recovery_of_all(
    path: str, ledger: Ledger, session: SessionId, tmp_path: Path
) -> None:
    """A file whose holder died is opened with a new epoch, once, and for ten minutes."""
    ledger.write([(session, [draft(b"1")])])
    left = tmp_path / "left"
    left.mkdir()
    for end in ("", "-wal"):
        shutil.copy(path + end, left)
    opened_ms = time.time_ns() // 1_000_000
    found = loaded(str(left / "test.db"))
    assert found.epoch >= opened_ms // 1000
    assert found.recovers_until_ms - opened_ms >= RECOVERY_MS
    again = loaded(str(left / "test.db"))
    assert (again.epoch, again.recovers_until_ms) == (found.epoch, found.recovers_until_ms)


def test_a_restored_backup_begins_a_recovery(path: str, ledger: Ledger, session: SessionId) -> None:
    """Its epoch is one that nobody has seen, though the file it replaces went through some."""
    ledger.write([(session, [draft(b"1")])])
    copy = f"{path}.copy"
    backup(path, copy)
    seen = [ledger.raise_epoch(session, "main") for _ in range(2)]
    with Reader(copy) as reader:
        assert reader.load(session, "main").epoch == 0
    time_passes(copy, seen[-1])
    found = loaded(copy)
    assert found.epoch > seen[-1]
    assert found.recovers_until_ms > 0


def time_passes(path: str, epoch: int) -> None:
    """Wait for a second that is later than an epoch."""
    while time.time_ns() // 1_000_000_000 <= epoch:
        os.sched_yield()


async def test_a_stop_that_lost_rows_is_not_clean(path: str) -> None:
    """What the disk did not take until the end may come back from whoever still has it."""

    async def lose() -> None:
        async with running(path) as (writer, session):
            await pragma(writer, FULL)
            writer.enqueue(session, draft(b"x" * 100_000))

    with pytest.raises(CannotWrite, match="could not be written"):
        await lose()
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        session = ledger.file.directory.find("notes", "p").id
        assert finish(ledger.load(session, "main")).epoch > 0


def test_the_clock_may_go_back(ledger: Ledger) -> None:
    """An epoch rises also where the clock is behind the last one."""
    with ledger.file.transaction():
        epochs = [
            recovery.begin(ledger.file.connection, ledger.path, 1, now_ms=now_ms)
            for now_ms in (5_000_000, 1_000, 9_000_000)
        ]
    assert epochs == [5000, 5001, 9000]


def test_the_later_of_file_and_document_counts(ledger: Ledger) -> None:
    """A recovery of the file is one of each document, and a document has its own besides."""
    connection, path = ledger.file.connection, ledger.path
    with ledger.file.transaction():
        recovery.begin(connection, path, 1, now_ms=5_000_000)
        recovery.begin(connection, path, recovery.WHOLE_FILE, now_ms=7_000_000)
        recovery.begin(connection, path, 2, now_ms=8_000_000)
    assert [recovery.of(connection, path, no).epoch for no in (1, 2, 3)] == [7000, 8000, 7000]


def test_a_damaged_epoch_is_none(ledger: Ledger, session: SessionId) -> None:
    """It is an error, and told by whoever verifies."""
    ledger.write([(session, [draft(b"1")])])
    ledger.raise_epoch(session, "main")
    ledger.file.connection.execute("UPDATE recoveries SET until_ms = 0")
    with pytest.raises(Corrupt, match="its check sum is wrong"):
        finish(ledger.load(session, "main"))
    with Reader(ledger.path) as reader:
        assert [one for one in reader.verify() if "recovery of document number 1" in one]


def test_a_new_file_has_nothing_to_recover(path: str) -> None:
    """It was left clean by whoever made it."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        ledger.create_session("notes", "default", "single", ADA)
    assert loaded(path).epoch == 0
