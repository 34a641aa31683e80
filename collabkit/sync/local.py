"""A replica's own file: what lets it open offline, and lose nothing it has not sent.

One session of the file is one URL. Its log has the replica's own edits and those that came
from the relay, in the order in which they happened to the document, and beside it a
**record** says where the replica stood at one row.

Rules:

1. A row is queued before the edit is sent, and before an observer of the replica hears of
   a remote one. The file may lag behind the relay's log, never behind the record.
2. The record is written seldom. What was made since is counted in the rows behind it; that
   something was acknowledged since is not known then, and it is sent again, which does no
   harm.
3. A log that has grown long gets a checkpoint, from a fresh process, at the next opening, and
   what that holds is dropped; but for rows behind the record, which are still to be counted.
4. A copy that must not go on is a **fork**: it stays as it is under the name that it has, and
   the next opening begins another, empty one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator
from urllib.parse import quote, unquote, urlsplit

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.document import Change, Document
from ..crdt.scan import scan
from ..crdt.trials import rebuild
from ..errors import CollabError, Corrupt, EngineLost, SessionNotFound, StoreError
from ..ids import Seq, Subject
from ..store.base import Checkpoint, Draft, Loaded, SessionRecord, Store
from ..store.sqlite import SQLiteStore
from .tally import NEWBORN, Standing

__all__ = ["REMOTE", "SEED", "LocalCopy", "session_name"]

_log = logging.getLogger("collabkit.replica")

PROJECT = "replicas"
KIND = "replica"
TABLE = "replicas"
# How often a replica began anew, by the name of its first copy.
FORKS = "replica forks"
SEED = "seed"
# Where an update came from that the relay has. All others are news to it, whatever they are called.
REMOTE = "relay"
# Between two records: what a crash costs is that so much is sent again.
RECORD_EVERY = 0.5
# Replaying 2,000 rows costs some 20 ms.
CHECKPOINT_ROWS = 2000
PAGE_ROWS = 1000


class _Record(msgspec.Struct, frozen=True):
    """A standing, and the last row of the file that it knew of."""

    lineage: str
    cursor: int
    made: int
    acked: int
    row: int
    epoch: int = 0


_NEW = _Record("", 0, 0, 0, 0)


class LocalCopy:
    """The file of one replica; see :meth:`open`.

    Attributes:
        standing: Where the replica stood when the file was opened.
        row: Number of the last row that was queued.
    """

    def __init__(
        self, store: Store, session: SessionRecord, document: Document, loaded: Loaded
    ) -> None:
        self.standing = NEWBORN
        self._store = store
        self._session = session
        self._document = document
        self.row: int = loaded.upto
        self._record = _NEW
        self._next: _Record | None = None
        self._recording: asyncio.Task[None] | None = None
        self._checkpointing: asyncio.Task[None] | None = None
        self._forking: asyncio.Task[str] | None = None

    def __repr__(self) -> str:
        return f"<LocalCopy of {self._session.name!r} in {self._store.path}>"

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, place: str | os.PathLike[str] | Store, url: str, document: Document
    ) -> AsyncIterator[LocalCopy]:
        """Bring a document to where its replica left off, and keep what happens to it.

        Args:
            place: The file, or a store that is open and stays so.
            url: Which replica of the file it is.
            document: An empty document.

        Raises:
            FileHeld: Another process has the file.
            Corrupt: What it holds does not load.
        """
        async with contextlib.AsyncExitStack() as stack:
            if isinstance(place, str | os.PathLike):
                store: Store = await stack.enter_async_context(SQLiteStore.open(place))
            else:
                store = place
            session = await _session(store, url)
            loaded = await store.load(session.id, document.name)
            _replay(document, loaded, store.path)
            copy = cls(store, session, document, loaded)
            copy.standing = await copy._stand()
            if len(loaded.rows) >= CHECKPOINT_ROWS:
                copy._checkpointing = asyncio.create_task(copy._checkpoint(loaded))
            try:
                yield copy
            finally:
                await copy._close()

    def keep(self, change: Change, *, seen: int) -> None:
        """Queue a row. May be called from any thread.

        Raises:
            CannotWrite: The disk takes nothing at the moment; the row waits in memory.
        """
        origin = "local" if change.local else change.origin
        clients: tuple[int, ...] = (self._document.client_id,)
        if not change.local:
            clients = tuple(s.client for s in scan(change.update, NO_BUDGET).sections)
        self.row += 1
        self._store.enqueue(
            self._session.id,
            Draft(
                self._document.name,
                Subject("relay" if origin == REMOTE else "local"),
                change.update,
                time.time_ns() // 1_000_000,
                clients=clients,
                seen=seen,
                group=change.group,
                origin=origin,
            ),
        )

    def record(self, standing: Standing, *, row: int) -> None:
        """Write down soon where the replica stands, knowing of all edits up to this row."""
        at = standing
        self._next = _Record(at.lineage, at.cursor, at.made, at.acked, row, at.epoch)
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._write_records())

    async def flush(self) -> None:
        """Wait until all that was kept is in the file. Raises CannotWrite."""
        await self._store.flush(self._session.id)

    def fork(self) -> asyncio.Task[str]:
        """Leave this copy to itself: the next opening begins anew. Returns this one's name."""
        if self._forking is None:
            self._forking = asyncio.create_task(self._fork())
        return self._forking

    async def _fork(self) -> str:
        first, _, number = self._session.name.partition(_FORK)
        await self._store.put(FORKS, first, int(number or 0) + 1)
        return self._session.name

    async def checkpointed(self) -> None:
        """Wait for the checkpoint that this opening makes, if it makes one."""
        if self._checkpointing is not None:
            await asyncio.wait({self._checkpointing})

    async def _write_records(self) -> None:
        while self._next is not None:
            await self._write_record()
            await asyncio.sleep(RECORD_EVERY)

    async def _write_record(self) -> None:
        record = self._next
        if record is None:
            return
        try:
            await self._store.flush(self._session.id)
            await self._store.put(TABLE, self._session.id, msgspec.to_builtins(record))
        except CollabError as error:
            _log.warning("%s: %s", self, error)
        if self._next is record:
            self._next = None

    async def _stand(self) -> Standing:
        found = await self._store.get(TABLE, self._session.id)
        record = self._record = msgspec.convert(found[0], _Record) if found else _NEW
        made, after = record.made, Seq(record.row)
        while True:
            rows = await self._store.rows(self._session.id, after=after, limit=PAGE_ROWS)
            made += sum(row.origin != REMOTE for row in rows)
            if len(rows) < PAGE_ROWS:
                return Standing(record.lineage, record.cursor, made, record.acked, record.epoch)
            after = rows[-1].seq

    async def _checkpoint(self, loaded: Loaded) -> None:
        updates = [row.body for row in loaded.rows]
        if loaded.checkpoint is not None:
            updates.insert(0, loaded.checkpoint.body)
        try:
            built = await rebuild(updates)
            at_ms = time.time_ns() // 1_000_000
            name = self._document.name
            kept = Checkpoint(name, loaded.upto, built.body, built.digest, at_ms)
            # Rows go once two checkpoints hold them.
            for _ in range(2):
                await self._store.put_checkpoint(self._session.id, kept)
            upto = min(loaded.upto, self._record.row)
            await self._store.compact(self._session.id, name, upto=upto)
        except (EngineLost, StoreError) as error:
            _log.warning("%s: no checkpoint was made: %s", self, error)

    async def _close(self) -> None:
        for task in (self._recording, self._checkpointing):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._forking is not None:
            await asyncio.wait({self._forking})
        await self._write_record()


