"""A hub over a real file with sockets in memory to attach to it; and a room with people in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Text

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.ids import Subject
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync.hub import Hub
from collabkit.sync.link import Link
from collabkit.sync.seat import HIGH_WATER_BYTES
from sync.guarding import LOCKED, House, Person, come


class MemorySocket:
    """A shell of its own kind: keeps frames in a list, and can be as slow as a test wants."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.buffered_bytes = 0
        self.rests: list[float] = []
        self.link: Link | None = None
        self._arrived = asyncio.Event()

    @property
    def clogged(self) -> bool:
        return self.buffered_bytes > HIGH_WATER_BYTES

    def send(self, frame: bytes) -> None:
        self.frames.append(bytes(frame))
        self._arrived.set()

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._arrived.set()

    def say(self, *frames: bytes | str) -> None:
        assert self.link is not None
        for frame in frames:
            self.link.received(frame)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait, without polling, until what arrived makes the condition true."""
        async with asyncio.timeout(20):
            while not condition():
                self._arrived.clear()
                await self._arrived.wait()


async def authenticate(knock: Knock) -> Identity | Refusal:
    """Tokens that say what they allow."""
    if knock.token == "no":
        return Refusal(4403, "you may not enter")
    return Identity(Subject(f"user:{knock.name or 'somebody'}"), can_write=knock.token != "ro")


class Sockets:
    """Makes sockets attached to one hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def __call__(self, path: str = "doc", **attach: Any) -> MemorySocket:
        socket = MemorySocket()
        socket.link = self.hub.attach(socket, path=path, **attach)
        return socket


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SQLiteStore.open(tmp_path / "hub.db"))
        engine = InProcessEngine()
        yield await stack.enter_async_context(Hub(store, engine, authenticate=authenticate))


@pytest.fixture
def attach(hub: Hub) -> Sockets:
    return Sockets(hub)


@pytest.fixture
def house() -> House:
    """A document with a map and other things, written by its owner."""
    made = House()
    owner = made.seat(Person(1, "owner"))
    with owner.doc.transaction():
        owner.doc["m"]["theme"] = "dark"
        owner.doc["m"]["size"] = 1
        owner.doc.get("locked", type=Text).insert(0, "do not touch")
        owner.doc.get("free", type=Text).insert(0, "touch")
    made.say(owner)
    made.settle()
    return made


@pytest.fixture
def owner(house: House) -> Person:
    """May do everything."""
    return house.people[1]


@pytest.fixture
def eve(house: House) -> Person:
    """May not touch everything."""
    return come(house, Person(2, "eve"), LOCKED)


@pytest.fixture
def bystander(house: House) -> Person:
    """Looks on, from a stock client."""
    return come(house, Person(3, "bob"))
