"""What is lost when processes die under load: nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest

from collabkit.crdt.update import scan
from collabkit.ids import RoomName
from collabkit.store.reader import Reader
from hostile.attacking import DIALECTS
from hostile.processes import children_of
from hostile.typists import Typist
from interop.serving import Serving

Recorder: TypeAlias = Callable[[str, object], None]

ROOMS = 50
LETTERS = 40
CLIENTS = 2_000
IN_CI = 400
# Of those who come back at once, so many are on their way in at a time: a machine's backlog.
AT_ONCE = 500


@pytest.fixture(autouse=True)
def files() -> Iterator[None]:
    """As many files as this machine lets us have, for the relay as well."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def stored(database: Path, rooms: Iterable[str]) -> dict[int, int]:
    """Of each author, how many letters the file has."""
    found: dict[int, int] = {}
    with Reader(database) as reader:
        assert list(reader.verify()) == []
        for room in rooms:
            place = RoomName.parse(room)
            record = reader.find(place.session, project=place.project)
            loaded = reader.load(record.id, place.document)
            bodies = [row.body for row in loaded.rows]
            if loaded.checkpoint is not None:
                bodies.insert(0, loaded.checkpoint.body)
            for body in bodies:
                for section in scan(body).sections:
                    end = section.clock + section.length
                    found[section.client] = max(found.get(section.client, 0), end)
    return found


def lost(database: Path, typists: Sequence[Typist]) -> dict[str, int]:
    """What was acknowledged and is not in the file."""
    found = stored(database, {typist.room for typist in typists})
    return {
        repr(typist): typist.stored - found.get(typist.client, 0)
        for typist in typists
        if typist.stored > found.get(typist.client, 0)
    }


async def everybody(work: Iterable[Awaitable[None]]) -> None:
    """Do all of it at once, and fail if one does."""
    async with asyncio.TaskGroup() as tasks:
        for each in work:
            tasks.create_task(_awaited(each))


async def _awaited(work: Awaitable[None]) -> None:
    await work


# Children


async def kill_now_and_then(
    relay: Serving, dice: Random, kills: int, typists: Sequence[Typist]
) -> None:
    """Kill a child of the relay at moments that are drawn, while letters are acknowledged."""
    for _ in range(kills):
        at = sum(typist.stored for typist in typists) + dice.randrange(20, 200)
        total = ROOMS * LETTERS
        while sum(typist.stored for typist in typists) < min(at, total):
            await asyncio.sleep(dice.random() / 50)  # the moment is what is drawn
        children = children_of(relay.pid)
        assert children
        os.kill(dice.choice(children), signal.SIGKILL)


async def test_children_killed_under_fifty_rooms(
    own_relay: Serving, seed: int, record_property: Recorder
) -> None:
    """Nobody is put out, nothing acknowledged is lost, and the pauses are told."""
    dice = Random(seed)
    typists = [Typist(1_000 + n, f"room-{n}", "hocuspocus") for n in range(ROOMS)]

    async def write(typist: Typist, dice: Random) -> None:
        async with typist.present(own_relay.url):
            for _ in range(LETTERS):
                typist.type()
                await asyncio.sleep(dice.random() / 10)  # people type at their own pace
            await asyncio.wait_for(typist.all_stored(), 60)

    writing = everybody(write(typist, Random(dice.random())) for typist in typists)
    await everybody([writing, kill_now_and_then(own_relay, dice, 8, typists)])
    assert [typist.stored for typist in typists] == [LETTERS] * ROOMS
    gaps = sorted(round(1000 * typist.gap_s) for typist in typists)
    report = {"seed": seed, "kills": 8, "gap_ms": {"median": gaps[ROOMS // 2], "longest": gaps[-1]}}
    record_property("gaps", json.dumps(report))
    print(json.dumps(report))
    assert own_relay.terminate() == 0
    assert lost(own_relay.database, typists) == {}


# The relay


async def storm(relay: Serving, clients: int) -> dict[str, float]:
    """Let many write, kill the relay, and let all come back at once."""
    typists = [Typist(1_000 + n, f"room-{n % ROOMS}", DIALECTS[n % 2]) for n in range(clients)]
    door = asyncio.Semaphore(AT_ONCE)
    here = asyncio.Barrier(clients + 1)
    leave = asyncio.Event()

    async def come(typist: Typist, stack: AsyncExitStack) -> None:
        async with door:
            await stack.enter_async_context(typist.present(relay.url))

    async def first(typist: Typist) -> None:
        async with AsyncExitStack() as stack:
            await come(typist, stack)
            typist.type()
            await here.wait()
            await leave.wait()

    async def again(typist: Typist) -> None:
        async with AsyncExitStack() as stack:
            await come(typist, stack)
            typist.type()
            if typist.acknowledged:
                await typist.all_stored()
            else:
                await typist.heard_out()

    meeting = asyncio.create_task(everybody(first(typist) for typist in typists))
    await here.wait()
    relay.kill()
    leave.set()
    await meeting
    assert lost(relay.database, typists) == {}
    await asyncio.to_thread(relay.start)
    began = time.perf_counter()
    await asyncio.wait_for(everybody(again(typist) for typist in typists), 100)
    seconds = time.perf_counter() - began
    assert relay.terminate() == 0
    assert lost(relay.database, typists) == {}
    found = stored(relay.database, {typist.room for typist in typists})
    assert [typist for typist in typists if found.get(typist.client) != 2] == []
    return {"clients": clients, "all_synced_s": round(seconds, 2)}


@pytest.mark.parametrize(
    "clients", [IN_CI, pytest.param(CLIENTS, marks=[pytest.mark.soak, pytest.mark.timeout(400)])]
)
async def test_all_come_back_at_once(
    own_relay: Serving, clients: int, record_property: Recorder
) -> None:
    """After a kill everybody is back, has said what was not stored, and is in sync."""
    report = await storm(own_relay, clients)
    record_property("storm", json.dumps(report))
    print(json.dumps(report))
