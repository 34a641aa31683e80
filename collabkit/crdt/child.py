"""A child, seen from the process that has it made: calls go in, answers come out, until it dies.

Rules:

1. All calls of one turn of the event loop leave together, in one frame and one write.
2. A child dies once. Every call that was not answered by then is answered by :class:`Lost`;
   the first of them is the one it died of, and the mark says of which update.
3. For each update a child has some seconds, and what its size takes; for what it does with all
   of a document, what that one's size takes. One that does not get on is
   killed; and so is one that takes twelve times as long to answer anything at all, whatever its
   mark says. The clock runs only while there are calls; and where it can be told that a child
   was not let run, on a machine that has too much to do, it gets four times as long.
4. What it says is bounded, and decoded as what it must be. One that says something else
   is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from .engine import Contested
from .pipe import (
    BYTES_PER_S,
    Answer,
    Build,
    Close,
    Diff,
    Frames,
    Lost,
    Mark,
    Open,
    Rehearse,
    Request,
    Survey,
    Taste,
    TooLong,
    decode_answers,
    encode,
    framed,
)

__all__ = ["CALL_PATIENCE", "Child"]

CALL_PATIENCE: Final = 12
"""How much longer than one update a whole call may take, besides what its size takes.

A child that lost its mind may move its mark for ever. What is in it was loaded before in less.
"""

# Of its time, one that hangs at something uses this much at least; and how much longer one that
# does not may take.
_BUSY: Final = 0.5
_STARVED: Final = 4.0
# A nursery that is just being started makes no children yet.
_BIRTH_S: Final = 30.0
# Read in pieces that the C library keeps at hand; it maps larger ones anew each time.
_CHUNK_BYTES: Final = 1 << 16


class Nurse(Protocol):
    """Who had it made, and can have it killed."""

    def kill(self, number: int) -> None:
        """Kill the child of this number, if it lives."""
        ...


class _Call:
    __slots__ = ("future", "request")

    def __init__(self, request: Request, future: asyncio.Future[Answer]) -> None:
        self.request = request
        self.future = future


class Child:
    """One end of a child's life.

    Args:
        number: What its nurse knows it by.
        pipe: This end of the pipe.
        mark: What it is doing.
        patience_s: How long it may take for an update, besides what its size takes.
        answer_bytes: How long an answer may be.

    Attributes:
        pid: Its process, once it is born.
        fate: What became of it in the end, in words.
        on_death: Called once when it is dead, or as good as; not if it was to end.
        trips: How many calls it answered.
        looked_at: When somebody looked how big it is.
        alive: It can be asked.
        ending: It was told to end.
        orphan: The nursery's process that made it is gone, and nobody waits for it.
    """

    def __init__(
        self, number: int, pipe: socket.socket, mark: Mark, nurse: Nurse,
        *, patience_s: float, answer_bytes: int,
    ) -> None:  # fmt: skip
        self.number = number
        self.pid: int | None = None
        self.on_death: Callable[[Child], None] = lambda _child: None
        self.trips = 0
        self.looked_at = 0.0
        self.alive = True
        self.ending = False
        self.orphan = False
        self._loop = asyncio.get_running_loop()
        self.fate: asyncio.Future[str] = self._loop.create_future()
        self._verdict: str | None = None  # why it was killed, by us
        self._pipe = pipe
        self._mark = mark
        self._nurse = nurse
        self._patience_s = patience_s
        self._frames = Frames(answer_bytes)
        self._ticket = 0
        self._calls: dict[int, _Call] = {}
        self._due: list[tuple[int, Request]] = []
        self._unsent: list[memoryview] = []  # frames, or what is left of one
        self._watching: asyncio.TimerHandle | None = None
        self._seen: tuple[int, int | None] = (0, None)
        self._seen_at = 0.0
        self._seen_busy_s: float | None = None  # how long it had run by then
        self._answered = 0  # calls, when somebody looked
        self._answered_at = 0.0
        self._answered_busy_s: float | None = None
        pipe.setblocking(False)
        self._loop.add_reader(pipe.fileno(), self._readable)

    def __repr__(self) -> str:
        state = "alive" if self.alive else "dead"
        return f"<Child {self.number} {state}, {len(self._calls)} calls>"

    @property
    def pending(self) -> int:
        """How many calls wait for an answer."""
        return len(self._calls)

    def ask(self, request: Request) -> asyncio.Future[Answer]:
        """Ask for something. What is asked in one turn of the loop is sent together."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        if not self.alive:
            future.set_result(Lost(None, "dead"))
            return future
        self._say(request)
        self._calls[self._ticket] = _Call(request, future)
        if self._watching is None:
            self._note()
            self._note_answers()
            self._watching = self._loop.call_later(self._patience_s / 4, self._watch)
        return future

    def forget(self, number: int) -> None:
        """Have it close a document."""
        if self.alive:
            self._say(Close(number))

    def end(self) -> None:
        """Let it end once it has answered all there is."""
        self.ending = True
        if self.alive and not self._calls:
            self._bury()

    def kill(self, why: str) -> None:
        """Have it killed, now."""
        if self.alive:
            self._verdict = why
            self._nurse.kill(self.number)
            self._bury()

    # What the nurse tells

    def born(self, pid: int) -> None:
        """It has a process."""
        self.pid = pid
        if self.alive:
            self._note()
            self._note_answers()

    def died(self, status: int | None) -> None:
        """It has none any more; ``status`` is what `wait` said, if anybody waited."""
        how = "never born" if self.pid is None else "died"
        if status is not None:
            how = _words(status)
        how = self._verdict or how
        if not self.fate.done():
            self.fate.set_result(how)
        if self.alive:
            self._bury()

    def resident_bytes(self) -> int | None:
        """How much memory it has, where that can be told."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        except OSError:
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    # The pipe

    def _say(self, request: Request) -> None:
        self._ticket += 1
        if not self._due:
            self._loop.call_soon(self._flush)
        self._due.append((self._ticket, request))

    def _flush(self) -> None:
        due, self._due = self._due, []
        if not self.alive:
            return
        self._unsent.append(memoryview(framed(encode(due))))
        if len(self._unsent) == 1 and not self._send():
            self._loop.add_writer(self._pipe.fileno(), self._writable)

    def _send(self) -> bool:
        """Write what the pipe takes; whether that was all."""
        while self._unsent:
            frame = self._unsent[0]
            try:
                sent = self._pipe.send(frame)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                # It is dead. What it had said is still to be read, and then the end.
                self._unsent.clear()
                return True
            if sent < len(frame):
                self._unsent[0] = frame[sent:]
                return False
            del self._unsent[0]
        return True

    def _writable(self) -> None:
        if self._send():
            self._loop.remove_writer(self._pipe.fileno())

    def _readable(self) -> None:
        try:
            chunk = self._pipe.recv(_CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._bury()
            return
        self._seen_at = self._loop.time()  # to talk is to get on
        try:
            for frame in self._frames.feed(chunk):
                for ticket, answer in decode_answers(frame):
                    call = self._calls.pop(ticket)
                    if not call.future.done():
                        call.future.set_result(answer)
                    self.trips += 1
        except (msgspec.MsgspecError, KeyError, TooLong):
            self.kill("it does not speak as it must")
        if self.ending and not self._calls and self.alive:
            self._bury()

    # Patience

    def _note(self) -> None:
        self._seen = (self._mark.ticket, self._mark.index)
        self._seen_at = self._loop.time()
        self._seen_busy_s = self._busy_s()

    def _note_answers(self) -> None:
        self._answered = self.trips
        self._answered_at, self._answered_busy_s = self._seen_at, self._seen_busy_s

    def _watch(self) -> None:
        """Look whether it gets on; as long as there is something to get on with."""
        self._watching = None
        if self._calls and self._seen != (self._mark.ticket, self._mark.index):
            self._note()
        if self._calls and self._answered != self.trips:
            self._note_answers()
        if self._calls and self._late():
            self._readable()  # it may have answered while this process was held up
            if self.alive and (how := self._late()):
                self.kill(how)
        if self._calls:
            self._watching = self._loop.call_later(self._patience_s / 4, self._watch)

    def _late(self) -> str:
        """What it is too late for, in words; empty if it is not."""
        if self._is_over(self._seen_at, self._seen_busy_s, self._patience()):
            return f"no answer in {self._patience_s:g} s"
        call_s = CALL_PATIENCE * self._patience_s
        oldest = next(iter(self._calls.values()), None)
        if self.pid is None or oldest is None or self._answered != self.trips:
            return ""
        size_s = sum(map(_size, _updates(oldest.request))) / BYTES_PER_S
        if self._is_over(self._answered_at, self._answered_busy_s, call_s + size_s):
            return f"no end in {call_s:g} s"
        return ""

    def _is_over(self, since: float, before_s: float | None, patience_s: float) -> bool:
        late_s = self._loop.time() - since
        if late_s <= patience_s:
            return False
        now_s = self._busy_s()
        was_let_run = before_s is None or now_s is None or now_s - before_s > _BUSY * patience_s
        return was_let_run or late_s > _STARVED * patience_s

    def _busy_s(self) -> float | None:
        """How long it has run, where that can be told."""
        try:
            return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError, ValueError):
            return None

    def _patience(self) -> float:
        if self.pid is None:
            return max(self._patience_s, _BIRTH_S)
        return self._patience_s + self._size_bytes() / BYTES_PER_S

    def _size_bytes(self) -> int:
        """The size of what it is at."""
        call = self._calls.get(self._mark.ticket)
        if call is None:
            return 0
        if isinstance(call.request, Diff | Survey):
            return self._mark.weight_bytes
        updates = _updates(call.request)
        index = self._mark.index
        if index is None or index >= len(updates):
            return sum(map(_size, updates))
        update = updates[index]
        return _size(update) + self._mark.weight_bytes * isinstance(update, Contested)

    # Death

    def _bury(self) -> None:
        self.alive = False
        fd = self._pipe.fileno()
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        self._pipe.close()
        self._unsent.clear()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        calls, self._calls = self._calls, {}
        at, index = self._mark.ticket, self._mark.index
        self._mark.close()
        for ticket, call in calls.items():
            if not call.future.done():
                call.future.set_result(Lost(index if ticket == at else None, "died"))
        if self.orphan:
            self.died(None)
        if not self.ending:
            self.on_death(self)


def _size(update: bytes | Contested) -> int:
    return len(update.update if isinstance(update, Contested) else update)


def _updates(request: Request) -> Sequence[bytes | Contested]:
    match request:
        case Open(_, updates, _) | Build(updates) | Rehearse(updates):
            return updates
        case Taste(trips):
            return [update for _, updates in trips for update in updates]
    return ()


def _words(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"exit {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
