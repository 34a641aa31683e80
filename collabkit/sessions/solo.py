"""A document that one program edits alone: straight from the document into its log.

Rules:

1. An edit goes document → log. There is no room, no second document and no process.
2. What is on disk is known by :meth:`Solo.saved`, for all edits before it. An edit after a failed
   write raises: the document is then ahead of its log, and must be opened again.
3. Whoever opens a document has to be the only one: the caller sees to it.
4. A log that was written long is given a checkpoint when the document is closed, so that the
   next opening is fast. The document is this program's own, so it is made right here.
5. A document is its newest checkpoint and the rows after it. What the engine cannot bear of them
   is damage, and no opening takes damage for emptiness.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter

from ..crdt.budget import NO_BUDGET
from ..crdt.document import Change, Document
from ..crdt.merging import merge
from ..crdt.update import StateVector, advance, gap, scan
from ..errors import CollabError, Corrupt, UpdateRefused
from ..ids import RoomName, Subject
from ..store.base import Checkpoint, Draft, Loaded, SessionRecord, Store

__all__ = ["Solo", "document_of"]

# Merging more at a time costs more for each of them, and a row is what history can be cut at.
ROW_CHANGES = 64

log = logging.getLogger("collabkit.sessions")

# Replaying 2,000 rows costs some 20 ms: less than anybody notices, and more than a checkpoint of
# a document of that length costs to make.
CHECKPOINT_ROWS = 2_000


def document_of(loaded: Loaded, place: RoomName, *, path: str) -> Document:
    """Build a document from what the store loaded of it.

    Args:
        loaded: Checkpoint and rows.
        place: Which document it is.
        path: The file.

    Raises:
        Corrupt: The engine refuses a checkpoint or a row, or one builds on what is not there.
    """
    document, vector = Document(place.document), StateVector()
    updates = [(f"row {row.seq}", row.body) for row in loaded.rows]
    if loaded.checkpoint is not None:
        updates.insert(0, (f"checkpoint {loaded.checkpoint.seq}", loaded.checkpoint.body))
    for what, update in updates:
        try:
            found = scan(update, NO_BUDGET)
            if gap(found, vector):
                # The engine would let it wait, and show a document without it.
                raise UpdateRefused("gap", "it builds on edits that are not there")
            document.apply(update, origin="log", trusted=True)
            advance(found, vector)
        except CollabError as error:
            raise Corrupt(path, f"{what} of {place}", str(error)) from error
    return document


class Solo:
    """An open document and the log that its edits go to; :func:`Solo.open` makes one.

    Attributes:
        document: The document.
        presence: None: nobody else is there.
    """

    presence: None = None

    def __init__(
        self,
        store: Store,
        record: SessionRecord,
        document: Document,
        *,
        subject: Subject,
        tail: int,
    ) -> None:
        self.document = document
        self._store = store
        self._record = record
        self._subject = subject
        self._author = (document.client_id,)
        self._tail = tail
        self._burst: deque[Change] = deque()
        self._queued = False
        self._stop = document.on_update(self._edited)

    def __repr__(self) -> str:
        return f"<Solo {self.document.name!r} of {self._record.name!r}, {self._tail} rows>"

    @classmethod
    @asynccontextmanager
    async def open(
        cls, store: Store, record: SessionRecord, name: str, *, subject: Subject
    ) -> AsyncIterator[Solo]:
        """Open a document of a session; at the end of the block all edits are saved.

        Raises:
            Corrupt: It cannot be loaded.
            CannotWrite: At the end: an edit is not on disk.
        """
        loaded = await store.load(record.id, name)
        place = RoomName(record.project, record.name, name)
        document = document_of(loaded, place, path=store.path)
        solo = cls(store, record, document, subject=subject, tail=len(loaded.rows))
        try:
            yield solo
        finally:
            solo._stop()
            await solo.saved()
            await solo._checkpoint()

    async def saved(self) -> None:
        """Wait until every edit so far is on disk. Raises CannotWrite."""
        await self._store.flush(self._record.id)

    async def reached(self, row: int) -> None:
        """Nobody else writes: what is in the log is in the document."""

    def _edited(self, change: Change) -> None:
        # The hot path of a program that types. It may run in any thread, and `_gather` in the
        # store's at the same time: `_queued` is cleared before the burst is emptied, so a change
        # that comes too late for one gathering asks for the next.
        self._burst.append(change)
        if not self._queued:
            self._queued = True
            self._store.enqueue(self._record.id, self._gather)

    def _gather(self) -> list[Draft]:
        """Everything since the last time, as rows."""
        self._queued = False
        burst = [self._burst.popleft() for _ in range(len(self._burst))]
        drafts: list[Draft] = []
        for (local, origin, group), same in itertools.groupby(burst, key=_told):
            updates = [change.update for change in same]
            if local:
                slices = range(0, len(updates), ROW_CHANGES)
                updates = [u for at in slices for u in merge(updates[at : at + ROW_CHANGES])]
            for update in updates:
                clients = self._author if local else _clients(update)
                drafts.append(self._draft(update, origin, group, clients))
        self._tail += len(drafts)
        return drafts

    def _draft(
        self, body: bytes, origin: str, group: str | None, clients: tuple[int, ...]
    ) -> Draft:
        return Draft(
            document=self.document.name,
            subject=self._subject,
            body=body,
            at_ms=time.time_ns() // 1_000_000,
            clients=clients,
            group=group,
            origin=origin,
        )

    async def _checkpoint(self) -> None:
        if self._tail < CHECKPOINT_ROWS:
            return
        name, record = self.document.name, self._record
        loaded = await self._store.load(record.id, name)
        if not loaded.rows:
            return
        body = self.document.update()
        copy = Document(name)
        copy.apply(body, trusted=True)
        place = RoomName(record.project, record.name, name)
        # A checkpoint stands for the rows before it, so it may lack nothing of them: not even
        # what somebody wrote who should not have.
        logged = document_of(loaded, place, path=self._store.path)
        if not logged.digest() == copy.digest() == self.document.digest():
            log.error("%r of %r is not what its log builds: no checkpoint", name, record.name)
            return
        at_ms = time.time_ns() // 1_000_000
        await self._store.put_checkpoint(
            record.id, Checkpoint(name, loaded.rows[-1].seq, body, copy.digest(), at_ms)
        )


# What changes must have in common to share a row.
_told = attrgetter("local", "origin", "group")


def _clients(update: bytes) -> tuple[int, ...]:
    return tuple(section.client for section in scan(update, NO_BUDGET).sections)
