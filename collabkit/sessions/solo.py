"""A document that one program edits alone: straight from the document into its log.

Rules:

1. An edit goes document → log. There is no room, no second document and no process.
2. What is on disk is known by :meth:`Solo.saved`, for all edits before it. An edit after a failed
   write raises: the document is then ahead of its log, and must be opened again.
3. Whoever opens a document has to be the only one: the caller sees to it.
4. A log that was written long is given checkpoints when the document is closed, or when it is
   opened again: one at its end, so that the next opening is fast, and some on the way there, so
   that its past is near. The document is this program's own, so they are made right here.
5. A document is its newest checkpoint and the rows after it. What the engine cannot bear of them
   is damage, and no opening takes damage for emptiness.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from operator import attrgetter

from ..crdt.budget import NO_BUDGET
from ..crdt.document import Change, Document
from ..crdt.merging import merge
from ..crdt.update import StateVector, advance, gap, scan
from ..errors import CannotWrite, CollabError, Corrupt, UpdateRefused
from ..ids import RoomName, Seq, Subject
from ..store.base import Checkpoint, Draft, Loaded, SessionRecord, Store
from ..store.keyframes import cuts

__all__ = ["Solo", "document_of"]

# Merging more at a time costs more for each of them, and a row is what history can be cut at.
ROW_CHANGES = 64

log = logging.getLogger("collabkit.sessions")

# Replaying 1,000 rows costs 10 to 30 ms: less than anybody notices, and more than a checkpoint of
# a document of that length costs to make.
CHECKPOINT_ROWS = 1_000


def document_of(loaded: Loaded, place: RoomName, *, path: str) -> Document:
    """Build a document from what the store loaded of it.

    Args:
        loaded: Checkpoint and rows.
        place: Which document it is.
        path: The file.

    Raises:
        Corrupt: The engine refuses a checkpoint or a row, or one builds on what is not there.
    """
    document = Document(place.document)
    for _ in _replay(document, loaded, place, path):
        pass
    return document


def _replay(document: Document, loaded: Loaded, place: RoomName, path: str) -> Iterator[Seq]:
    """Build a document, and say after each step which row it has come to. Raises Corrupt."""
    vector = StateVector()
    updates = [(f"row {row.seq}", row.seq, row.body) for row in loaded.rows]
    if begin := loaded.checkpoint:
        updates.insert(0, (f"checkpoint {begin.seq}", begin.seq, begin.body))
    for what, seq, update in updates:
        try:
            found = scan(update, NO_BUDGET)
            if gap(found, vector):
                # The engine would let it wait, and show a document without it.
                raise UpdateRefused("gap", "it builds on edits that are not there")
            document.apply(update, origin="log", trusted=True)
            advance(found, vector)
        except CollabError as error:
            raise Corrupt(path, f"{what} of {place}", str(error)) from error
        yield seq


def _build(loaded: Loaded, place: RoomName, path: str) -> tuple[Document, list[Checkpoint]]:
    """Build a document; of a long log also what makes the next opening and looks back cheap.

    Raises:
        Corrupt: As :func:`document_of` does.
    """
    document, made = Document(place.document), []
    rows, at_ms = loaded.rows, time.time_ns() // 1_000_000
    long = len(rows) >= CHECKPOINT_ROWS
    wanted = {rows[count - 1].seq for count in [*cuts(len(rows)), len(rows)] if long}
    for seq in _replay(document, loaded, place, path):
        if seq in wanted:
            body, digest, copy = document.update(), document.digest(), Document(place.document)
            copy.apply(body, trusted=True)
            if copy.digest() == digest:
                made.append(Checkpoint(place.document, seq, body, digest, at_ms))
            else:
                log.error("%s is not at row %d what an update makes of it", place, seq)
    return document, made


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
        owners: Mapping[int, Subject],
    ) -> None:
        self.document = document
        self._store = store
        self._record = record
        self._subject = subject
        self._author = (document.client_id,)
        self._owners = owners
        self._claimed = False
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
        document, checkpoints = _build(loaded, place, store.path)
        # The log was left long: by the end of a process, or of the power.
        with suppress(CannotWrite):
            await _keep(store, record, checkpoints)
        tail = len(loaded.rows) if not checkpoints else 0
        solo = cls(store, record, document, subject=subject, tail=tail, owners=loaded.owners)
        try:
            yield solo
        finally:
            solo._stop()
            await solo.saved()
            await solo._checkpoint()

    def is_mine(self, client: int) -> bool:
        """Whether a client id was this subject's when the document was opened."""
        return self._owners.get(client) == self._subject

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
        claims = self._author if clients is self._author and not self._claimed else ()
        self._claimed = self._claimed or bool(claims)
        return Draft(
            document=self.document.name,
            subject=self._subject,
            body=body,
            at_ms=time.time_ns() // 1_000_000,
            clients=clients,
            claims=claims,
            group=group,
            origin=origin,
        )

    async def _checkpoint(self) -> None:
        if self._tail < CHECKPOINT_ROWS:
            return
        name, record = self.document.name, self._record
        loaded = await self._store.load(record.id, name)
        place = RoomName(record.project, record.name, name)
        # A checkpoint stands for the rows before it, so it may lack nothing of them: not even
        # what somebody wrote who should not have. So it is built from them.
        logged, checkpoints = _build(loaded, place, self._store.path)
        if logged.digest() != self.document.digest():
            log.error("%r of %r is not what its log builds: no checkpoint", name, record.name)
            return
        await _keep(self._store, record, checkpoints)


async def _keep(store: Store, record: SessionRecord, checkpoints: Sequence[Checkpoint]) -> None:
    for checkpoint in checkpoints:
        await store.put_checkpoint(record.id, checkpoint)


# What changes must have in common to share a row.
_told = attrgetter("local", "origin", "group")


def _clients(update: bytes) -> tuple[int, ...]:
    return tuple(section.client for section in scan(update, NO_BUDGET).sections)
