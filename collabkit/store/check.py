"""Looking for damage: everything in a file is read, and each fault is one sentence.

Rules:

1. It reads beside the holder, a page a transaction, so that it stalls no commit and
   keeps no write-ahead log from being emptied.
2. It goes on after a fault: one bad row must not hide another.
3. What the holder adds meanwhile is left out, and what it compacts or deletes meanwhile
   is no fault: a session that changed in such a way is looked at again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeAlias

from ..errors import Corrupt
from . import (
    checkpoints,
    database,
    facts,
    named,
    owners,
    quarantine,
    reading,
    recovery,
    rows,
    trail,
    versions,
)
from .audit import Head
from .directory import Directory, Document, Session, lenient

__all__ = ["verify"]

Transaction: TypeAlias = Callable[[], AbstractContextManager[None]]


def verify(
    connection: sqlite3.Connection, path: str, transaction: Transaction, head: Head | None = None
) -> Iterator[str]:
    """Check a file; yields one sentence for each fault, and nothing for a sound one.

    Args:
        connection: A connection that only reads, and is used by nobody else meanwhile.
        path: The file's name, for sentences.
        transaction: Makes what is read inside it belong together.
        head: An end of the audit that was kept elsewhere.
    """
    connection.text_factory = lenient
    try:
        yield from _Check(connection, path, transaction).everything()
        yield from trail.verify(connection, head)
    except (Corrupt, *database.UNREADABLE) as error:
        yield f"SQLite: {_reason(error)}"
    finally:
        connection.text_factory = str


class _Check:
    def __init__(self, connection: sqlite3.Connection, path: str, transaction: Transaction) -> None:
        self._connection = connection
        self._path = path
        self._transaction = transaction

    def everything(self) -> Iterator[str]:
        for (problem,) in self._connection.execute("PRAGMA integrity_check"):
            if problem != "ok":
                yield f"SQLite: {problem}"
        directory = self._directory()
        for session in directory:
            yield from self._session(session)
        for no in rows.documents_with_rows(self._connection):
            directory.unlisted(no)
        yield from directory.damage
        for table in (named, quarantine, versions, facts):
            yield from table.verify(self._connection, self._path)

    def _directory(self) -> Directory:
        with self._transaction():
            return Directory.read(self._connection, self._path)

    def _session(self, session: Session | None) -> Iterator[str]:
        while session is not None:
            sentences = self._faults(session)
            now = self._directory().find_id(session.id) if sentences else None
            if now is not None and _removed(now) == _removed(session):
                yield from sentences
                return
            session = now

    def _faults(self, session: Session) -> list[str]:
        sentences: list[str] = []
        count = 0
        for document in session.documents.values():
            where = reading.where(session, document)
            try:
                found, faults = self._rows(session, document)
                sentences += faults
                sentences += self._checkpoints(session, document, where)
                owners.read(self._connection, self._path, document.no, where)
                recovery.of(self._connection, self._path, document.no)
            except (Corrupt, *database.UNREADABLE) as error:
                at = error.where if isinstance(error, Corrupt) else f"{where}: SQLite"
                sentences.append(f"{at}: {_reason(error)}")
            else:
                count += found
        missing = session.last_seq - count - _removed(session)
        if missing and not sentences:
            sentences.append(f"{session.project}~{session.name}: {missing} rows are missing")
        return sentences

    def _rows(self, session: Session, document: Document) -> tuple[int, list[str]]:
        """Read the rows of a document as far as they were known; counts them, names faults."""
        chain = reading.chained(self._path, session, document, after=0)
        faults: list[str] = []
        count = epoch = 0
        for values in self._values(document):
            _, seq, _, wrote, *_ = values
            count += 1
            try:
                chain.row(values)
            except Corrupt as damage:
                faults.append(f"{damage.where}: {damage.reason}")
                chain.last = seq
            if wrote < epoch:
                faults.append(f"row {seq} of {chain.where}: two processes wrote at once")
            epoch = max(epoch, wrote)
        # Compaction may have taken the last rows; any after its floor are linked.
        if chain.last < document.last_seq and document.last_seq > document.floor:
            faults.append(f"row {document.last_seq} of {chain.where}: it is missing")
        if count != document.rows and not faults:
            faults.append(f"{chain.where}: {document.rows} rows are listed, there are {count}")
        return count, faults

    def _values(self, document: Document) -> Iterator[rows.Values]:
        after = 0
        while True:
            with self._transaction():
                page = rows.page(self._connection, document.no, after=after)
            yield from (values for values in page if values[1] <= document.last_seq)
            if len(page) < rows.PAGE_ROWS or page[-1][1] >= document.last_seq:
                return
            after = page[-1][1]

    def _checkpoints(self, session: Session, document: Document, where: str) -> Iterator[str]:
        reach = 0
        for seq, checkpoint in checkpoints.kept(self._connection, document.no, document.name):
            if checkpoint is None:
                yield f"checkpoint {seq} of {where}: its check sum is wrong"
            elif seq > session.last_seq:
                yield f"checkpoint {seq} of {where}: the log ends at {session.last_seq}"
            else:
                reach = max(reach, seq)
        if document.floor > reach:
            yield f"{where}: updates up to {document.floor} are gone, no checkpoint holds them"


def _removed(session: Session) -> int:
    return sum(document.gone for document in session.documents.values())


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, Corrupt) else str(error)
