"""Opening the SQLite file, or saying in one sentence why not.

Rules:

1. A file is made under another name, synced, and then given its own: a crash leaves
   no half-made file, so an empty one is damage and is never filled.
2. The database file is never opened but by SQLite: closing any other descriptor of it
   would drop SQLite's locks of this whole process.
3. One connection of a file writes and checkpoints; all others are ``mode=ro`` (SQLite
   3.7.0 to 3.51.2 can corrupt a WAL file that two connections checkpoint at once).
   No memory map: a truncated file would then be a signal, not an error.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from ..errors import CannotWrite, CollabError, Corrupt, NotACollabFile, SchemaTooNew, StoreError
from . import schema, wal

if sys.platform == "darwin":
    import fcntl

__all__ = [
    "UNREADABLE",
    "Durability",
    "connect",
    "connect_foreign",
    "connect_readonly",
    "explained",
    "failure",
    "sync_file",
    "sync_folder",
]

Durability: TypeAlias = Literal["stored", "durable"]
"""``stored``: commits survive the process, and power loss but for the last second.
``durable``: each commit is synced to the disk before it counts."""

_log = logging.getLogger(__name__)

# Another program that writes to the file is waited for this long, then it is an error.
_BUSY_TIMEOUT = 5.0

# A WAL that one huge transaction blew up is cut back to this at the next checkpoint.
_WAL_LIMIT_BYTES = 64 << 20

# What reading damaged pages raises: SQLite believes a page about the type of a value.
UNREADABLE = (sqlite3.Error, TypeError, ValueError)

# What the disk, the machine or its rights refuse, though the pages may all be sound. Even to
# read, SQLite makes a file beside the database.
_NO_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
    }
)

# Among them, what SQLite says of a file that is shorter or other than it was written.
_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_IOERR_CORRUPTFS,
        sqlite3.SQLITE_IOERR_DATA,
        sqlite3.SQLITE_IOERR_SHORT_READ,
    }
)

_fdatasync = getattr(os, "fdatasync", os.fsync)


def connect(path: str, *, durability: Durability, create: bool) -> sqlite3.Connection:
    """Open a file for writing; the caller holds its lock.

    Raises:
        NotACollabFile: It is something else, or not there and not to be created.
        SchemaTooNew: A later version wrote it.
        CannotWrite: It, or its folder, cannot be written.
        Corrupt: It is damaged.
    """
    if not os.path.lexists(path):
        _refuse_orphan(path)
        if not create:
            raise NotACollabFile(path, "there is no such file")
        _make(path)
    _inspect(path)
    if not os.access(path, os.W_OK):
        raise CannotWrite(path, "the file is read-only")
    if not os.access(Path(path).parent, os.W_OK):
        raise CannotWrite(path, "its folder is read-only, and SQLite needs files beside it")
    if lost := wal.lost_frames(f"{path}-wal"):
        _log.warning("%s: %d pages at the end of its write-ahead log are lost", path, lost)
    with explained(path):
        connection = _connect(path, "rw")
        try:
            version = _identify(connection, path)
            # FAST overwrites what is deleted where that costs no extra write.
            for pragma in (
                "journal_mode = WAL",
                f"synchronous = {'FULL' if durability == 'durable' else 'NORMAL'}",
                "fullfsync = ON",  # on macOS; elsewhere a sync is one already
                "foreign_keys = ON",
                "secure_delete = FAST",
                f"journal_size_limit = {_WAL_LIMIT_BYTES}",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            schema.migrate(connection, version)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_readonly(path: str) -> sqlite3.Connection:
    """Open a file for reading, beside its holder or without one. Raises as :func:`connect` does."""
    _inspect(path)
    try:
        return _identified(path, "ro")
    except CannotWrite:
        # SQLite wants to make files beside it, where nobody can: then nobody writes, either.
        if os.path.exists(f"{path}-wal"):
            raise
        return _identified(path, "ro&immutable=1")


def _identified(path: str, mode: str) -> sqlite3.Connection:
    with explained(path):
        connection = _connect(path, mode)
        try:
            schema.show(connection, _identify(connection, path))
        except BaseException:
            connection.close()
            raise
    return connection


def connect_foreign(path: str) -> sqlite3.Connection:
    """Open another program's SQLite file for reading, and leave no trace of it.

    Raises:
        NotACollabFile: It is no SQLite file, or not there.
    """
    _inspect(path)
    with explained(path):
        # A file without a write-ahead log stands still; with one, it is read beside its writer.
        written = os.path.exists(f"{path}-wal") or os.path.exists(f"{path}-journal")
        connection = _connect(path, "ro" if written else "ro&immutable=1")
        try:
            connection.execute("PRAGMA schema_version").fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


def failure(path: str, error: sqlite3.Error, *, reading: bool = False) -> StoreError:
    """Turn what SQLite raised into an error of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return NotACollabFile(path, "it is not an SQLite database")
    if code == sqlite3.SQLITE_BUSY:
        return CannotWrite(path, "another program is writing to it")
    if code == sqlite3.SQLITE_READONLY and reading:
        return CannotWrite(path, "its folder is read-only, and SQLite needs files beside it")
    if code in _NO_DAMAGE and error.sqlite_errorcode not in _DAMAGE:
        return CannotWrite(path, str(error))
    if code == sqlite3.SQLITE_CORRUPT or reading:
        return Corrupt(path, "an SQLite page", str(error))
    return CannotWrite(path, str(error))


