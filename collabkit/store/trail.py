"""The audit in its table; :mod:`.audit` says what a line is."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import msgspec

from ..errors import Corrupt
from ..ids import SessionId, Subject
from . import audit
from .audit import Entry, Head
from .base import Deed
from .batch import check_text
from .rows import Values

__all__ = ["Wanted", "append", "head", "read", "verify"]

_FIELDS = "no, at_ms, session, subject, action, data, hash"

# Read at a time; a line is a few hundred bytes.
_PAGE = 1000


class Wanted(msgspec.Struct, frozen=True):
    """Which lines: those that are all of it. By default all are.

    Attributes:
        actions: Any of these; ``*`` stands for what there is more of a name.
    """

    session: SessionId | None = None
    subject: str | None = None
    actions: tuple[str, ...] = ()
    since_ms: int = 0


def append(connection: sqlite3.Connection, session: SessionId | None, deed: Deed | None) -> Head:
    """Write a line inside the caller's transaction, if there is anything to tell.

    Returns:
        The end of the chain.

    Raises:
        ValueNotStorable: What is to be told is no JSON.
    """
    end = head(connection)
    if deed is None:
        return end
    check_text(subject=deed.subject, action=deed.action)
    entry = audit.seal(end, session, deed, now_ms=time.time_ns() // 1_000_000)
    *fields, data, _ = msgspec.structs.astuple(entry)
    connection.execute(
        f"INSERT INTO audit ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*fields, audit.canonical(data).decode(), bytes.fromhex(entry.hash)),
    )
    return entry.head


def head(connection: sqlite3.Connection) -> Head:
    """The end of the chain."""
    found = connection.execute("SELECT no, hash FROM audit ORDER BY no DESC LIMIT 1").fetchone()
    return Head(found[0], found[1].hex()) if found else audit.START


def read(
    connection: sqlite3.Connection,
    path: str,
    wanted: Wanted,
    *,
    after: int,
    limit: int,
) -> list[Entry]:
    """Read the next lines that are wanted. Raises Corrupt if one is no line at all."""
    entries = []
    for values in _page(connection, after, limit, wanted):
        entry = _entry(values)
        if entry is None:
            raise Corrupt(path, f"line {values[0]} of the audit", "what it tells is no JSON")
        entries.append(entry)
    return entries


def _page(connection: sqlite3.Connection, after: int, limit: int, wanted: Wanted) -> list[Values]:
    kinds = " OR ".join(["action GLOB ?"] * len(wanted.actions)) or "TRUE"
    return connection.execute(
        f"SELECT {_FIELDS} FROM audit WHERE no > ? AND at_ms >= ? "
        f"AND session IS ifnull(?, session) AND subject = ifnull(?, subject) AND ({kinds}) "
        "ORDER BY no LIMIT ?",
        (after, wanted.since_ms, wanted.session, wanted.subject, *wanted.actions, limit),
    ).fetchall()


def _entry(values: Values) -> Entry | None:
    no, at_ms, session, subject, action, text, digest = values
    try:
        data = msgspec.json.decode(text, type=dict)
    except msgspec.MsgspecError:
        return None
    about = None if session is None else SessionId(session)
    return Entry(no, at_ms, about, Subject(subject), action, data, digest.hex())


def verify(connection: sqlite3.Connection, kept: Head | None = None) -> Iterator[str]:
    """Check the chain; yields one sentence for each place where it is broken.

    Args:
        connection: Where it is.
        kept: An end of it that was kept elsewhere.
    """
    # Read first: the chain may grow meanwhile.
    (most,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'audit'"
    ).fetchone()
    last = 0

    def entries() -> Iterator[Entry]:
        nonlocal last
        while page := _page(connection, last, _PAGE, Wanted()):
            for values in page:
                last = values[0]
                # What is no JSON was changed, and its hash will tell.
                yield _entry(values) or Entry(last, 0, None, Subject(""), "", {}, values[6].hex())

    yield from audit.breaks(entries(), head=kept)
    if last < most:
        yield f"the audit ends at line {last}; there were {most}"
