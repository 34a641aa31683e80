"""What a store keeps of the past, besides what opens a document.

Rules:

1. A moment is a ``seq``: the document as it was after that row. Row 0 is the beginning.
2. A moment below the floor of a document was compacted away. Nothing at or after the oldest
   version is ever compacted.
3. What changes the past, who may do what, or the life of a session is told to the audit, in the
   transaction that makes the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..ids import SessionId, Subject
from .audit import Head
from .base import (
    Checkpoint,
    Chronicle,
    Compacted,
    Deed,
    Loaded,
    Parent,
    SessionRecord,
    Store,
    Version,
)
from .charter import Amendment
from .rewriting import Rewritten

__all__ = ["Archive"]


class Archive(Store, Protocol):
    """A store that knows the past of its documents."""

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

        Raises:
            SessionExists: The project has one of this name.
            ProjectArchived: Nothing new comes into the project.
            Conflict: Facts are not of the epoch that the amendment expects.
        """
        ...

    async def load_at(self, session: SessionId, document: str, seq: int) -> Loaded:
        """Read what opens a document as it was after a row.

        Raises:
            MomentNotFound: The log has not come so far, or it was compacted away.
            Corrupt: It is damaged.
        """
        ...

    async def chronicle(
        self, session: SessionId, document: str, *, upto: int | None = None
    ) -> Chronicle:
        """Read the whole past of a document, up to a row; one never written has none.

        Raises:
            MomentNotFound: The log has not come so far, or it was compacted away.
            Corrupt: It is damaged.
        """
        ...

    async def put_version(
        self,
        session: SessionId,
        version: Version,
        *,
        replace: bool = False,
        audit: Deed | None = None,
    ) -> None:
        """Keep a version; with ``replace`` also in place of one of its name.

        Raises:
            InvalidName: The session has a version of this name already.
            MomentNotFound: The log has not come so far, or it was compacted away.
        """
        ...

    async def versions(self, session: SessionId, *, document: str | None = None) -> list[Version]:
        """The versions of a session, oldest moment first; of a document, with those of all."""
        ...

    async def drop_version(
        self, session: SessionId, name: str, *, audit: Deed | None = None
    ) -> Version:
        """Forget a version, and return it. Raises MomentNotFound."""
        ...

    async def thin(
        self,
        session: SessionId,
        *,
        manual: bool = False,
        dry_run: bool = False,
        audit: Deed | None = None,
        now_ms: int | None = None,
    ) -> list[Version]:
        """Forget versions, dense lately and sparse long ago; returns those that are gone.

        What is pinned stays, and unless ``manual`` says otherwise what was kept by hand.
        """
        ...

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
        """Put other content in the place of what a log holds; the old is nowhere in it then.

        Raises:
            Conflict: The document has gone on since row ``upto``.
            LocalProtocolError: A row is not there, or history would have no base.
        """
        ...

    async def delete_session(
        self,
        session: SessionId,
        *,
        audit: Deed | None = None,
        amendment: Amendment | None = None,
    ) -> None:
        """Remove a session with all it has but what the audit tells of it.

        Raises Conflict if facts are not of the epoch that the amendment expects.
        """
        ...

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
        """Remove a document's updates up to a ``seq``, where its history begins then.

        Args:
            session: Whose it is.
            document: Its name.
            upto: The last row that goes.
            base: A checkpoint that ends there; without one history begins at the first kept.
            dropping: Names of versions that go with the rows.
            dry_run: Only say what would go.
            audit: What to tell of it.

        Raises:
            LocalProtocolError: Not two checkpoints hold what would go, or a version is older.
        """
        ...

    async def audit(
        self,
        session: SessionId | None,
        subject: Subject,
        action: str,
        data: Mapping[str, Any] | None = None,
    ) -> Head:
        """Tell the audit what was done; returns the end of its chain. Raises ValueNotStorable."""
        ...
