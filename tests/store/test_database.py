"""Opening a file, or saying in one sentence why not."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, Corrupt, NotACollabFile, SchemaTooNew, StoreError
from collabkit.store import database, schema
from collabkit.store.ledger import Ledger
from collabkit.testing.store_contract import ADA, draft

# As root nothing is read-only, so root becomes nobody.
AS_NOBODY = """
import os, sys
from collabkit.errors import CollabError
from collabkit.store import database
if os.geteuid() == 0:
    os.setuid(65534)
try:
    if sys.argv[2] == "rw":
        connection = database.connect(sys.argv[1], durability="stored", create=True)
    else:
        connection = database.connect_readonly(sys.argv[1])
    print(connection.execute("SELECT count(*) FROM sessions").fetchone())
except CollabError as error:
    print(type(error).__name__, error)
"""

NEXT = schema.SUPPORTED + 1


def make(path: str, *, rows: int = 3) -> None:
    """A sound file with a session in it."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA)
        ledger.write([(session.id, [draft(b"body")] * rows)])


def connect(path: str, *, create: bool = True) -> sqlite3.Connection:
    """Open a file as its holder does."""
    return database.connect(path, durability="stored", create=create)


def application(path: str, number: int) -> None:
    """Make a database of another program."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE t (x)")
        other.execute(f"PRAGMA application_id = {number}")


def later(path: str) -> None:
    """Make a file of a later version."""
    make(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {NEXT}")


def without_table(path: str) -> None:
    """Make a file that lost its log."""
    make(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE log")


def truncated(path: str) -> None:
    """Make a file that was cut off."""
    make(path, rows=1000)
    os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096)


WRONG: dict[str, tuple[Callable[[str], object], type[StoreError], str]] = {
    "folder": (os.mkdir, NotACollabFile, "it is a folder"),
    "pipe": (os.mkfifo, NotACollabFile, "it is not a regular file"),
    "empty": (lambda path: Path(path).touch(), NotACollabFile, r"it is empty \(0 bytes\)"),
    "text": (
        lambda path: Path(path).write_text("hello " * 1000),
        NotACollabFile,
        "it is not an SQLite database",
    ),
    "garbage": (
        lambda path: Path(path).write_bytes(os.urandom(10_000)),
        NotACollabFile,
        "it is not an SQLite database",
    ),
    "other": (lambda path: application(path, 7), NotACollabFile, "database of another program"),
    "unmarked": (lambda path: application(path, 0), NotACollabFile, "of another program"),
    "later": (later, SchemaTooNew, f"has schema {NEXT}, this version reads up to {NEXT - 1}"),
    "without a table": (without_table, Corrupt, "its schema: tables are missing: log"),
    "truncated": (truncated, Corrupt, "is damaged at an SQLite page"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_opened_is_named(path: str, name: str) -> None:
    """Each wrong file gets its own sentence, for writing and for reading, and stays as it is."""
    make_wrong, error, reason = WRONG[name]
    make_wrong(path)
    for opening in (connect, database.connect_readonly):
        with pytest.raises(error, match=reason):
            opening(path)


def test_a_missing_file_is_created_only_if_asked_for(path: str) -> None:
    """A mistyped name does not become an empty file."""
    with pytest.raises(NotACollabFile, match="there is no such file"):
        connect(path, create=False)
    with pytest.raises(NotACollabFile, match="there is no such file"):
        database.connect_readonly(path)
    assert os.listdir(Path(path).parent) == []


def test_a_missing_folder_is_named(path: str) -> None:
    """There is no file where there is no folder."""
    with pytest.raises(CannotWrite, match=r"it cannot be created: .*No such file or directory"):
        connect(f"{path}/none/a.db")


def test_a_start_that_was_killed_leaves_nothing_in_the_way(path: str) -> None:
    """A half-made file has another name, and is made anew."""
    Path(f"{path}.new").write_bytes(b"half")
    connect(path).close()
    assert os.listdir(Path(path).parent) == ["test.db"]


def test_only_its_owner_may_read_it(path: str) -> None:
    """A file and its log hold what people wrote: no default permissions."""
    with closing(connect(path)) as connection:
        connection.execute("UPDATE file SET epoch = 1")
        for each in Path(path).parent.iterdir():
            assert each.stat().st_mode & 0o777 == 0o600, each


def test_a_log_without_its_file_is_not_taken_for_its_own(path: str) -> None:
    """Commits that stand beside a missing file are damage, not the start of a new one."""
    Path(f"{path}-wal").write_bytes(b"commits")
    with pytest.raises(Corrupt, match="it is gone, but its -wal file is still there"):
        connect(path)
    assert os.listdir(Path(path).parent) == ["test.db-wal"]


def test_an_empty_log_without_its_file_is_nothing(path: str) -> None:
    """Readers leave an empty one behind; it does not stand in the way of a new file."""
    Path(f"{path}-wal").touch()
    connect(path).close()


@pytest.mark.parametrize(("durability", "number"), [("stored", 1), ("durable", 2)])
def test_durability_is_when_sqlite_syncs(
    path: str, durability: database.Durability, number: int
) -> None:
    """``durable`` is synchronous=FULL, a sync a commit; ``stored`` is NORMAL; both use WAL."""
    with closing(database.connect(path, durability=durability, create=True)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (number,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA mmap_size").fetchone() in ((0,), None)


def test_a_reader_cannot_write(path: str) -> None:
    """What was opened for reading takes no change."""
    make(path)
    with (
        closing(database.connect_readonly(path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM log")


def as_nobody(path: str, mode: str) -> str:
    """What somebody without rights is told."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, path, mode], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def open_folder(tmp_path: Path) -> str:
    """A folder that everybody may look into, and everything above it."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            folder.chmod(folder.stat().st_mode | 0o055)
    return str(tmp_path)


def test_a_read_only_file_is_said_to_be_one(open_folder: str) -> None:
    """Opening it for writing fails before anything is tried."""
    path = f"{open_folder}/test.db"
    make(path)
    os.chmod(path, 0o444)
    assert as_nobody(path, "rw") == f"CannotWrite cannot write {path}: the file is read-only"


def test_a_read_only_folder_is_said_to_be_one(open_folder: str) -> None:
    """SQLite needs files beside a database, so a file that could be written is not enough."""
    path = f"{open_folder}/test.db"
    make(path)
    os.chmod(path, 0o666)
    os.chmod(open_folder, 0o555)
    try:
        assert "its folder is read-only" in as_nobody(path, "rw")
    finally:
        os.chmod(open_folder, 0o755)


def test_a_file_in_a_read_only_folder_can_be_read(open_folder: str) -> None:
    """As from a backup medium: nobody writes there, so nothing beside the file is needed."""
    path = f"{open_folder}/test.db"
    make(path)
    os.chmod(path, 0o444)
    os.chmod(open_folder, 0o555)
    try:
        assert as_nobody(path, "ro") == "(1,)"
    finally:
        os.chmod(open_folder, 0o755)


def test_a_full_disk_is_no_damage(
    path: str, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    """Even to read SQLite makes a file; that there is no space for it says nothing of the pages."""
    make(path)
    with full_disk(), pytest.raises(CannotWrite):
        database.connect_readonly(path)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_IOERR_SHMSIZE, CannotWrite),
        (sqlite3.SQLITE_CANTOPEN, CannotWrite),
        (sqlite3.SQLITE_FULL, CannotWrite),
        (sqlite3.SQLITE_IOERR_SHORT_READ, Corrupt),
        (sqlite3.SQLITE_CORRUPT, Corrupt),
        (sqlite3.SQLITE_ERROR, Corrupt),
    ],
)
def test_what_reading_meets_is_damage_or_not(code: int, kind: type[StoreError]) -> None:
    """A disk that is full or out of reach is not called a damaged file."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    assert type(database.failure("a.db", error, reading=True)) is kind


def test_a_log_that_lost_its_end_is_told(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Commits that SQLite will not read again are not forgotten without a word."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        ledger.create_session("notes", "default", "single", ADA)
        log = Path(f"{path}-wal").read_bytes()
        file = Path(path).read_bytes()
    Path(path).write_bytes(file)
    Path(f"{path}-wal").write_bytes(log[:100] + bytes([log[100] ^ 1]) + log[101:])
    connect(path).close()
    assert "pages at the end of its write-ahead log are lost" in caplog.text
