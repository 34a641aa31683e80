"""Whatever is killed and whenever: every call ends, and what is answered is right.

Several rooms open, taste, ask for differences and close at once, as drawn; meanwhile children,
spares and the nursery are killed. A room that is told that its document is lost opens it from
its log, as a relay does, and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from random import Random

from collabkit.crdt.document import Document
from collabkit.crdt.engine import Good, NothingNew
from collabkit.crdt.sandbox import SandboxEngine
from collabkit.crdt.update import scan
from collabkit.errors import EngineLost
from crdt.processes import until

ROOMS = 6
ROUNDS = 60
KILLS = 25


class Room:
    """Somebody who writes, and keeps the log."""

    def __init__(self, name: str, engine: SandboxEngine, random: Random) -> None:
        self.key = ("session", name)
        self.engine = engine
        self.random = random
        self.document = Document()
        self.log: list[bytes] = []
        self.due: list[bytes] = []
        self.document.on_update(lambda change: self.due.append(change.update))
        self.held = False

    async def run(self) -> None:
        """Do one thing after the other."""
        for _ in range(ROUNDS):
            try:
                await self.random.choice((self.write, self.write, self.ask, self.close))()
            except EngineLost:
                await self.lost()
        while self.due:
            try:
                await self.write()
            except EngineLost:
                await self.lost()

    async def lost(self) -> None:
        """Open it again next time; once there can be children, were there none to be had."""
        self.held = False
        await asyncio.sleep(self.engine._nursery.rest_s)

    async def write(self) -> None:
        """Make some edits, and have them tasted; or those that were not, the last time."""
        for _ in range(0 if self.due else self.random.randrange(1, 5)):
            self.document.text("t").append(self.random.choice("aé\N{GRINNING FACE}"))
        await self.open()
        due = list(self.due)
        verdicts = await self.engine.taste(self.key, due)
        assert verdicts == [Good()] * len(due)
        self.log += due
        del self.due[: len(due)]

    async def ask(self) -> None:
        """Ask for all there is: it is what was tasted."""
        await self.open()
        told, wanted = Document(), Document()
        told.apply(await self.engine.diff(self.key, b"\0"))
        for update in self.log:
            wanted.apply(update)
        assert told.to_dict() == wanted.to_dict()

    async def close(self) -> None:
        """Leave, perhaps in the middle of a call."""
        self.held = False
        if self.log and self.random.random() < 0.5:
            tasting = asyncio.ensure_future(self.engine.taste(self.key, self.log[:1]))
            await asyncio.sleep(0)
            tasting.cancel()
            with contextlib.suppress(asyncio.CancelledError, EngineLost):
                await tasting
        await self.engine.close(self.key)

    async def open(self) -> None:
        """Have the document as the log has it."""
        if not self.held:
            vector = await self.engine.open(self.key, self.log)
            self.held = True
            assert sum(vector.values()) == sum(map(_clocks, self.log))
            if self.log:
                assert await self.engine.taste(self.key, self.log[-1:]) == [NothingNew()]


def _clocks(update: bytes) -> int:
    return sum(section.length for section in scan(update).sections)


async def kill(engine: SandboxEngine, random: Random) -> None:
    """Kill somebody, now and then."""
    killed = 0
    while killed < KILLS:
        await asyncio.sleep(random.random() / 50)  # the moment is what is drawn
        nursery = engine._nursery._process
        pids = [child.pid for child in (*engine._brood.placed, *engine._brood.spares) if child.pid]
        if nursery is not None and random.random() < 0.2:
            pids = [nursery.pid]
        if pids:
            killed += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)


async def test_every_call_ends_and_what_is_answered_is_right(seed: int) -> None:
    """And in the end all is there that was ever tasted."""
    random = Random(seed)
    async with SandboxEngine(children=2, spares=1) as engine, asyncio.timeout(240):
        rooms = [Room(str(number), engine, Random(random.random())) for number in range(ROOMS)]
        await asyncio.gather(kill(engine, random), *(room.run() for room in rooms))
        for room in rooms:
            await room.close()
            assert (await engine.checkpoint(room.log)).digest == room.document.digest()
        stats = engine.stats()
        assert (stats.queue, stats.documents) == (0, 0)
        await until(lambda: sum(engine.stats().deaths.values()) > 0)
