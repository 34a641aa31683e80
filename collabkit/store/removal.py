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

import contextlib
import sqlite3
from collections.abc import Generator

import msgspec

from ..errors import CannotWrite, LocalProtocolError
from . import (
    checkpoints,
    keyframes,
    named,
    owners,
    parents,
    quarantine,
    reading,
    recovery,
    rows,
    trail,
    versions,
)
from .base import Deed
from .directory import Document, Session
from .openfile import OpenFile

__all__ = ["compact", "delete", "resume"]

# Moving so many pages (1 MiB) takes about 5 ms.
_PAGES_A_SLICE = 256


def delete(
    file: OpenFile, session: Session, audit: Deed | None = None
) -> Generator[None, None, None]:
    """Remove a session with all it has but what the audit tells of it."""
    gone = msgspec.structs.replace(session, project="", name=session.id)
    with file.transaction():
        file.connection.execute(
            "UPDATE sessions SET project = '', name = id, crc = ? WHERE no = ?",
            (gone.sealed()[-1], session.no),
        )
        named.drop_owned(file.connection, session.id)
        for table in (parents, versions):
            table.drop_all(file.connection, session.no)
        trail.append(file.connection, session.id, audit)
    file.directory.remove(session)
    file.directory.leaving.append(gone)
    yield
    yield from resume(file)


def resume(file: OpenFile) -> Generator[None, None, None]:
    """Finish the deletions that were begun."""
    leaving = file.directory.leaving
    while leaving:
        session = leaving.pop()
        for document in session.documents.values():
            yield from _empty(file, document)
        with file.transaction():
            for table, column in (("documents", "session"), ("sessions", "no")):
                file.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session.no,))
        yield from _give_back(file)


def _empty(file: OpenFile, document: Document) -> Generator[None, None, None]:
    if document.no in file.directory.unsettled:
        file.settle()
    while True:
        with file.transaction():
            gone = rows.delete_some(file.connection, document.no, upto=rows.MAX_SEQ)
        yield
        if not gone.rows:
            break
    with file.transaction():
        checkpoints.delete(file.connection, document.no, first=0)
        for table in (owners, quarantine, recovery):
            table.drop(file.connection, document.no)
    yield


def compact(
    file: OpenFile, session: Session, document: Document, upto: int
) -> Generator[None, None, int]:
    """Remove the updates of a document up to a ``seq``; returns how many rows that were.

    None are while a row of it is set aside.

    Raises:
        LocalProtocolError: Not both checkpoints that are kept verify and reach ``upto``.
    """
    if quarantine.first_aside(file.connection, document.no) is not None:
        return 0
    kept = list(checkpoints.kept(file.connection, document.no, document.name))
    sound = [one for _, one in kept if one is not None and one.seq >= upto]
    if len(kept) < keyframes.KEPT or len(sound) < len(kept):
        where = reading.where(session, document)
        raise LocalProtocolError(
            f"updates of {where} up to {upto} can only go once {keyframes.KEPT} sound "
            f"checkpoints hold them; there are {len(sound)}"
        )
    before = document.gone
    while True:
        if document.no in file.directory.unsettled:
            file.settle()
        with file.transaction():
            gone = rows.delete_some(file.connection, document.no, upto=upto, kind="update")
            after = msgspec.structs.replace(
                document,
                floor=max(document.floor, upto),
                gone=document.gone + gone.rows,
                rows=document.rows - gone.rows,
                size_bytes=document.size_bytes - gone.size_bytes,
            )
            file.update_document(after)
        document.floor, document.gone = after.floor, after.gone
        document.rows, document.size_bytes = after.rows, after.size_bytes
        yield
        if not gone.rows:
            break
    yield from _give_back(file)
    return document.gone - before


def _give_back(file: OpenFile) -> Generator[None, None, None]:
    """Cut free pages off the end of the file, if the disk lets us: what is deleted is so anyway."""
    before = None
    with contextlib.suppress(CannotWrite, sqlite3.Error):
        while (free := _free_pages(file)) and free != before:
            before = free
            with file.transaction():
                file.connection.execute(f"PRAGMA incremental_vacuum({_PAGES_A_SLICE})").fetchall()
            yield
        # The file itself shrinks when the write-ahead log is copied into it.
        file.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _free_pages(file: OpenFile) -> int:
    (free,) = file.connection.execute("PRAGMA freelist_count").fetchone()
    return int(free)
