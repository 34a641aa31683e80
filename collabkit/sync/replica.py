"""A local-first replica of a document: open at once, edited offline, in step when there is a link.

Rules:

1. An edit is in the document at once, and in the replica's own file (if it has one) within a
   moment, whatever the network does.
2. No edit is forgotten: it stays pending until a relay says that it has stored it, through
   reconnects, and through crashes of this program if there is a file.
3. Documents that are not the same are never merged: a relay that has another document under
   this name is left, with OtherLineage. So is, with ConnectionRefused, one whose log has other
   content for the same edits; then the next opening begins anew.
4. Servers that speak y-websocket will do, but they acknowledge nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeAlias

from ..crdt.document import Document
from ..crdt.seeding import is_seeded, make_seed
from ..errors import (
    CollabError,
    ConnectionClosed,
    LocalProtocolError,
    NoAcknowledgements,
    ReadOnlyDocument,
)
from ..ids import DEFAULT_DOCUMENT
from ..store.base import Store
from . import client_effects as do
from . import client_events as on
from .client_effects import Dialect, Status
from .courier import Courier, Dial, Report
from .errands import Errands, outcome
from .exchange import Exchange
from .local import SEED, LocalCopy
from .news import News
from .presence import Presence
from .receipts import Receipts
from .tally import NEWBORN
from .untaken import Receipt
from .vigil import PATIENCE
from .waiting import Waiting

__all__ = ["Place", "Replica"]

_log = logging.getLogger("collabkit.replica")

_LAST = (Status.REFUSED, Status.CLOSED)

Place: TypeAlias = str | os.PathLike[str] | Store
"""A replica's own file, or a store that is open."""


