"""Checkpoints in their table, each with its check sum; :mod:`.keyframes` says which are kept.

Rules:

1. A checkpoint only speeds loading up. One that does not verify, or cannot be read at all, is
   told by a None in its place, so that whoever wants the newest sound one goes on looking.
2. A body is stored compressed where that makes it smaller, and its row says what it inflates
   to. That is bounded, so no more is ever inflated, whatever a file claims; a body that
   becomes anything else does not verify.
3. Compressing takes long, and is done by whoever hands a checkpoint in, not by the thread
   that commits.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeAlias

from ..ids import Seq
from . import database, quarantine, rows
from .base import Checkpoint
from .keyframes import Mark, chosen

__all__ = ["Packed", "delete", "drop", "insert", "kept", "pack", "size", "sizes"]

# Of the levels of zlib the last that is cheap. 377 KB that hold each keystroke of a paper, at
# levels 1, 4, 6 and 9: 121, 110, 108 and 108 KB in 3.4, 4.6, 8.1 and 53 ms; back in 1.1 ms.
_LEVEL = 4

Packed: TypeAlias = tuple[bytes, int | None]
"""A body as it is stored, and what it inflates to; None if it is stored as it is."""


def pack(body: bytes) -> Packed:
    """Compress a body if that makes it smaller."""
    packed = zlib.compress(body, _LEVEL)
    return (packed, len(body)) if len(packed) < len(body) else (body, None)


def insert(
    connection: sqlite3.Connection, document: int, checkpoint: Checkpoint, packed: Packed
) -> None:
    """Insert a checkpoint whose body :func:`pack` has been given."""
    body, inflated_bytes = packed
    fields = (document, checkpoint.seq, len(body), checkpoint.digest, checkpoint.at_ms)
    connection.execute(
        "INSERT INTO checkpoints "
        "(document, seq, size_bytes, digest, at_ms, inflated_bytes, body, crc) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*fields, inflated_bytes, body, _crc(fields, inflated_bytes, body)),
    )


def drop(
    connection: sqlite3.Connection,
    document: int,
    *,
    floor: int = 0,
    versions: Collection[int] = (),
    most_bytes: int = 0,
) -> int:
    """Delete the checkpoints of a document that :mod:`.keyframes` does not want.

    Returns:
        The bytes of those that are left.
    """
    marks = [
        Mark(*values)
        for values in connection.execute(
            "SELECT no, seq, size_bytes FROM checkpoints WHERE document = ? "
            "ORDER BY seq DESC, no DESC",
            (document,),
        )
    ]
    wanted = chosen(
        marks,
        floor=floor,
        aside=quarantine.first_aside(connection, document),
        versions=versions,
        most_bytes=most_bytes,
    )
    for mark in marks:
        if mark.no not in wanted:
            connection.execute("DELETE FROM checkpoints WHERE no = ?", (mark.no,))
    return sum(mark.size_bytes for mark in marks if mark.no in wanted)


def delete(
    connection: sqlite3.Connection, document: int, *, first: int, last: int | None = None
) -> None:
    """Delete the checkpoints of a document that end in some range of rows."""
    connection.execute(
        "DELETE FROM checkpoints WHERE document = :document AND seq >= :first "
        "AND (:last IS NULL OR seq <= :last)",
        {"document": document, "first": first, "last": last},
    )


def size(connection: sqlite3.Connection, document: int, *, before: int = rows.MAX_SEQ + 1) -> int:
    """How many bytes the checkpoints of a document are that end before a row."""
    (size_bytes,) = connection.execute(
        "SELECT coalesce(sum(size_bytes), 0) FROM checkpoints WHERE document = ? AND seq < ?",
        (document, before),
    ).fetchone()
    return int(size_bytes)


def kept(
    connection: sqlite3.Connection,
    document: int,
    name: str,
    *,
    first: int = 0,
    last: int = rows.MAX_SEQ,
    oldest_first: bool = False,
) -> Iterator[tuple[Seq, Checkpoint | None]]:
    """Read the checkpoints of a document, newest first; None in place of one that is damaged.

    Each is read when it is asked for.

    Args:
        connection: Where they are.
        document: The number of the document.
        name: Its name.
        first: Only those that end at this row, or after it.
        last: Only those that end at this row, or before it.
        oldest_first: The other way round.
    """
    way = "ASC" if oldest_first else "DESC"
    found = connection.execute(
        "SELECT no, seq FROM checkpoints WHERE document = ? AND seq BETWEEN ? AND ? "
        f"ORDER BY seq {way}, no {way}",
        (document, first, last),
    ).fetchall()
    for no, seq in found:
        yield Seq(seq), _read(connection, no, document, name)


def _read(connection: sqlite3.Connection, no: int, document: int, name: str) -> Checkpoint | None:
    try:
        *fields, inflated_bytes, body, crc = connection.execute(
            "SELECT document, seq, size_bytes, digest, at_ms, inflated_bytes, body, crc "
            "FROM checkpoints WHERE no = ?",
            (no,),
        ).fetchone()
        if fields[0] != document or _crc(fields, inflated_bytes, body) != crc:
            return None
        plain = body if inflated_bytes is None else _inflate(body, inflated_bytes)
    except (zlib.error, *database.UNREADABLE):
        # There is another one, or there are the rows: no reason to fail.
        return None
    _, seq, _, digest, at_ms = fields
    return Checkpoint(name, Seq(seq), plain, digest, at_ms)


def _crc(fields: Sequence[Any], inflated_bytes: int | None, body: bytes) -> int:
    # Of a body that is stored as it is, the same as before any was compressed.
    return rows.crc(fields if inflated_bytes is None else (*fields, inflated_bytes), body)


def _inflate(packed: bytes, inflated_bytes: int) -> bytes:
    """Undo :func:`pack`; ValueError if it becomes anything but so many bytes."""
    if not 0 < inflated_bytes <= rows.MAX_BODY_BYTES:
        raise ValueError(f"{inflated_bytes} bytes are not inflated")
    stream = zlib.decompressobj()
    # One more, so that the stream has room to say that it ends.
    body = stream.decompress(packed, inflated_bytes + 1)
    if not stream.eof or len(body) != inflated_bytes or stream.unused_data:
        raise ValueError(f"not {inflated_bytes} bytes")
    return body


def sizes(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """For each document with checkpoints: its number and their size."""
    return connection.execute(
        "SELECT document, sum(size_bytes) FROM checkpoints GROUP BY document"
    ).fetchall()
