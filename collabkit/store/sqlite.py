"""A store in one SQLite file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Any, cast

from ..ids import Seq, SessionId, Subject
from .base import Checkpoint, Draft, Loaded, Row, SessionRecord
from .database import Durability
from .ledger import Ledger
from .lock import FileLock
from .writer import Writer

__all__ = ["SQLiteStore"]


class SQLiteStore:
    """Sessions in one SQLite file, which this process holds alone.

    Open it with :meth:`open`; read beside its holder with
    :class:`collabkit.store.reader.Reader`.

    Attributes:
        path: The file, absolute and without links.
    """

    def __init__(self, path: str, writer: Writer) -> None:
        self.path = path
        self._writer = writer
        # The hot path of one writer has no frame of ours between.
        self.enqueue = writer.enqueue

    def __repr__(self) -> str:
        return f"<SQLiteStore {self.path}>"

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "stored",
        create: bool = True,
    ) -> AsyncIterator[SQLiteStore]:
        """Hold a file for as long as the block runs.

        Args:
            path: The file.
            durability: What an append that is done has survived: ``stored`` the end of
                this process, and but for the last second a power loss; ``durable`` both.
            create: Begin a new file if there is none.

        Raises:
            FileHeld: Another process, or another store of this one, holds it.
            NotACollabFile: It is something else.
            SchemaTooNew: A later version wrote it.
            CannotWrite: It cannot be written; at the end, that something was not.
            Corrupt: It is damaged.
        """
        real = os.path.realpath(path)
        lock = FileLock(real)
        lock.acquire()
        try:
            writer = Writer(
                lambda: Ledger(real, durability=durability, create=create),
                path=real,
                sync=durability == "stored",
            )
            try:
                await writer.start()
                yield cls(real, writer)
            finally:
                writer.stop()
        finally:
            lock.release()

    async def create_session(
        self, name: str, *, project: str, kind: str, by: Subject
    ) -> SessionRecord:
        """Add a session. Raises SessionExists if the project has one of this name."""
        made = await self._writer.submit(lambda it: it.create_session(name, project, kind, by))
        return cast(SessionRecord, made)

    async def find_session(self, name_or_id: str, *, project: str) -> SessionRecord:
        """Look a session up by its id or its name. Raises SessionNotFound."""
        found = await self._writer.submit(lambda it: it.find_session(name_or_id, project))
        return cast(SessionRecord, found)

    async def sessions(self, *, project: str | None = None) -> list[SessionRecord]:
        """All sessions, by project and name."""
        return cast(list[SessionRecord], await self._writer.submit(lambda it: it.sessions(project)))

    async def load(self, session: SessionId, document: str) -> Loaded:
        """Read what opens a document; a document never written has no rows. Raises Corrupt."""
        return cast(Loaded, await self._writer.submit(lambda it: it.load(session, document)))

    async def rows(
        self,
        session: SessionId,
        *,
        after: int = 0,
        document: str | None = None,
        limit: int = 1000,
    ) -> list[Row]:
        """Read a page of the log, oldest first. Raises Corrupt."""
        found = await self._writer.submit(
            lambda it: it.rows(session, after=after, document=document, limit=limit)
        )
        return cast(list[Row], found)

    def append(self, session: SessionId, drafts: Sequence[Draft]) -> Awaitable[list[Seq]]:
        """Queue rows at once, in call order; the awaitable is done when they are committed."""
        return self._writer.append(session, drafts)

    async def flush(self) -> None:
        """Wait until all that was queued before is committed. Raises CannotWrite."""
        await self._writer.flush()

    async def put_checkpoint(self, session: SessionId, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; of each document the newest two are kept."""
        await self._writer.submit(lambda it: it.put_checkpoint(session, checkpoint))

    async def put(self, table: str, key: str, value: Any, *, expect: int | None = None) -> int:
        """Write a small named value; returns its new version. Raises Conflict if ``expect`` lost."""
        return cast(int, await self._writer.submit(lambda it: it.put(table, key, value, expect)))

    async def get(self, table: str, key: str) -> tuple[Any, int] | None:
        """Read a small named value and its version."""
        return cast(
            "tuple[Any, int] | None", await self._writer.submit(lambda it: it.get(table, key))
        )
