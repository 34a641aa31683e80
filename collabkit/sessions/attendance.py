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
6. Whoever else than the host acts in this process is held to what he may do, in either kind of
   session, before anything happens (:mod:`.bounds`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from functools import partial
from typing import TypeAlias
from weakref import WeakValueDictionary

import msgspec

from ..access.model import Identity, Refusal
from ..crdt.document import Document
from ..crdt.splitting import split
from ..errors import (
    ConnectionRefused,
    InvalidArguments,
    SessionBusy,
)
from ..ids import RoomName, SessionId, Subject
from ..store.base import SessionRecord, Store
from ..sync.hub import Hub
from ..sync.replica import Replica
from .bounds import Bounds, admitted, consulted
from .member import Dialling, Member
from .session import Kind, Part, TakePart
from .solo import Solo, document_of

__all__ = ["Attendance", "host_identity", "rehearse"]

_EMPTY = b"\x00"  # the state vector of a document to which nothing was ever written

_OCCUPIED = Refusal(1013, "a program has this session for itself; try again later")
_REMOVED = Refusal(4404, "the session was removed")
_REOPENED = Refusal(1012, "the session is opened again; come back soon")


Bind: TypeAlias = Callable[
    [RoomName, Document, Callable[[int], bool]], AbstractContextManager[None]
]
"""Holds a document to what somebody may do; told which client ids are his."""


def host_identity(subject: Subject, *, origin: str = "relay", forwards: bool = True) -> Identity:
    """The program that holds the file, by the name of a subject.

    Args:
        subject: Who edits, as the log says.
        origin: How edits in a room come in, as their rows say.
        forwards: Whether it may bring what others wrote, under the client ids that are theirs.
    """
    return Identity(subject, can_forward=forwards, origin=origin, is_host=True)


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
    async def stay(self, record: SessionRecord, identity: Identity) -> AsyncIterator[TakePart]:
        """Be in a session as its kind asks; gives what opens its documents.

        Args:
            record: The session.
            identity: Who is there.

        Raises:
            SessionBusy: It is had alone already, or cannot be.
        """
        if record.kind == Kind.SINGLE_USER:
            async with self.stay_alone(record, identity) as take_part:
                yield take_part
        elif record.id in self._alone:
            raise SessionBusy(record.name, "this program has it for itself")
        else:
            with self._counted(record):
                yield lambda document: self._replica(record, document, identity)

    @asynccontextmanager
    async def stay_alone(
        self, record: SessionRecord, identity: Identity
    ) -> AsyncIterator[TakePart]:
        """Have a session for oneself, whatever its kind. Raises SessionBusy."""
        if self._inside[record.id]:
            raise SessionBusy(record.name, "this program has it open already")
        bind = self._binding(identity, alone=True)
        consult = partial(self._hub.entry.access.consult, identity)
        alone = _Alone(self._store, record, identity.subject, bind, consult)
        self._alone[record.id] = alone
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
        forwards: bool = True,
        fresh: bool = False,
    ) -> None:
        """Take updates into a document as edits, and wait until they are stored.

        Args:
            record: The session.
            document: The document's name.
            updates: The bytes, in their order.
            subject: Whose edits they are.
            origin: How they come in, as their rows say.
            forwards: Whether they may bring what others wrote.
            fresh: Refuse if the document holds anything already.

        Raises:
            RemoteProtocolError: One of them is no update, or is not taken; the rest is not tried.
            SessionBusy: The program has the session for itself, as somebody else.
            InvalidArguments: The document holds something, and was to be fresh.
        """
        identity = host_identity(subject, origin=origin, forwards=forwards)
        async with self._part(record, document, identity) as part:
            _take(part.document, updates, origin, fresh=fresh)
            await part.saved()

    @asynccontextmanager
    async def _part(
        self, record: SessionRecord, document: str, identity: Identity
    ) -> AsyncIterator[Part]:
        """Take part in a document for a moment, wherever the program is already."""
        alone = self._alone.get(record.id)
        if alone is not None and alone.subject == identity.subject:
            async with alone.lend(document) as solo:
                yield solo
            return
        async with self.stay(record, identity) as take_part, take_part(document) as part:
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
        place, key = RoomName(record.project, record.name, document), (record.id, document)
        await consulted(self._hub.entry.access, identity, place)
        token = secrets.token_urlsafe()
        self._tokens[token] = identity
        link = Dialling(self._hub, str(msgspec.structs.replace(place, session=record.id)), token)
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
                bind, owners = self._binding(identity), self._hub.room(*key).core.edits.owners
                mine = partial(owners.belongs, subject=identity.subject)
                with bind(place, replica.document, mine):
                    try:
                        yield member
                    finally:
                        await member.saved()
        finally:
            del self._tokens[token]
            link.close()

    def _binding(self, identity: Identity, *, alone: bool = False) -> Bind:
        """What holds a document to what somebody may do, if anything does."""
        access = self._hub.entry.access

        def bind(
            place: RoomName, document: Document, mine: Callable[[int], bool]
        ) -> AbstractContextManager[None]:
            if identity.is_host and admitted(access, identity, place).can_write:
                return nullcontext()
            bounds = Bounds(access, identity, place, document, mine=mine, clock=self._hub.now)
            return bounds.kept(alone=alone)

        return bind


class _Alone:
    """A session that the program has for itself, as one subject."""

    def __init__(
        self,
        store: Store,
        record: SessionRecord,
        subject: Subject,
        bind: Bind,
        consult: Callable[[RoomName], Awaitable[None]],
    ) -> None:
        self.subject = subject
        self._bind = bind
        self._consult = consult
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
                place = RoomName(self._record.project, self._record.name, document)
                await self._consult(place)
                stack.enter_context(self._bind(place, solo.document, solo.is_mine))
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
