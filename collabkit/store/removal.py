"""Deleting what is no longer wanted, a slice at a time, and giving its space back.

Rules:

1. A session is out of every list with the first transaction; its name is free then.
2. A document whose floor was raised has no updates up to it from then on: loads and histories
   begin above it. Rows that are no updates stay.
3. Should the process die before the rest is done, the next holder goes on. It also gives back
   what was free then: what was to be overwritten may still stand there.
4. Deleted rows leave free pages; those are moved to the end of the file and cut off.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator

import msgspec

from ..errors import CannotWrite
from . import (
    amending,
    checkpoints,
    named,
    owners,
    parents,
    quarantine,
    recovery,
    rows,
    trail,
    versions,
)
from .base import Deed
from .charter import Amendment
from .directory import Document, Session
from .openfile import OpenFile

__all__ = ["delete", "drop_rows", "give_back", "resume"]

# Moving so many pages (1 MiB) takes about 5 ms.
_PAGES_A_SLICE = 256


def delete(
    file: OpenFile,
    session: Session,
    audit: Deed | None = None,
    amendment: Amendment | None = None,
) -> Generator[None, None, None]:
    """Remove a session with all it has but what the audit tells of it, and change facts with it."""
    if amendment is not None:
        yield from amending.ready(file)
    gone = msgspec.structs.replace(session, project="", name=session.id)
    with file.transaction():
        file.update_session(gone)
        named.drop_owned(file.connection, session.id)
        for table in (parents, versions):
            table.drop_all(file.connection, session.no)
        trail.append(file.connection, session.id, audit)
        if amendment is not None:
            amending.amend_within(file, amendment, amending.ordered(amendment))
    file.directory.remove(session)
    file.directory.leaving.append(gone)
    yield
    yield from resume(file)


def resume(file: OpenFile) -> Generator[None, None, None]:
    """Finish the deletions and compactions that were begun."""
    leaving = file.directory.leaving
    while leaving:
        session = leaving.pop()
        for document in session.documents.values():
            yield from _empty(file, document)
        with file.transaction():
            for table, column in (("documents", "session"), ("sessions", "no")):
                file.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (session.no,))
        yield from give_back(file)
    every = (one for session in list(file.directory) for one in session.documents.values())
    for document in [one for one in every if one.floor]:
        if rows.has_updates(file.connection, document.no, upto=document.floor):
            yield from drop_rows(file, document)
            yield from give_back(file)
        yield
    if file.was_left_open:
        yield from give_back(file)


def _empty(file: OpenFile, document: Document) -> Generator[None, None, None]:
    file.settle_of(document)
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


def drop_rows(file: OpenFile, document: Document) -> Generator[None, None, None]:
    """Delete the updates of a document up to its floor."""
    while True:
        file.settle_of(document)
        with file.transaction():
            gone = rows.delete_some(
                file.connection, document.no, upto=document.floor, kind="update"
            )
            after = msgspec.structs.replace(
                document,
                gone=document.gone + gone.rows,
                rows=document.rows - gone.rows,
                size_bytes=document.size_bytes - gone.size_bytes,
            )
            file.update_document(after)
        document.gone, document.rows = after.gone, after.rows
        document.size_bytes = after.size_bytes
        yield
        if not gone.rows:
            return


def give_back(file: OpenFile) -> Generator[None, None, None]:
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
