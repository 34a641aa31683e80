"""Reading a file beside its holder, or without one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from ..ids import Lineage, Seq, SessionId
from . import annals, aside, check, database, facts, named, reading, recovery, trail, versions, wal
from .audit import Entry, Head
from .base import Chronicle, Loaded, Quarantined, Row, SessionRecord, Version
from .charter import Epoch, Project, StoredFact
from .directory import Directory
from .lock import Holder, holder

__all__ = ["Info", "Reader"]

T = TypeVar("T")


class Info(msgspec.Struct, frozen=True):
    """What there is to know of a file as a whole.

    Attributes:
        epoch: How often it was opened for writing.
        holder: Who holds it now.
        size_bytes: Of the file and its write-ahead log on disk.
        free_bytes: Inside the file, and to be used again.
    """

    path: str
    schema: int
    epoch: int
    holder: Holder | None
    sessions: int
    documents: int
    rows: int
    size_bytes: int
    free_bytes: int


class Reader:
    """Read-only access to a file, from any process, at any time.

    No method leaves a transaction open, so a reader never keeps the holder from anything.
    Use it in one thread at a time. Where nobody holds the file, SQLite leaves two small
    files beside it, which the next holder removes.

    Raises:
        NotACollabFile: It is something else, or not there.
        SchemaTooNew: A later version wrote it.
        Corrupt: It is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.realpath(path)
        self._connection = database.connect_readonly(self.path)

    def __repr__(self) -> str:
        return f"<Reader {self.path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def sessions(self, *, project: str | None = None) -> list[SessionRecord]:
        """All sessions, by project and name."""
        with self._transaction():
            every = self._directory().all()
            return [one.record() for one in every if project in (None, one.project)]

    def sound_sessions(self) -> list[SessionRecord]:
        """The sessions that the file tells of without damage, by project and name.

        They may be fewer than there are: :meth:`verify` says what is damaged.
        """
        with self._transaction():
            return [one.record() for one in self._directory() if not one.damage]

    def find(self, name_or_id: str, *, project: str) -> SessionRecord:
        """Look a session up by its id or its name. Raises SessionNotFound."""
        with self._transaction():
            return self._directory().find(name_or_id, project).record()

    def load(self, session: SessionId, document: str) -> Loaded:
        """Read what opens a document; one that never was opened has no lineage. Raises Corrupt."""
        with self._transaction():
            found = self._directory().get(session)
            if document not in found.documents:
                epoch, until_ms = recovery.of(self._connection, self.path, recovery.WHOLE_FILE)
                return Loaded(
                    Lineage(""),
                    None,
                    (),
                    Seq(found.last_seq),
                    epoch=epoch,
                    recovers_until_ms=until_ms,
                )
            wanted = found.documents[document]
            loaded = _whole(reading.load(self._connection, self.path, found, wanted))
        return aside.without_dependents(loaded)

    def load_at(self, session: SessionId, document: str, seq: int) -> Loaded:
        """Read what opens a document as it was after a row. Raises MomentNotFound or Corrupt."""
        with self._transaction():
            found, wanted = annals.find(self._directory(), session, document, seq)
            loaded = _whole(reading.load(self._connection, self.path, found, wanted, at=seq))
        return aside.without_dependents(loaded)

    def chronicle(self, session: SessionId, document: str, *, upto: int | None = None) -> Chronicle:
        """Read the whole past of a document, up to a row. Raises MomentNotFound or Corrupt."""
        with self._transaction():
            found, wanted = annals.find(self._directory(), session, document, upto)
            told = _whole(reading.chronicle(self._connection, self.path, found, wanted, at=upto))
        return aside.without_dependents(told)

    def versions(self, session: SessionId, *, document: str | None = None) -> list[Version]:
        """The versions of a session, oldest moment first; of a document, with those of all."""
        with self._transaction():
            no = self._directory().get(session).no
            return versions.read(self._connection, self.path, no, document=document)

    def projects(self) -> list[Project]:
        """All projects by name. Raises Corrupt if those would not be all."""
        with self._transaction():
            return self._directory().all_projects()

    def facts(self, *, at: int | None = None) -> tuple[int, list[StoredFact]]:
        """Who may do what, as of the newest epoch or another, and which epoch that is.

        Raises:
            MomentNotFound: There was no such epoch.
            Corrupt: They are damaged, or not all there.
        """
        with self._transaction():
            return _whole(facts.read(self._connection, self.path, at=at))

    def epochs(self, *, after: int = 0, limit: int = 1000) -> list[Epoch]:
        """When and how facts changed, oldest first. Raises Corrupt."""
        with self._transaction():
            return facts.epochs(self._connection, self.path, after=after, limit=limit)

    def rows(
        self,
        session: SessionId,
        *,
        after: int = 0,
        document: str | None = None,
        limit: int = 1000,
    ) -> list[Row]:
        """Read a page of the log, oldest first. Raises Corrupt."""
        with self._transaction():
            found = self._directory().get(session)
            chosen = [one for one in found.documents.values() if document in (None, one.name)]
            return _whole(
                reading.log(self._connection, self.path, found, chosen, after=after, limit=limit)
            )

    def quarantined(self, session: SessionId | None = None) -> list[Quarantined]:
        """What is kept apart, of a session or of all, oldest first. Raises Corrupt."""
        with self._transaction():
            directory = self._directory()
            chosen = list(directory) if session is None else [directory.get(session)]
            return reading.quarantined(self._connection, self.path, chosen)

    def get(self, table: str, key: str) -> tuple[Any, int] | None:
        """Read a small named value and its version. Raises Corrupt."""
        with self._transaction():
            return named.get(self._connection, self.path, table, key)

    def entries(self, table: str, *, prefix: str = "") -> list[tuple[str, Any, int]]:
        """List small named values by key, each with its version. Raises Corrupt."""
        with self._transaction():
            return named.entries(self._connection, self.path, table, prefix)

    def audit(
        self,
        session: SessionId | None = None,
        *,
        after: int = 0,
        limit: int = 1000,
        subject: str | None = None,
        actions: Sequence[str] = (),
        since_ms: int = 0,
    ) -> list[Entry]:
        """Read the next lines of the audit, those that are asked for; :meth:`verify` checks them.

        Args:
            session: What they are about; it may be gone.
            after: The number of the last line that is known.
            limit: How many lines at most.
            subject: Who did it.
            actions: What was done, any of these; ``access-*`` is all that begins so.
            since_ms: When it was written, at the earliest, in Unix milliseconds.

        Raises:
            Corrupt: One is no line at all.
        """
        with self._transaction():
            wanted = trail.Wanted(session, subject, tuple(actions), since_ms)
            return trail.read(self._connection, self.path, wanted, after=after, limit=limit)

    def head(self) -> Head:
        """The end of the audit, to be kept elsewhere."""
        with self._transaction():
            return trail.head(self._connection)

    def verify(self, *, head: Head | None = None) -> Iterator[str]:
        """Check everything in the file; yields one sentence for each damage.

        Args:
            head: An end of the audit that was kept elsewhere: all that led to it must be there.
        """
        if holder(self.path) is None and (lost := wal.lost_frames(f"{self.path}-wal")):
            yield f"its write-ahead log: {lost} pages at the end do not verify, and are lost"
        yield from check.verify(self._connection, self.path, self._transaction, head)

    def info(self) -> Info:
        """Say what there is to know of the file as a whole."""
        with self._transaction():
            directory = self._directory()
            pragma = self._pragma
            log = Path(f"{self.path}-wal")
            return Info(
                path=self.path,
                schema=pragma("user_version"),
                epoch=self._connection.execute("SELECT epoch FROM file").fetchone()[0],
                holder=holder(self.path),
                sessions=len(list(directory)),
                documents=sum(len(one.documents) for one in directory),
                rows=sum(document.rows for one in directory for document in one.documents.values()),
                size_bytes=os.path.getsize(self.path) + (log.stat().st_size if log.exists() else 0),
                free_bytes=pragma("freelist_count") * pragma("page_size"),
            )

    def _pragma(self, name: str) -> int:
        (value,) = self._connection.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def _directory(self) -> Directory:
        return Directory.read(self._connection, self.path)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with database.explained(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")


def _whole(slices: Generator[None, None, T]) -> T:
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: T = end.value
            return result
