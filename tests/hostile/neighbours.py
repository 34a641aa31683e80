"""Two who type to each other, in a process of their own, and what they notice of the rest.

``python -m hostile.neighbours URL ROOM`` types until its input ends. Whenever it is sent a line, it
says in one line of JSON what was noticed since the last: a :class:`Pause`.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from collabkit.crdt.scan import scan
from collabkit.sync.messages import Update
from crdt.crafting import string, update
from hostile.attacking import Attacker

__all__ = ["Neighbours", "Pause"]

CLIENT = 77
EVERY_S = 0.01


class Pause(msgspec.Struct, frozen=True):
    """What was noticed in a time.

    Attributes:
        edits: How many came.
        p50_ms: How long half of them took, from one to the other.
        p99_ms: How long all but one of a hundred took.
        gap_ms: The longest time in which none came.
        total: How many came since the beginning.
    """

    edits: int
    p50_ms: float
    p99_ms: float
    gap_ms: float
    total: int


class Neighbours:
    """Those two, from outside; see :meth:`typing`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def typing(cls, url: str, room: str) -> AsyncIterator[Self]:
        """Have them type until the end of the block."""
        here = Path(__file__).parent.parent
        paths = (str(here), *filter(None, sys.path))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hostile.neighbours", url, room,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        assert process.stdin is not None
        try:
            neighbours = cls(process)
            await neighbours.noticed(1)
            yield neighbours
        finally:
            process.stdin.close()
            await process.wait()

    async def noticed(self, edits: int) -> Pause:
        """What they noticed since they were last asked, once that is so many edits."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"%d\n" % edits)
        return msgspec.json.decode(await self._process.stdout.readline(), type=Pause)


async def _type(writer: Attacker, sent: list[float]) -> None:
    for clock in itertools.count():
        where: dict[str, Any] = {"origin": (CLIENT, clock - 1)} if clock else {"root": "t"}
        sent.append(time.perf_counter())
        writer.say(Update(update((CLIENT, clock, [string("x", **where)]))))
        await asyncio.sleep(EVERY_S)


async def _see(reader: Attacker, came: list[float]) -> None:
    while True:
        await reader.until(lambda: bool(reader.updates))
        now = time.perf_counter()
        for each in reader.updates:  # typing that waited is spliced: of more clocks than one
            came += [now] * sum(section.length for section in scan(each).sections)
        reader.updates.clear()


def _sum_up(sent: Sequence[float], came: Sequence[float], first: int) -> Pause:
    pairs = zip(sent[first:], came[first:], strict=False)
    delays = sorted(later - sooner for sooner, later in pairs)
    gaps = [later - sooner for sooner, later in itertools.pairwise(came[first:])]
    p99 = delays[math.ceil(len(delays) * 0.99) - 1]
    seconds = (delays[len(delays) // 2], p99, max(gaps, default=0.0))
    p50_ms, p99_ms, gap_ms = (round(1000 * figure, 2) for figure in seconds)
    return Pause(len(delays), p50_ms, p99_ms, gap_ms, len(came))


async def main(url: str, room: str) -> None:
    """Type, see it come, and tell of it."""
    sent: list[float] = []
    came: list[float] = []
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    async with (
        Attacker.joined(url, room, "y-websocket") as writer,
        Attacker.joined(url, room, "y-websocket") as reader,
        asyncio.TaskGroup() as tasks,
    ):
        working = [tasks.create_task(_type(writer, sent)), tasks.create_task(_see(reader, came))]
        told = 0
        while line := await lines.readline():
            while len(came) < told + int(line):
                await asyncio.sleep(EVERY_S)
            print(msgspec.json.encode(_sum_up(sent, came, told)).decode(), flush=True)
            told = len(came)
        for task in working:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
