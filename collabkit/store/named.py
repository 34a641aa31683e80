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

_FIELDS = "bucket, key, version, value, crc"


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
    found = _find(connection, bucket, key)
    version = found[3] if found else 0
    if expect is not None and expect != version:
        raise Conflict(f"{bucket}/{key}", expect, version)
    fields = (bucket, key, version + 1, text)
    sealed = (*fields, rows.crc(fields))
    if found:
        connection.execute(
            "UPDATE named SET bucket = ?, key = ?, version = ?, value = ?, crc = ? WHERE rowid = ?",
            (*sealed, found[0]),
        )
    else:
        connection.execute(f"INSERT INTO named ({_FIELDS}) VALUES (?, ?, ?, ?, ?)", sealed)
    return version + 1


def get(connection: sqlite3.Connection, path: str, bucket: str, key: str) -> tuple[Any, int] | None:
    """Read a value and its version. Raises Corrupt."""
    found = _find(connection, bucket, key)
    return _read(path, found) if found else None


def entries(
    connection: sqlite3.Connection, path: str, bucket: str, prefix: str
) -> list[tuple[str, Any, int]]:
    """List the values of a bucket whose keys begin with ``prefix``. Raises Corrupt."""
    found = connection.execute(
        f"SELECT rowid, {_FIELDS} FROM named "
        "WHERE +bucket = :bucket AND substr(key, 1, length(:prefix)) = :prefix ORDER BY key",
        {"bucket": bucket, "prefix": prefix},
    ).fetchall()
    return [(row[2], *_read(path, row)) for row in found]


def _find(connection: sqlite3.Connection, bucket: str, key: str) -> rows.Values | None:
    """Find a row by the index; one that is not there must not be in the table either."""
    for chosen in ("bucket = ? AND key = ?", "+bucket = ? AND +key = ?"):
        found: rows.Values | None = connection.execute(
            f"SELECT rowid, {_FIELDS} FROM named WHERE {chosen}", (bucket, key)
        ).fetchone()
        if found:
            return found
    return None


def verify(connection: sqlite3.Connection, path: str) -> Iterator[str]:
    """Check all values; yields one sentence for each that is damaged."""
    for row in connection.execute(f"SELECT rowid, {_FIELDS} FROM named").fetchall():
        try:
            _read(path, row)
        except Corrupt as damage:
            yield f"{damage.where}: {damage.reason}"


def drop_owned(connection: sqlite3.Connection, session: str) -> None:
    """Delete what belongs to a session, inside the caller's transaction."""
    connection.execute(
        "DELETE FROM named "
        "WHERE key = :session OR substr(key, 1, length(:session) + 1) = :session || '/'",
        {"session": session},
    )


def _read(path: str, row: rows.Values) -> tuple[Any, int]:
    _, *fields, crc = row
    bucket, key, version, text = fields
    if rows.crc(fields) != crc:
        raise Corrupt(path, f"the value {bucket}/{key}", "its check sum is wrong")
    return msgspec.json.decode(text), version
