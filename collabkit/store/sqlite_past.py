"""The past, as a store in an SQLite file keeps it; :mod:`.archive` says what that promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..ids import SessionId, Subject
from . import annals, arrival, aside, compaction, rewriting
from .audit import Head
from .base import Checkpoint, Chronicle, Compacted, Deed, Loaded, Row, SessionRecord, Version
from .checkpoints import pack
from .rewriting import Rewriting, Rewritten
from .writer import Writer

__all__ = ["Past"]


class Past:
    """What a store knows of the past; see :class:`collabkit.store.archive.Archive`."""

    _writer: Writer

    async def load_at(self, session: SessionId, document: str, seq: int) -> Loaded:
        """Read what opens a document as it was after a row. Raises MomentNotFound or Corrupt."""
        loaded = await self._writer.submit_slices(
            lambda it: annals.load_at(it.file, session, document, seq)
        )
        return await asyncio.to_thread(aside.without_dependents, loaded) if loaded.aside else loaded

    async def chronicle(
        self, session: SessionId, document: str, *, upto: int | None = None
    ) -> Chronicle:
        """Read the whole past of a document, up to a row. Raises MomentNotFound or Corrupt."""
        told = await self._writer.submit_slices(
            lambda it: annals.chronicle(it.file, session, document, upto)
        )
        return await asyncio.to_thread(aside.without_dependents, told) if told.aside else told

    async def compact(
        self,
        session: SessionId,
        document: str,
        upto: int,
        *,
        base: Checkpoint | None = None,
        dropping: Sequence[str] = (),
        dry_run: bool = False,
        audit: Deed | None = None,
    ) -> Compacted:
        """Remove the updates of a document up to a ``seq``, and give their space back.

        Two checkpoints must hold them: call :meth:`put_checkpoint` with the newest first.

        Args:
            session: Whose it is.
            document: Its name.
            upto: The last row that goes.
            base: A checkpoint that ends there, for history to begin with; without one at hand it
                begins at the first that is kept.
            dropping: Names of versions that go with the rows; others that are older refuse it.
            dry_run: Only say what would go.
            audit: What to tell of it.

        Raises:
            LocalProtocolError: Not two sound checkpoints reach ``upto``, or a version is older.
        """
        packed = None
        if base is not None:
            packed = base, await asyncio.to_thread(pack, base.body)
        asked = compaction.Asked(upto, tuple(dropping), packed, dry_run, audit)
        return await self._writer.submit_slices(lambda it: it.compact(session, document, asked))

    async def put_version(
        self,
        session: SessionId,
        version: Version,
        *,
        replace: bool = False,
        audit: Deed | None = None,
    ) -> None:
        """Keep a version.

        Args:
            session: Whose it is.
            version: Its name, its moment, and what there is to say of it.
            replace: Take the place of one of its name.
            audit: What to tell of it.

        Raises:
            InvalidName: The session has a version of this name already.
            MomentNotFound: The log has not come so far, or it was compacted away.
        """
        await self._writer.submit(
            lambda it: annals.put_version(it.file, session, version, replace=replace, audit=audit)
        )

    async def count_rows(self, session: SessionId) -> int:
        """How many rows a session has, of all its documents, without those compacted away."""
        return await self._writer.submit(lambda it: annals.count_rows(it.file, session))

    async def versions(self, session: SessionId, *, document: str | None = None) -> list[Version]:
        """The versions of a session, oldest moment first; of a document, with those of all."""
        return await self._writer.submit(lambda it: annals.listed(it.file, session, document))

    async def drop_version(
        self, session: SessionId, name: str, *, audit: Deed | None = None
    ) -> Version:
        """Forget a version, and return it. Raises MomentNotFound."""
        return await self._writer.submit(
            lambda it: annals.drop_version(it.file, session, name, audit=audit)
        )

    async def thin(
        self,
        session: SessionId,
        *,
        manual: bool = False,
        dry_run: bool = False,
        audit: Deed | None = None,
        now_ms: int | None = None,
    ) -> list[Version]:
        """Forget versions: dense lately, sparse long ago, pinned for ever.

        All of the last hour stay, one of each hour of the last day, of each day of the last 30,
        and of each 30 days before.

        Args:
            session: Whose versions.
            manual: Also those that somebody kept by hand.
            dry_run: Only say which would go.
            audit: What to tell of it.
            now_ms: Wall clock in Unix milliseconds; by default, what it says.

        Returns:
            Those that are gone, the last first.
        """
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        asked = annals.Thinning(now_ms, manual, dry_run, audit)
        return await self._writer.submit(lambda it: annals.thin(it.file, session, asked))

    async def take_in(
        self, arriving: arrival.Arriving, log: Iterator[Row], *, audit: Deed
    ) -> SessionRecord:
        """Add a session with the log it has had elsewhere; nobody sees it before it is whole.

        Args:
            arriving: What it is, and what its documents bring besides their rows.
            log: The rows, in the order of their numbers; read in the thread of the store.
            audit: What to tell of it.

        Raises:
            SessionExists: The project has one of this name.
            ValueNotStorable: A row cannot be stored.
        """
        return await self._writer.submit_slices(
            lambda it: arrival.arrive(it.file, arriving, log, audit)
        )

    async def rewrite(
        self,
        session: SessionId,
        document: str,
        bodies: Mapping[int, bytes],
        *,
        checkpoints: Sequence[Checkpoint],
        subject_from: Subject,
        subject_to: Subject,
        upto: int,
        audit: Deed,
        dry_run: bool = False,
    ) -> Rewritten:
        """Put other content in the place of what a document's log holds, wholly or not at all.

        The old content is nowhere in the file then: not in checkpoints, what was set aside, free
        pages or the write-ahead log. Rows keep their numbers and times.

        Args:
            session: Whose it is.
            document: Its name.
            bodies: What replaces the bodies of rows.
            checkpoints: What replaces all checkpoints; where rows were compacted away, one of
                them ends where the base of the history does.
            subject_from: Whose rows, client ids and versions become another's. What he called his
                changes, and the notes of his versions, go.
            subject_to: And whose.
            upto: How far the document was read, to say what is to stand in it.
            audit: What to tell of it.
            dry_run: Only say what would change.

        Raises:
            Conflict: The document has gone on since it was read.
            LocalProtocolError: A row is not there, or history would have no base.
        """
        packed = [await asyncio.to_thread(pack, one.body) for one in checkpoints]
        asked = Rewriting(
            bodies,
            tuple(zip(checkpoints, packed, strict=True)),
            subject_from,
            subject_to,
            upto,
            audit,
            dry_run,
        )
        return await self._writer.submit_slices(
            lambda it: rewriting.rewrite(it.file, session, document, asked)
        )

    async def audit(
        self,
        session: SessionId | None,
        subject: Subject,
        action: str,
        data: Mapping[str, Any] | None = None,
    ) -> Head:
        """Tell the audit what was done; returns the end of its chain.

        Args:
            session: What it is about; None for the whole file.
            subject: Who did it.
            action: What was done.
            data: With what; anything that JSON can say.

        Raises:
            ValueNotStorable: JSON cannot say it.
        """
        deed = Deed(subject, action, dict(data or {}))
        return await self._writer.submit(lambda it: annals.tell(it.file, session, deed))
