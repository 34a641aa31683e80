"""The one thread that owns a file, and the line of those who want something of it.

Rules:

1. Everything that waits is committed in one transaction (group commit), in the order
   of the calls. An awaited write starts one at once: whoever calls has gathered
   already. Writes that nobody waits for gather for 10 ms first.
2. A write that somebody awaits either is committed or fails, and then it is gone.
3. A write that nobody awaits is never dropped: the caller's document has it already, and
   the next one builds on it. If the disk does not take it, it stays first in line
   and is tried again each second, when somebody asks, and at the end; the caller is told.
4. One that can never be written, or whose gathering fails, is refused, and so is all that
   its session queues unawaited afterwards: it may build on it. That session is told so
   at each call until the file is opened again, and no other is.
5. Other work runs between commits, one slice at a time, in turn: no commit waits for
   more than a slice. It sees every write that was queued before it.
6. With durability ``stored`` a commit is in the hands of the operating system, and each
   second that brought one ends with a sync of the write-ahead log: the loss of power
   costs that second. With ``durable`` SQLite syncs each commit itself.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from ..errors import CannotWrite, CollabError, LocalProtocolError, StoreError, ValueNotStorable
from ..ids import Seq, SessionId
from .base import Draft, Gather
from .batch import check
from .ledger import Ledger
from .promises import Joint, Promise, deliver

__all__ = ["Writer"]

T = TypeVar("T")

Asked: TypeAlias = tuple[SessionId, Sequence[Draft]]
Write: TypeAlias = tuple[SessionId, tuple[Draft, ...], Promise | None]
Waiting: TypeAlias = tuple[SessionId, tuple[Draft, ...] | Gather, Promise | None]
Work: TypeAlias = Callable[[Ledger], Any]
Slices: TypeAlias = Generator[None, None, Any]

_log = logging.getLogger(__name__)

# Long enough for a burst of edits to share a commit, too short for anybody to notice.
GATHER = 0.01

# What a power loss may cost with durability "stored".
SYNC_EVERY = 1.0

# How often a write that nobody awaits is tried again.
RETRY_EVERY = 1.0

# One transaction of so many rows takes about 10 ms.
BATCH_WRITES = 2048

# With so many unawaited writes in line the caller waits: its memory is bounded.
BACKLOG_WRITES = 16384


class Writer:
    """A thread around a :class:`~collabkit.store.ledger.Ledger`.

    Call :meth:`start`, which is done when the file is open, and :meth:`stop` at the end.
    """

    def __init__(self, open_ledger: Callable[[], Ledger], *, path: str, sync: bool) -> None:
        self.path = path
        self._open_ledger = open_ledger
        self._sync = sync
        self._writes: deque[Waiting] = deque()
        self._work: deque[tuple[Work, Promise]] = deque()
        self._running: deque[tuple[Slices, Promise]] = deque()
        self._wake = threading.Event()
        self._room = threading.Condition()
        self._idle = False
        self._urgent = False
        self._closing = False
        self._held: list[Write] = []
        self._troubled: dict[SessionId, StoreError] = {}
        self._refused: dict[SessionId, Exception] = {}
        self._retry_at: float | None = None
        self._sync_at: float | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<Writer {self.path} waiting={len(self._writes)}>"

    # Called from any thread

    async def start(self) -> None:
        """Start the thread and wait until the file is open; raises what opening raises."""
        loop = asyncio.get_running_loop()
        opened, self._closed = loop.create_future(), loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name="collabkit-store", daemon=True
        )
        self._thread.start()
        await opened

    async def stop(self) -> None:
        """Commit what waits and close the file.

        Raises:
            CannotWrite: Something that waited could not be written, and is lost.
        """
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            try:
                await self._closed
            finally:
                # Also for a caller who was cancelled: the file is not held past its block.
                self._thread.join()
        if self._held:
            lost = sum(len(drafts) for _, drafts, _ in self._held)
            raise CannotWrite(self.path, f"{lost} rows that waited could not be written")

    def append(self, session: SessionId, drafts: Sequence[Draft]) -> asyncio.Future[list[Seq]]:
        """Queue rows; the future, of the running loop, is done when they are committed."""
        self._check_open()
        promise: asyncio.Future[list[Seq]] = asyncio.get_running_loop().create_future()
        self._writes.append((session, tuple(drafts), promise))
        self._urgent = True
        self._wake.set()
        return promise

    def append_all(self, writes: Sequence[Asked]) -> asyncio.Future[list[Any]]:
        """Queue many writes; the future tells of each its places, or its error."""
        self._check_open()
        joint = Joint(len(writes))
        for (session, drafts), part in zip(writes, joint.parts(), strict=True):
            self._writes.append((session, tuple(drafts), part))
        self._urgent = True
        self._wake.set()
        return joint.future

    def enqueue(self, session: SessionId, draft: Draft | Gather) -> None:
        """Queue rows that nobody awaits. Raises CannotWrite as rules 3 and 4 say."""
        if self._closing:
            self._check_open()
        self._writes.append((session, (draft,) if isinstance(draft, Draft) else draft, None))
        waiting = len(self._writes)
        if self._idle or waiting == BATCH_WRITES:
            self._wake.set()
        if refused := self._refused.get(session):
            raise CannotWrite(self.path, f"an earlier row was refused: {refused}") from refused
        if trouble := self._troubled.get(session):
            raise CannotWrite(self.path, f"{trouble}; the row waits in memory")
        if waiting > BACKLOG_WRITES:
            with self._room:
                self._room.wait_for(lambda: len(self._writes) <= BACKLOG_WRITES)

    def submit(self, work: Callable[[Ledger], T]) -> asyncio.Future[T]:
        """Have something short done after all writes queued so far."""
        promise: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue_work(work, promise)
        return promise

    def submit_slices(
        self, work: Callable[[Ledger], Generator[None, None, T]]
    ) -> asyncio.Future[T]:
        """Have something long done after all writes queued so far, between commits."""
        promise: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue_work(work, promise)
        return promise

    def _queue_work(self, work: Work, promise: Promise) -> None:
        self._check_open()
        self._work.append((work, promise))
        self._wake.set()

    def flush(self, session: SessionId | None = None) -> asyncio.Future[None]:
        """Have all that waits committed; fails if rows of a session, or of any, cannot be."""
        self._urgent = True
        return self.submit(lambda _: self._report(session))

    def _check_open(self) -> None:
        if self._closing:
            raise LocalProtocolError(f"the store {self.path} is closed")

    # In the thread

    def _run(self, opened: Promise) -> None:
        try:
            try:
                ledger = self._open_ledger()
            except BaseException as error:
                deliver([(opened, error)])
            else:
                deliver([(opened, None)])
                self._serve_and_close(ledger)
        finally:
            self._abandon()
            deliver([(self._closed, None)])

    def _serve_and_close(self, ledger: Ledger) -> None:
        clean = False
        try:
            self._serve(ledger)
            clean = not (self._held or self._refused)
        finally:
            ledger.close(clean=clean)

    def _serve(self, ledger: Ledger) -> None:
        closing = False
        while not closing:
            self._wait()
            closing = self._closing
            self._turn(ledger)
        while self._writes or self._work:
            self._turn(ledger)

    def _wait(self) -> None:
        """Sleep until there is something to do, and let unawaited writes gather."""
        if self._running:
            return
        self._wake.clear()
        self._idle = True
        if not (self._writes or self._work or self._closing):
            self._wake.wait(self._until_alarm())
        self._idle = False
        if self._writes and not (self._urgent or self._work or self._closing):
            self._wake.clear()
            if not (self._urgent or self._work or self._closing):
                self._wake.wait(GATHER)

    def _until_alarm(self) -> float | None:
        alarms = [alarm for alarm in (self._sync_at, self._retry_at) if alarm is not None]
        return max(0.0, min(alarms) - time.monotonic()) if alarms else None

    def _turn(self, ledger: Ledger) -> None:
        """One round: commit everything that waits, then one slice of something else."""
        # First the work, then the writes: all that were queued before it are among them.
        work = [self._work.popleft() for _ in range(len(self._work))]
        urgent, self._urgent = self._urgent, False
        retry = urgent or self._closing or (self._retry_at or 0.0) <= time.monotonic()
        if self._held and not retry:
            self._hold()
        if self._writes or (self._held and retry):
            self._commit(ledger)
        for function, promise in work:
            self._begin(ledger, function, promise)
        if self._running:
            self._slice()
        self._tend(ledger)

    def _hold(self) -> None:
        """Put what nobody awaits behind what is held: the disk is not asked at each key."""
        trouble = next(iter(self._troubled.values()))
        while self._writes and self._writes[0][2] is None:
            for write in self._gather(self._writes.popleft()):
                self._held.append(write)
                self._troubled.setdefault(write[0], trouble)
        with self._room:
            self._room.notify_all()

    def _commit(self, ledger: Ledger) -> None:
        waiting = len(self._writes)
        while waiting or self._held:
            taken = min(waiting, BATCH_WRITES)
            waiting -= taken
            batch, self._held = self._held, []
            for _ in range(taken):
                batch += self._gather(self._writes.popleft())
            self._commit_batch(ledger, batch)
            with self._room:
                self._room.notify_all()
            if not waiting:
                break

    def _gather(self, queued: Waiting) -> Iterator[Write]:
        session, drafts, promise = queued
        if promise is not None and isinstance(drafts, tuple):
            yield session, drafts, promise
            return
        try:
            # Also after a refusal: what gathers must know that it was asked.
            gathered = drafts if isinstance(drafts, tuple) else tuple(drafts())
            for draft in gathered:
                check(draft)
        except Exception as error:
            # Somebody else's function must not end this thread.
            self._refused.setdefault(session, error)
            return
        if session not in self._refused:
            yield session, gathered, promise

    def _commit_batch(self, ledger: Ledger, batch: list[Write]) -> None:
        try:
            outcomes = ledger.write([(session, drafts) for session, drafts, _ in batch])
        except ValueNotStorable as error:
            self._refuse(ledger, batch, error)
            return
        except StoreError as error:
            self._fail(batch, error)
            return
        except Exception as error:
            _log.exception("%s: a transaction failed", self.path)
            self._fail(batch, CannotWrite(self.path, repr(error)))
            return
        self._troubled, self._retry_at = {}, None
        done = []
        for (session, _, promise), outcome in zip(batch, outcomes, strict=True):
            if promise is not None:
                done.append((promise, outcome))
            elif isinstance(outcome, CollabError):
                self._refused.setdefault(session, outcome)
        deliver(done)

    def _refuse(self, ledger: Ledger, batch: list[Write], error: ValueNotStorable) -> None:
        """One write of these can never be stored: find it, so that it fails alone."""
        if len(batch) > 1:
            for write in batch:
                if write[2] is not None or write[0] not in self._refused:
                    self._commit_batch(ledger, [write])
            return
        ((session, _, promise),) = batch
        if promise is None:
            self._refused.setdefault(session, error)
        else:
            deliver([(promise, error)])

    def _fail(self, batch: list[Write], error: StoreError) -> None:
        self._held += [write for write in batch if write[2] is None]
        if self._held:
            self._troubled = dict.fromkeys((session for session, _, _ in self._held), error)
            self._retry_at = time.monotonic() + RETRY_EVERY
        deliver([(promise, error) for _, _, promise in batch if promise is not None])

    def _begin(self, ledger: Ledger, function: Work, promise: Promise) -> None:
        try:
            result = function(ledger)
        except Exception as error:
            deliver([(promise, error)])
            return
        if isinstance(result, Generator):
            self._running.append((result, promise))
        else:
            deliver([(promise, result)])

    def _slice(self) -> None:
        slices, promise = self._running.popleft()
        try:
            next(slices)
        except StopIteration as end:
            deliver([(promise, end.value)])
        except Exception as error:
            deliver([(promise, error)])
        else:
            self._running.append((slices, promise))

    def _tend(self, ledger: Ledger) -> None:
        """What nobody waits for: move rows, sync the log."""
        try:
            if ledger.file.settling_due():
                ledger.file.settle()
            if self._sync and ledger.file.unsynced and self._sync_at is None:
                self._sync_at = time.monotonic() + SYNC_EVERY
            if self._sync_at is not None and self._sync_at <= time.monotonic():
                self._sync_at = None
                ledger.file.sync()
        except StoreError as error:
            _log.warning("%s", error)
        except Exception:
            _log.exception("%s: it could not be tended to", self.path)

    def _report(self, asked: SessionId | None) -> None:
        if refused := _of(self._refused, asked):
            # Told many times: without the traces of those who were told before.
            raise refused.with_traceback(None)
        if trouble := _of(self._troubled, asked):
            raise CannotWrite(self.path, f"{trouble}; {len(self._held)} rows wait in memory")

    def _abandon(self) -> None:
        """Nobody waits for ever on a closed file."""
        self._closing = True
        left: Iterable[Promise | None] = itertools.chain(
            (promise for _, promise in self._running),
            (promise for _, promise in self._work),
            (promise for _, _, promise in self._writes),
        )
        closed = LocalProtocolError(f"the store {self.path} is closed")
        deliver([(promise, closed) for promise in left if promise is not None])
        for slices, _ in self._running:
            slices.close()
        with self._room:
            self._writes.clear()
            self._room.notify_all()


def _of(told: Mapping[SessionId, T], asked: SessionId | None) -> T | None:
    return told.get(asked) if asked is not None else next(iter(told.values()), None)
