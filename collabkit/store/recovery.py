"""Epochs: which documents may have lost rows, since when, and until when that may be healed.

Rules:

1. A file says how its last holder left it: ``closed`` after a clean end, ``open`` while it is
   held, ``copied`` in a backup. Opening one that is not ``closed`` begins a recovery of all
   its documents: rows that were acknowledged may be missing, and clients may still have them.
2. A recovery raises the epoch. It is the Unix second of its beginning or one more than it was,
   whichever is greater: a backup that is opened in place of a file which has been through
   recoveries of its own must not give an epoch that clients have seen already.
3. What is said of the file counts for each document (number 0 is the file); of the two epochs
   and ends the later ones count.
4. That the file is ``open`` is on the disk before anything is written to it. That it is
   ``closed`` stands in the log behind everything that was written.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from ..errors import Corrupt
from . import rows
from .base import RECOVERY_MS

__all__ = [
    "CLOSED",
    "COPIED",
    "OPEN",
    "WHOLE_FILE",
    "Recovery",
    "begin",
    "drop",
    "mark",
    "of",
]

CLOSED, OPEN, COPIED = "closed", "open", "copied"

WHOLE_FILE = 0


class Recovery(NamedTuple):
    """The epoch of a document, and until when, in Unix milliseconds, others' edits may return."""

    epoch: int = 0
    until_ms: int = 0


def mark(connection: sqlite3.Connection, state: str) -> None:
    """Say how a file is left, inside the caller's transaction."""
    connection.execute("UPDATE file SET state = ?", (state,))


def of(connection: sqlite3.Connection, path: str, document: int) -> Recovery:
    """Read what counts for a document. Raises Corrupt."""
    epoch = until_ms = 0
    for *fields, crc in connection.execute(
        "SELECT document, epoch, until_ms, crc FROM recoveries WHERE document IN (?, ?)",
        (document, WHOLE_FILE),
    ):
        if rows.crc(fields) != crc:
            raise Corrupt(path, f"the recovery of document number {fields[0]}", rows.WRONG_SUM)
        epoch, until_ms = max(epoch, fields[1]), max(until_ms, fields[2])
    return Recovery(epoch, until_ms)


def begin(connection: sqlite3.Connection, path: str, document: int, *, now_ms: int) -> int:
    """Begin a recovery inside the caller's transaction; returns the new epoch."""
    epoch = max(of(connection, path, document).epoch + 1, now_ms // 1000)
    fields = (document, epoch, now_ms + RECOVERY_MS)
    connection.execute(
        "INSERT OR REPLACE INTO recoveries (document, epoch, until_ms, crc) VALUES (?, ?, ?, ?)",
        (*fields, rows.crc(fields)),
    )
    return epoch


def drop(connection: sqlite3.Connection, document: int) -> None:
    """Forget what was said of a document that is deleted."""
    connection.execute("DELETE FROM recoveries WHERE document = ?", (document,))
