"""Counting the commits that a damaged write-ahead log has lost."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collabkit.store.wal import lost_frames

# Ten commits of a frame each: a header of 24 bytes, and a page.
FRAME = 24 + 4096
END = 32 + 10 * FRAME


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file as a killed process leaves it: ten commits, of a second round."""
    path = tmp_path_factory.mktemp("wal") / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        for number in range(20):
            connection.execute("INSERT INTO t VALUES (?)", (f"{number} " * 1000,))
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        for number in range(10):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
        file, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    path.write_bytes(file)
    Path(f"{path}-wal").write_bytes(log)
    return path


def test_no_log_has_lost_nothing(tmp_path: Path) -> None:
    """Most files have none, or an empty one."""
    log = tmp_path / "a.db-wal"
    assert lost_frames(str(log)) == 0
    log.touch()
    assert lost_frames(str(log)) == 0


def test_a_whole_log_has_lost_nothing(left_behind: Path) -> None:
    """What an earlier round left in the file behind the end is not missed."""
    log = f"{left_behind}-wal"
    assert os.path.getsize(log) > END
    assert lost_frames(log) == 0


@pytest.mark.parametrize("cut", [1, 24, 4096, 5000])
def test_a_commit_that_was_cut_off_was_no_commit(
    tmp_path: Path, left_behind: Path, cut: int
) -> None:
    """A frame that is not there whole was never committed."""
    log = tmp_path / "a.db-wal"
    log.write_bytes(Path(f"{left_behind}-wal").read_bytes()[: END - cut])
    assert lost_frames(str(log)) == 0


@given(at=st.integers(0, END - 1), bit=st.integers(0, 7))
def test_what_is_counted_is_what_sqlite_does_not_read(
    left_behind: Path, tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    """Wherever a bit flips in the ten commits: those that are read and those lost are all."""
    # If what says that a frame is a commit is wrong, nobody can say that it was one.
    assume(at < 32 or (at - 32) % FRAME not in range(4, 8))
    path = tmp_path_factory.mktemp("flip") / "a.db"
    path.write_bytes(left_behind.read_bytes())
    log = bytearray(Path(f"{left_behind}-wal").read_bytes())
    log[at] ^= 1 << bit
    Path(f"{path}-wal").write_bytes(log)
    lost = lost_frames(f"{path}-wal")
    with closing(sqlite3.connect(path)) as connection:
        _, read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if at < 32:
        # Without its header, what an earlier round left cannot be told from this one's.
        assert read == 0
        assert lost >= 10
    else:
        assert read + lost == 10