class Replica:
    """A document that is kept in step with a relay; :func:`.connect` makes one.

    All of it belongs to one event loop, but for :attr:`document`, which any thread may edit.

    Attributes:
        url: Where the document is.
        presence: What this participant shows, and what the others do.
        receipts: What the relay did not take of edits made here, since this participant may not
            do everything.
    """

    def __init__(
        self,
        dial: Dial,
        *,
        url: str,
        document: str = DEFAULT_DOCUMENT,
        store: Place | None = None,
        renewable: bool = False,
        patience: float | None = PATIENCE,
    ) -> None:
        self.url = url
        self._document = Document(document)
        self.presence = Presence(
            self._document.client_id, clock=time.monotonic, announce=self._announce
        )
        self._dial = dial
        self._store = store
        self._renewable = renewable
        self._patience = patience
        self._exchange = Exchange(document=document)
        self._courier: Courier | None = None
        self._copy: LocalCopy | None = None
        self._stack: AsyncExitStack | None = None
        self._waiting = Waiting()
        self._news = News[Status](f"a replica of {url}")
        self._errands = Errands()
        self.receipts = Receipts()

    @classmethod
    def over(
        cls,
        dial: Dial,
        *,
        url: str = "channel:",
        document: str = DEFAULT_DOCUMENT,
        store: Place | None = None,
        patience: float | None = None,
    ) -> Replica:
        """Make a replica over channels of any kind.

        Args:
            dial: Opens a channel, and again after each loss. It is not called any more once it
                raises ConnectionClosed with a code from 4400 to 4499.
            url: Names the replica in its store and in messages.
            document: The document's name.
            store: As for :func:`.connect`.
            patience: As for :func:`.connect`; by default a channel may be silent for ever.
        """
        return cls(dial, url=url, document=document, store=store, patience=patience)

    def __repr__(self) -> str:
        return f"<Replica of {self.url} {self.status.value}, {self.pending} pending>"

    async def __aenter__(self) -> Self:
        if self._courier is not None:
            raise LocalProtocolError("a replica is entered once: make another")
        async with AsyncExitStack() as stack:
            standing = NEWBORN
            if self._store is not None:
                copy = LocalCopy.open(self._store, self.url, self._document)
                self._copy = await stack.enter_async_context(copy)
                standing = self._copy.standing
            self._exchange = Exchange(
                document=self._document.name,
                standing=standing,
                renewable=self._renewable,
                patience=self._patience,
            )
            self._courier = Courier(
                self._exchange,
                self._document,
                self.presence,
                dial=self._dial,
                copy=self._copy,
                report=self._hear,
                moved=lambda: self._waiting.moved(pending=self._exchange.tally.pending),
            )
            stack.push_async_callback(self._courier.stop)
            self._courier.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up. What is pending waits in the file for the next time; without one, it is lost."""
        assert self._stack is not None
        await self._stack.aclose()

    # What there is

    @property
    def document(self) -> Document:
        """The document. Edit it as if there were no network."""
        if self._courier is None:
            raise LocalProtocolError("the replica is not open: use it with `async with`")
        return self._document

    @property
    def status(self) -> Status:
        """How it stands to its relay."""
        return self._exchange.status

    @property
    def pending(self) -> int:
        """How many edits made here the relay has not acknowledged.

        A y-websocket server never does: there, how many have not been sent.
        """
        return self._exchange.tally.pending

    @property
    def trouble(self) -> CollabError | None:
        """Why it is not live, as far as that is known: the last loss or refusal."""
        return self._waiting.trouble

    def observe(self, observer: Callable[[Status], object]) -> Callable[[], None]:
        """Call back with each new status; returns what stops it."""
        return self._news.observe(observer)

    async def statuses(self) -> AsyncIterator[Status]:
        """The status now, and each new one, until it is the last."""
        news = asyncio.Queue[Status]()
        news.put_nowait(self.status)
        stop = self.observe(news.put_nowait)
        try:
            while (status := await news.get()) not in _LAST:
                yield status
            yield status
        finally:
            stop()

    # Waiting

    async def synced(self) -> None:
        """Wait until the document has what the relay had, and the other way round.

        Raises:
            ConnectionRefused: The relay does not want this participant.
            OtherLineage: It has another document under this name.
            RemoteProtocolError: It broke the protocol.
            ConnectionClosed: The replica was closed meanwhile.
        """
        await self._until(lambda: self.status is Status.LIVE)

    async def saved(self) -> tuple[Receipt, ...]:
        """Wait until the relay has stored every edit made here so far.

        Returns:
            What it did not take of them: the receipts that came since this was asked before.

        Raises:
            NoAcknowledgements: The server is no relay of ours, and never tells.
            UpdateRefused: The relay did not take an edit; it stays here, and pending.
            ReadOnlyDocument: This participant may not write, and has edits from before.
            ConnectionRefused: As for :meth:`synced`, and everything else there.
        """
        if self._courier is not None:
            self._courier.take_edits()
        exchange, tally = self._exchange, self._exchange.tally
        target = tally.made

        def done() -> bool:
            if exchange.dialect is Dialect.YWEBSOCKET:
                raise NoAcknowledgements(self.url)
            if target == 0 or (exchange.answers and tally.acked >= target):
                return True
            if self._waiting.refusal is not None:
                raise self._waiting.refusal
            if self.status is Status.LIVE and not exchange.position.can_write:
                raise ReadOnlyDocument(self._document.name)
            return False

        await self._until(done)
        return self.receipts.taken()

    async def reached(self, row: int) -> None:
        """Wait until a row of the relay's log, that somebody else wrote, is in the document.

        Raises:
            ConnectionRefused: As for :meth:`synced`, and everything else there.
        """
        await self._until(lambda: self._exchange.position.cursor >= row)

    async def kept(self) -> None:
        """Wait until every edit so far is in this replica's own file.

        Raises:
            LocalProtocolError: It has none.
            CannotWrite: The disk does not take them.
        """
        await self._kept_copy.flush()

    def refresh(self, token: str) -> None:
        """Show the relay another token, on the link there is.

        The next link shows what ``token`` of :func:`.connect` gives, as ever.
        """
        if self._courier is not None:
            self._courier.tell(on.Renewed(token))

    async def fork(self) -> str:
        """Leave this copy to itself, in its file: the next opening begins an empty one.

        Returns:
            Its name, as a session of the project ``replicas``.

        Raises:
            LocalProtocolError: There is no file, and so nothing that stays.
        """
        return await self._kept_copy.fork()

    @property
    def _kept_copy(self) -> LocalCopy:
        if self._copy is None:
            raise LocalProtocolError("this replica has no file: open it with `store=...`")
        return self._copy

    async def _until(self, done: Callable[[], bool]) -> None:
        await self._waiting.until(done, lambda: self.status is Status.CLOSED)

    # Asking for more

    async def call(self, operation: str, /, *, key: str | None = None, **arguments: Any) -> Any:
        """Have the relay carry out an operation, after the edits made before.

        Args:
            operation: Its name, such as ``versions``.
            key: Names this one call: repeated with it, it happens once. One is made up for
                each call, so that a reconnect in the middle does no harm.
            arguments: What it takes.

        Returns:
            Its result, as JSON values.

        Raises:
            OperationFailed: It did not work out; ``kind`` says which error it was.
            UnknownOperation: The server has no such operation.
            MalformedBytes: What came back is not JSON.
            InvalidArguments: The arguments are not JSON.
            ConnectionRefused: As for :meth:`synced`, and everything else there.
        """
        if self._courier is None:
            raise LocalProtocolError("the replica is not open: use it with `async with`")
        call, answer = self._errands.begin(operation, arguments, key)
        self._courier.tell(on.Called(call))
        try:
            await self._until(answer.done)
        finally:
            self._errands.end(call)
            self._courier.tell(on.Forgotten(call.id))
        return outcome(operation, answer.result())

    async def seed(self, key: str, write: Callable[[Document], object]) -> bool:
        """Give the document its first content, unless it was given it under this key before.

        Replicas that do so at the same time give it once: the same content gets the same ids
        wherever it is made. See :mod:`collabkit.crdt.seeding`.

        Args:
            key: What the content is for. It is the same in all versions of a program.
            write: Writes the content into the empty document it is called with. It is called
                twice, and must write the same.

        Returns:
            Whether it was given now.

        Raises:
            ReadOnlyDocument: This participant may not write.
            ConnectionRefused: As for :meth:`synced`, and everything else there.
        """
        await self.synced()
        if is_seeded(self._document.state_vector, key):
            return False
        if not self._exchange.position.can_write:
            raise ReadOnlyDocument(self._document.name)
        seed = make_seed(key, write)
        self._document.apply(seed.update, origin=SEED)
        return True

    # What the courier brings

    def _announce(self) -> None:
        if self._courier is not None:
            self._courier.share()

    def _hear(self, report: Report) -> None:
        match report:
            case do.Changed(status):
                self._change(status)
            case do.Failed(error):
                self._waiting.failed(error, for_good=self.status is Status.REFUSED)
            case do.Diverged():
                _log.error("%r has other content than its relay: a fork of it is kept", self)
                if self._copy is not None:
                    self._copy.fork()
            case do.Replied(result):
                self._errands.answered(result)
            case do.NotTaken(receipt):
                self.receipts.came(receipt)
            case do.Qualified(reason):
                _log.info("%r: %s", self, reason)
                self._waiting.refusal = None
                self._qualify()
            case ConnectionClosed():
                self._waiting.lost(report)

    def _change(self, status: Status) -> None:
        if status is Status.LIVE:
            self._waiting.trouble = None
        if status in (Status.SYNCING, Status.LIVE):
            self._qualify()
        if status in _LAST:
            self.receipts.end()
        self._news.tell(status)

    def _qualify(self) -> None:
        """Refuse edits here as long as the relay would."""
        if self._document.guard in (None, self._refuse):
            self._document.guard = None if self._exchange.position.can_write else self._refuse

    def _refuse(self, _update: bytes) -> None:
        raise ReadOnlyDocument(self._document.name)
