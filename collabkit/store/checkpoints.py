"""Checkpoints in their table: of each document the newest two, each with its check sum.

A checkpoint only speeds loading up. One that does not verify, or cannot be read at all, is
told by a None in its place, so that whoever wants the newest sound one goes on looking.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ..ids import Seq
from . import database, rows
from .base import Checkpoint

__all__ = ["KEPT", "drop", "insert", "kept", "sizes"]

# One to load from, and one should that be damaged.
KEPT = 2


def insert(connection: sqlite3.Connection, document: int, checkpoint: Checkpoint) -> None:
    """Insert a checkpoint."""
    size_bytes = len(checkpoint.body)
    fields = (document, checkpoint.seq, size_bytes, checkpoint.digest, checkpoint.at_ms)
    connection.execute(
        "INSERT INTO checkpoints (document, seq, size_bytes, digest, at_ms, body, crc) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*fields, checkpoint.body, rows.crc(fields, checkpoint.body)),
    )


def drop(connection: sqlite3.Connection, document: int, *, keep: int = KEPT) -> int:
    """Delete all checkpoints of a document but the newest; returns the bytes of those left."""
    found = connection.execute(
        "SELECT no, size_bytes FROM checkpoints WHERE document = ? ORDER BY seq DESC, no DESC",
        (document,),
    ).fetchall()
    for no, _ in found[keep:]:
        connection.execute("DELETE FROM checkpoints WHERE no = ?", (no,))
    return sum(size_bytes for _, size_bytes in found[:keep])


def kept(
    connection: sqlite3.Connection, document: int, name: str
) -> Iterator[tuple[Seq, Checkpoint | None]]:
    """Read the checkpoints of a document, newest first; None in place of one that is damaged."""
    found = connection.execute(
        "SELECT no, seq FROM checkpoints WHERE document = ? ORDER BY seq DESC, no DESC",
        (document,),
    ).fetchall()
    for no, seq in found:
        yield Seq(seq), _read(connection, no, document, name)


def _read(connection: sqlite3.Connection, no: int, document: int, name: str) -> Checkpoint | None:
    try:
        *fields, body, crc = connection.execute(
            "SELECT document, seq, size_bytes, digest, at_ms, body, crc "
            "FROM checkpoints WHERE no = ?",
            (no,),
        ).fetchone()
        if fields[0] != document or rows.crc(fields, body) != crc:
            return None
    except database.UNREADABLE:
        # There is another one, or there are the rows: no reason to fail.
        return None
    _, seq, _, digest, at_ms = fields
    return Checkpoint(name, Seq(seq), body, digest, at_ms)


def sizes(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """For each document with checkpoints: its number and their size."""
    return connection.execute(
        "SELECT document, sum(size_bytes) FROM checkpoints GROUP BY document"
    ).fetchall()
