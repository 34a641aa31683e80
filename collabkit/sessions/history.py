"""The past of a session's document, and what can be done with it.

Rules:

1. A moment is whatever :mod:`collabkit.history.moments` reads: a row, a version's name, a time,
   ``now`` or ``start``. What comes back are values, which do not change with the document.
2. Everything sees what this program has edited so far: its edits are stored first.
3. What takes long is done in a thread. Nothing is remembered between two questions, so nothing is
   told of a past that was erased meanwhile.
4. What changes anything is an operation, see :mod:`.operations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

import msgspec

from ..crdt.document import Document
from ..history.blame import Blame
from ..history.difference import Difference
from ..history.moments import NOW, START
from ..history.past import Past
from ..history.revert import Kept
from ..history.timeline import Change, Path, Wanted
from ..history.tree import Tree
from ..ids import DEFAULT_DOCUMENT, RoomName, Seq
from ..store.archive import Archive
from ..store.base import SessionRecord, Version
from .moments import Moment, find_moment
from .paging import page
from .solo import document_of
from .versions import Reason

__all__ = ["Done", "History", "OpenHistory", "Sitting"]


class Done(msgspec.Struct, frozen=True):
    """What a restore, a revert or a merge did, or would do.

    Attributes:
        document: Name of the document.
        seq: The row that it is; None if there was nothing to do, or it was a dry run.
        version: Name of the version that shows what was before.
        difference: What it changed, as text.
        kept: What a revert left alone, and why.
    """

    document: str
    seq: Seq | None
    version: str | None
    difference: str
    kept: tuple[Kept, ...] = ()


class Sitting(Protocol):
    """What a history needs of the session that it is of."""

    @property
    def record(self) -> SessionRecord:
        """What the file said of the session when it was found."""
        ...

    async def saved(self) -> None:
        """Wait until all edits so far are on disk."""
        ...

    async def reached(self, document: str, row: int) -> None:
        """Wait until a row is in a document, if that is open."""
        ...


Run: TypeAlias = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Runs an operation."""

See: TypeAlias = Callable[[RoomName], Awaitable[object]]
"""Raises AccessDenied unless whoever looks may read a document."""

OpenHistory: TypeAlias = Callable[[Sitting], "History"]
"""Gives the history of a session; a workspace has it."""


