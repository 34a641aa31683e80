"""The file itself, for one thread: what is in it, and every way to change it.

Rules:

1. Each method that changes something is one transaction. It holds wholly, and then the
   memory of the file follows; or it does not, and both are as they were.
2. A ``seq`` is given with the transaction that writes its row. One that fails gives
   its numbers back, so a log has no holes.
3. Work without a bound is a generator that yields between slices of at most 20 ms.
4. The ``epoch`` went up by one when this ledger opened the file. Each transaction checks
   that it still stands, and rows carry it: should two processes ever write in spite
   of the lock, the older one is stopped by its next commit, and the rows tell.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from ..errors import (
    CannotWrite,
    Corrupt,
    InvalidName,
    LocalProtocolError,
    StoreError,
    ValueNotStorable,
)
from ..ids import RoomName, SessionId, Subject
from . import database, named, reading, removal, rows
from .base import Checkpoint, Draft, Loaded, Row, SessionRecord
from .batch import Batch, Outcome
from .directory import Directory, Document, Session

__all__ = ["Ledger"]

# Rows wait in `hot` until there are so many of them, or so many bytes. Moving them takes
# 8 to 15 ms then; moving half as many each time costs a third more writes an edit.
SETTLE_ROWS = 4096
SETTLE_BYTES = 2 << 20

# What SQLite says of values, not of the disk: trying again would not help.
_UNSTORABLE = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class Ledger:
    """An open file. Not safe for threads: :mod:`collabkit.store.writer` owns it."""

    def __init__(self, path: str, *, durability: database.Durability, create: bool) -> None:
        self.path = path
        self.connection = database.connect(path, durability=durability, create=create)
        try:
            with database.explained(path):
                self.directory = Directory.read(self.connection, path)
                (self.epoch,) = self.connection.execute("SELECT epoch FROM file").fetchone()
            with self.transaction():
                self.connection.execute("UPDATE file SET epoch = epoch + 1")
            self.epoch += 1
        except BaseException:
            self.connection.close()
            raise
        self._settle_at = SETTLE_ROWS
        self._named = False  # whether the name of its log is on disk

    def __repr__(self) -> str:
        return f"<Ledger {self.path} epoch={self.epoch}>"

    def close(self) -> None:
        """Leave one whole file behind: if the disk takes it, without a write-ahead log."""
        try:
            with contextlib.suppress(StoreError, sqlite3.Error):
                self.settle()
                # As the last connection SQLite does this by itself, beside a reader it does not.
                self.connection.execute("PRAGMA busy_timeout = 0")
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do something wholly or not at all. Raises CannotWrite or Corrupt."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            (epoch,) = self.connection.execute("SELECT epoch FROM file").fetchone()
            if epoch != self.epoch:
                raise CannotWrite(self.path, f"it was opened again since (epoch {epoch})")
            yield
            self.connection.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and not isinstance(error, _UNSTORABLE):
                raise database.failure(self.path, error) from error
            raise

    # The log

    def write(self, writes: Sequence[tuple[SessionId, Sequence[Draft]]]) -> list[Outcome]:
        """Append the rows of many writes in one transaction; returns what became of each.

        Raises:
            CannotWrite: The disk did not take it: nothing of any write was kept.
            ValueNotStorable: One of them cannot be stored at all, and none was.
        """
        batch = Batch(self.directory, self.epoch)
        outcomes = [batch.place(session, drafts) for session, drafts in writes]
        if batch.rows:
            try:
                with self.transaction():
                    self._insert_documents(batch.documents)
                    rows.insert_hot(self.connection, batch.rows)
            except (OverflowError, *_UNSTORABLE) as error:
                batch.undo()
                raise ValueNotStorable(str(error)) from error
            except BaseException:
                batch.undo()
                raise
            batch.keep()
        return outcomes

    def settling_due(self) -> bool:
        """Whether ``hot`` has grown enough to be moved."""
        directory = self.directory
        return directory.hot_rows >= self._settle_at or directory.hot_bytes >= SETTLE_BYTES

    def settle(self) -> None:
        """Move the rows of ``hot`` to where they are read in order."""
        if not self.directory.hot_rows:
            return
        # Should it fail, the rows are as well where they are; try again later.
        self._settle_at = self.directory.hot_rows + SETTLE_ROWS
        try:
            with self.transaction():
                rows.settle_hot(self.connection)
                for document in self.directory.unsettled.values():
                    self.update_document(document)
        except sqlite3.IntegrityError as error:
            raise Corrupt(self.path, "its log", f"a row has two places: {error}") from error
        self.directory.settled()
        self._settle_at = SETTLE_ROWS

    def load(self, session_id: SessionId, name: str) -> Generator[None, None, Loaded]:
        """Read what opens a document; one that is new gets its lineage now, and keeps it."""
        session = self.directory.get(session_id)
        document = session.documents.get(name)
        if document is None:
            document = self._create_document(session, name)
        with self._reading(session_id):
            return (yield from reading.load(self.connection, self.path, session, document))

    def rows(
        self, session_id: SessionId, *, after: int, document: str | None, limit: int
    ) -> Generator[None, None, list[Row]]:
        """Read a page of a session's log, in slices."""
        session = self.directory.get(session_id)
        chosen = [one for one in session.documents.values() if document in (None, one.name)]
        with self._reading(session_id):
            return (
                yield from reading.log(
                    self.connection, self.path, session, chosen, after=after, limit=limit
                )
            )

    @contextlib.contextmanager
    def _reading(self, session_id: SessionId) -> Iterator[None]:
        try:
            with database.explained(self.path):
                yield
        except Corrupt:
            # What was deleted between two slices is gone, not damaged.
            self.directory.get(session_id)
            raise

    def sync(self) -> None:
        """Make every commit so far survive a power loss. Raises CannotWrite."""
        try:
            # SQLite's own recovery reads the log as far as it is whole, so a synced log
            # is a recovered commit. Its descriptor is not ours, but its pages are.
            database.sync_file(f"{self.path}-wal")
            if not self._named:
                database.sync_folder(self.path)
                self._named = True
        except OSError as error:
            raise CannotWrite(self.path, f"its log cannot be synced: {error}") from error

    # Sessions and documents

    def create_session(self, name: str, project: str, kind: str, by: Subject) -> SessionRecord:
        """Add a session."""
        for part in (project, name):
            if RoomName.parse(part).session != part:
                raise InvalidName(part, "a session or project is named without `/` and `~`")
        now_ms = time.time_ns() // 1_000_000
        session = self.directory.new_session(project, name, kind, by, now_ms)
        with self.transaction():
            self.connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", session.sealed()
            )
        self.directory.add(session)
        return session.record()

    def find_session(self, name_or_id: str, project: str) -> SessionRecord:
        """Look a session up."""
        return self.directory.find(name_or_id, project).record()

    def sessions(self, project: str | None) -> list[SessionRecord]:
        """List sessions, of one project or of all."""
        return [one.record() for one in self.directory.all() if project in (None, one.project)]

    def delete_session(self, session_id: SessionId) -> Generator[None, None, None]:
        """Remove a session with all it has, in slices."""
        return removal.delete(self, self.directory.get(session_id))

    def compact(self, session_id: SessionId, name: str, upto: int) -> Generator[None, None, int]:
        """Remove the updates of a document that two checkpoints hold, in slices."""
        session = self.directory.get(session_id)
        document = session.documents.get(name)
        return removal.compact(self, session, document, upto) if document else _nothing()

    def _create_document(self, session: Session, name: str) -> Document:
        document = self.directory.new_document(session, name)
        try:
            with self.transaction():
                self._insert_documents([document])
        except BaseException:
            self.directory.forget(document)
            raise
        return document

    def _insert_documents(self, documents: Sequence[Document]) -> None:
        for document in documents:
            # Its rows may still be in `hot`: what is said here is about `log`.
            bare = Document(document.no, document.session, document.name, document.lineage)
            self.connection.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", bare.sealed()
            )
            session = self.directory.owner(document)
            no, *_, count, crc = session.sealed()
            self.connection.execute(
                "UPDATE sessions SET documents = ?, crc = ? WHERE no = ?", (count, crc, no)
            )

    def update_document(self, document: Document) -> None:
        """Write what is known of a document, inside a transaction that emptied ``hot`` of it."""
        no, *rest = document.sealed()
        self.connection.execute(
            "UPDATE documents SET session = ?, name = ?, lineage = ?, last_seq = ?, floor = ?, "
            "gone = ?, rows = ?, size_bytes = ?, crc = ? WHERE no = ?",
            (*rest, no),
        )

    # Checkpoints and named values

    def put_checkpoint(self, session_id: SessionId, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and of its document the newest two."""
        session = self.directory.get(session_id)
        document = session.documents.get(checkpoint.document)
        if document is None or checkpoint.seq > session.last_seq or not checkpoint.body:
            raise LocalProtocolError(
                f"a checkpoint of {checkpoint.document!r} at {checkpoint.seq}, "
                f"{len(checkpoint.body)} bytes, in a log that ends at {session.last_seq}"
            )
        with self.transaction():
            rows.insert_checkpoint(self.connection, document.no, checkpoint)
            left_bytes = rows.drop_checkpoints(self.connection, document.no)
        document.checkpoint_bytes = left_bytes

    def put(self, bucket: str, key: str, value: Any, expect: int | None) -> int:
        """Write a small named value."""
        with self.transaction():
            return named.put(self.connection, bucket, key, value, expect)

    def get(self, bucket: str, key: str) -> tuple[Any, int] | None:
        """Read a small named value."""
        with database.explained(self.path):
            return named.get(self.connection, self.path, bucket, key)

    def entries(self, bucket: str, prefix: str) -> list[tuple[str, Any, int]]:
        """List small named values."""
        with database.explained(self.path):
            return named.entries(self.connection, self.path, bucket, prefix)


def _nothing() -> Generator[None, None, int]:
    yield
    return 0
