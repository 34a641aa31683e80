"""Replicas under random edits, failures and restarts, against one relay."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from collabkit.crdt.document import Document
from collabkit.sync.hub import Hub
from collabkit.sync.replica import Replica
from sync.network import TIMEOUT, Network

STEPS = 120


class Person:
    """A replica that comes and goes; with a file it comes back with what it had."""

    def __init__(self, network: Network, file: Path | None) -> None:
        self.network = network
        self.file = file
        self.stack = AsyncExitStack()
        self.replica = network.replica(store=file)

    async def come(self) -> None:
        self.replica = self.network.replica(store=self.file)
        await self.stack.enter_async_context(self.replica)

    async def go(self) -> None:
        await self.stack.aclose()

    @property
    def document(self) -> Document:
        return self.replica.document


def edit(document: Document, dice: random.Random) -> None:
    """Change something, be it in one step or in several at once."""
    text, numbers, settings = document.text("t"), document.array("a"), document.map("m")
    with document.edit():
        for _ in range(dice.choice([1, 1, 1, 4])):
            match dice.randrange(5):
                case 0 | 1:
                    text.insert(dice.randint(0, len(text)), dice.choice(["é", "😀x", "word "]))
                case 2 if len(text) > 3:
                    at = dice.randrange(len(text) - 2)
                    text.delete(at, at + 2)
                case 3:
                    numbers.append(dice.randrange(100))
                case _:
                    settings[dice.choice("abc")] = dice.randrange(100)


@pytest.mark.parametrize("run", range(4))
async def test_all_end_with_the_same(hub: Hub, tmp_path: Path, seed: int, run: int) -> None:
    """Whatever happened on the way, those who have exchanged everything hold the same."""
    dice = random.Random(seed * 1000 + run)
    hub.unseen_histories = True  # the fourth may write before it was ever connected
    async with Network(hub) as network, Network(hub, subprotocol=None) as plain:
        people = [
            Person(network, tmp_path / "ada.db"),
            Person(network, tmp_path / "ben.db"),
            Person(network, None),
            Person(plain, tmp_path / "cy.db"),
        ]
        for person in people:
            await person.come()
        for _ in range(STEPS):
            person = dice.choice(people)
            match dice.randrange(12):
                case 0:
                    await person.network.fail()
                case 1 | 2:
                    person.network.recover()
                case 3 if person.file is not None:
                    await person.go()
                    await person.come()
                case 4:
                    await hub.settled()
                case _:
                    edit(person.document, dice)
            await asyncio.sleep(0)
        network.recover()
        plain.recover()
        await finish(network, [person.replica for person in people])
        for person in people:
            await person.go()


async def finish(network: Network, replicas: list[Replica]) -> None:
    """Let everybody have everything, and compare contents: vectors would not show a difference."""
    for replica in replicas:
        await asyncio.wait_for(replica.synced(), TIMEOUT)
    for replica in replicas[:3]:
        await asyncio.wait_for(replica.saved(), TIMEOUT)
    await agree([replica.document for replica in replicas])
    async with network.replica() as late:
        await asyncio.wait_for(late.synced(), TIMEOUT)
        assert late.document.digest() == replicas[0].document.digest()


async def agree(documents: list[Document]) -> None:
    """Wait until documents hold the same."""
    changed = asyncio.Event()
    stops = [document.on_update(lambda _: changed.set()) for document in documents]
    async with asyncio.timeout(TIMEOUT):
        while len({document.digest() for document in documents}) > 1:
            changed.clear()
            await changed.wait()
    for stop in stops:
        stop()
