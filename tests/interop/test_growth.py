"""A crowd that comes and goes: what it brings back is known already, and stays out of the log."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from collabkit.crdt.engine import Good
from collabkit.crdt.replay import Replay
from collabkit.store.reader import Reader
from interop.agreement import converge
from interop.serving import Serving
from interop.stock import KINDS, Driver, StockClient

CROWD = 50
STOCK = [kind for kind in KINDS if kind != "page"]


async def _come_and_go(draw: random.Random, crowd: list[StockClient], over: asyncio.Event) -> int:
    """Cut, leave and come back at random until it is over; tells how often."""
    turns = 0
    while not over.is_set():
        client = draw.choice(crowd)
        await draw.choice([client.cut, client.disconnect, client.reconnect])()
        turns += 1
    return turns


@pytest.mark.timeout(300)
async def test_the_log_grows_by_new_content_only(
    driver: Driver, own_relay: Serving, room: str, data: Callable[[str], Path]
) -> None:
    """Fifty clients reconnect while two people type: no row repeats what the log has."""
    typists = [await driver.connect("y-websocket@3.1", own_relay.url, room) for _ in range(2)]
    for typist in typists:
        await typist.wait(synced=True)
    kinds = itertools.islice(itertools.cycle(STOCK), CROWD)
    crowd = [await driver.connect(kind, own_relay.url, room) for kind in kinds]
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        turns = group.create_task(_come_and_go(random.Random(7), crowd, over))
        end = await driver.replay(typists, data("friendsforever.json.gz"))
        over.set()
    assert turns.result() >= CROWD
    for client in crowd:
        await client.reconnect()
    agreed = await converge([*typists, *crowd], timeout=120)
    assert agreed.text == end

    with Reader(own_relay.database) as reader:
        session = reader.find(room, project="default")
        replay, after = Replay(room), 0
        while rows := reader.rows(session.id, after=after, limit=5000):
            assert all(verdict == Good() for verdict in replay.taste([row.body for row in rows]))
            after = rows[-1].seq
    assert after == session.last_seq
