"""What stands in a row: its check sum, and its way in and out of SQLite.

Rules:

1. A crc covers every field of its row, the place included: a row that was moved,
   copied or changed by a bit does not verify.
2. ``prev`` names the row before in the same document. A row that is lost is found by
   the one after it; one lost at the end, by the ``last_seq`` of its document. Links
   to rows at or below a document's ``floor`` lead to what was compacted away.
3. Many rows go in by one statement. SQLite's driver lets go of the interpreter lock
   for each step, and asking for it back beside a busy event loop costs up to
   0.2 ms a row; one step for many rows has that once.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from ..errors import Corrupt
from ..ids import Seq, Subject
from .base import Draft, Row

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_SEQ",
    "PAGE_ROWS",
    "WRONG_SUM",
    "Chain",
    "Deleted",
    "Values",
    "crc",
    "delete_some",
    "documents_with_rows",
    "has_update",
    "has_updates",
    "hot_totals",
    "insert_hot",
    "insert_log",
    "last_document",
    "page",
    "replace_log",
    "reseal_row",
    "seal_row",
    "settle_hot",
    "weigh",
]

Values: TypeAlias = tuple[Any, ...]

# SQLite's limit for one value is 1e9 bytes, and a body is held in memory a few times over.
MAX_BODY_BYTES = 512 << 20

# What is said of a row that is not what was written.
WRONG_SUM = "its check sum is wrong"

# A page of rows takes about 3 ms to read and check; a slice of work may take 20.
PAGE_ROWS = 1000

# SQLite integers are signed; a shift by 32 leaves 2**31 documents and 2**32 rows a session.
SEQ_BITS = 32
MAX_SEQ = (1 << SEQ_BITS) - 1

# Deleting so many bytes of bodies takes about 5 ms.
_DELETE_BYTES = 8 << 20

_LOG_FIELDS = 'prev, epoch, at_ms, subject, kind, seen, "group", origin, clients, body, crc'
_HOT_FIELDS = f"document, seq, {_LOG_FIELDS}"

_encode = msgspec.msgpack.Encoder().encode


def crc(fields: Sequence[Any], body: bytes = b"") -> int:
    """Check sum of a row, as a signed 32-bit number: SQLite keeps that in four bytes."""
    unsigned = zlib.crc32(body, zlib.crc32(_encode(fields)))
    return unsigned - ((unsigned & 0x8000_0000) << 1)


def seal_row(document: int, seq: int, prev: int, epoch: int, draft: Draft) -> Values:
    """Make the values of a row of ``hot`` from a draft and its place."""
    ids = draft.clients
    clients = struct.pack(f"<{len(ids)}Q", *ids)
    fields = (
        document,
        seq,
        prev,
        epoch,
        draft.at_ms,
        draft.subject,
        draft.kind,
        draft.seen,
        draft.group,
        draft.origin,
        clients,
    )
    return (*fields, draft.body, crc(fields, draft.body))


def reseal_row(values: Values, *, subject: Subject, group: str | None, body: bytes) -> Values:
    """Make the values of a row in the place of a sealed one, with other things that people said."""
    fields = (*values[:5], subject, *values[6:8], group, *values[9:11])
    return (*fields, body, crc(fields, body))


_ROW = f"({', '.join('?' * 13)})"
_INSERTS = [
    (1 << power, f"INSERT INTO hot ({_HOT_FIELDS}) VALUES {', '.join([_ROW] * (1 << power))}")
    for power in range(9, -1, -1)
]


def insert_hot(connection: sqlite3.Connection, rows: Sequence[Values]) -> None:
    """Insert sealed rows in as few statements as the binary digits of their number."""
    at = 0
    for size, statement in _INSERTS:
        while len(rows) - at >= size:
            values = [value for row in rows[at : at + size] for value in row]
            connection.execute(statement, values)
            at += size


def insert_log(connection: sqlite3.Connection, rows: Sequence[Values]) -> None:
    """Insert sealed rows where they are read, for documents that have none in ``hot``."""
    connection.executemany(
        f"INSERT INTO log (place, {_LOG_FIELDS}) VALUES ({', '.join('?' * 12)})",
        [(document << SEQ_BITS | seq, *rest) for document, seq, *rest in rows],
    )


def replace_log(connection: sqlite3.Connection, rows: Sequence[Values]) -> None:
    """Put sealed rows in the place of those of their numbers, which differ in what people said."""
    connection.executemany(
        'UPDATE log SET subject = ?, "group" = ?, body = ?, crc = ? WHERE place = ?',
        [(row[5], row[8], row[11], row[12], row[0] << SEQ_BITS | row[1]) for row in rows],
    )


def settle_hot(connection: sqlite3.Connection) -> None:
    """Move all rows of ``hot`` to their places in ``log``."""
    connection.execute(
        f"INSERT INTO log (place, {_LOG_FIELDS}) "
        f"SELECT document << {SEQ_BITS} | seq, {_LOG_FIELDS} FROM hot ORDER BY document, seq"
    )
    connection.execute("DELETE FROM hot")


def hot_totals(connection: sqlite3.Connection) -> list[tuple[int, int, int, int]]:
    """For each document with rows in ``hot``: its number, how many, the last, their bytes."""
    return connection.execute(
        "SELECT document, count(*), max(seq), sum(length(body)) FROM hot GROUP BY document"
    ).fetchall()


def last_document(connection: sqlite3.Connection) -> int:
    """The highest number of a document with rows in ``log``."""
    (place,) = connection.execute("SELECT max(place) FROM log").fetchone()
    return (place or 0) >> SEQ_BITS


def documents_with_rows(connection: sqlite3.Connection) -> Iterator[int]:
    """The numbers of the documents that have rows in ``log``, found by leaps."""
    after = -1
    while True:
        (place,) = connection.execute(
            "SELECT min(place) FROM log WHERE place > ?", (after << SEQ_BITS | MAX_SEQ,)
        ).fetchone()
        if place is None:
            return
        after = place >> SEQ_BITS
        yield after


_SELECT_LOG = (
    f"SELECT place >> {SEQ_BITS}, place & {(1 << SEQ_BITS) - 1}, {_LOG_FIELDS} FROM log "
    "WHERE place > ? AND place < ? ORDER BY place LIMIT ?"
)
_SELECT_HOT = f"SELECT {_HOT_FIELDS} FROM hot WHERE document = ? AND seq > ? ORDER BY no LIMIT ?"


def page(
    connection: sqlite3.Connection, document: int, *, after: int, limit: int = PAGE_ROWS
) -> list[Values]:
    """Read the next rows of a document, wherever they are, unchecked."""
    span = (document << SEQ_BITS | after, (document + 1) << SEQ_BITS)
    found = connection.execute(_SELECT_LOG, (*span, limit)).fetchall()
    if len(found) < limit:
        last = found[-1][1] if found else after
        rest = (document, last, limit - len(found))
        found += connection.execute(_SELECT_HOT, rest).fetchall()
    return found


def has_update(connection: sqlite3.Connection, document: int, seq: int) -> bool:
    """Whether a document has a row there that is an update."""
    found = page(connection, document, after=seq - 1, limit=1)
    return any(values[1] == seq and values[6] == "update" for values in found)


def has_updates(connection: sqlite3.Connection, document: int, *, upto: int) -> bool:
    """Whether a document has updates in ``log`` up to a row."""
    span = (document << SEQ_BITS, document << SEQ_BITS | upto)
    return (
        connection.execute(
            "SELECT 1 FROM log WHERE place > ? AND place <= ? AND kind = 'update' LIMIT 1", span
        ).fetchone()
        is not None
    )


def weigh(
    connection: sqlite3.Connection, document: int, *, after: int, upto: int
) -> tuple[int, int, int] | None:
    """Count the next rows of a document in ``log``, up to one.

    Returns:
        How many of them are updates, the bytes of these, and the last row counted; or None.
    """
    first = document << SEQ_BITS
    count, size_bytes, place = connection.execute(
        "SELECT sum(kind = 'update'), sum(iif(kind = 'update', length(body), 0)), max(place) FROM "
        "(SELECT place, kind, body FROM log WHERE place > ? AND place <= ? ORDER BY place LIMIT ?)",
        (first | after, first | upto, PAGE_ROWS),
    ).fetchone()
    return None if place is None else (count, size_bytes, place - first)


class Deleted(NamedTuple):
    """What a deletion took."""

    rows: int
    size_bytes: int


def delete_some(
    connection: sqlite3.Connection, document: int, *, upto: int, kind: str | None = None
) -> Deleted:
    """Delete the next rows of a document in ``log``, a slice of work; none are left at zero."""
    first = document << SEQ_BITS
    chosen = "place > :first AND place <= :last AND (:kind IS NULL OR kind = :kind)"
    count = size_bytes = end = 0
    for place, length in connection.execute(
        f"SELECT place, length(body) FROM log WHERE {chosen} ORDER BY place LIMIT {PAGE_ROWS}",
        {"first": first, "last": first | upto, "kind": kind},
    ).fetchall():
        count, size_bytes, end = count + 1, size_bytes + length, place
        if size_bytes >= _DELETE_BYTES:
            break
    taken = {"first": first, "last": end, "kind": kind}
    connection.execute(f"DELETE FROM log WHERE {chosen}", taken)
    return Deleted(count, size_bytes)


class Chain:
    """Checks the rows of one document one after another, and makes them :class:`Row`."""

    def __init__(self, path: str, where: str, name: str, *, after: int, floor: int) -> None:
        self.path = path
        self.where = where
        self.name = name
        self.last = after
        self._floor = max(after, floor)

    def row(self, values: Values) -> Row:
        """Check one row and read it. Raises Corrupt."""
        (_, seq, prev, _, at_ms, subject, kind, seen, group, origin, clients, body, kept) = values
        if crc(values[:11], body) != kept:
            raise self.damaged(seq, WRONG_SUM)
        if seq <= self.last:
            raise self.damaged(seq, f"it stands after row {self.last}")
        if prev != self.last and prev > self._floor:
            raise self.damaged(seq, f"the row before it, {prev}, is missing")
        self.last = seq
        return Row(
            seq=Seq(seq),
            document=self.name,
            subject=Subject(subject),
            body=body,
            at_ms=at_ms,
            kind=kind,
            clients=struct.unpack(f"<{len(clients) // 8}Q", clients),
            seen=seen,
            group=group,
            origin=origin,
        )

    def end(self, expected: int) -> None:
        """Say that there are no more rows; ``expected`` is the last there must have been."""
        if self.last < expected:
            raise self.damaged(expected, "it is missing")

    def damaged(self, seq: int, reason: str) -> Corrupt:
        """The error of a row."""
        return Corrupt(self.path, f"row {seq} of {self.where}", reason)
