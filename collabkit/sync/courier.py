"""Carries out, for one document and one link after another, what its exchange wants done.

Rules:

1. What was changed here is first queued for the local file, then told to the exchange, in the
   order in which it happened, whichever thread did it.
2. Everything else happens on the loop that the courier runs on. Effects are carried out at
   once: writing puts a frame into the outbox, from where it leaves as the link takes it.
3. More than :data:`HIGH_WATER_BYTES` in the outbox clogs the link: edits only count then, and
   nothing is said twice, so its memory is bounded.
4. Bytes from the other end are scanned by the document before its engine sees them. What cannot
   be applied ends the link for good: it would come again. So does whatever fails in here.
5. Who leaves waits a moment for what is on its way. Only a file keeps what is then pending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ..crdt.budget import NO_BUDGET
from ..crdt.core import is_panic
from ..crdt.document import Change, Document
from ..crdt.scan import scan
from ..crdt.update import decode_state_vector, gap
from ..crdt.weight import is_heavy
from ..errors import (
    BadFrame,
    CollabError,
    ConnectionClosed,
    ConnectionRefused,
    EngineError,
    EngineLost,
    ProtocolError,
    RemoteProtocolError,
    StoreError,
    UpdateRefused,
)
from . import client_effects as do
from . import client_events as on
from . import messages as say
from .channel import Channel, Closable
from .dialects import SUBPROTOCOLS
from .exchange import Exchange
from .local import REMOTE, LocalCopy
from .outbox import Outbox
from .presence import Presence

__all__ = ["Courier", "Dial", "Report"]

_log = logging.getLogger("collabkit.replica")

# A megabyte is what a relay lets wait for a slow reader, too.
HIGH_WATER_BYTES = 1024 * 1024
# What a leaving replica waits for its last words to be taken by the network.
LAST_WORDS_TIMEOUT = 1.0

Dial: TypeAlias = Callable[[], Awaitable[Channel]]
"""Opens a link. If it raises ConnectionClosed, its code says whether another try makes sense."""

Report: TypeAlias = do.Tidings | ConnectionClosed
"""What the owner of a courier hears: effects that are his, and why a link ended."""


class Courier:
    """The shell of an :class:`~collabkit.sync.exchange.Exchange`.

    Args:
        report: Told what concerns the owner.
        moved: Called whenever something may have changed that somebody waits for.
    """

    def __init__(
        self,
        exchange: Exchange,
        document: Document,
        presence: Presence,
        *,
        dial: Dial,
        copy: LocalCopy | None,
        report: Callable[[Report], None],
        moved: Callable[[], None],
    ) -> None:
        self.exchange = exchange
        self._document = document
        self._presence = presence
        self._dial = dial
        self._copy = copy
        self._report = report
        self._moved = moved
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._edits: deque[tuple[Change, int]] = deque()
        self._dial_after: float | None = None
        self._linked = False
        self._outbox: Outbox | None = None
        self._clogged = False
        self._ending: do.HangUp | None = None
        self._hung_up = asyncio.Event()
        self._news = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._unlisten = document.on_update(self._changed)

    def __repr__(self) -> str:
        return f"<Courier {self.exchange!r}, {self._outbox!r}>"

    # Life

    def start(self) -> None:
        """Begin to dial."""
        self.tell(on.Started())
        self._running = asyncio.create_task(self._run(), name="collabkit replica")
        self._running.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Let what waits leave, if the link takes it, and hang up."""
        self._unlisten()
        self.take_edits()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._last_words(), LAST_WORDS_TIMEOUT)
        pending = self.exchange.tally.pending
        if pending and self._copy is None:
            _log.warning("%r ends, and with it %d edits that no relay has", self, pending)
        self.tell(on.Stopped())
        if self._running is not None:
            if not self._linked:
                self._running.cancel()
            await asyncio.wait({self._running})

    async def _last_words(self) -> None:
        if self._outbox is not None:
            await self._outbox.emptied()
        # What is not acknowledged waits in the file. Without one, it ends here.
        while self._copy is None and self.exchange.tally.owed:
            self._news.clear()
            await self._news.wait()

    def _ended(self, running: asyncio.Task[None]) -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """End for good, over what the other end broke or what should never happen."""
        if not isinstance(error, RemoteProtocolError):
            _log.error("%r failed", self, exc_info=error)
        if isinstance(error, CollabError):
            failure = error
        elif is_panic(error):
            failure = EngineLost(self._document.name)
        else:
            failure = ConnectionRefused(1011, f"this replica failed: {error!r}")
        self.tell(on.Broken(failure))

    async def _run(self) -> None:
        while self._dial_after is not None:
            after, self._dial_after = self._dial_after, None
            await asyncio.sleep(after)
            self.tell(on.Dialling())
            try:
                channel = await self._dial()
            except ConnectionClosed as error:
                lost = error
            except CollabError as error:
                self.tell(on.Broken(error))
                return
            else:
                self._linked = True
                lost = await self._talk(channel)
                self._linked = False
            self._report(lost)
            # Spreads out those who lost the same relay; nothing is kept secret by it.
            dice = random.random()  # noqa: S311
            self.tell(on.Lost(lost.code, lost.reason, dice))

    async def _talk(self, channel: Channel) -> ConnectionClosed:
        self._outbox = Outbox()
        self._clogged = False
        self._ending = None
        self._hung_up.clear()
        parts = [
            asyncio.create_task(self._read(channel)),
            asyncio.create_task(self._outbox.pump(channel, self._drained)),
            asyncio.create_task(self._keep_time()),
        ]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._outbox = None
            for part in parts:
                part.cancel()
            ends = await asyncio.gather(*parts, return_exceptions=True)
        for end in ends:
            if isinstance(end, ConnectionClosed) or end is None:
                continue
            if isinstance(end, Exception) or is_panic(end):
                self._fail(end)
        return await self._hang_up(channel)

    async def _hang_up(self, channel: Channel) -> ConnectionClosed:
        end = self._ending or do.HangUp(1006, "the link ended")
        lost = ConnectionClosed(end.code, end.reason)
        if isinstance(channel, Closable):
            if self._ending is None and channel.close_code is not None:
                lost = ConnectionClosed(channel.close_code, channel.close_reason)
            mine = self._ending or do.HangUp(1000, "")
            await channel.close(mine.code, mine.reason)
        return lost

    async def _read(self, channel: Channel) -> None:
        self.tell(on.Opened(getattr(channel, "subprotocol", None) in SUBPROTOCOLS))
        async for frame in channel:
            self._hear(frame)

    async def _keep_time(self) -> None:
        while not self._hung_up.is_set():
            try:
                async with asyncio.timeout_at(self.exchange.wake_at):
                    await self._hung_up.wait()
            except TimeoutError:
                self.tell(on.Ticked())

    # In

    def tell(self, event: on.Event) -> None:
        """Let the exchange take an event, and carry out what it wants."""
        for effect in self.exchange.handle(event, now=self._loop.time()):
            follows = self._carry(effect)
            if follows is not None:
                self.tell(follows)
                break
        self._news.set()
        self._moved()

    def share(self) -> None:
        """Tell the others what this participant shows, if there is anybody to tell."""
        if self._outbox is not None and not self._clogged:
            self._say(do.Share())

    def _changed(self, change: Change) -> None:
        """The document was changed, on any thread and under its lock."""
        mine = change.origin != REMOTE
        if mine:
            # Before the row is queued: a record must never count a row that was not told yet.
            self._edits.append((change, self._copy.row + 1 if self._copy else 0))
        try:
            if self._copy is not None:
                self._copy.keep(change, seen=self.exchange.position.cursor)
        except StoreError as error:
            if mine:
                raise
            _log.warning("%s: %s", self, error)
        finally:
            if mine and threading.get_ident() == self._thread:
                self.take_edits()
            elif mine:
                self._loop.call_soon_threadsafe(self.take_edits)

    def take_edits(self) -> None:
        """Tell the exchange what other threads have changed until now."""
        while self._edits:
            change, _ = self._edits.popleft()
            self.tell(on.Edited(change.update, change.group or ""))

    def _hear(self, frame: bytes) -> None:
        try:
            message = say.read_collabkit(frame)
        except RemoteProtocolError as error:
            unknown = isinstance(error, BadFrame) and error.close_code == 1003
            if not (unknown and self.exchange.dialect is do.Dialect.YWEBSOCKET):
                self.tell(on.Broken(error))
            return
        if isinstance(message, say.SyncStep1):
            self.tell(on.Asked(message.vector, self._told_vector()))
        else:
            self.tell(on.Received(message))

    # Out

    def _carry(self, effect: do.Effect) -> on.Event | None:
        """Do it; returns what the exchange must hear of before it wants more."""
        match effect:
            case do.Integrate():
                return self._integrate(effect)
            case do.Compare(since):
                return self._compare(since)
            case do.Check(told):
                return self._check(told)
            case do.MeetOthers(update):
                self._meet(update)
            case do.Record():
                self._record()
            case do.Dial(after):
                self._dial_after = after
            case do.HangUp():
                self._dial_after = None
                self._ending = effect
                self._hung_up.set()
            case do.Send() | do.Introduce() | do.Inquire() | do.Share():
                self._say(effect)
            case _:
                self._report(effect)
        return None

    def _integrate(self, effect: do.Integrate) -> on.Event | None:
        try:
            _apply(self._document, effect.update, whole=effect.whole)
        except UpdateRefused as error:
            return on.Gapped(effect.seq) if error.code == "gap" else on.Broken(error)
        except (ProtocolError, EngineError) as error:
            return on.Broken(error)
        except Exception:
            # The update is in; one of those who watch the document failed over it.
            _log.exception("an observer of %r failed", self._document)
        return None

    def _compare(self, since: bytes) -> on.Event | None:
        try:
            ours = self._told_vector()
            update = self._document.update(since)
        except (ProtocolError, EngineError) as error:
            return on.Broken(error)
        self.tell(on.Compared(update, ours))
        return None

    def _check(self, told: say.Digest) -> on.Event | None:
        if is_heavy(self._document.update()):
            return None
        ours = self._document.digest()
        self.take_edits()
        return None if self.exchange.tally.pending else on.Checked(told, ours)

    def _told_vector(self) -> bytes:
        """The document's state vector, every edit behind it told to the exchange."""
        vector = self._document.state_vector
        self.take_edits()
        return vector

    def _meet(self, update: bytes | None) -> None:
        try:
            if self._presence.hear(update):
                self.share()
        except RemoteProtocolError as error:
            # y-websocket servers pass on what anybody sends, and presence is not worth a link.
            _log.warning("presence that does not parse: %s", error)
        except Exception:
            _log.exception("an observer of %r failed", self._presence)

    def _record(self) -> None:
        if self._copy is not None:
            row = self._copy.row  # read first: other threads add to both
            if self._edits:
                row = min(row, self._edits[0][1] - 1)
            self._copy.record(self.exchange.position.standing, row=row)

    def _say(self, words: do.Words) -> None:
        document = self._document
        match words:
            case do.Send(message):
                self._put(message)
            case do.Introduce(lineage, seq):
                self._put(say.Resume(lineage, seq, document.state_vector))
            case do.Inquire():
                self._put(say.SyncStep1(document.state_vector))
            case do.Share(anew):
                if (state := self._presence.words(anew=anew)) is not None:
                    self._put(say.Awareness(state))

    def _put(self, message: say.Message) -> None:
        if self._outbox is None:
            return
        self._outbox.put(say.write(message))
        if self._outbox.buffered_bytes > HIGH_WATER_BYTES and not self._clogged:
            self._clogged = True
            self.tell(on.Clogged(self._told_vector()))

    def _drained(self) -> None:
        if self._clogged:
            self._clogged = False
            self.tell(on.Drained())


def _apply(document: Document, update: bytes, *, whole: bool) -> None:
    """Take in what the other end sent. A whole document may be of any size, but is scanned too."""
    try:
        document.apply(update, origin=REMOTE)
    except UpdateRefused as error:
        if not whole or not error.code.startswith("too-") or error.code == "too-deep":
            raise
        known = decode_state_vector(document.state_vector, NO_BUDGET.clients)
        if gap(scan(update, NO_BUDGET), known):
            raise UpdateRefused("gap", "it builds on edits that are not here") from None
        document.apply(update, origin=REMOTE, trusted=True)
