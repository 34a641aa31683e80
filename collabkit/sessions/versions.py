"""Versions that nobody has to think of, and when one is saved.

Rules:

1. Every edit can be gone back to without any version. Those that are saved unasked are for finding
   one's way, and are what compaction leaves alone until they are dropped or thinned.
2. One is saved only if something changed since the one before, and a moment has one of a kind.
3. The holder of the file saves them, on its rounds, and for all sessions that changed when it
   closes the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from ..errors import CollabError, Corrupt
from ..ids import Seq, SessionId, Subject
from ..store.archive import Archive
from ..store.base import Deed, SessionRecord, Version
from .moments import now_ms
from .paging import rows_after

__all__ = ["DEFAULT_POLICY", "Reason", "Rounds", "VersionPolicy", "authors_since", "keep"]

log = logging.getLogger("collabkit.sessions")

# Often enough for "every N edits", which means about so many.
_ROUND_EVERY = 1.0

# Whoever closes a file waits no longer than this for what is only a help.
END_WITHIN = 5.0

# Authors are looked for in so much of the log, so that a version stays a small matter.
_AUTHORS_ROWS = 20_000

Reason: TypeAlias = Literal["manual", "agent", "pause"]
"""Why a version is saved that somebody asks for."""

# Kinds of versions that keep what there was before an edit.
_REWINDING = frozenset({"restore", "revert", "merge"})


class VersionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When versions are saved without being asked for.

    By default none is saved while people edit: each of their edits is a moment that can be gone
    back to anyway, unlike where versions are all that is kept. What is about to be rewound is
    saved, and what there was when the file was closed.

    Attributes:
        every_edits: After about so many rows.
        every_s: After so many seconds, of a session that changed meanwhile.
        before_rewinding: Before a restore, a revert or a merge.
        at_end: When the file is closed, of each session that changed while it was open.

    >>> VersionPolicy(every_s=30)
    VersionPolicy(every_edits=None, every_s=30, before_rewinding=True, at_end=True)
    """

    every_edits: int | None = None
    every_s: float | None = None
    before_rewinding: bool = True
    at_end: bool = True


DEFAULT_POLICY = VersionPolicy()


async def authors_since(
    store: Archive, record: SessionRecord, document: str | None, upto: Seq
) -> tuple[Subject, ...]:
    """Who wrote since the version before a row, by name.

    Of a span that is longer than some 20,000 rows it is those who wrote at its end.
    """
    versions = await store.versions(record.id, document=document)
    before = max((one.seq for one in versions if one.seq < upto), default=Seq(0))
    found: set[Subject] = set()
    after = max(before, upto - _AUTHORS_ROWS)
    async for row in rows_after(store, record, after, document=document):
        if row.seq > upto:
            break
        found.add(row.subject)
    return tuple(sorted(found))


async def keep(
    store: Archive,
    record: SessionRecord,
    *,
    kind: str,
    seq: Seq,
    by: Subject,
    document: str | None = None,
    audit: Deed | None = None,
) -> Version:
    """Save a version that nobody gave a name."""
    told = f"before {kind}" if kind in _REWINDING else kind
    version = Version(
        name=f"{told} #{seq}",
        seq=seq,
        document=document,
        by=by,
        authors=await authors_since(store, record, document, seq),
        at_ms=now_ms(),
        kind=kind,
    )
    await store.put_version(record.id, version, replace=True, audit=audit)
    return version


class _Mark(msgspec.Struct, frozen=True):
    """Where a session stood when it was last looked at, and when that was."""

    seq: int
    at: float


class Rounds:
    """The rounds of the holder of a file; ``async with rounds.going()`` while it is open."""

    def __init__(
        self,
        store: Archive,
        policy: VersionPolicy,
        *,
        subject: Subject,
        clock: Callable[[], float] = time.monotonic,
        end_within: float = END_WITHIN,
    ) -> None:
        self._store = store
        self._policy = policy
        self._subject = subject
        self._clock = clock
        self._end_within = end_within
        self._at_start: dict[SessionId, Seq] = {}
        self._marks: dict[SessionId, _Mark] = {}

    def __repr__(self) -> str:
        return f"<Rounds by {self._policy}>"

    @contextlib.asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Save versions as the policy says, and at the end."""
        self.begin(await self._sessions())
        task: asyncio.Task[None] | None = None
        if self._policy.every_edits is not None or self._policy.every_s is not None:
            task = asyncio.create_task(self._go(), name="collabkit versions")
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
            if self._policy.at_end:
                await self._end()

    def begin(self, sessions: Sequence[SessionRecord]) -> None:
        """Take note of what is there already: it is nobody's news."""
        now = self._clock()
        self._at_start = {one.id: one.last_seq for one in sessions}
        self._marks = {one.id: _Mark(one.last_seq, now) for one in sessions}

    async def look(self, sessions: Sequence[SessionRecord] | None = None) -> None:
        """Save a version of each session that is due; of all that there are, by default."""
        now, policy = self._clock(), self._policy
        for record in await self._sessions() if sessions is None else sessions:
            mark = self._marks.setdefault(record.id, _Mark(0, now))
            edits = record.last_seq - mark.seq
            if edits and (
                (policy.every_edits is not None and edits >= policy.every_edits)
                or (policy.every_s is not None and now - mark.at >= policy.every_s)
            ):
                await self._save(record, "auto")
                self._marks[record.id] = _Mark(record.last_seq, now)
            elif not edits:
                self._marks[record.id] = _Mark(record.last_seq, now)

    async def _go(self) -> None:
        every = self._policy.every_s
        pause = min(_ROUND_EVERY, every) if every is not None else _ROUND_EVERY
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
            except CollabError as error:
                log.warning("no version was saved: %s", error)

    async def _end(self) -> None:
        changed = [
            record
            for record in await self._sessions()
            if record.last_seq > self._at_start.get(record.id, Seq(0))
        ]
        try:
            async with asyncio.timeout(self._end_within):
                while changed:
                    await self._save(changed[-1], "end")
                    changed.pop()
        except TimeoutError:
            log.warning("%d sessions changed, and have no version of their end", len(changed))

    async def _sessions(self) -> list[SessionRecord]:
        try:
            return await self._store.sessions()
        except Corrupt as damage:
            # One damaged session keeps nobody from working with the others.
            log.warning("no versions are saved unasked: %s", damage)
            return []

    async def _save(self, record: SessionRecord, kind: str) -> None:
        # One that is damaged, or went meanwhile, is no reason to leave out the others.
        try:
            there = await self._store.versions(record.id)
            if all(one.seq != record.last_seq or one.document for one in there):
                await keep(self._store, record, kind=kind, seq=record.last_seq, by=self._subject)
        except CollabError as error:
            log.warning("no version of %r was saved: %s", record.name, error)
