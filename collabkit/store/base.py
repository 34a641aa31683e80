"""What a store promises, whatever it keeps its bytes in.

Rules:

1. A log is append-only and ordered by ``seq``, which counts per session over all
   its documents, from 1 and without holes. Time never orders anything.
2. What one :meth:`Store.append` call is given lands whole or not at all.
3. A load that fails raises. No path exists on which damage reads as emptiness.
4. A checkpoint only speeds loading up: it removes no row, and one that does not
   verify is passed over for the one before it.

The store knows bytes and rows. It never decodes an update; it scans those behind one that is set
aside, to find what builds on it. What it keeps of the past is asked for by :mod:`.archive`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from ..errors import CollabError
from ..ids import Lineage, Seq, SessionId, Subject

__all__ = [
    "RECOVERY_MS",
    "Checkpoint",
    "Chronicle",
    "Compacted",
    "Deed",
    "Draft",
    "Gather",
    "Loaded",
    "Parent",
    "Quarantined",
    "Row",
    "SessionRecord",
    "Store",
    "Version",
]

# How long anybody may bring back what the log may have lost: stock clients come back within seconds
# of a restart, people's laptops within minutes.
RECOVERY_MS = 10 * 60 * 1000


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A row before it has its place in the log.

    Attributes:
        document: Name of the document inside the session.
        subject: Who made the change.
        body: The accepted bytes, as they came.
        kind: ``update``, or the name of an event.
        clients: The Yjs client ids whose structs are inside.
        seen: The highest ``seq`` the author had integrated; 0 if unknown.
        group: What the author called this change; changes of one group belong together.
        origin: What made it: ``relay``, ``local``, ``import``, ``seed``, ``recovery``,
            ``restore:SEQ``, ``revert:FIRST-LAST``, ``merge:SESSION``, ``repair[:CLIENT]``.
        at_ms: Wall clock when it was accepted, in Unix milliseconds; for people only.
        claims: Those of ``clients`` that belonged to nobody and belong to ``subject`` from
            this row on.
        repairs: Those that put back what ``subject`` took away and may not; they belong to
            :data:`collabkit.ids.GUARD`.
    """

    document: str
    subject: Subject
    body: bytes
    at_ms: int
    kind: str = "update"
    clients: tuple[int, ...] = ()
    seen: int = 0
    group: str | None = None
    origin: str = "relay"
    claims: tuple[int, ...] = ()
    repairs: tuple[int, ...] = ()


Gather: TypeAlias = Callable[[], Sequence[Draft]]
"""Gives the rows that have gathered since it was queued."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One line of a session's log; the fields of :class:`Draft` and its place."""

    seq: Seq
    document: str
    subject: Subject
    body: bytes
    at_ms: int
    kind: str
    clients: tuple[int, ...]
    seen: int
    group: str | None
    origin: str


class Checkpoint(msgspec.Struct, frozen=True):
    """A document as one update, holding every row of it up to ``seq``.

    Attributes:
        digest: Content digest of the document, as the engine that made it computed it.
    """

    document: str
    seq: Seq
    body: bytes
    digest: str
    at_ms: int


class Quarantined(msgspec.Struct, frozen=True):
    """What killed an engine, kept apart for people to look at.

    Attributes:
        id: Its number in the file; never given to another.
        seq: The row of the log that it was, set aside since; None if it never got there.
            Of a checkpoint, how far that reached.
        reason: What became of the engine.
        kind: ``update``, or ``checkpoint``.
    """

    id: int
    session: SessionId
    document: str
    subject: Subject
    body: bytes
    reason: str
    at_ms: int
    seq: Seq | None = None
    kind: str = "update"


class Loaded(msgspec.Struct, frozen=True):
    """All that is needed to open a document.

    Attributes:
        lineage: Which history this is.
        checkpoint: The newest one that verifies, if any.
        rows: The rows of the document after it, in order, without those that are set aside
            and those that build on them.
        upto: The session's highest ``seq`` when this was read.
        owners: Whose each client id is; ids that came by import, restore or seed are not in it.
        quarantined: Updates that no engine may be given again.
        aside: The rows among them.
        epoch: Rises when rows may have been lost, or came from elsewhere: after an unclean
            stop, a restore, an import.
        recovers_until_ms: Until when, in Unix milliseconds, anybody who may write may return
            what others wrote and the log lost; 0 if nothing was.
    """

    lineage: Lineage
    checkpoint: Checkpoint | None
    rows: tuple[Row, ...]
    upto: Seq
    owners: Mapping[int, Subject] = {}
    quarantined: tuple[bytes, ...] = ()
    aside: tuple[Seq, ...] = ()
    epoch: int = 0
    recovers_until_ms: int = 0


class Chronicle(msgspec.Struct, frozen=True):
    """All that there is to know of a document's past, up to a row.

    Attributes:
        lineage: Which history this is.
        base: Where it begins, once rows were compacted away: the oldest checkpoint that holds
            them and verifies.
        rows: Every row of the document after it, in order, without those that are set aside
            and those that build on them.
        upto: How far this goes: the session's highest ``seq``, or the one that was asked for.
        owners: Whose each client id is, as in :class:`Loaded`.
        floor: No moment before this one can be told: the ``seq`` of ``base``, or 0.
        aside: The rows that are set aside.
    """

    lineage: Lineage
    base: Checkpoint | None
    rows: tuple[Row, ...]
    upto: Seq
    owners: Mapping[int, Subject] = {}
    floor: Seq = Seq(0)
    aside: tuple[Seq, ...] = ()


