"""An open file: its transactions, its epoch, and the move of rows to where they are read.

Rules:

1. What changes something is a transaction. It holds wholly, and then the memory of the file
   follows; or it does not, and both are as they were.
2. The ``epoch`` went up by one when the file was opened. Each transaction checks that it
   still stands, and rows carry it: should two processes ever write in spite of the
   lock, the older one is stopped by its next commit, and the rows tell.
3. How a file was left is told by :mod:`.recovery`, before anything else is written to it.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence

from ..errors import CannotWrite, Corrupt, StoreError
from ..ids import SessionId
from . import checkpoints, database, recovery, rows, versions
from .directory import Directory, Document, Session

__all__ = ["SETTLE_BYTES", "SETTLE_ROWS", "UNSTORABLE", "OpenFile"]

_log = logging.getLogger(__name__)

# Rows wait in `hot` until there are so many of them, or so many bytes. Moving them takes
# 8 to 15 ms then; moving half as many each time costs a third more writes an edit.
SETTLE_ROWS = 4096
SETTLE_BYTES = 2 << 20

# What SQLite says of values, not of the disk: trying again would not help.
UNSTORABLE = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


class OpenFile:
    """A file that is open for writing, and the memory of what is in it.

    Attributes:
        connection: The one that writes. Change nothing with it but in a :meth:`transaction`.
        directory: Which sessions and documents there are; it follows each transaction.
        epoch: How often the file was opened for writing, this time included.
        unsynced: Whether there was a transaction since the last :meth:`sync`.
        was_left_open: Whether its last holder did not get to close it.
        amending: Whether facts are being changed, see :mod:`.amending`.
    """

    def __init__(self, path: str, *, durability: database.Durability, create: bool) -> None:
        self.path = path
        self.unsynced = False
        self.amending = False
        self.connection = database.connect(path, durability=durability, create=create)
        try:
            with database.explained(path):
                self.directory = Directory.read(self.connection, path)
                self.epoch, state = self.connection.execute(
                    "SELECT epoch, state FROM file"
                ).fetchone()
            self._named = False  # whether the name of its log is on disk
            self._doubtful = False  # whether the last sync failed
            self.was_left_open = state == recovery.OPEN
            self._begin(state)
        except BaseException:
            self.connection.close()
            raise
        self._settle_at = SETTLE_ROWS

    def __repr__(self) -> str:
        return f"<OpenFile {self.path} epoch={self.epoch}>"

    def _begin(self, state: str) -> None:
        """Say on the disk that the file is held, and begin a recovery if it was left otherwise."""
        with self.transaction():
            self.connection.execute("UPDATE file SET epoch = epoch + 1")
            recovery.mark(self.connection, recovery.OPEN)
            if state != recovery.CLOSED:
                now_ms = time.time_ns() // 1_000_000
                recovery.begin(self.connection, self.path, recovery.WHOLE_FILE, now_ms=now_ms)
                _log.warning("%s: it was left %s; others may return what is lost", self.path, state)
        self.epoch += 1
        self.sync()

    def close(self, *, clean: bool = True) -> None:
        """Leave one whole file behind: if the disk takes it, without a write-ahead log.

        Args:
            clean: Whether all that was to be written has been.
        """
        try:
            with contextlib.suppress(StoreError, sqlite3.Error):
                self.settle()
                if clean:
                    with self.transaction():
                        recovery.mark(self.connection, recovery.CLOSED)
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
            self.unsynced = True
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and not isinstance(error, UNSTORABLE):
                raise database.failure(self.path, error) from error
            raise

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

    def settle_of(self, document: Document) -> None:
        """Move the rows of ``hot`` if there are any of a document."""
        if document.no in self.directory.unsettled:
            self.settle()

    @contextlib.contextmanager
    def reading(self, session_id: SessionId) -> Iterator[None]:
        """Read something of a session. Raises Corrupt, or SessionNotFound if it went meanwhile."""
        try:
            with database.explained(self.path):
                yield
        except Corrupt:
            # What was deleted between two slices is gone, not damaged.
            self.directory.get(session_id)
            raise

    def insert_session(self, session: Session) -> None:
        """Write a new session and the documents it has, inside a transaction."""
        self.connection.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", session.sealed()
        )
        for document in session.documents.values():
            self._insert_document(document)

    def update_session(self, session: Session) -> None:
        """Write what is known of a session, inside a transaction."""
        no, *rest = session.sealed()
        self.connection.execute(
            "UPDATE sessions SET id = ?, project = ?, name = ?, kind = ?, created_at_ms = ?, "
            "created_by = ?, documents = ?, crc = ? WHERE no = ?",
            (*rest, no),
        )

    def insert_documents(self, documents: Sequence[Document]) -> None:
        """Write new documents of the directory, inside a transaction."""
        for document in documents:
            self._insert_document(document)
            self.update_session(self.directory.owner(document))

    def _insert_document(self, document: Document) -> None:
        # Its rows may still be in `hot`: what is said here is about `log`.
        bare = Document(document.no, document.session, document.name, document.lineage)
        self.connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", bare.sealed()
        )

    def update_document(self, document: Document) -> None:
        """Write what is known of a document, inside a transaction that emptied ``hot`` of it."""
        no, *rest = document.sealed()
        self.connection.execute(
            "UPDATE documents SET session = ?, name = ?, lineage = ?, last_seq = ?, floor = ?, "
            "gone = ?, rows = ?, size_bytes = ?, crc = ? WHERE no = ?",
            (*rest, no),
        )

    def trim(self, document: Document) -> int:
        """Delete the checkpoints that are not to be kept; returns the bytes of those that are.

        Do it inside a transaction.
        """
        return checkpoints.drop(
            self.connection,
            document.no,
            floor=document.floor,
            versions=versions.moments(self.connection, document.session, document.name),
            most_bytes=document.size_bytes,
        )

    def sync(self) -> None:
        """Make every commit so far survive a power loss. Raises CannotWrite."""
        # Also if it fails: the next transaction has it tried again.
        self.unsynced = False
        if self._doubtful:
            self._copy_log()
        self._doubtful = True
        try:
            # SQLite's own recovery reads the log as far as it is whole, so a synced log
            # is a recovered commit. Its descriptor is not ours, but its pages are.
            database.sync_file(f"{self.path}-wal")
            if not self._named:
                database.sync_folder(self.path)
                self._named = True
        except OSError as error:
            raise CannotWrite(self.path, f"its log cannot be synced: {error}") from error
        self._doubtful = False

    def _copy_log(self) -> None:
        """Copy the log into the file, which is synced then.

        A sync that failed is not made good by one that does not: Linux takes the pages that it
        could not write for written, and says so once. They must be written anew.
        """
        try:
            busy, pages, copied = self.connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        except sqlite3.Error as error:
            raise database.failure(self.path, error) from error
        if busy or pages != copied:
            raise CannotWrite(self.path, "a reader keeps its log from being written anew")
