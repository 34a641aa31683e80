"""Counting the commits that a damaged write-ahead log has lost."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.store.wal import lost_frames


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A database and its log as a killed process leaves them: ten commits, of a second round."""
    path = str(tmp_path_factory.mktemp("wal") / "a.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        for number in range(20):
            connection.execute("INSERT INTO t VALUES (?)", (f"{number} " * 1000,))
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        for number in range(10):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
        return Path(path).read_bytes(), Path(f"{path}-wal").read_bytes()


def test_no_log_has_lost_nothing(tmp_path: Path) -> None:
    """Most files have none, or an empty one."""
    log = tmp_path / "a.db-wal"
    assert lost_frames(str(log)) == 0
    log.touch()
    assert lost_frames(str(log)) == 0


def test_a_whole_log_has_lost_nothing(tmp_path: Path, left_behind: tuple[bytes, bytes]) -> None:
    """What an earlier round left in the file behind the end is not missed."""
    log = tmp_path / "a.db-wal"
    log.write_bytes(left_behind[1])
    assert len(left_behind[1]) > 32 + 10 * (24 + 4096)
    assert lost_frames(str(log)) == 0


@pytest.mark.parametrize("cut", [1, 24, 4096, 5000])
def test_a_commit_that_was_cut_off_was_no_commit(
    tmp_path: Path, left_behind: tuple[bytes, bytes], cut: int
) -> None:
    """A frame that is not there whole was never committed."""
    log = tmp_path / "a.db-wal"
    log.write_bytes(left_behind[1][: 32 + 10 * (24 + 4096) - cut])
    assert lost_frames(str(log)) == 0


@given(st.integers(0), st.integers(0, 7))
def test_what_is_counted_is_what_sqlite_does_not_read(
    left_behind: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    """Wherever a bit flips in the ten commits: those that are read and those lost are all."""
    file, whole = left_behind
    log = bytearray(whole)
    log[at % (32 + 10 * (24 + 4096))] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / "a.db"
    path.write_bytes(file)
    Path(f"{path}-wal").write_bytes(log)
    lost = lost_frames(f"{path}-wal")
    with closing(sqlite3.connect(path)) as connection:
        _, read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if at % (32 + 10 * (24 + 4096)) < 32:
        # Of a header nothing but its damage is known.
        assert (read, lost > 0) == (0, True)
    else:
        assert read + lost == 10
    os.unlink(path)
