"""Documents in the SQLite files of other programs, to be taken over.

What is known:

- **pycrdt-store** (and the ystores of jupyter-collaboration): ``yupdates(path, yupdate,
  metadata, timestamp)``, since 0.1.4 also ``ycheckpoints(path, checkpoint, timestamp)``.
- **Hocuspocus** (extension-sqlite): ``documents(name, data)``, one update a document.

Rules:

1. The file is only read. With no write-ahead log beside it nobody is writing, and it is opened
   as immutable, so that not even a lock file appears.
2. Of a pycrdt-store every row is given, older than the checkpoint or not: its order by
   clock loses rows where the clock went back, and an update may be applied twice.
3. Updates compressed with zlib or gzip are recognised by their check sums. For other
   compressions the function that undoes them is an argument.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from ..errors import Corrupt, LocalProtocolError, NotACollabFile
from . import database, schema

__all__ = ["ForeignDocument", "read_foreign"]

# What the compressed rows of one document may become together. All of them are in memory until
# they are taken in, and a row of ours may not be larger than twice that.
_MAX_PLAIN_BYTES = 256 << 20


class ForeignDocument(msgspec.Struct, frozen=True):
    """A document of another program.

    Attributes:
        name: As it stands there; it may be no name of ours.
        updates: Yjs v1 updates, in the order in which they are to be applied. Nobody has
            looked into them yet.
    """

    name: str
    updates: tuple[bytes, ...]


def read_foreign(
    path: str | os.PathLike[str], *, decompress: Callable[[bytes], bytes] | None = None
) -> Iterator[ForeignDocument]:
    """Read all documents of a pycrdt-store or Hocuspocus file, by name.

    Args:
        path: The file.
        decompress: Undoes the compression that was registered with the store.

    Raises:
        NotACollabFile: It is neither.
        LocalProtocolError: It is a collabkit file itself.
        Corrupt: It is damaged, or ``decompress`` does not fit.
    """
    real = os.path.realpath(path)
    with (
        contextlib.closing(database.connect_foreign(real)) as connection,
        database.explained(real),
    ):
        names, *updates = _queries(connection, real)
        for (name,) in connection.execute(names).fetchall():
            stored = [
                value
                for query in updates
                for (value,) in connection.execute(query, (name,)).fetchall()
            ]
            yield ForeignDocument(str(name), tuple(_plain(real, name, stored, decompress)))


# For each kind of file: the names of its documents, then the updates of one of them.

_HOCUSPOCUS = (
    "SELECT name FROM documents ORDER BY name",
    "SELECT data FROM documents WHERE name = ?",
)

_PYCRDT_ROWS = "SELECT yupdate FROM yupdates WHERE path = ? ORDER BY timestamp, rowid"

_PYCRDT = ("SELECT DISTINCT path FROM yupdates ORDER BY path", _PYCRDT_ROWS)

_PYCRDT_WITH_CHECKPOINTS = (
    "SELECT path FROM yupdates UNION SELECT path FROM ycheckpoints ORDER BY path",
    "SELECT checkpoint FROM ycheckpoints WHERE path = ?",
    _PYCRDT_ROWS,
)


def _queries(connection: sqlite3.Connection, path: str) -> tuple[str, ...]:
    if connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,):
        raise LocalProtocolError(f"{path} is a collabkit file: open it, or read it with Reader")
    if _has(connection, "yupdates", {"path", "yupdate", "timestamp"}):
        if _has(connection, "ycheckpoints", {"path", "checkpoint"}):
            return _PYCRDT_WITH_CHECKPOINTS
        return _PYCRDT
    if _has(connection, "documents", {"name", "data"}):
        return _HOCUSPOCUS
    raise NotACollabFile(path, "nor is it a file of pycrdt-store or Hocuspocus")


def _has(connection: sqlite3.Connection, table: str, columns: set[str]) -> bool:
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return columns <= {name for (name,) in found}


def _plain(
    path: str, name: str, stored: Sequence[object], decompress: Callable[[bytes], bytes] | None
) -> Iterator[bytes]:
    left = _MAX_PLAIN_BYTES
    for value in stored:
        try:
            if not isinstance(value, bytes):
                raise Corrupt(path, f"document {name!r}", "an update in it is no blob")
            plain = _inflated(value, left) if decompress is None else decompress(value)
        except Corrupt:
            raise
        except Exception as error:
            raise Corrupt(path, f"document {name!r}", f"it does not decompress: {error}") from error
        if plain is not value:
            left -= len(plain)
        yield plain


def _inflated(stored: bytes, most: int) -> bytes:
    """Undo zlib or gzip, or give back the same bytes if it is neither. Raises ValueError."""
    if not stored.startswith((b"\x78", b"\x1f\x8b")):
        return stored
    # An update of 120 authors begins as zlib does, but no update ends with its check sum.
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        # One more, because no limit at all is written as 0.
        plain = stream.decompress(stored, most + 1)
    except zlib.error:
        return stored
    if len(plain) > most:
        raise ValueError(f"its updates are more than {_MAX_PLAIN_BYTES} bytes")
    return plain if stream.eof else stored
