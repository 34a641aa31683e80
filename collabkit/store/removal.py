"""Deleting what is no longer wanted, a slice at a time, and giving its space back.

Rules:

1. A session is out of every list with the first transaction; its name is free then.
   Should the process die before the rest is done, the next holder goes on.
2. Compaction removes no update that two checkpoints, both verified just now, do not hold:
   whichever of them is damaged later, the other stands in. Rows that are no updates
   are history, and stay.
3. Deleted rows leave free pages; those are moved to the end of the file and cut off.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import msgspec

from ..errors import LocalProtocolError
from . import named, reading, rows
from .directory import Document, Session

if TYPE_CHECKING:
    from .ledger import Ledger

__all__ = ["compact", "delete", "resume"]

# Moving so many pages (1 MiB) takes about 5 ms.
_PAGES_A_SLICE = 256


def delete(ledger: Ledger, session: Session) -> Generator[None, None, None]:
    """Remove a session with all it has."""
    gone = msgspec.structs.replace(session, project="", name=session.id)
    with ledger.transaction():
        ledger.connection.execute(
            "UPDATE sessions SET project = '', name = id, crc = ? WHERE no = ?",
            (gone.sealed()[-1], session.no),
        )
        named.drop_owned(ledger.connection, session.id)
    ledger.directory.remove(session)
    ledger.directory.leaving.append(gone)
    yield
    yield from resume(ledger)


def resume(ledger: Ledger) -> Generator[None, None, None]:
    """Finish the deletions that were begun."""
    leaving = ledger.directory.leaving
    while leaving:
        session = leaving.pop()
        for document in session.documents.values():
            yield from _empty(ledger, document)
        with ledger.transaction():
            for table, column in (("documents", "session"), ("sessions", "no")):
                ledger.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session.no,))
        yield from _give_back(ledger)


def _empty(ledger: Ledger, document: Document) -> Generator[None, None, None]:
    if document.no in ledger.directory.unsettled:
        ledger.settle()
    while True:
        with ledger.transaction():
            gone = rows.delete_some(ledger.connection, document.no, upto=rows.MAX_SEQ)
        yield
        if not gone.rows:
            break
    with ledger.transaction():
        rows.drop_checkpoints(ledger.connection, document.no, kept=0)
    yield


def compact(
    ledger: Ledger, session: Session, document: Document, upto: int
) -> Generator[None, None, int]:
    """Remove the updates of a document up to a ``seq``; returns how many rows that were.

    Raises:
        LocalProtocolError: Not both checkpoints that are kept verify and reach ``upto``.
    """
    kept = list(rows.checkpoints(ledger.connection, document.no, document.name))
    sound = [one for _, one in kept if one is not None and one.seq >= upto]
    if len(kept) < rows.CHECKPOINTS_KEPT or len(sound) < len(kept):
        where = reading.where(session, document)
        raise LocalProtocolError(
            f"updates of {where} up to {upto} can only go once {rows.CHECKPOINTS_KEPT} sound "
            f"checkpoints hold them; there are {len(sound)}"
        )
    before = document.gone
    while True:
        if document.no in ledger.directory.unsettled:
            ledger.settle()
        with ledger.transaction():
            gone = rows.delete_some(ledger.connection, document.no, upto=upto, kind="update")
            after = msgspec.structs.replace(
                document,
                floor=max(document.floor, upto),
                gone=document.gone + gone.rows,
                rows=document.rows - gone.rows,
                size_bytes=document.size_bytes - gone.size_bytes,
            )
            ledger.update_document(after)
        document.floor, document.gone = after.floor, after.gone
        document.rows, document.size_bytes = after.rows, after.size_bytes
        yield
        if not gone.rows:
            break
    yield from _give_back(ledger)
    return document.gone - before


def _give_back(ledger: Ledger) -> Generator[None, None, None]:
    """Cut free pages off the end of the file."""
    before = None
    while (free := _free_pages(ledger)) and free != before:
        before = free
        with ledger.transaction():
            ledger.connection.execute(f"PRAGMA incremental_vacuum({_PAGES_A_SLICE})").fetchall()
        yield
    # The file itself shrinks when the write-ahead log is copied into it.
    ledger.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _free_pages(ledger: Ledger) -> int:
    (free,) = ledger.connection.execute("PRAGMA freelist_count").fetchone()
    return int(free)
