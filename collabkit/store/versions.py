"""The named moments of sessions, in a table of their own.

Rules:

1. A version belongs to its session and goes with it. Its name is its own there: whether it is
   taken is seen by looking at all of them, the index of the table only stands guard.
2. One that does not verify is damage and is said to be: an absent version would let what it
   protects be compacted away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..errors import Corrupt, InvalidName
from ..ids import Seq, Subject
from . import rows
from .base import Version
from .batch import check_integer, check_text

__all__ = ["check", "drop", "drop_all", "moments", "put", "read", "verify"]

_FIELDS = "session, name, seq, document, made_by, authors, note, at_ms, kind, pinned"

_DELETE = "DELETE FROM versions WHERE no = ?"


def check(version: Version) -> None:
    """Make sure that a version reads back as what it is. Raises ValueNotStorable."""
    check_text(name=version.name, by=version.by, note=version.note, kind=version.kind)
    for author in version.authors:
        check_text(author=author)
    if version.document is not None:
        check_text(document=version.document)
    for number in (version.seq, version.at_ms):
        check_integer(number)


def put(connection: sqlite3.Connection, session: int, version: Version, *, replace: bool) -> None:
    """Write a version inside the caller's transaction. Raises InvalidName if its name is taken."""
    find = "SELECT no FROM versions WHERE +session = ? AND +name = ?"
    if taken := connection.execute(find, (session, version.name)).fetchone():
        if not replace:
            raise InvalidName(version.name, "another version of the session has it")
        connection.execute(_DELETE, taken)
    fields = (
        session,
        version.name,
        version.seq,
        version.document,
        version.by,
        msgspec.json.encode(version.authors).decode(),
        version.note,
        version.at_ms,
        version.kind,
        int(version.pinned),
    )
    connection.execute(
        f"INSERT INTO versions ({_FIELDS}, crc) VALUES ({', '.join('?' * 11)})",
        (*fields, rows.crc(fields)),
    )


def read(
    connection: sqlite3.Connection, path: str, session: int, *, document: str | None = None
) -> list[Version]:
    """Read the versions of a session in order: all, or those that a document has.

    Raises:
        Corrupt: One is damaged.
    """
    found = _select(connection, "WHERE +session = ?", session)
    versions = [_checked(path, values) for values in found]
    return [one for one in versions if document is None or one.document in (None, document)]


def moments(connection: sqlite3.Connection, session: int, document: str) -> set[int]:
    """The moments that a document's versions are of, checked or not: they are kept either way."""
    found = connection.execute(
        "SELECT seq FROM versions WHERE +session = ? AND (document IS NULL OR document = ?)",
        (session, document),
    )
    return {seq for (seq,) in found}


def verify(connection: sqlite3.Connection, path: str) -> Iterator[str]:
    """Check the versions of all sessions; yields one sentence for each that is damaged."""
    for values in _select(connection):
        try:
            _checked(path, values)
        except Corrupt as damage:
            yield f"{damage.where}: {damage.reason}"


def drop(connection: sqlite3.Connection, session: int, names: Iterable[str]) -> None:
    """Delete versions inside the caller's transaction; all are found in one pass."""
    gone = set(names)
    found = connection.execute("SELECT no, name FROM versions WHERE +session = ?", (session,))
    connection.executemany(_DELETE, [(no,) for no, name in found.fetchall() if name in gone])


def drop_all(connection: sqlite3.Connection, session: int) -> None:
    """Delete all versions of a session that is deleted."""
    connection.execute("DELETE FROM versions WHERE +session = ?", (session,))


def _select(connection: sqlite3.Connection, which: str = "", *values: Any) -> list[rows.Values]:
    return connection.execute(
        f"SELECT {_FIELDS}, crc FROM versions {which} ORDER BY seq, at_ms, no", values
    ).fetchall()


def _checked(path: str, values: rows.Values) -> Version:
    *fields, crc = values
    _, name, seq, document, by, authors, note, at_ms, kind, pinned = fields
    if rows.crc(fields) != crc:
        raise Corrupt(path, f"version {name!r}", rows.WRONG_SUM)
    return Version(
        name=name,
        seq=Seq(seq),
        by=Subject(by),
        at_ms=at_ms,
        document=document,
        authors=msgspec.json.decode(authors, type=tuple[Subject, ...]),
        note=note,
        kind=kind,
        pinned=bool(pinned),
    )
