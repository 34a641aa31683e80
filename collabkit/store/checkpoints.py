"""Checkpoints in their table: of each document the newest two, each with its check sum.

A checkpoint only speeds loading up. One that does not verify, or cannot be read at all, is
told by a None in its place, so that whoever wants the newest sound one goes on looking.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ..ids import Seq
from . import database, quarantine, rows
from .base import Checkpoint

__all__ = ["KEPT", "delete", "drop", "insert", "kept", "size", "sizes"]

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


def drop(connection: sqlite3.Connection, document: int) -> int:
    """Delete all checkpoints of a document but the newest; returns the bytes of those left.

    Where a row is set aside, so many from before it are kept besides: the later ones lack it,
    and would not do once it is let back.
    """
    found = connection.execute(
        "SELECT no, seq FROM checkpoints WHERE document = ? ORDER BY seq DESC, no DESC",
        (document,),
    ).fetchall()
    aside = quarantine.first_aside(connection, document)
    earlier = [row for row in found if aside is not None and row[1] < aside]
    for row in found[KEPT:]:
        if row not in earlier[:KEPT]:
            connection.execute("DELETE FROM checkpoints WHERE no = ?", row[:1])
    return size(connection, document)


def delete(
    connection: sqlite3.Connection, document: int, *, first: int, last: int | None = None
) -> None:
    """Delete the checkpoints of a document that end in some range of rows."""
    connection.execute(
        "DELETE FROM checkpoints WHERE document = :document AND seq >= :first "
        "AND (:last IS NULL OR seq <= :last)",
        {"document": document, "first": first, "last": last},
    )


def size(connection: sqlite3.Connection, document: int) -> int:
    """How many bytes the checkpoints of a document are."""
    (size_bytes,) = connection.execute(
        "SELECT coalesce(sum(size_bytes), 0) FROM checkpoints WHERE document = ?", (document,)
    ).fetchone()
    return int(size_bytes)


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