def session_name(url: str) -> str:
    """What the session of a URL is called, since a session's name has no slashes.

    >>> session_name("wss://example.org/plan/budget")
    'example.org:443,plan,budget'
    """
    parts = urlsplit(url)
    port = {"ws": 80, "wss": 443}.get(parts.scheme)
    if port is None:
        return _escaped(url)
    steps = [_escaped(unquote(step)) for step in parts.path.removeprefix("/").split("/")]
    return ",".join([f"{_escaped(parts.hostname or '')}:{parts.port or port}", *steps])


# No name of a URL has it: there, an equals sign is followed by a number.
_FORK = "=fork"


def _escaped(text: str) -> str:
    return quote(text, safe=":@!$&'()*+;").replace("%", "=").replace("~", "=7E")


async def _session(store: Store, url: str) -> SessionRecord:
    name = session_name(url)
    forks = await store.get(FORKS, name)
    if forks is not None:
        name = f"{name}{_FORK}{forks[0]}"
    try:
        return await store.find_session(name, project=PROJECT)
    except SessionNotFound:
        return await store.create_session(name, project=PROJECT, kind=KIND, by=Subject("local"))


def _replay(document: Document, loaded: Loaded, path: str) -> None:
    updates = [(f"row {row.seq}", row.body) for row in loaded.rows]
    if loaded.checkpoint is not None:
        updates.insert(0, (f"checkpoint {loaded.checkpoint.seq}", loaded.checkpoint.body))
    for what, update in updates:
        try:
            document.apply(update, origin="log", trusted=True)
        except CollabError as error:
            raise Corrupt(path, what, str(error)) from error
