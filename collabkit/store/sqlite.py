"""A store in one SQLite file."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Any

from ..errors import CollabError
from ..ids import Seq, SessionId, Subject
from . import amending, aside, checkpoints, removal
from .audit import Head
from .base import (
    Checkpoint,
    Deed,
    Draft,
    Gather,
    Loaded,
    Parent,
    Quarantined,
    Row,
    SessionRecord,
)
from .charter import Amendment
from .database import Durability
from .ledger import Ledger
from .lock import FileLock
from .reader import Reader
from .sqlite_facts import Facts
from .sqlite_past import Past
from .writer import Writer

__all__ = ["SQLiteStore"]


class _Trouble:
    """What a store does about what killed an engine, and what may be lost."""

    _writer: Writer

    async def quarantine(
        self,
        session: SessionId,
        document: str,
        *,
        subject: Subject,
        body: bytes,
        reason: str,
        seq: Seq | None = None,
    ) -> int:
        """Keep an update apart, and set its row aside if it has one; returns its number.

        Args:
            session: Whose it is.
            document: Which document it killed.
            subject: Who made it.
            body: The update; empty, with the ``seq`` of a checkpoint, to set that aside.
            reason: What became of the engine.
            seq: The row of the log that it is.

        Raises:
            LocalProtocolError: Only checkpoints that hold the row are left to load from.
        """
        return await self._writer.submit(
            lambda it: it.quarantine(
                session, document, subject=subject, body=body, reason=reason, seq=seq
            )
        )

    async def quarantined(self, session: SessionId | None = None) -> list[Quarantined]:
        """What is kept apart, oldest first."""
        return await self._writer.submit(lambda it: it.quarantined(session))

    async def release(self, id: int) -> None:
        """Let an update be what it was before it was quarantined. Raises LookupError."""
        await self._writer.submit(lambda it: it.release(id))

    async def raise_epoch(self, session: SessionId, document: str) -> int:
        """Begin a recovery of ten minutes; returns the new epoch."""
        return await self._writer.submit(lambda it: it.raise_epoch(session, document))


class SQLiteStore(_Trouble, Facts, Past):
    """Sessions in one SQLite file, which this process holds alone.

    Open it with :meth:`open`; read beside its holder with
    :class:`collabkit.store.reader.Reader`.

    Attributes:
        path: The file, absolute and without links.
    """

    def __init__(self, path: str, writer: Writer) -> None:
        self.path = path
        self._writer = writer

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
        real = os.path.realpath(path)  # noqa: ASYNC240 (once, before anything waits)
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
                resumed = writer.submit_slices(lambda it: removal.resume(it.file))
                try:
                    yield cls(real, writer)
                finally:
                    resumed.cancel()
            finally:
                await writer.stop()
        finally:
            lock.release()

    async def create_session(
        self,
        name: str,
        *,
        project: str,
        kind: str,
        by: Subject,
        parent: Parent | None = None,
        amendment: Amendment | None = None,
    ) -> SessionRecord:
        """Add a session, branched from another if ``parent`` says so.

        A project that is not there is made with it.

        Args:
            name: Unique in its project.
            project: Where it comes into.
            kind: What it is for.
            by: Who makes it.
            parent: What it was branched from.
            amendment: Facts that change in the same transaction.

        Raises:
            SessionExists: The project has one of this name.
            ProjectArchived: Nothing new comes into the project.
            Conflict: Facts are not of the epoch that the amendment expects.
        """
        if amendment is None:
            return await self._writer.submit(
                lambda it: it.create_session(name, project, kind, by, parent)
            )
        return await self._writer.submit_slices(
            lambda it: amending.when_ready(
                it.file,
                lambda: it.create_session(name, project, kind, by, parent, amendment=amendment),
            )
        )

    async def find_session(self, name_or_id: str, *, project: str) -> SessionRecord:
        """Look a session up by its id or its name. Raises SessionNotFound."""
        return await self._writer.submit(lambda it: it.find_session(name_or_id, project))

    async def sessions(self, *, project: str | None = None) -> list[SessionRecord]:
        """All sessions, by project and name."""
        return await self._writer.submit(lambda it: it.sessions(project))

    async def delete_session(
        self,
        session: SessionId,
        *,
        audit: Deed | None = None,
        amendment: Amendment | None = None,
    ) -> None:
        """Remove a session with all it has; its name is free before its rows are gone.

        With an ``amendment``, facts change in the same transaction. Raises Conflict then, if they
        are not of the epoch that it expects.
        """
        await self._writer.submit_slices(lambda it: it.delete_session(session, audit, amendment))

    async def load(self, session: SessionId, document: str) -> Loaded:
        """Read what opens a document; a document never written has no rows. Raises Corrupt."""
        loaded = await self._writer.submit_slices(lambda it: it.load(session, document))
        # A scan takes longer than a slice of the thread that commits may.
        return await asyncio.to_thread(aside.without_dependents, loaded) if loaded.aside else loaded

    async def rows(
        self,
        session: SessionId,
        *,
        after: int = 0,
        document: str | None = None,
        limit: int = 1000,
    ) -> list[Row]:
        """Read a page of the log, oldest first. Raises Corrupt."""
        return await self._writer.submit_slices(
            lambda it: it.rows(session, after=after, document=document, limit=limit)
        )

    def append(self, session: SessionId, drafts: Sequence[Draft]) -> Awaitable[list[Seq]]:
        """Queue rows at once, in call order; the awaitable is done when they are committed."""
        return self._writer.append(session, drafts)

    def append_all(
        self, writes: Sequence[tuple[SessionId, Sequence[Draft]]]
    ) -> Awaitable[list[list[Seq] | CollabError]]:
        """Queue the appends of many sessions; tells of each what its append returns or raises."""
        return self._writer.append_all(writes)

    def enqueue(self, session: SessionId, draft: Draft | Gather) -> None:
        """Queue a row without waiting, for the hot path; :meth:`flush` tells how it went.

        Rows that the disk does not take wait in memory, in their order, and are tried again
        each second. Instead of a row it takes a function that gives the rows when they are
        written.

        Raises:
            CannotWrite: An earlier row of this session waits, and this one behind it; or that
                one was refused, and this one is not kept.
        """
        self._writer.enqueue(session, draft)

    async def flush(self, session: SessionId | None = None) -> None:
        """Wait until all that was queued before is committed.

        Args:
            session: Tell of rows of this session only; otherwise of any.

        Raises:
            CannotWrite: The disk did not take a row; it waits in memory.
            ValueNotStorable: A row can never be stored; it, and those behind it, are lost.
        """
        await self._writer.flush(session)

    async def put_checkpoint(self, session: SessionId, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint: the newest two, and those before that any past moment needs."""
        packed = await asyncio.to_thread(checkpoints.pack, checkpoint.body)
        await self._writer.submit(lambda it: it.put_checkpoint(session, checkpoint, packed))

    async def put(self, table: str, key: str, value: Any, *, expect: int | None = None) -> int:
        """Write a small named value; returns its new version. Raises Conflict.

        Values whose key is a session's id, or begins with it and a ``/``, go with the session.
        """
        return await self._writer.submit(lambda it: it.put(table, key, value, expect))

    async def get(self, table: str, key: str) -> tuple[Any, int] | None:
        """Read a small named value and its version."""
        return await self._writer.submit(lambda it: it.get(table, key))

    async def entries(self, table: str, *, prefix: str = "") -> list[tuple[str, Any, int]]:
        """List small named values by key, each with its version."""
        return await self._writer.submit(lambda it: it.entries(table, prefix))

    def verify(self, *, head: Head | None = None) -> Iterator[str]:
        """Check every row, checkpoint and line of the audit; yields one sentence a damage.

        It reads through a connection of its own in the calling thread, so commits go on. With a
        ``head`` of the audit that was kept elsewhere, all that led to it must still be there.
        """
        with Reader(self.path) as reader:
            yield from reader.verify(head=head)
