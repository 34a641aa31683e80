"""Where children come from, seen from the process that wants them.

Rules:

1. A child can be used at once: what it is asked waits in its pipe until it is born.
2. The nursery is a process that makes copies of itself, see :mod:`.nursery_loop`. Nothing from
   a client ever gets there. It gets no environment but where modules are.
3. It alone kills and waits for children, so nobody can kill a process that took the
   number of one that is gone.
4. If it dies, those that it made live on; it is started again for the next.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ..errors import EngineLost
from .child import Child
from .pipe import ASKED, TOLD, Mark

__all__ = ["CAN_FORK", "ENTRY", "MEMORY_BYTES", "PATIENCE_S", "Nursery"]

CAN_FORK: Final = (
    hasattr(os, "fork") and hasattr(socket, "send_fds") and not getattr(sys, "frozen", False)
)
"""Whether there can be children: on this platform, and with an interpreter to be started."""

ENTRY: Final = "collabkit.crdt.nursery_loop"
"""The module that its process runs; tests have others."""

# A document takes some ten times its bytes: room for a hundred of the largest kind.
MEMORY_BYTES: Final = 1 << 30
# The slowest update that the budget lets through takes less than half a second; the machine
# may be slow, and busy.
PATIENCE_S: Final = 5.0

# Our package's front door opens all rooms. The nursery needs the engine: started without the
# rest, it is there in half the time, with half the memory.
_BOOT: Final = """
import importlib, sys, types
package = types.ModuleType("collabkit")
package.__path__ = [sys.argv[1]]
sys.modules["collabkit"] = package
importlib.import_module(sys.argv[2]).main(*map(int, sys.argv[3:]))
"""
_PACKAGE: Final = str(Path(__file__).parents[1])
# Ending is a matter of milliseconds; a nursery that hangs is killed, and its children with it.
_END_S: Final = 5.0
# One that could not make a single child is not started again at once.
_BARREN_S: Final = 1.0


class Nursery:
    """Makes children, and tells them what became of them.

    Args:
        memory_bytes: How much memory a child can have at most.
        patience_s: How long a child may take for an update.
        entry: The module that the nursery's process runs.

    Attributes:
        starts: How often its process was started.
    """

    def __init__(
        self,
        *,
        memory_bytes: int = MEMORY_BYTES,
        patience_s: float = PATIENCE_S,
        entry: str = ENTRY,
    ) -> None:
        self.starts = 0
        self._memory_bytes = memory_bytes
        self._patience_s = patience_s
        self._entry = entry
        self._last_number = 0
        self._children: dict[int, Child] = {}  # of this process, not known to be dead
        self._orphans: list[Child] = []  # of those before it, the same
        self._process: subprocess.Popen[bytes] | None = None
        self._asking: socket.socket | None = None
        self._told = bytearray()
        self._over: asyncio.Future[None] | None = None
        self._retry_at = 0.0

    def __repr__(self) -> str:
        return f"<Nursery of {len(self._children)} children, started {self.starts} times>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, and all that it made."""
        for child in [*self._children.values(), *self._orphans]:
            child.ending = True
            child.kill("no longer needed")
        process, over = self._process, self._over
        if process is None or self._asking is None or over is None:
            return
        with suppress(OSError):
            self._asking.shutdown(socket.SHUT_WR)
        try:
            await asyncio.wait([over], timeout=_END_S)
        finally:
            if self._process is not None:
                self._ended()

    @property
    def rest_s(self) -> float:
        """How long it makes no children, because it could make none when it was last started."""
        if self._process is not None:
            return 0.0
        return max(0.0, self._retry_at - asyncio.get_running_loop().time())

    def birth(self) -> Child:
        """Have a child made.

        Raises:
            EngineLost: This process can have no more files, or processes.
        """
        try:
            if self._process is None and asyncio.get_running_loop().time() >= self._retry_at:
                self._start()
            ours, theirs, fd, mark = _equipment()
        except OSError as error:
            raise EngineLost("to come: no child can be made") from error
        self._last_number += 1
        number = self._last_number
        child = Child(
            number, ours, mark, self,
            patience_s=self._patience_s, answer_bytes=self._memory_bytes,
        )  # fmt: skip
        # If the nursery is not there, the pipe ends with this, and the child was stillborn.
        with theirs:
            if self._asking is None:
                child.orphan = True
            else:
                self._children[number] = child
                self._ask(b"F", number, theirs.fileno(), fd)
        os.close(fd)
        return child

    def kill(self, number: int) -> None:
        """Kill a child, if it lives."""
        if number in self._children:
            self._ask(b"K", number)

    def _ask(self, kind: bytes, number: int, *fds: int) -> None:
        assert self._asking is not None
        assert self._process is not None
        try:
            socket.send_fds(self._asking, [ASKED.pack(kind, number)], fds)
        except BlockingIOError:
            self._process.kill()  # it takes nothing any more; its end will be read
        except OSError:
            pass  # its end is about to be read

    def _start(self) -> None:
        self.starts += 1
        # Until it has made a child, one that fails is not started again at once.
        self._retry_at = asyncio.get_running_loop().time() + _BARREN_S
        # A child that is not retired for its memory in time cannot have twice as much.
        ours, self._process = _spawn(self._entry, 2 * self._memory_bytes)
        ours.setblocking(False)
        self._asking = ours
        self._told.clear()
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        loop.add_reader(ours.fileno(), self._readable)

    def _readable(self) -> None:
        assert self._asking is not None
        try:
            chunk = self._asking.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._ended()
            return
        self._told += chunk
        while len(self._told) >= TOLD.size:
            kind, number, value = TOLD.unpack_from(self._told)
            del self._told[: TOLD.size]
            child = self._children.get(number)
            if child is None:
                continue
            if kind == b"B":
                self._retry_at = 0.0
                child.born(value)
            else:
                del self._children[number]
                child.died(value)

    def _ended(self) -> None:
        """Its process is over, or as good as."""
        loop = asyncio.get_running_loop()
        process, asking, over = self._process, self._asking, self._over
        assert process is not None
        assert asking is not None
        assert over is not None
        self._process = self._asking = None
        loop.remove_reader(asking.fileno())
        asking.close()
        process.kill()  # what has ended is not hurt by that
        process.wait()
        orphans, self._children = self._children, {}
        for child in orphans.values():
            child.orphan = True
            if child.alive:
                self._orphans.append(child)
            else:
                child.died(None)
        self._orphans = [child for child in self._orphans if child.alive]
        if not over.done():
            over.set_result(None)


def _spawn(entry: str, memory_bytes: int) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the nursery's process; returns the socket on which it is asked."""
    ours, theirs = socket.socketpair()
    asked = theirs.fileno()
    with theirs, ExitStack() as stack:
        stack.callback(ours.close)
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our module
            [sys.executable, "-P", "-c", _BOOT, _PACKAGE, entry, str(asked), str(memory_bytes)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(asked,),
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,
        )
        stack.pop_all()
    return ours, process


def _equipment() -> tuple[socket.socket, socket.socket, int, Mark]:
    """What a child is made with: both ends of a pipe, and a mark with its descriptor."""
    with ExitStack() as stack:
        ours, theirs = map(stack.enter_context, socket.socketpair())
        fd = Mark.file()
        stack.callback(os.close, fd)
        mark = Mark(fd)
        stack.pop_all()
    return ours, theirs, fd, mark
