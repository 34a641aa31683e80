"""Rewriting what stands in a document's log: for erasure, and for nothing else.

Rules:

1. It is one transaction: rows, whose they are, checkpoints, what was set aside, versions, and the
   line of the audit that says so. Rows keep their numbers, times and links, so whatever
   refers to one still finds it; what they hold is the caller's affair.
2. Nothing of the old content stays in the file: no checkpoint but the new ones, and no evidence
   that the subject or a checkpoint is in. What is free is overwritten and given back, and
   the write-ahead log is emptied; should a reader or the end of the process hinder that, what
   is left goes when the file is closed by its next holder.
3. Damage is not made good by it: a row that does not verify stops it.
4. The transaction is one slice, however long: some 10 µs a row. Whoever erases has seen to it
   that nobody is in the session.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Mapping

import msgspec
from msgspec.structs import replace

from ..errors import Conflict, LocalProtocolError
from ..ids import SessionId, Subject
from . import checkpoints, owners, quarantine, reading, removal, rows, trail, versions
from .base import Checkpoint, Deed
from .checkpoints import Packed
from .directory import Document, Session
from .openfile import OpenFile

__all__ = ["Rewriting", "Rewritten", "rewrite"]


class Rewriting(msgspec.Struct, frozen=True):
    """What is to stand in a log from now on.

    Attributes:
        bodies: What replaces the bodies of rows, by their ``seq``.
        checkpoints: What replaces all checkpoints, with their packed bodies.
        subject_from: Whose rows, client ids and versions become another's.
        subject_to: And whose.
        upto: How far the caller has read the document.
        audit: What to tell of it.
        dry_run: Only say what would change.
    """

    bodies: Mapping[int, bytes]
    checkpoints: tuple[tuple[Checkpoint, Packed], ...]
    subject_from: Subject
    subject_to: Subject
    upto: int
    audit: Deed
    dry_run: bool = False


class Rewritten(msgspec.Struct, frozen=True):
    """What a rewriting changed, or would.

    Attributes:
        rows: How many rows.
        freed_bytes: By how much they and the checkpoints are smaller.
    """

    rows: int
    freed_bytes: int


def rewrite(
    file: OpenFile, session_id: SessionId, name: str, asked: Rewriting
) -> Generator[None, None, Rewritten]:
    """Put other content in the place of a document's; says what changed, or would.

    Raises:
        Conflict: The document has gone on since the caller read it.
        LocalProtocolError: A row is not there, or history would have no base.
        Corrupt: The document is damaged.
    """
    session = file.directory.get(session_id)
    document = session.documents.get(name)
    if document is None:
        raise LocalProtocolError(f"{session.project}~{session.name} has no document {name!r}")
    file.settle_of(document)
    with file.reading(session_id):
        changed = yield from _changed(file, session, document, asked)
    if document.last_seq > asked.upto and not asked.dry_run:
        raise Conflict(f"the log of {name!r}", asked.upto, document.last_seq)
    if missing := asked.bodies.keys() - {values[1] for _, values in changed}:
        raise LocalProtocolError(f"{reading.where(session, document)} has no row {min(missing)}")
    _refuse_without_base(file, session, document, asked)
    rows_bytes = sum(len(values[11]) - before for before, values in changed)
    checkpoint_bytes = sum(len(packed[0]) for _, packed in asked.checkpoints)
    freed_bytes = document.checkpoint_bytes - checkpoint_bytes - rows_bytes
    told = Rewritten(len(changed), freed_bytes)
    if asked.dry_run:
        return told
    after = replace(document, size_bytes=document.size_bytes + rows_bytes)
    with _overwriting(file), file.transaction():
        rows.replace_log(file.connection, [values for _, values in changed])
        file.update_document(after)
        _replace_checkpoints(file, document, asked)
        _rename(file, session, document, asked)
        trail.append(file.connection, session_id, asked.audit)
    document.size_bytes, document.checkpoint_bytes = after.size_bytes, checkpoint_bytes
    if session.created_by == asked.subject_from:
        session.created_by = asked.subject_to
    yield
    yield from removal.give_back(file)
    _empty_wal(file)
    return told


def _changed(
    file: OpenFile, session: Session, document: Document, asked: Rewriting
) -> Generator[None, None, list[tuple[int, rows.Values]]]:
    """The rows that change, sealed anew, each with the size it had; all are checked."""
    chain = reading.chained(file.path, session, document, after=0)
    changed: list[tuple[int, rows.Values]] = []
    while page := rows.page(file.connection, document.no, after=chain.last):
        for values in page:
            row = chain.row(values)
            of_subject = row.subject == asked.subject_from
            body = asked.bodies.get(row.seq, row.body)
            if of_subject or row.seq in asked.bodies:
                subject = asked.subject_to if of_subject else row.subject
                # What its author called a change is his as well.
                group = None if of_subject else row.group
                sealed = rows.reseal_row(values, subject=subject, group=group, body=body)
                changed.append((len(row.body), sealed))
        yield
    chain.end(document.last_seq if document.last_seq > document.floor else 0)
    return changed


def _refuse_without_base(
    file: OpenFile, session: Session, document: Document, asked: Rewriting
) -> None:
    """Where rows are gone, one of the new checkpoints must stand for them."""
    if any(one.seq > asked.upto or not one.body for one, _ in asked.checkpoints):
        raise LocalProtocolError("a checkpoint is empty, or ends after the log")
    base = reading.oldest(file.connection, document) if document.floor else None
    if base is not None and all(one.seq != base.seq for one, _ in asked.checkpoints):
        where = reading.where(session, document)
        raise LocalProtocolError(f"the history of {where} needs a checkpoint at {base.seq}")


def _replace_checkpoints(file: OpenFile, document: Document, asked: Rewriting) -> None:
    checkpoints.delete(file.connection, document.no, first=0)
    for checkpoint, packed in asked.checkpoints:
        checkpoints.insert(file.connection, document.no, checkpoint, packed)


def _rename(file: OpenFile, session: Session, document: Document, asked: Rewriting) -> None:
    old, new = asked.subject_from, asked.subject_to
    owners.rename(file.connection, file.path, document.no, old, new)
    for entry in quarantine.read(file.connection, file.path, document=document.no):
        quarantine.delete(file.connection, entry.no)
        # A row that is set aside stays so; of all else that is kept apart, his goes.
        if entry.digest is None and (entry.seq is not None or entry.subject != old):
            body = asked.bodies.get(entry.seq or 0, entry.body)
            subject = new if entry.subject == old else entry.subject
            quarantine.insert(file.connection, replace(entry, body=body, subject=subject))
    for version in versions.read(file.connection, file.path, session.no):
        authors = tuple(new if author == old else author for author in version.authors)
        kept = replace(version, authors=authors)
        if version.by == old:
            kept = replace(kept, by=new, note="")
        if kept != version:
            versions.put(file.connection, session.no, kept, replace=True)
    if session.created_by == old:
        file.update_session(replace(session, created_by=new))


@contextlib.contextmanager
def _overwriting(file: OpenFile) -> Generator[None, None, None]:
    """Have SQLite overwrite what is freed, also where that costs a write."""
    file.connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        yield
    finally:
        file.connection.execute("PRAGMA secure_delete = FAST").fetchall()


def _empty_wal(file: OpenFile) -> None:
    """Old pages stand in the log until it is begun anew; a reader beside is not waited for."""
    (timeout_ms,) = file.connection.execute("PRAGMA busy_timeout = 0").fetchone()
    with contextlib.suppress(sqlite3.Error):
        file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    file.connection.execute(f"PRAGMA busy_timeout = {timeout_ms}").fetchall()
