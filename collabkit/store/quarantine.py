"""The table of what killed an engine: updates that never were stored, rows, checkpoints.

Rules:

1. An entry with a ``digest`` is a checkpoint; one with a ``seq`` and no digest a row of the
   log, set aside; one with neither an update that never was stored.
2. Those that never were stored are evidence only, and whoever sends them must not fill the
   disk: of each document the newest are kept, up to a number and a size.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from ..errors import Corrupt
from . import rows

__all__ = ["Entry", "delete", "drop", "first_aside", "insert", "read", "verify"]

# So many crimes of one document show what there is to see; and 64 MiB are four of the largest.
KEPT = 100
KEPT_BYTES = 64 << 20

_FIELDS = "document, seq, subject, reason, at_ms, digest"


class Entry(msgspec.Struct, frozen=True):
    """A line of the table; ``document`` is a number of the file."""

    document: int
    seq: int | None
    subject: str
    reason: str
    at_ms: int
    digest: str | None
    body: bytes
    no: int = 0


def insert(connection: sqlite3.Connection, entry: Entry) -> int:
    """Write an entry inside the caller's transaction; returns its number.

    An update that is there already is not written again; one that had a number keeps it.
    """
    *fields, body, no = msgspec.structs.astuple(entry)
    found = connection.execute(
        "SELECT no FROM quarantined WHERE document = ? AND seq IS ? AND digest IS ? AND body = ?",
        (entry.document, entry.seq, entry.digest, body),
    ).fetchone()
    if found is not None:
        return int(found[0])
    made = connection.execute(
        f"INSERT INTO quarantined (no, {_FIELDS}, body, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (no or None, *fields, body, rows.crc(fields, body)),
    )
    if entry.seq is None:
        _forget_old(connection, entry.document)
    return int(made.lastrowid or 0)


def _forget_old(connection: sqlite3.Connection, document: int) -> None:
    size_bytes = 0
    for count, (no, length) in enumerate(
        connection.execute(
            "SELECT no, length(body) FROM quarantined "
            "WHERE document = ? AND seq IS NULL ORDER BY no DESC",
            (document,),
        ).fetchall()
    ):
        size_bytes += length
        # The one that has just come stays, whatever its size.
        if count and (count >= KEPT or size_bytes > KEPT_BYTES):
            delete(connection, no)


def read(
    connection: sqlite3.Connection, path: str, *, document: int | None = None, no: int | None = None
) -> list[Entry]:
    """Read entries by number: of a document, one, or all. Raises Corrupt."""
    return [_checked(path, no, fields) for no, fields in _select(connection, document, no)]


def verify(connection: sqlite3.Connection, path: str) -> Iterator[str]:
    """Read all entries; yields a sentence for each that is damaged."""
    for no, fields in _select(connection):
        try:
            _checked(path, no, fields)
        except Corrupt as damage:
            yield f"{damage.where}: {damage.reason}"


def _select(
    connection: sqlite3.Connection, document: int | None = None, no: int | None = None
) -> list[tuple[int, rows.Values]]:
    found = connection.execute(
        f"SELECT no, {_FIELDS}, body, crc FROM quarantined "
        "WHERE (:document IS NULL OR document = :document) AND (:no IS NULL OR no = :no) "
        "ORDER BY no",
        {"document": document, "no": no},
    )
    return [(number, values) for number, *values in found.fetchall()]


def _checked(path: str, no: int, values: rows.Values) -> Entry:
    *fields, body, crc = values
    if rows.crc(fields, body) != crc:
        raise Corrupt(path, f"number {no} of the quarantine", rows.WRONG_SUM)
    document, seq, subject, reason, at_ms, digest = fields
    return Entry(document, seq, subject, reason, at_ms, digest, body, no)


def first_aside(connection: sqlite3.Connection, document: int) -> int | None:
    """The first row of a document that is set aside."""
    (seq,) = connection.execute(
        "SELECT min(seq) FROM quarantined WHERE document = ? AND digest IS NULL", (document,)
    ).fetchone()
    return None if seq is None else int(seq)


def delete(connection: sqlite3.Connection, no: int) -> None:
    """Delete an entry."""
    connection.execute("DELETE FROM quarantined WHERE no = ?", (no,))


def drop(connection: sqlite3.Connection, document: int) -> None:
    """Delete all entries of a document that is deleted itself."""
    connection.execute("DELETE FROM quarantined WHERE document = ?", (document,))
