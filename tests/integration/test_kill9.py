"""A relay that is killed at any moment loses nothing that it said it had stored.

Clients of ours write without pause; the relay is killed (SIGKILL) at points drawn from a seed, and
started again on its file. Each time, before anybody could send anything again, what had been
acknowledged is looked for in the file, and the file is verified. In the end all replicas and the
file hold the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.ids import RoomName
from collabkit.sessions.solo import document_of
from collabkit.store.reader import Reader
from collabkit.sync.client import connect
from collabkit.sync.replica import Replica
from interop.serving import Serving

ROOMS = ("plan", "acme~note")
WRITERS_A_ROOM = 2
# Of 200 in all: the first tenth runs always, the rest in soak runs.
KILLS = 200
RUNS = 10


class Writer:
    """A client that writes numbers, and knows up to which the relay has stored them."""

    def __init__(self, name: str, room: str, random: Random) -> None:
        self.name = name
        self.room = room
        self.written = 0
        self.stored = 0
        self.stopping = False
        self.done = asyncio.Event()
        self.leave = asyncio.Event()
        self.moved = asyncio.Event()
        self.document = Document()
        self._random = random

    def __repr__(self) -> str:
        return f"<Writer {self.name} in {self.room}: {self.stored} of {self.written}>"

    async def run(self, url: str) -> None:
        """Write until told to stop, be done when all of it is stored, and stay a while."""
        async with connect(f"{url}/{self.room}", name=self.name) as replica:
            self.document = replica.document
            while not self.stopping:
                for _ in range(self._random.randrange(1, 20)):
                    self._write(replica)
                await self._save(replica)
            self.done.set()
            await self.leave.wait()

    def _write(self, replica: Replica) -> None:
        replica.document.array(self.name).append(self.written)
        self.written += 1

    async def _save(self, replica: Replica) -> None:
        written = self.written
        await replica.saved()
        self.stored = written
        self.moved.set()


def on_disk(database: Path, room: str) -> Document:
    """A document as the file has it."""
    place = RoomName.parse(room)
    with Reader(database) as reader:
        record = reader.find(place.session, project=place.project)
        loaded = reader.load(record.id, place.document)
    return document_of(loaded, place, path=str(database))


def missing(database: Path, stored: dict[Writer, int]) -> dict[str, set[int]]:
    """What was acknowledged and is not in the file."""
    lost: dict[str, set[int]] = {}
    for writer, count in stored.items():
        if count:
            found = on_disk(database, writer.room).to_dict().get(writer.name, [])
            lost[writer.name] = set(range(count)) - set(found)
    return {name: numbers for name, numbers in lost.items() if numbers}


async def stored_by_then(writers: Iterable[Writer], total: int) -> None:
    """Wait until so many numbers are acknowledged."""
    writers = list(writers)
    while sum(writer.stored for writer in writers) < total:
        moved = [asyncio.ensure_future(writer.moved.wait()) for writer in writers]
        await asyncio.wait(moved, return_when=asyncio.FIRST_COMPLETED)
        for writer, waiting in zip(writers, moved, strict=True):
            waiting.cancel()
            writer.moved.clear()


async def equal(documents: list[Document]) -> str:
    """Wait until documents are equal; returns their digest."""
    moved = asyncio.Event()
    stops = [document.on_update(lambda _: moved.set()) for document in documents]
    while len(digests := {document.digest() for document in documents}) > 1:
        moved.clear()
        await moved.wait()
    for stop in stops:
        stop()
    return digests.pop()


async def killed_over_and_over(database: Path, random: Random, kills: int) -> None:
    """Kill and start a relay under load, and look each time."""
    writers = [
        Writer(f"{room}.{number}", room, Random(random.random()))
        for room in ROOMS
        for number in range(WRITERS_A_ROOM)
    ]
    with Serving.running(database) as relay:
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.run(relay.url))
            for _ in range(kills):
                total = sum(writer.stored for writer in writers)
                await stored_by_then(writers, total + random.randrange(1, 100))
                await asyncio.sleep(random.random() / 20)  # the moment is what is drawn
                stored = {writer: writer.stored for writer in writers}
                relay.kill()
                assert missing(database, stored) == {}
                with Reader(database) as reader:
                    assert list(reader.verify()) == []
                await asyncio.to_thread(relay.start)
            for writer in writers:
                writer.stopping = True
            for writer in writers:
                await writer.done.wait()
            digests = {
                room: await equal([writer.document for writer in writers if writer.room == room])
                for room in ROOMS
            }
            for writer in writers:
                writer.leave.set()
        assert relay.terminate() == 0
    for writer in writers:
        assert writer.document.to_dict()[writer.name] == list(range(writer.written))
    assert {room: on_disk(database, room).digest() for room in ROOMS} == digests


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "run",
    [
        pytest.param(run, marks=[pytest.mark.soak] if run else [], id=f"run{run}")
        for run in range(RUNS)
    ],
)
async def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int, run: int) -> None:
    """Killed 20 times a run, the relay loses no acknowledged edit, serves again, and is sound."""
    await killed_over_and_over(tmp_path / "team.db", Random(f"{seed}.{run}"), KILLS // RUNS)
