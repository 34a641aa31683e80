"""What runs in a child: it can do nothing but answer, and may die of what it is given.

Rules:

1. **A child holds one descriptor**, the pipe, which is its 0; its limit is 1, so there is
   nothing it can open, no file and no connection. It has no environment, cannot write a
   file or a core dump, cannot start a process, and cannot outgrow its memory.
2. It ends when the pipe does. Should it hang by then, an alarm that it sets for each frame
   ends it: an alarm needs nobody who is still there.
3. It answers a frame by a frame. Only if that took long, or became long, it tells what
   it has so far.
4. All that it imports is imported before (:mod:`.nursery_loop`): it could not open a file.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, assert_never

from ..errors import EngineLost, MalformedBytes, UpdateRefused
from .budget import NO_BUDGET, Budget
from .pipe import (
    BYTES_PER_S,
    Answer,
    Build,
    Close,
    Diff,
    Done,
    Frames,
    Lost,
    Made,
    Malformed,
    Mark,
    Open,
    Opened,
    Piece,
    Ping,
    Refused,
    Rehearse,
    Request,
    Survey,
    Taste,
    Tasted,
    Trip,
    decode_calls,
    encode,
    framed,
    said,
)
from .rebuild import build, rehearse
from .replay import Replay
from .update import decode_state_vector

__all__ = ["NO_MEMORY", "UNHEARD", "Answering", "confine", "run"]

# Who ends a relay often tells all its processes at once; but it has things to finish, for which
# it needs them. They end when it does. That a pipe is broken is seen when it is read.
UNHEARD: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
PIPE: Final = 0
NO_MEMORY: Final = 71  # EX_OSERR of sysexits.h
_CHUNK_BYTES: Final = 1 << 16
_TALK_AFTER_S: Final = 0.002
_TALK_AFTER_BYTES: Final = 1 << 16
# An alarm is for a child that nobody watches any more; who watches it has far less patience.
_ALARM_S: Final = 60.0


def confine(pipe: int, memory_bytes: int) -> None:
    """Take from this process all that it does not need; for ever."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):  # some cannot be set, such as SIGKILL
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in UNHEARD:
        signal.signal(number, signal.SIG_IGN)
    os.environ.clear()
    memory_bytes += _address_space_bytes()
    if pipe != PIPE:
        os.dup2(pipe, PIPE, inheritable=False)
    _close_all_but_the_pipe()
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: PIPE + 1,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_AS: memory_bytes,
    }
    for limited, limit in limits.items():
        with contextlib.suppress(OSError, ValueError):  # not every system takes each of them
            resource.setrlimit(limited, (limit, limit))


def _close_all_but_the_pipe() -> None:
    try:
        others = {int(name) for name in os.listdir("/dev/fd")} - {PIPE}
    except OSError:  # not every jail has such a folder
        others = set(range(PIPE + 1, 1 << 16))
    for fd in others:
        with contextlib.suppress(OSError):  # the one that listed them is among them
            os.close(fd)


def _address_space_bytes() -> int:
    """What this process, being a copy of another, has reserved before it did anything."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[0]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def run(mark: Mark) -> None:
    """Answer what comes on the pipe, until it ends."""
    gc.enable()
    os.set_blocking(PIPE, True)
    pipe = socket.socket(fileno=PIPE)
    answering = Answering(mark)
    frames = Frames(limit=1 << 62)
    while chunk := pipe.recv(_CHUNK_BYTES):
        for frame in frames.feed(chunk):
            for answers in answering.frame(frame):
                pipe.sendall(framed(answers))


class Answering:
    """The documents of a child, and what it says of them."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._held: dict[int, Replay] = {}

    def __repr__(self) -> str:
        return f"<Answering for {len(self._held)} documents>"

    def frame(self, frame: bytes | memoryview) -> Iterator[bytes]:
        """Answer the calls of a frame; mostly in one piece."""
        answers: list[tuple[int, Answer]] = []
        answers_bytes = 0
        talk_at = time.monotonic() + _TALK_AFTER_S
        signal.setitimer(signal.ITIMER_REAL, _ALARM_S + len(frame) / BYTES_PER_S)
        for ticket, request in decode_calls(frame):
            self._mark.begin(ticket)
            answer = self.answer(request)
            if answer is None:
                continue
            answers.append((ticket, answer))
            if type(answer) is Piece or type(answer) is Made:
                answers_bytes += len(answer.body)
            if answers_bytes > _TALK_AFTER_BYTES or time.monotonic() > talk_at:
                yield encode(answers)
                answers, answers_bytes = [], 0
                talk_at = time.monotonic() + _TALK_AFTER_S
        signal.setitimer(signal.ITIMER_REAL, 0)
        if answers:
            yield encode(answers)

    def answer(self, request: Request) -> Answer | None:
        """Do what one call asks for."""
        try:
            match request:
                case Taste(trips):
                    return Tasted(self._taste(trips))
                case Diff() | Survey():
                    return self._piece(request)
                case Open(number, updates, budget):
                    return self._open(number, updates, budget)
                case Close(number):
                    self._held.pop(number, None)
                    return None
                case Build(updates):
                    built = build(self._mark.each(updates))
                    return Made(built.body, built.digest)
                case Rehearse(updates):
                    rehearse(self._mark.each(updates))
                    return Done()
                case Ping():
                    return Done()
                case _:
                    assert_never(request)
        except EngineLost as lost:
            return Lost(lost.culprit, _cause(lost))
        except UpdateRefused as refused:
            return Refused(refused.code, refused.reason)
        except MalformedBytes as malformed:
            return Malformed(malformed.what, malformed.offset)
        except BaseException as error:
            # Such as a panic: what it was about is lost, the others are whole.
            return Lost(None, _words(error))

    def _open(self, number: int, updates: Any, budget: Budget) -> Answer:
        replay = Replay(str(number), budget)
        replay.load(self._mark.each(updates))
        self._held[number] = replay
        return Opened(dict(replay.vector))  # it is written down when the frame is

    def _taste(self, trips: Any) -> list[bytes | Trip]:
        told: list[bytes | Trip] = []
        first = 0
        for number, updates in trips:
            replay = self._held.get(number)
            if replay is None:
                told.append(Trip(b"", (), None, "not held"))
            else:
                self._mark.weight_bytes = replay.weight_bytes
                try:
                    told.append(said(replay.taste(self._mark.each(updates, first))))
                except EngineLost as lost:
                    del self._held[number]
                    told.append(Trip(b"", (), lost.culprit, _cause(lost)))
            first += len(updates)
        return told

    def _piece(self, request: Diff | Survey) -> Answer:
        replay = self._held.get(request.number)
        if replay is None:
            return Lost(None, "not held")
        self._mark.weight_bytes = replay.weight_bytes
        if isinstance(request, Diff):
            # The engine believes the count that a vector begins with: five bytes cost it 1 GB.
            decode_state_vector(request.vector, NO_BUDGET.clients)
        try:
            if isinstance(request, Diff):
                return Piece(replay.core.encode(request.vector))
            return Piece(replay.survey())
        except BaseException:
            del self._held[request.number]
            raise


def _cause(lost: EngineLost) -> str:
    return _words(lost.__cause__ or lost)


def _words(error: BaseException) -> str:
    """What was raised, in few words: a panic's can hold all of the update."""
    if isinstance(error, MemoryError):
        # That is no fault of this document: with what is left, every other would fail as well.
        os._exit(NO_MEMORY)
    return f"{type(error).__name__}: {error}"[:200]
