"""Setting rows and checkpoints aside that killed an engine, and letting them back.

Rules:

1. Nothing is destroyed. A row that is set aside stays in the log, and loads leave it out; a
   checkpoint that is set aside is moved to the quarantine, body and all.
2. What is set aside is in nothing that is loaded: checkpoints that hold the row are deleted.
   Those made afterwards lack it, and may lack what builds on it. So the newest from before
   it are kept besides (:mod:`.keyframes`), nothing is compacted
   meanwhile, and letting the row back deletes the later ones: the log makes them anew.
3. A document with a hole in it is none: an engine would refuse it, or keep what comes behind the
   hole waiting for ever. So loads leave out what builds on a row that is set aside as well, as
   scans tell it. That is the one place where the store looks into updates.
4. A row that is not there, or was compacted away, is as an update that never was stored.
"""

from __future__ import annotations

import time
from typing import TypeVar

from msgspec.structs import replace

from ..crdt.budget import NO_BUDGET
from ..crdt.update import StateVector, advance, gap, scan
from ..errors import LocalProtocolError, RemoteProtocolError
from ..ids import Seq, Subject
from . import checkpoints, quarantine, reading, rows
from .base import Checkpoint, Chronicle, Loaded, Row
from .directory import Document
from .openfile import OpenFile
from .quarantine import Entry

__all__ = ["release", "set_aside", "without_dependents"]

Read = TypeVar("Read", Loaded, Chronicle)


def set_aside(
    file: OpenFile,
    document: Document,
    *,
    subject: Subject,
    body: bytes,
    reason: str,
    seq: int | None,
) -> int:
    """Keep something apart; returns its number, or 0 for a checkpoint that is gone already.

    Raises:
        LocalProtocolError: Only checkpoints that hold the row are left to load from.
    """
    entry = Entry(document.no, seq, subject, reason, time.time_ns() // 1_000_000, None, body)
    with file.transaction():
        if seq is not None and not body:
            number = _move_checkpoint(file, entry, document.name, seq)
        else:
            number = _leave_out(file, document, entry)
    document.checkpoint_bytes = checkpoints.size(file.connection, document.no)
    return number


def _move_checkpoint(file: OpenFile, entry: Entry, name: str, seq: int) -> int:
    number, no = 0, entry.document
    for _, checkpoint in checkpoints.kept(file.connection, no, name, first=seq, last=seq):
        if checkpoint is not None:
            moved = replace(entry, digest=checkpoint.digest, body=checkpoint.body)
            number = quarantine.insert(file.connection, moved)
    checkpoints.delete(file.connection, no, first=seq, last=seq)
    return number


def _leave_out(file: OpenFile, document: Document, entry: Entry) -> int:
    seq = entry.seq
    if seq is None or not rows.has_update(file.connection, document.no, seq):
        seq = None
    else:
        checkpoints.delete(file.connection, document.no, first=seq)
        if document.floor and reading.oldest(file.connection, document) is None:
            raise LocalProtocolError(
                f"row {seq} of {document.name!r} is in each checkpoint that is left of it"
            )
    return quarantine.insert(file.connection, replace(entry, seq=seq))


def release(file: OpenFile, number: int) -> None:
    """Let something back. Raises LookupError."""
    found = quarantine.read(file.connection, file.path, no=number)
    if not found:
        raise LookupError(f"nothing is quarantined under number {number}")
    (entry,) = found
    document = file.directory.document(entry.document)
    if document is None:
        raise LookupError(f"the document of number {number} is being deleted")
    with file.transaction():
        quarantine.delete(file.connection, number)
        if entry.digest is not None:
            body, seq = entry.body, Seq(entry.seq or 0)
            checkpoint = Checkpoint("", seq, body, entry.digest, entry.at_ms)
            packed = checkpoints.pack(body)
            checkpoints.insert(file.connection, entry.document, checkpoint, packed)
        elif entry.seq is not None:
            checkpoints.delete(file.connection, entry.document, first=entry.seq)
        size_bytes = file.trim(document)
    document.checkpoint_bytes = size_bytes


def without_dependents(read: Read) -> Read:
    """Leave out what builds on rows that are set aside. It takes a scan of the whole document."""
    if not read.aside:
        return read
    first, vector = read.aside[0], StateVector()
    begin = read.checkpoint if isinstance(read, Loaded) else read.base
    if begin is not None:
        _integrates(begin.body, vector)
    return replace(read, rows=tuple(row for row in read.rows if _stands(row, first, vector)))


def _stands(row: Row, first: Seq, vector: StateVector) -> bool:
    # What comes before the first of them cannot lack it: a gap there is damage, and not hidden.
    fits = row.kind != "update" or _integrates(row.body, vector)
    return fits or row.seq < first


def _integrates(update: bytes, vector: StateVector) -> bool:
    try:
        found = scan(update, NO_BUDGET)
    except RemoteProtocolError:
        # Whoever applies it says so.
        return True
    if gap(found, vector):
        return False
    advance(found, vector)
    return True
