"""Facts and projects, as a store in an SQLite file keeps them; :mod:`.charter` has the promises."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence

from ..ids import Subject
from . import amending, annals, database, facts, founding
from .audit import Head
from .base import Deed
from .charter import Amendment, Epoch, Project, StoredFact
from .ledger import Ledger
from .writer import Writer

__all__ = ["Facts"]


class Facts:
    """Who may do what, and the projects; see :class:`collabkit.store.charter.Charter`."""

    _writer: Writer

    async def facts(self, *, at: int | None = None) -> tuple[int, list[StoredFact]]:
        """Read all facts, of the newest epoch or of another, and tell which epoch that is.

        Raises:
            MomentNotFound: There was no such epoch.
            Corrupt: One is damaged, or they are not all there.
        """

        def read(it: Ledger) -> Generator[None, None, tuple[int, list[StoredFact]]]:
            with database.explained(it.path):
                return (yield from facts.read(it.file.connection, it.path, at=at))

        return await self._writer.submit_slices(read)

    async def change_facts(self, amendment: Amendment) -> int:
        """Change facts, and return the epoch that they are of then.

        Others commit while a long change is written, and nobody reads any of it before it is whole.
        What changes nothing makes no epoch.

        Raises:
            Conflict: They are not of the epoch that was expected.
            ValueNotStorable: A body is no JSON object, or a name no text.
        """
        changes = await asyncio.to_thread(amending.ordered, amendment)
        return await self._writer.submit_slices(
            lambda it: amending.amend(it.file, amendment, changes)
        )

    async def epochs(self, *, after: int = 0, limit: int = 1000) -> list[Epoch]:
        """Read when and how facts changed, oldest first. Raises Corrupt."""

        def read(it: Ledger) -> list[Epoch]:
            with database.explained(it.path):
                return facts.epochs(it.file.connection, it.path, after=after, limit=limit)

        return await self._writer.submit(read)

    async def projects(self) -> list[Project]:
        """All projects by name. Raises Corrupt if those would not be all."""
        return await self._writer.submit(lambda it: it.file.directory.all_projects())

    async def create_project(
        self, name: str, *, by: Subject, amendment: Amendment | None = None
    ) -> Project:
        """Add a project, and change facts in the same transaction.

        Raises:
            ProjectExists: There is one of this name.
            InvalidName: It cannot be a project's name.
            Conflict: Facts are not of the epoch that was expected.
        """
        return await self._writer.submit_slices(
            lambda it: amending.when_ready(
                it.file,
                lambda: founding.create_project(it.file, name, by=by, amendment=amendment),
            )
        )

    async def archive_project(self, name: str, *, by: Subject, undo: bool = False) -> Project:
        """Let nothing new come into a project, or let it again. Raises ProjectNotFound."""
        return await self._writer.submit(
            lambda it: founding.archive_project(it.file, name, by=by, undo=undo)
        )

    async def audit_all(self, deeds: Sequence[Deed]) -> Head:
        """Tell the audit several things about the whole file, in one transaction.

        Raises:
            ValueNotStorable: JSON cannot say one of them, and none was told.
        """
        return await self._writer.submit(lambda it: annals.tell_all(it.file, deeds))