def sync_file(path: str) -> None:
    """Make the bytes of a file survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "darwin":
            # There a plain fsync ends in the drive's cache.
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            _fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Make the name of a file survive a power loss; Windows cannot, and does not need to."""
    with contextlib.suppress(PermissionError):
        sync_file(str(Path(path).parent))


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Read something: what goes wrong meanwhile is damage, and is raised as Corrupt."""
    try:
        yield
    except CollabError:
        raise
    except sqlite3.Error as error:
        raise failure(path, error, reading=True) from error
    except UNREADABLE as error:
        raise Corrupt(path, "a row", f"it is not of the kind that was written: {error}") from error


def _connect(path: str, mode: str) -> sqlite3.Connection:
    uri = f"file:{urllib.parse.quote(path)}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT)


def _refuse_orphan(path: str) -> None:
    """A log without its file holds commits that a new file must not take for its own."""
    try:
        left = os.path.getsize(f"{path}-wal")
    except FileNotFoundError:
        return
    if left:
        raise Corrupt(path, "the file itself", "it is gone, but its -wal file is still there")
    # Readers leave an empty one behind.
    os.unlink(f"{path}-wal")


def _make(path: str) -> None:
    """Create an empty file of ours, whole or not at all."""
    draft = f"{path}.new"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)  # of a start that was killed: we hold the lock
        # What is in it is as private as its owner's home: no default umask.
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = _connect(draft, "rw")
        try:
            # Before the first table, or deleted rows could only be given back by VACUUM.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA synchronous = FULL")
            schema.migrate(connection, 0)
        finally:
            connection.close()
        os.rename(draft, path)
        sync_folder(path)
    except (OSError, sqlite3.Error) as error:
        raise CannotWrite(path, f"it cannot be created: {error}") from error


def _inspect(path: str) -> None:
    """Refuse what is no file, without opening it."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise NotACollabFile(path, "there is no such file") from None
    except OSError as error:
        raise NotACollabFile(path, f"it cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(status.st_mode):
        raise NotACollabFile(path, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise NotACollabFile(path, "it is not a regular file")
    if status.st_size == 0:
        raise NotACollabFile(path, "it is empty (0 bytes); remove it to begin a new one")
    if not os.access(path, os.R_OK):
        raise NotACollabFile(path, "it cannot be read: permission denied")


def _identify(connection: sqlite3.Connection, path: str) -> int:
    """Check that a database is ours and readable; returns its schema number."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != schema.APPLICATION_ID:
        raise NotACollabFile(path, "it is an SQLite database of another program")
    if version > schema.SUPPORTED:
        raise SchemaTooNew(path, version, schema.SUPPORTED)
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    missing = sorted(schema.tables(version) - found)
    if missing or version < 1:
        raise Corrupt(path, "its schema", f"tables are missing: {', '.join(missing)}")
    return int(version)
