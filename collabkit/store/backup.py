"""A copy of a file, taken while its holder writes on.

Rules:

1. The copy is what one moment was: SQLite reads it in one transaction, and commits
   that come meanwhile are not in it.
2. It appears as :mod:`.appearing` says: whole, or not at all.
3. Pages are copied as they are, damage included; SQLite reports what it cannot read.
   ``Reader(out).verify()`` says whether the copy is sound.
4. The copy carries a mark: opened as a main file it begins a recovery (:mod:`.recovery`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from . import database, recovery, schema
from .appearing import appearing

__all__ = ["backup"]


def backup(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> int:
    """Copy a collabkit file; returns the size of the copy in bytes.

    A file must not be copied by other means while it is held: what was committed last
    stands in a second file beside it.

    Raises:
        NotACollabFile: ``path`` is something else, or not there.
        Corrupt: It is damaged.
        CannotWrite: ``out`` is there already, or cannot be written.
    """
    source_path, target = os.path.realpath(path), os.path.realpath(out)
    with (
        appearing(target) as draft,
        contextlib.closing(database.connect_readonly(source_path)) as source,
    ):
        try:
            _copy(source, draft)
        except sqlite3.Error as error:
            damaged = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT
            raise database.failure(source_path if damaged else target, error) from error
    return Path(target).stat().st_size


def _copy(source: sqlite3.Connection, draft: str) -> None:
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        source.backup(copy)
        # Whoever opens it goes back in time.
        schema.migrate(copy, *copy.execute("PRAGMA user_version").fetchone())
        recovery.mark(copy, recovery.COPIED)
        # One file, with nothing beside it, until somebody opens it.
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()
