"""Who of this program is in which session, and how.

Rules:

1. A single-user session is written straight into its log, by one who has it for himself.
2. In a collaborative one the program is a replica in the room like everybody else, over a channel
   in memory. It shows a token that never leaves the process.
3. A collaborative session can be had for oneself too: then all others are put out, and come back
   afterwards. Two ways into one log at a time would each lack what the other writes.
   A document that the program has open alone is lent to what it does there otherwise.
4. A session that the program itself is in is not removed under its feet.
5. How edits came in is said by the code that lets them in, never by who brings them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from weakref import WeakValueDictionary

import msgspec

from ..access.model import Identity, Refusal
from ..crdt.document import Document
from ..crdt.splitting import split
from ..errors import (
    CannotWrite,
    ConnectionClosed,
    ConnectionRefused,
    InvalidArguments,
    SessionBusy,
)
from ..ids import RoomName, SessionId, Subject
from ..store.base import SessionRecord, Store
from ..sync.channel import MemoryChannel, memory_channels, serve_channel
from ..sync.hub import Hub
from ..sync.replica import Replica
from .session import Kind, Part, TakePart
from .solo import Solo, document_of

__all__ = ["Attendance", "Member", "rehearse"]

_EMPTY = b"\x00"  # the state vector of a document to which nothing was ever written

# How a room says that it cannot be opened, and how a replica is told not to try again.
_ROOM_FAILED = 1011
_NO_USE = 4422

# A room tries a full disk again after a second; whoever waits for it is told before.
_LOOK_EVERY = 0.1

# Version 1: in one process nothing is worth packing, nor is this the place to compare.
IN_PROCESS = "collabkit.1"

_OCCUPIED = Refusal(1013, "a program has this session for itself; try again later")
_REMOVED = Refusal(4404, "the session was removed")
_REOPENED = Refusal(1012, "the session is opened again; come back soon")


def rehearse(
    updates: Sequence[bytes], document: Document | None = None, *, fresh: bool = False
) -> None:
    """Take updates into a document that nobody keeps, to see whether they can be taken.

    Args:
        updates: The bytes, in their order.
        document: A copy to take them into; by default an empty one.
        fresh: Refuse if it holds anything already.

    Raises:
        RemoteProtocolError: One of them is no update, or is not taken.
        InvalidArguments: The document holds something, and was to be fresh.
    """
    _take(document or Document(), updates, "import", fresh=fresh)


def _take(document: Document, updates: Sequence[bytes], origin: str, *, fresh: bool) -> None:
    if fresh and document.state_vector != _EMPTY:
        raise InvalidArguments("import", f"document {document.name!r} holds something already")
    for update in updates:
        # Whole documents are larger than any edit may be.
        for piece in split(update):
            document.apply(piece, origin=origin)


class Attendance:
    """Lets the program into sessions, and knows where it is.

    Args:
        store: The open file.
        hub: Its rooms.
    """

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._tokens: dict[str, Identity] = {}
        self._inside: Counter[SessionId] = Counter()
        self._alone: dict[SessionId, _Alone] = {}
        self._turns: WeakValueDictionary[tuple[SessionId, str], asyncio.Lock] = (
            WeakValueDictionary()
        )

    def __repr__(self) -> str:
        return f"<Attendance in {sum(map(bool, self._inside.values()))} sessions>"

    def identity(self, token: str | None) -> Identity | None:
        """Who shows this token, if it is one of the program's own."""
        return self._tokens.get(token or "")

    @asynccontextmanager
    async def stay(
        self, record: SessionRecord, subject: Subject, *, origin: str = "relay"
    ) -> AsyncIterator[TakePart]:
        """Be in a session as its kind asks; gives what opens its documents.

        Args:
            record: The session.
            subject: Who is there.
            origin: How his edits in a room come in, as their rows say.

        Raises:
            SessionBusy: It is had alone already, or cannot be.
        """
        if record.kind == Kind.SINGLE_USER:
            async with self.stay_alone(record, subject) as take_part:
                yield take_part
        elif record.id in self._alone:
            raise SessionBusy(record.name, "this program has it for itself")
        else:
            with self._counted(record):
                identity = Identity(subject, can_forward=True, origin=origin)
                yield lambda document: self._replica(record, document, identity)

    @asynccontextmanager
    async def stay_alone(self, record: SessionRecord, subject: Subject) -> AsyncIterator[TakePart]:
        """Have a session for oneself, whatever its kind. Raises SessionBusy."""
        if self._inside[record.id]:
            raise SessionBusy(record.name, "this program has it open already")
        alone = self._alone[record.id] = _Alone(self._store, record, subject)
        try:
            with self._counted(record):
                async with self._hub.vacated(record.id, _OCCUPIED):
                    yield alone.take_part
        finally:
            del self._alone[record.id]

    @asynccontextmanager
    async def vacated(self, record: SessionRecord) -> AsyncIterator[None]:
        """Put everyone out of a session that is to be removed. Raises SessionBusy."""
        self.see_left(record)
        async with self._hub.vacated(record.id, _REMOVED):
            yield

    def see_left(self, record: SessionRecord) -> None:
        """See that this program has no part in a session. Raises SessionBusy."""
        if self._inside[record.id]:
            raise SessionBusy(record.name, "the program that holds the file has it open")

    def see_shared(self, record: SessionRecord) -> None:
        """See that nobody has a session for himself. Raises SessionBusy."""
        if record.id in self._alone:
            raise SessionBusy(record.name, "the program that holds the file has it for itself")

    @asynccontextmanager
    async def reopened(self, record: SessionRecord) -> AsyncIterator[None]:
        """Close the rooms of a session for a moment; who was there returns. Raises SessionBusy."""
        self.see_shared(record)
        async with self._hub.vacated(record.id, _REOPENED):
            yield

    async def merge(
        self,
        record: SessionRecord,
        document: str,
        updates: Sequence[bytes],
        *,
        subject: Subject,
        origin: str = "import",
        fresh: bool = False,
    ) -> None:
        """Take updates into a document as edits, and wait until they are stored.

        Args:
            record: The session.
            document: The document's name.
            updates: The bytes, in their order.
            subject: Whose edits they are.
            origin: How they come in, as their rows say.
            fresh: Refuse if the document holds anything already.

        Raises:
            RemoteProtocolError: One of them is no update, or is not taken; the rest is not tried.
            SessionBusy: The program has the session for itself, as somebody else.
            InvalidArguments: The document holds something, and was to be fresh.
        """
        async with self._part(record, document, subject, origin) as part:
            _take(part.document, updates, origin, fresh=fresh)
            await part.saved()

    @asynccontextmanager
    async def _part(
        self, record: SessionRecord, document: str, subject: Subject, origin: str
    ) -> AsyncIterator[Part]:
        """Take part in a document for a moment, wherever the program is already."""
        alone = self._alone.get(record.id)
        if alone is not None and alone.subject == subject:
            async with alone.lend(document) as solo:
                yield solo
            return
        staying = self.stay(record, subject, origin=origin)
        async with staying as take_part, take_part(document) as part:
            yield part

    @asynccontextmanager
    async def turn(self, record: SessionRecord, document: str) -> AsyncIterator[None]:
        """Be the only one that works out an edit of a document from its past."""
        async with self._turns.setdefault((record.id, document), asyncio.Lock()):
            yield

    @contextmanager
    def _counted(self, record: SessionRecord) -> Iterator[None]:
        self._inside[record.id] += 1
        try:
            yield
        finally:
            self._inside[record.id] -= 1

    @asynccontextmanager
    async def _replica(
        self, record: SessionRecord, document: str, identity: Identity
    ) -> AsyncIterator[Part]:
        token = secrets.token_urlsafe()
        self._tokens[token] = identity
        place, key = RoomName(record.project, record.name, document), (record.id, document)
        link = _Link(self._hub, str(msgspec.structs.replace(place, session=record.id)), token)
        try:
            async with Replica.over(link.dial, url=f"memory:{place}", document=document) as replica:
                try:
                    await replica.synced()
                except ConnectionRefused:
                    # The room could not be opened. Loading the document says why, and where.
                    document_of(
                        await self._store.load(record.id, document), place, path=self._store.path
                    )
                    raise
                member = Member(replica, self._store.path, lambda: self._hub.stalled(*key))
                try:
                    yield member
                finally:
                    await member.saved()
        finally:
            del self._tokens[token]
            link.close()