class Version(msgspec.Struct, frozen=True):
    """A moment that has a name. What it shows is never compacted away.

    Attributes:
        name: Unique in its session.
        seq: The moment: after this row.
        document: Which document; None for all of the session.
        by: Who kept it.
        authors: Who had written since the version before.
        note: What somebody said of it.
        kind: Why it was kept: ``manual``, ``auto``, ``restore``, ``revert``, ``merge``,
            ``agent``, ``pause``, ``end``.
        pinned: No thinning takes it.
    """

    name: str
    seq: Seq
    by: Subject
    at_ms: int
    document: str | None = None
    authors: tuple[Subject, ...] = ()
    note: str = ""
    kind: str = "manual"
    pinned: bool = False


class Deed(msgspec.Struct, frozen=True):
    """What the audit is told of a change, in the transaction that makes it.

    Attributes:
        action: What was done, such as ``compact``.
        data: With what; anything that JSON can say.
    """

    subject: Subject
    action: str
    data: dict[str, Any] = {}


class Compacted(msgspec.Struct, frozen=True):
    """What a compaction took, or would take.

    Attributes:
        rows: Updates of the log.
        size_bytes: Of these rows and of the checkpoints before ``upto``.
        upto: Where the history of the document begins now.
    """

    rows: int
    size_bytes: int
    upto: Seq


class Parent(msgspec.Struct, frozen=True):
    """What a session was branched from.

    Attributes:
        session: It may be gone since.
        document: The one of its documents that was taken; None for all.
        seq: The moment: after this row of it.
    """

    session: SessionId
    seq: Seq
    document: str | None = None


class SessionRecord(msgspec.Struct, frozen=True):
    """What the file says of a session besides its log."""

    id: SessionId
    project: str
    name: str
    kind: str
    created_at_ms: int
    created_by: Subject
    last_seq: Seq = Seq(0)
    size_bytes: int = 0
    documents: tuple[str, ...] = ()
    parent: Parent | None = None


class Store(Protocol):
    """Where sessions live. All methods are safe to call from any thread."""

    path: str

    async def create_session(
        self, name: str, *, project: str, kind: str, by: Subject
    ) -> SessionRecord:
        """Add a session. Raises SessionExists if the project has one of this name."""
        ...

    async def find_session(self, name_or_id: str, *, project: str) -> SessionRecord:
        """Look a session up by its id or its name. Raises SessionNotFound."""
        ...

    async def sessions(self, *, project: str | None = None) -> list[SessionRecord]:
        """All sessions, by project and name."""
        ...

    async def delete_session(self, session: SessionId) -> None:
        """Remove a session with all it has."""
        ...

    async def load(self, session: SessionId, document: str) -> Loaded:
        """Read what opens a document; a document never written has no rows. Raises Corrupt."""
        ...

    async def rows(
        self,
        session: SessionId,
        *,
        after: int = 0,
        document: str | None = None,
        limit: int = 1000,
    ) -> list[Row]:
        """Read a page of the log, oldest first. Raises Corrupt."""
        ...

    def append(self, session: SessionId, drafts: Sequence[Draft]) -> Awaitable[list[Seq]]:
        """Queue rows at once, in call order; the awaitable is done when they are committed.

        Appends that wait at the same time share one transaction (group commit).
        Raises CannotWrite, for every append of the transaction that failed.
        """
        ...

    def append_all(
        self, writes: Sequence[tuple[SessionId, Sequence[Draft]]]
    ) -> Awaitable[list[list[Seq] | CollabError]]:
        """Queue the appends of many sessions; tells of each what its append returns or raises."""
        ...

    def enqueue(self, session: SessionId, draft: Draft | Gather) -> None:
        """Queue a row without waiting, for the hot path; :meth:`flush` tells how it went.

        Or a function that gives what rows there are by the time they are written. It is called
        once, from any thread; what it raises, :meth:`flush` raises.

        Raises CannotWrite if an earlier enqueued row of this session could not be written. After
        one that never can be, none of the session is kept until the store is opened again.
        """
        ...

    async def flush(self, session: SessionId | None = None) -> None:
        """Wait until all that was queued before is committed.

        Raises CannotWrite, or what an enqueued row was refused for: each time it is asked, and
        of this session only if one is given.
        """
        ...

    async def put_checkpoint(self, session: SessionId, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint: the newest two, and those before that any past moment needs."""
        ...

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

        From then on loads leave the row out, with what builds on it, and tell the update among
        ``quarantined``; nothing is compacted while a row is set aside. With the ``seq`` of a
        checkpoint and no body, that checkpoint is set aside instead, and the number is 0 if it
        is gone already.

        Of updates that never were stored a document keeps the newest only.
        """
        ...

    async def quarantined(self, session: SessionId | None = None) -> list[Quarantined]:
        """What is kept apart, oldest first."""
        ...

    async def release(self, id: int) -> None:
        """Let an update be what it was before it was quarantined. Raises LookupError."""
        ...

    async def raise_epoch(self, session: SessionId, document: str) -> int:
        """Begin a recovery of ten minutes; returns the new epoch."""
        ...

    async def put(self, table: str, key: str, value: Any, *, expect: int | None = None) -> int:
        """Write a small named value, return its version. Raises Conflict if ``expect`` lost."""
        ...

    async def get(self, table: str, key: str) -> tuple[Any, int] | None:
        """Read a small named value and its version."""
        ...

    async def entries(self, table: str, *, prefix: str = "") -> list[tuple[str, Any, int]]:
        """List small named values by key, each with its version."""
        ...

    async def compact(self, session: SessionId, document: str, upto: int) -> Compacted:
        """Remove a document's updates up to a ``seq``.

        Raises LocalProtocolError unless two checkpoints hold them, and no version is older.
        """
        ...

    def verify(self) -> Iterator[str]:
        """Check every row and checkpoint, in slices; yields one sentence a damage."""
        ...
