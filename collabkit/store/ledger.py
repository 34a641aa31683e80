"""What may be asked of a file, by the one thread that has it.

Rules:

1. Each method that changes something is one transaction.
2. A ``seq`` is given with the transaction that writes its row. One that fails gives
   its numbers back, so a log has no holes.
3. Work without a bound is a generator that yields between slices of at most 20 ms.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Any

from ..errors import LocalProtocolError, ValueNotStorable
from ..ids import Seq, SessionId, Subject
from . import (
    aside,
    checkpoints,
    compaction,
    database,
    founding,
    named,
    owners,
    reading,
    recovery,
    removal,
    rows,
)
from .base import (
    Checkpoint,
    Compacted,
    Deed,
    Draft,
    Loaded,
    Parent,
    Quarantined,
    Row,
    SessionRecord,
)
from .batch import Batch, Outcome, check_size, check_text
from .charter import Amendment
from .directory import Document, Session
from .openfile import UNSTORABLE, OpenFile

__all__ = ["Ledger"]


class Ledger:
    """Sessions, logs, checkpoints and values of one open file; :mod:`.writer` gives it a thread."""

    def __init__(self, path: str, *, durability: database.Durability, create: bool) -> None:
        self.path = path
        self.file = OpenFile(path, durability=durability, create=create)

    def __repr__(self) -> str:
        return f"<Ledger {self.path} epoch={self.file.epoch}>"

    def close(self, *, clean: bool = True) -> None:
        """Leave one whole file behind; ``clean`` if nothing that was to be written is lost."""
        self.file.close(clean=clean)

    # The log

    def write(self, writes: Sequence[tuple[SessionId, Sequence[Draft]]]) -> list[Outcome]:
        """Append the rows of many writes in one transaction; returns what became of each.

        Raises:
            CannotWrite: The disk did not take it: nothing of any write was kept.
            ValueNotStorable: One of them cannot be stored at all, and none was.
        """
        batch = Batch(self.file.directory, self.file.epoch)
        outcomes = [batch.place(session, drafts) for session, drafts in writes]
        if batch.rows:
            try:
                with self.file.transaction():
                    self.file.insert_documents(batch.documents)
                    rows.insert_hot(self.file.connection, batch.rows)
                    if batch.claims:
                        owners.insert(self.file.connection, batch.claims)
            except (OverflowError, *UNSTORABLE) as error:
                batch.undo()
                raise ValueNotStorable(str(error)) from error
            except BaseException:
                batch.undo()
                raise
            batch.keep()
        return outcomes

    def load(self, session_id: SessionId, name: str) -> Generator[None, None, Loaded]:
        """Read what opens a document; one that is new gets its lineage now, and keeps it."""
        session = self.file.directory.get(session_id)
        document = self._document(session_id, name)
        with self.file.reading(session_id):
            return (yield from reading.load(self.file.connection, self.path, session, document))

    def rows(
        self, session_id: SessionId, *, after: int, document: str | None, limit: int
    ) -> Generator[None, None, list[Row]]:
        """Read a page of a session's log, in slices."""
        session = self.file.directory.get(session_id)
        chosen = [one for one in session.documents.values() if document in (None, one.name)]
        with self.file.reading(session_id):
            return (
                yield from reading.log(
                    self.file.connection, self.path, session, chosen, after=after, limit=limit
                )
            )

    # Sessions and documents

    def create_session(
        self,
        name: str,
        project: str,
        kind: str,
        by: Subject,
        parent: Parent | None = None,
        *,
        amendment: Amendment | None = None,
    ) -> SessionRecord:
        """Add a session, branched from another if ``parent`` says so."""
        return founding.create_session(
            self.file,
            name,
            project=project,
            kind=kind,
            by=by,
            parent=parent,
            amendment=amendment,
        )

    def find_session(self, name_or_id: str, project: str) -> SessionRecord:
        """Look a session up."""
        return self.file.directory.find(name_or_id, project).record()

    def sessions(self, project: str | None) -> list[SessionRecord]:
        """List sessions, of one project or of all."""
        return [one.record() for one in self.file.directory.all() if project in (None, one.project)]

    def delete_session(
        self,
        session_id: SessionId,
        audit: Deed | None = None,
        amendment: Amendment | None = None,
    ) -> Generator[None, None, None]:
        """Remove a session with all it has, in slices."""
        session = self.file.directory.get(session_id)
        return removal.delete(self.file, session, audit, amendment)

    def compact(
        self, session_id: SessionId, name: str, asked: compaction.Asked
    ) -> Generator[None, None, Compacted]:
        """Remove the updates of a document that checkpoints hold, in slices."""
        session = self.file.directory.get(session_id)
        document = session.documents.get(name)
        if document is None:
            return Compacted(0, 0, Seq(0))
        return (yield from compaction.compact(self.file, session, document, asked))

    def _document(self, session_id: SessionId, name: str) -> Document:
        session = self.file.directory.get(session_id)
        document = session.documents.get(name)
        return self._create_document(session, name) if document is None else document

    def _create_document(self, session: Session, name: str) -> Document:
        check_text(document=name)
        document = self.file.directory.new_document(session, name)
        try:
            with self.file.transaction():
                self.file.insert_documents([document])
        except BaseException:
            self.file.directory.forget(document)
            raise
        return document

    # What killed an engine, and what may be lost

    def quarantine(
        self,
        session_id: SessionId,
        name: str,
        *,
        subject: Subject,
        body: bytes,
        reason: str,
        seq: int | None,
    ) -> int:
        """Keep an update apart, and set its row or checkpoint aside."""
        check_text(subject=subject, reason=reason)
        document = self._document(session_id, name)
        return aside.set_aside(
            self.file, document, subject=subject, body=body, reason=reason, seq=seq
        )

    def quarantined(self, session_id: SessionId | None) -> list[Quarantined]:
        """List what is kept apart, of a session or of all."""
        directory = self.file.directory
        chosen = list(directory) if session_id is None else [directory.get(session_id)]
        with database.explained(self.path):
            return reading.quarantined(self.file.connection, self.path, chosen)

    def release(self, number: int) -> None:
        """Let something back that was kept apart."""
        with database.explained(self.path):
            aside.release(self.file, number)

    def raise_epoch(self, session_id: SessionId, name: str) -> int:
        """Begin a recovery of a document."""
        no, now_ms = self._document(session_id, name).no, time.time_ns() // 1_000_000
        with self.file.transaction():
            return recovery.begin(self.file.connection, self.path, no, now_ms=now_ms)

    # Checkpoints and named values

    def put_checkpoint(
        self,
        session_id: SessionId,
        checkpoint: Checkpoint,
        packed: checkpoints.Packed | None = None,
    ) -> None:
        """Keep a checkpoint, whose body may be packed already, and those worth keeping of all."""
        check_size(checkpoint.body)
        session = self.file.directory.get(session_id)
        document = session.documents.get(checkpoint.document)
        if document is None or checkpoint.seq > session.last_seq or not checkpoint.body:
            raise LocalProtocolError(
                f"a checkpoint of {checkpoint.document!r} at {checkpoint.seq}, "
                f"{len(checkpoint.body)} bytes, in a log that ends at {session.last_seq}"
            )
        with self.file.transaction():
            packed = packed or checkpoints.pack(checkpoint.body)
            checkpoints.insert(self.file.connection, document.no, checkpoint, packed)
            left_bytes = self.file.trim(document)
        document.checkpoint_bytes = left_bytes

    def put(self, bucket: str, key: str, value: Any, expect: int | None) -> int:
        """Write a small named value."""
        with self.file.transaction():
            return named.put(self.file.connection, bucket, key, value, expect)

    def get(self, bucket: str, key: str) -> tuple[Any, int] | None:
        """Read a small named value."""
        with database.explained(self.path):
            return named.get(self.file.connection, self.path, bucket, key)

    def entries(self, bucket: str, prefix: str) -> list[tuple[str, Any, int]]:
        """List small named values."""
        with database.explained(self.path):
            return named.entries(self.file.connection, self.path, bucket, prefix)
