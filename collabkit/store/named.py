"""Small named values with versions: what a file keeps besides logs.

A value is JSON text, so that anybody with ``sqlite3`` can read it. Its version counts
its writes from 1; version 0 is a value that is not there. A value whose key is a
session's id, or begins with it and a ``/``, is the session's, and goes with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import Conflict, Corrupt, ValueNotStorable
from . import rows

__all__ = ["drop_owned", "entries", "get", "put", "verify"]


def put(
    connection: sqlite3.Connection, bucket: str, key: str, value: Any, expect: int | None
) -> int:
    """Write a value inside the caller's transaction; returns its new version.

    Raises:
        Conflict: ``expect`` is not the version it has.
        ValueNotStorable: It cannot be written as JSON.
    """
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ValueNotStorable(str(error)) from error
    found = connection.execute(
        "SELECT version FROM named WHERE bucket = ? AND key = ?", (bucket, key)
    ).fetchone()
    version = found[0] if found else 0
    if expect is not None and expect != version:
        raise Conflict(f"{bucket}/{key}", expect, version)
    fields = (bucket, key, version + 1, text)
    connection.execute(
        "INSERT OR REPLACE INTO named (bucket, key, version, value, crc) VALUES (?, ?, ?, ?, ?)",
        (*fields, rows.crc(fields)),
    )
    return version + 1


def get(connection: sqlite3.Connection, path: str, bucket: str, key: str) -> tuple[Any, int] | None:
    """Read a value and its version. Raises Corrupt."""
    found = connection.execute(
        "SELECT bucket, key, version, value, crc FROM named WHERE bucket = ? AND key = ?",
        (bucket, key),
    ).fetchone()
    return _read(path, found) if found else None


def entries(
    connection: sqlite3.Connection, path: str, bucket: str, prefix: str
) -> list[tuple[str, Any, int]]:
    """List the values of a bucket whose keys begin with ``prefix``. Raises Corrupt."""
    found = connection.execute(
        "SELECT bucket, key, version, value, crc FROM named "
        "WHERE bucket = ? AND substr(key, 1, length(?)) = ? ORDER BY key",
        (bucket, prefix, prefix),
    ).fetchall()
    return [(row[1], *_read(path, row)) for row in found]


def verify(connection: sqlite3.Connection, path: str) -> Iterator[str]:
    """Check all values; yields one sentence for each that is damaged."""
    for row in connection.execute("SELECT bucket, key, version, value, crc FROM named").fetchall():
        try:
            _read(path, row)
        except Corrupt as damage:
            yield f"{damage.where}: {damage.reason}"


def drop_owned(connection: sqlite3.Connection, session: str) -> None:
    """Delete what belongs to a session, inside the caller's transaction."""
    connection.execute(
        "DELETE FROM named WHERE key = ?1 OR substr(key, 1, length(?1) + 1) = ?1 || '/'",
        (session,),
    )


def _read(path: str, row: rows.Values) -> tuple[Any, int]:
    *fields, crc = row
    bucket, key, version, text = fields
    if rows.crc(fields) != crc:
        raise Corrupt(path, f"the value {bucket}/{key}", "its check sum is wrong")
    return msgspec.json.decode(text), version
