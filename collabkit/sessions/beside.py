"""Long work beside the loop: small pasts in a thread, large ones in a process of their own.

Rules:

1. Weaving and comparing a large past keeps an interpreter busy for seconds, and all threads of it
   get less of it meanwhile. So it is done in another one, which reads the file itself, gives way
   to the rooms, has bounded memory, and is ended if it takes too long.
2. One such process runs at a time; who comes next waits.
3. What it answers is data, read as strictly as anything that comes from elsewhere: it has decoded
   what strangers wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import msgspec

from .. import errors
from ..errors import CollabError, OperationFailed
from ..history.past import Past
from ..ids import Seq, SessionId
from ..store.reader import Reader
from ..store.sqlite import SQLiteStore
from .apart import command, give_way
from .planning import Joining, Plan, Task, work_out

__all__ = ["Beside", "Order", "main"]

# As much as some thousand edits, which take some 50 ms; to begin a process takes 300.
SMALL_BYTES = 128 * 1024
# Weaving 100,000 rows takes about a second, on a machine that does nothing else.
PATIENCE_S = 120.0
MEMORY_BYTES = 4 << 30


class Order(msgspec.Struct, frozen=True):
    """What a process is to work out.

    Attributes:
        path: The file.
        upto: How far the log of the session is to be read.
        fork_upto: And that of the branch.
    """

    path: str
    session: SessionId
    document: str
    upto: Seq
    task: Task
    fork_upto: Seq | None = None


class _Failed(msgspec.Struct, frozen=True, tag=True):
    """An error of our tree: its class, and its fields."""

    kind: str
    fields: dict[str, str | int | None]


class _Worked(msgspec.Struct, frozen=True, tag=True):
    plan: Plan


_Answer = _Worked | _Failed


class Beside:
    """Works out what takes long; a workspace has one.

    Args:
        store: The open file.
        program: The module that works out what is large; tests have others.
    """

    def __init__(self, store: SQLiteStore, *, program: str = "collabkit.sessions.beside") -> None:
        self._store = store
        self._program = program
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Beside {self._store.path}, {'at work' if self._turn.locked() else 'at rest'}>"

    async def work_out(self, order: Order, *, size_bytes: int) -> Plan:
        """Work out an edit.

        Args:
            order: Which.
            size_bytes: About how much there is to read.

        Raises:
            OperationFailed: It took too long, or too much.
            MomentNotFound: As :func:`.planning.work_out`, and everything else there.
        """
        if size_bytes <= SMALL_BYTES:
            return await self._in_a_thread(order)
        async with self._turn:
            return await _in_a_process(self._program, order)

    async def _in_a_thread(self, order: Order) -> Plan:
        task, fork = order.task, None
        told = await self._store.chronicle(order.session, order.document, upto=order.upto)
        if isinstance(task, Joining):
            read = await self._store.chronicle(task.fork, order.document, upto=order.fork_upto)
            fork = Past(order.document, read)
        return await asyncio.to_thread(work_out, task, Past(order.document, told), fork)


async def _in_a_process(program: str, order: Order) -> Plan:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command(program), stdin=pipe, stdout=pipe)
    try:
        asked = msgspec.msgpack.encode(order)
        said, _ = await asyncio.wait_for(process.communicate(asked), PATIENCE_S)
    except TimeoutError:
        reason = f"to work it out takes more than {PATIENCE_S:.0f} s"
        raise OperationFailed(order.document, "TimeoutError", reason) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise OperationFailed(order.document, "EngineLost", "the process that worked it out died")
    try:
        answer = await asyncio.to_thread(msgspec.msgpack.decode, said, type=_Answer)
    except msgspec.MsgspecError:
        answer = _Failed("", {})
    if isinstance(answer, _Worked):
        return answer.plan
    raise _error(order, answer)


def _error(order: Order, failed: _Failed) -> CollabError:
    if failed.kind in errors.__all__:
        with contextlib.suppress(TypeError):  # other fields than it has
            made: CollabError = getattr(errors, failed.kind)(**failed.fields)
            return made
    return OperationFailed(order.document, failed.kind, "it could not be worked out")


# In the process


def main() -> None:
    """Carry out the order that comes at standard input."""
    give_way(MEMORY_BYTES)
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.msgpack.encode(_carried_out(order)))


def _carried_out(order: Order) -> _Answer:
    task, fork = order.task, None
    try:
        with Reader(order.path) as reader:
            told = reader.chronicle(order.session, order.document, upto=order.upto)
            if isinstance(task, Joining):
                read = reader.chronicle(task.fork, order.document, upto=order.fork_upto)
                fork = Past(order.document, read)
        return _Worked(work_out(task, Past(order.document, told), fork))
    except CollabError as error:
        return _Failed(type(error).__name__, vars(error))