class History:
    """The past of one document of a session; ``session.history`` is that of ``main``.

    >>> async def program(path):
    ...     async with Workspace.open(path) as workspace, workspace.open("note") as note:
    ...         await note.history.save_version("draft")
    ...         note.document.text("body").append("!")
    ...         print(await note.history.diff("draft"))
    ...         await note.history.restore("draft")
    """

    def __init__(
        self,
        session: Sitting,
        *,
        store: Callable[[], Archive],
        run: Run,
        see: See,
        document: str = DEFAULT_DOCUMENT,
    ) -> None:
        self.document = document
        self._see = see
        self._session = session
        self._open_store = store
        self._run = run

    def __repr__(self) -> str:
        return f"<History of {self._full_name}>"

    def of(self, document: str) -> History:
        """The history of another document of this session."""
        store, run, see = self._open_store, self._run, self._see
        return History(self._session, store=store, run=run, see=see, document=document)

    # What happened

    async def changes(
        self,
        *,
        author: str | None = None,
        path: Path | None = None,
        since: Moment | None = None,
        until: Moment = NOW,
        before: int | None = None,
        limit: int = 50,
        parts: bool = False,
    ) -> list[Change]:
        """What happened, as changes that a person can read, the newest first.

        A page is never cut inside what went on at once, so it may be a few changes longer. The
        next one is had with the ``first`` of the oldest change as ``before``.

        Args:
            author: Only what this subject did.
            path: Only what changed something there, such as ``("meta", "title")``.
            since: Only what ended after this moment.
            until: Only what began before this moment, or at it.
            before: Only what began before this row.
            limit: About how many.
            parts: Say which parts each changed, and how much exactly. That takes the whole log, as
                ``path`` does; otherwise it is told from the updates alone.

        Raises:
            MomentNotFound: One of the moments is none.
        """
        record = await self._now()
        wanted = Wanted(
            subject=author,
            path=path,
            since=None if since is None else await find_moment(self._store, record, since),
            until=await find_moment(self._store, record, until),
        )
        versions = await self._store.versions(record.id, document=self.document)
        ends = [one.seq for one in versions]
        if parts or path is not None:
            past = await self._past()
            return await asyncio.to_thread(_page_of, past, wanted, ends, before, limit)
        top = record.last_seq + 1 if before is None else before
        return await page(
            self._store, record, self.document, wanted, ends=ends, top=top, limit=limit
        )

    async def versions(self) -> list[Version]:
        """The versions that this document has, the oldest moment first."""
        return await self._store.versions((await self._now()).id, document=self.document)

    async def seq(self, moment: Moment) -> Seq:
        """The row that a moment is after. Raises MomentNotFound."""
        return await find_moment(self._store, await self._now(), moment)

    # As it was

    async def checkout(self, at: Moment = NOW) -> Document:
        """The document as it was, to read; whatever would change it raises ReadOnlyDocument.

        Raises:
            MomentNotFound: There is no such moment, or it was compacted away.
            Corrupt: It cannot be loaded.
        """
        record = await self._now()
        seq = await find_moment(self._store, record, at)
        loaded = await self._store.load_at(record.id, self.document, seq)
        place = RoomName(record.project, record.name, self.document)
        built = await asyncio.to_thread(document_of, loaded, place, path=self._store.path)
        return built.seal()

    async def to_dict(self, at: Moment = NOW) -> dict[str, Any]:
        """All content as it was, as plain values by root. Raises as :meth:`checkout` does."""
        return (await self.checkout(at)).to_dict()

    async def text(self, root: str, at: Moment = NOW) -> str:
        """A root text as it was. Raises as :meth:`checkout` does."""
        return str((await self.checkout(at)).text(root))

    async def update(self, at: Moment = NOW) -> bytes:
        """All of the document as it was, as one Yjs update. Raises as :meth:`checkout` does."""
        return (await self.checkout(at)).update()

    async def tree(self, at: Moment = NOW) -> Tree:
        """The document as it was, each part with who put it there. Raises MomentNotFound."""
        seq = await self.seq(at)
        past = await self._past(upto=seq)
        return await asyncio.to_thread(past.tree, seq)

    async def diff(self, old: Moment, new: Moment = NOW) -> Difference:
        """What is different between two moments, each part with its author.

        ``str`` of it reads like a unified diff. Raises MomentNotFound.
        """
        first, second = await self.seq(old), await self.seq(new)
        past = await self._past(upto=max(first, second))
        return await asyncio.to_thread(past.difference, first, second)

    async def blame(self, at: Moment = NOW) -> Blame:
        """Whose each range of a text and each value was. Raises MomentNotFound."""
        seq = await self.seq(at)
        return await asyncio.to_thread((await self._past(upto=seq)).blame, seq)

    # What can be done with it

    async def save_version(
        self,
        name: str,
        *,
        at: Moment = NOW,
        note: str = "",
        pinned: bool = True,
        kind: Reason = "manual",
    ) -> Version:
        """Give a moment of this document a name.

        Args:
            name: Any line of text that reads as no row or time, unique in the session.
            at: The moment.
            note: What there is to say of it.
            pinned: No thinning takes it.
            kind: Why: by hand, before an ``agent`` edits by itself, or because work will ``pause``.

        Raises:
            InvalidName: It is taken, or reads as something else.
            MomentNotFound: There is no such moment, or it was compacted away.
        """
        told = {"name": name, "at": at, "note": note, "pinned": pinned, "kind": kind}
        return msgspec.convert(await self._operate("version", **told), Version)

    async def drop_version(self, name: str) -> None:
        """Take a version's name away; its moment may be compacted from then on.

        Raises:
            MomentNotFound: The session has none of this name.
        """
        await self._operate("unversion", name=name)

    async def restore(self, at: Moment, *, dry_run: bool = False) -> Done:
        """Bring the document back to what it was, by one edit, while others go on.

        Raises:
            MomentNotFound: There is no such moment, or it was compacted away.
            ValueNotStorable: There was something that cannot be written again; nothing happened.
            SessionBusy: Somebody has the session for himself.
        """
        return await self._edit("restore", at=at, dry_run=dry_run)

    async def revert(
        self,
        change: str | int | None = None,
        *,
        author: str | None = None,
        since: Moment = START,
        until: Moment = NOW,
        dry_run: bool = False,
    ) -> Done:
        """Take back a change, or what somebody wrote, by one edit; everybody else's work stays.

        What a later edit owns by now is left alone, and told.

        Args:
            change: The address of a change, such as ``12-15``.
            author: Instead: who wrote what is to be taken back.
            since: Of that, only what came after this moment.
            until: Only what was there at this moment.
            dry_run: Only tell what would happen.

        Raises:
            MomentNotFound: There is no such change, or its rows were compacted away.
            ValueNotStorable: Something cannot be written again; nothing happened.
            SessionBusy: Somebody has the session for himself.
        """
        address = None if change is None else str(change)
        told = {"author": author, "since": since, "until": until, "dry_run": dry_run}
        return await self._edit("revert", change=address, **told)

    async def fork(self, name: str, *, at: Moment = NOW, whole: bool = False) -> str:
        """Branch this document from a moment, as a session of its own with all that came before.

        Args:
            name: What the new session is called.
            at: The moment.
            whole: Branch all documents of the session.

        Returns:
            Its id.

        Raises:
            SessionExists: The project has one of this name.
            MomentNotFound: There is no such moment, or it was compacted away.
        """
        place = {"session": self._session_name} if whole else {}
        told = await self._operate("fork", name=name, at=at, **place)
        return str(told["id"])

    async def merge(self, fork: str, *, dry_run: bool = False) -> Done:
        """Take what a fork of this document has beyond it, by one edit. The fork stays as it is.

        Args:
            fork: Name of the session.
            dry_run: Only tell what would happen.

        Raises:
            SessionNotFound: There is none of this name.
            InvalidArguments: It is no fork of this one.
            UpdateRefused: One client wrote on both sides, in one copy.
        """
        told = await self._operate("merge", fork=fork, dry_run=dry_run)
        done = msgspec.convert(told["documents"][self.document], Done)
        return await self._settled(done)

    # How

    @property
    def _store(self) -> Archive:
        return self._open_store()

    @property
    def _session_name(self) -> str:
        record = self._session.record
        return f"{record.project}~{record.name}"

    @property
    def _full_name(self) -> str:
        return f"{self._session_name}/{self.document}"

    async def _now(self) -> SessionRecord:
        """The session with all that this program has edited."""
        await self._session.saved()
        record = self._session.record
        await self._see(RoomName(record.project, record.name, self.document))
        return await self._store.find_session(record.id, project=record.project)

    async def _past(self, upto: Seq | None = None) -> Past:
        record = await self._now()
        return Past(self.document, await self._store.chronicle(record.id, self.document, upto=upto))

    async def _operate(self, operation: str, **arguments: Any) -> Any:
        await self._session.saved()
        return await self._run(operation, {"session": self._full_name, **arguments})

    async def _edit(self, operation: str, **arguments: Any) -> Done:
        return await self._settled(
            msgspec.convert(await self._operate(operation, **arguments), Done)
        )

    async def _settled(self, done: Done) -> Done:
        """Wait until an edit is in the session's own document too."""
        if done.seq is not None:
            await self._session.reached(done.document, done.seq)
        return done


def _page_of(
    past: Past, wanted: Wanted, ends: list[Seq], before: int | None, limit: int
) -> list[Change]:
    found: list[Change] = []
    for span in past.changes(wanted, versions=ends, before=before):
        found += span
        if len(found) >= limit:
            break
    return found