class _Alone:
    """A session that the program has for itself, as one subject."""

    def __init__(self, store: Store, record: SessionRecord, subject: Subject) -> None:
        self.subject = subject
        self._store = store
        self._record = record
        self._open: dict[str, Solo] = {}
        # Two parts in one document would each lack what the other writes.
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<_Alone {self.subject} in {self._record.name!r}>"

    @asynccontextmanager
    async def take_part(self, document: str) -> AsyncIterator[Part]:
        """Open a document, until the end of the block."""
        async with AsyncExitStack() as stack:
            async with self._turn:
                solo = await stack.enter_async_context(self._solo(document))
                self._open[document] = solo
            try:
                yield solo
            finally:
                async with self._turn:
                    del self._open[document]
                    await stack.aclose()

    @asynccontextmanager
    async def lend(self, document: str) -> AsyncIterator[Part]:
        """Give the part that is open in a document, or one for the length of the block."""
        async with self._turn:
            if document in self._open:
                yield self._open[document]
            else:
                async with self._solo(document) as solo:
                    yield solo

    def _solo(self, document: str) -> AbstractAsyncContextManager[Solo]:
        return Solo.open(self._store, self._record, document, subject=self.subject)


class Member:
    """This program as one of those in a room.

    Attributes:
        document: The document.
        presence: What this program shows, and what the others do.
    """

    def __init__(self, replica: Replica, path: str, stalled: Callable[[], bool]) -> None:
        self.document = replica.document
        self.presence = replica.presence
        self._replica = replica
        self._path = path
        self._stalled = stalled

    def __repr__(self) -> str:
        return f"<Member by {self._replica!r}>"

    async def saved(self) -> None:
        """Wait until every edit so far is on disk.

        Raises:
            CannotWrite: The disk takes nothing. The edits stay, and get there when it does again.
        """
        saving = asyncio.ensure_future(self._replica.saved())
        try:
            while not saving.done():
                await asyncio.wait({saving}, timeout=_LOOK_EVERY)
                if not saving.done() and self._stalled():
                    raise CannotWrite(
                        self._path, "the disk takes nothing; the edits wait in memory"
                    )
        finally:
            saving.cancel()
        await saving

    async def reached(self, row: int) -> None:
        """Wait until a row of the log, that somebody else wrote, is in the document."""
        await self._replica.reached(row)


class _Link:
    """A replica's way into a room of this process: one channel in memory after another."""

    def __init__(self, hub: Hub, room: str, token: str) -> None:
        self._hub = hub
        self._room = room
        self._token = token
        self._channel: MemoryChannel | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def dial(self) -> MemoryChannel:
        """Open a channel, as long as the room can be opened."""
        last = self._channel
        if last is not None and last.close_code == _ROOM_FAILED:
            raise ConnectionClosed(_NO_USE, last.close_reason)
        self._channel, theirs = memory_channels(self._room, subprotocol=IN_PROCESS)
        task = asyncio.create_task(serve_channel(self._hub, theirs, token=self._token, peer="host"))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return self._channel

    def close(self) -> None:
        """End what serves the channels."""
        for task in self._serving:
            task.cancel()
