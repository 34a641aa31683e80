"""A process that makes children of itself: started once, with all that they need.

It reads and holds nothing that came from a client, so nothing can be wrong with a child that
it makes. It has one socket, on which it is asked (:data:`.pipe.ASKED`; a child's pipe and mark
come with it, as descriptors), and where it tells what became of them (:data:`.pipe.TOLD`).
When the socket ends, it kills them all and ends: nothing outlives who asked for it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
from typing import Final, NoReturn

from .child_loop import UNHEARD, Answering, confine, run
from .pipe import ASKED, TOLD, Build, Diff, Mark, Open, Rehearse, Taste, encode

__all__ = ["main"]

_FAILED: Final = 70  # EX_SOFTWARE of sysexits.h: there is a mistake in the child's own code


def main(asked: int, memory_bytes: int) -> NoReturn:
    """Serve a socket until it ends.

    Args:
        asked: Its descriptor.
        memory_bytes: How much memory a child can have, besides what it shares with this.
    """
    gc.disable()
    asking = socket.socket(fileno=asked)
    bell, ringer = socket.socketpair()
    bell.setblocking(False)
    ringer.setblocking(False)
    signal.set_wakeup_fd(ringer.fileno())
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    for name in UNHEARD:
        signal.signal(name, signal.SIG_IGN)
    _warm_up()
    # What is there by now is shared with all children, as long as nobody touches it.
    gc.collect()
    gc.freeze()
    nursery = _Nursery(asking, memory_bytes)
    try:
        while nursery.open:
            ready, _, _ = select.select([asking, bell], [], [])
            if bell in ready:
                with contextlib.suppress(BlockingIOError):
                    bell.recv(4096)
                nursery.reap()
            if asking in ready:
                nursery.listen()
    finally:
        nursery.end()
        os._exit(0)


class _Nursery:
    """The children there are."""

    def __init__(self, asking: socket.socket, memory_bytes: int) -> None:
        self.open = True
        self._asking = asking
        self._memory_bytes = memory_bytes
        self._numbers: dict[int, int] = {}  # of each pid that was not reaped yet
        self._pids: dict[int, int] = {}

    def listen(self) -> None:
        """Do one thing that is asked for."""
        try:
            data, fds, _, _ = socket.recv_fds(self._asking, ASKED.size, 2)
        except ConnectionResetError:  # it ended before it had read what it was told
            data, fds = b"", []
        if not data:
            self.open = False
            return
        kind, number = ASKED.unpack(data)
        if kind == b"F":
            self._fork(number, *fds)
        elif number in self._pids:
            os.kill(self._pids[number], signal.SIGKILL)

    def reap(self) -> None:
        """Tell of those that are dead."""
        for pid, number in list(self._numbers.items()):
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                del self._numbers[pid], self._pids[number]
                self._tell(b"D", number, status)

    def end(self) -> None:
        """Leave nobody behind."""
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)
        for pid in self._numbers:
            os.waitpid(pid, 0)

    def _fork(self, number: int, pipe: int, mark: int) -> None:
        pid = os.fork()
        if not pid:
            _be_child(pipe, mark, self._memory_bytes)
        os.close(pipe)
        os.close(mark)
        self._numbers[pid] = number
        self._pids[number] = pid
        self._tell(b"B", number, pid)

    def _tell(self, kind: bytes, number: int, value: int) -> None:
        # Whoever asked may be gone; then there is an end to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._asking.sendall(TOLD.pack(kind, number, value))


def _be_child(pipe: int, mark_fd: int, memory_bytes: int) -> NoReturn:
    status = _FAILED
    try:
        mark = Mark(mark_fd)
        confine(pipe, memory_bytes)
        run(mark)
        status = 0
    finally:
        os._exit(status)  # nothing of the process that this is a copy of may be run or flushed


def _warm_up() -> None:
    """Do once what children do, so that all is imported, and cached, that this needs."""
    fd = Mark.file()
    mark = Mark(fd)
    os.close(fd)
    answering = Answering(mark)
    updates = [bytes.fromhex(update) for update in _UPDATES]
    calls = [
        Open(1, updates[:1]),
        Taste([(1, [*updates, b"\1\2\3"])]),
        Diff(1, b"\0"),
        Build(updates),
        Rehearse(updates),
    ]
    for _ in answering.frame(encode(list(enumerate(calls, 1)))):
        pass
    mark.close()


# In a text, a wide and a narrow string, and a deletion; a value in a map, and a map in it.
_UPDATES: Final = (
    "0101010004010174016800",
    "0102010184010004f09f98802801016d016b017d0100",
    "0000",
)
