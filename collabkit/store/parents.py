"""What each session was branched from, in a table of its own: few are.

Like the list of sessions it is read once, whole, and nothing is looked up in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ..ids import Seq, SessionId
from . import rows
from .base import Parent

__all__ = ["drop_all", "insert", "read"]


def insert(connection: sqlite3.Connection, session: int, parent: Parent) -> None:
    """Write what a session was branched from, inside the caller's transaction."""
    fields = (session, parent.session, parent.seq, parent.document)
    connection.execute(
        "INSERT INTO parents (session, parent, seq, document, crc) VALUES (?, ?, ?, ?, ?)",
        (*fields, rows.crc(fields)),
    )


def read(connection: sqlite3.Connection) -> Iterator[tuple[int, Parent | None]]:
    """Read them all: the number of a session and its parent, or None where that is damaged."""
    for *fields, crc in connection.execute(
        "SELECT session, parent, seq, document, crc FROM parents ORDER BY session"
    ):
        no, parent, seq, document = fields
        sound = rows.crc(fields) == crc
        yield no, Parent(SessionId(parent), Seq(seq), document) if sound else None


def drop_all(connection: sqlite3.Connection, session: int) -> None:
    """Forget the parent of a session that is deleted."""
    connection.execute("DELETE FROM parents WHERE session = ?", (session,))
