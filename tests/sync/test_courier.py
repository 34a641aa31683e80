"""A replica's traffic: what is done with frames, edits of threads, and a network that is slow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collabkit.crdt.budget import DEFAULT_BUDGET
from collabkit.crdt.document import Document
from collabkit.crdt.lib0 import var_uint
from collabkit.crdt.scan import scan
from collabkit.crdt.update import EMPTY_UPDATE, splice
from collabkit.errors import (
    CollabError,
    ConnectionRefused,
    EngineLost,
    MalformedBytes,
    UpdateRefused,
)
from collabkit.sync import messages as say
from collabkit.sync.channel import MemoryChannel, memory_channels
from collabkit.sync.client_effects import Status
from collabkit.sync.courier import HIGH_WATER_BYTES
from collabkit.sync.hub import Hub
from collabkit.sync.replica import Replica
from sync.network import TIMEOUT, Network, Wrapped, turns, until


@pytest.fixture
async def network(hub: Hub) -> AsyncIterator[Network]:
    async with Network(hub) as network:
        yield network


@pytest.fixture
async def plain(hub: Hub) -> AsyncIterator[Network]:
    """Links on which the hub takes us for a y-websocket client."""
    async with Network(hub, subprotocol=None) as network:
        yield network


def body(replica: Replica) -> str:
    return str(replica.document.text("body"))


async def stored(hub: Hub) -> str:
    """The text that the hub's log makes."""
    session = await hub.store.find_session("notes", project="default")
    document = Document()
    for row in await hub.store.rows(session.id):
        document.apply(row.body)
    return str(document.text("body"))


async def test_edits_of_threads(network: Network, hub: Hub) -> None:
    """A document that many threads edit at once is saved whole."""
    async with network.replica() as replica:
        await replica.synced()
        text = replica.document.text("body")

        def type_some() -> None:
            for _ in range(50):
                text.append("x")

        threads = [threading.Thread(target=type_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            text.append("y")
            await asyncio.sleep(0)
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await replica.saved()
        assert replica.pending == 0
        assert sorted(await stored(hub)) == sorted(body(replica)) == ["x"] * 200 + ["y"] * 50


async def test_slow_link_is_bounded(network: Network, hub: Hub) -> None:
    """While a link takes nothing, edits only count; one difference brings them when it does."""
    gate = asyncio.Event()
    sent: list[int] = []

    class Slow(Wrapped):
        """A channel whose sending waits at a gate."""

        async def send(self, message: bytes) -> None:
            if isinstance(say.read_collabkit(message), say.Edit):
                await gate.wait()
                sent.append(len(message))
            await super().send(message)

    async def dial() -> Slow:
        return Slow(await network.dial())

    piece = "x" * 10_000
    rounds = 4 * HIGH_WATER_BYTES // len(piece)
    async with Replica.over(dial) as replica:
        await replica.synced()
        for _ in range(rounds):
            replica.document.text("body").append(piece)
            await asyncio.sleep(0)
        gate.set()
        await replica.saved()
        assert len(sent) < rounds / 2
        assert len(await stored(hub)) == rounds * len(piece)


async def test_observer_that_fails(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    """An observer that raises is logged, and stops nothing."""
    async with network.replica() as replica, network.replica() as other:

        def fail(*_: object) -> None:
            raise RuntimeError("a bug of the program")

        replica.observe(fail)
        await replica.synced()
        replica.document.on_update(fail)
        other.document.text("body").insert(0, "one")
        other.document.text("body").append(" two")
        await until(replica.document, lambda: body(replica) == "one two")
    assert "a bug of the program" in caplog.text


async def test_last_words_leave(network: Network, hub: Hub) -> None:
    """What was edited right before the end still leaves, if there is a link."""
    async with network.replica() as replica:
        await replica.synced()
        replica.document.text("body").insert(0, "bye")
    await hub.settled()
    assert await stored(hub) == "bye"


async def test_presence_that_does_not_parse(
    plain: Network, caplog: pytest.LogCaptureFixture
) -> None:
    """What somebody sends in place of presence is passed over: the document goes on."""
    here, there = memory_channels("notes", subprotocol=None)
    await there.send(say.write(say.SyncStep1(b"\x00")))
    await there.send(say.write(say.Awareness(b"\xff")))
    await there.send(say.write(say.SyncStep2(b"\x00\x00")))

    async def dial() -> MemoryChannel:
        return here

    async with Replica.over(dial) as replica:
        await asyncio.wait_for(replica.synced(), TIMEOUT)
    assert "does not parse" in caplog.text


async def test_garbage(network: Network) -> None:
    """A peer that sends what does not parse is left for good, and its name is told."""

    async def dial() -> MemoryChannel:
        here, there = memory_channels("notes")
        await there.send(b"\x40\xff")
        return here

    async with Replica.over(dial) as replica:
        with pytest.raises(MalformedBytes):
            await asyncio.wait_for(replica.synced(), TIMEOUT)
        assert replica.status is Status.REFUSED


async def test_hostile_update(network: Network) -> None:
    """Values nested so deep that they would overflow the engine's stack are not applied."""
    depth = 30_000
    value = bytes([117, 1]) * depth + bytes([126])
    update = b"\x01\x01\x07\x00\x28\x01\x01m\x01k\x01" + value + b"\x00"

    async def dial() -> MemoryChannel:
        here, there = memory_channels("notes", subprotocol=None)
        await there.send(say.write(say.SyncStep2(update)))
        return here

    async with Replica.over(dial) as replica:
        with pytest.raises(Exception, match="deep"):
            await asyncio.wait_for(replica.synced(), TIMEOUT)


async def test_silent_link_is_left(network: Network) -> None:
    """A link on which nothing is heard is left, and another one tried."""
    links = 0

    async def dial() -> MemoryChannel:
        nonlocal links
        links += 1
        if links == 1:
            return memory_channels("notes")[0]
        return await network.dial()

    async with Replica.over(dial, patience=0.1) as replica:
        await asyncio.wait_for(replica.synced(), TIMEOUT)
    assert links == 2


async def test_gap_on_a_plain_link(plain: Network) -> None:
    """If a server leaves something out, what is missing is asked for, and nothing is lost."""
    source = Document()
    updates: list[bytes] = []
    stop = source.on_update(lambda change: updates.append(change.update))
    for letter in "abc":
        source.text("body").append(letter)
    stop()

    async def serve(channel: MemoryChannel) -> None:
        await channel.send(say.write(say.SyncStep2(updates[0])))
        await channel.send(say.write(say.Update(updates[2])))
        async for frame in channel:
            message = say.read(frame)
            if isinstance(message, say.SyncStep1) and message.vector != b"\x00":
                await channel.send(say.write(say.SyncStep2(source.update(message.vector))))

    here, there = memory_channels("notes", subprotocol=None)
    serving = asyncio.create_task(serve(there))

    async def dial() -> MemoryChannel:
        return here

    async with Replica.over(dial) as replica:
        await until(replica.document, lambda: body(replica) == "abc")
    await serving


async def test_document_above_the_budget(plain: Network) -> None:
    """A whole document may be larger than one edit may be: by its authors, for example."""
    authors = DEFAULT_BUDGET.clients + 1
    parts = []
    for number in range(authors):
        author = Document(client_id=number + 1)
        author.array("list").append(number)
        parts.append(author.update())
    whole = splice([(part, scan(part)) for part in parts])[0]
    here, there = memory_channels("notes", subprotocol=None)
    await there.send(say.write(say.SyncStep1(b"\x00")))
    await there.send(say.write(say.SyncStep2(whole)))

    async def dial() -> MemoryChannel:
        return here

    async with Replica.over(dial) as replica:
        await asyncio.wait_for(replica.synced(), TIMEOUT)
        assert len(replica.document.array("list")) == authors


async def test_edit_above_the_budget(plain: Network) -> None:
    """A single edit that is larger than any honest one is not applied, and the peer is left."""
    here, there = memory_channels("notes", subprotocol=None)
    many = b"".join(
        b"\x01" + var_uint(client) + b"\x00\x04\x01\x01t\x01x"
        for client in range(1, DEFAULT_BUDGET.clients + 2)
    )
    await there.send(say.write(say.SyncStep2(EMPTY_UPDATE)))
    await there.send(say.write(say.Update(var_uint(DEFAULT_BUDGET.clients + 1) + many + b"\x00")))

    async def dial() -> MemoryChannel:
        return here

    async with Replica.over(dial) as replica:
        with pytest.raises(UpdateRefused, match="clients"):
            await asyncio.wait_for(replica.synced(), TIMEOUT)


# Failures inside, and the end


class Panic(BaseException):
    """What the engine raises when it panics, by its name: its class cannot be had."""


Panic.__name__ = "PanicException"


class Failing(Wrapped):
    """A channel that is about to fail over what comes next."""

    def __init__(self, inner: MemoryChannel, mistake: BaseException) -> None:
        super().__init__(inner)
        self.mistake = mistake
        self.failing = False

    async def __anext__(self) -> bytes:
        frame = await super().__anext__()
        if self.failing:
            raise self.mistake
        return frame


@pytest.mark.parametrize(
    ("mistake", "told"),
    [(KeyError("bug"), ConnectionRefused), (Panic("poisoned"), EngineLost)],
    ids=["mistake", "panic"],
)
async def test_failure_inside(
    network: Network,
    hub: Hub,
    caplog: pytest.LogCaptureFixture,
    mistake: BaseException,
    told: type[CollabError],
) -> None:
    """Whatever fails in a replica is told and logged, and its link is closed."""
    channels: list[Failing] = []

    async def dial() -> Failing:
        channels.append(Failing(await network.dial(), mistake))
        return channels[-1]

    async with Replica.over(dial) as replica:
        await replica.synced()
        channels[0].failing = True
        async with network.replica() as other:
            other.document.text("body").insert(0, "news")
            await turns(replica, Status.REFUSED)
        with pytest.raises(told):
            await replica.synced()
        assert isinstance(replica.trouble, told)
        await network.closed()
        assert channels[0].close_code == 1000
        assert hub.stats().links == 0
    assert mistake.args[0] in caplog.text


async def test_lost_document(plain: Network, hub: Hub) -> None:
    """A replica whose document the engine has lost says so, and holds no link."""
    await plain.fail()
    async with plain.replica() as replica:
        replica.document.apply(bytes.fromhex("0101010004010174016100"))
        with pytest.raises(EngineLost):
            replica.document.apply(bytes.fromhex("01020300840100017804000100016200"))
        plain.recover()
        with pytest.raises(EngineLost):
            await asyncio.wait_for(replica.synced(), TIMEOUT)
        await plain.closed()
        assert hub.stats().links == 0


async def test_leaving_waits_for_the_answers(network: Network, hub: Hub) -> None:
    """Who leaves a replica without a file, and a relay that answers, loses nothing."""
    async with network.replica() as replica:
        await replica.synced()
        replica.document.text("body").insert(0, "x" * 4_000_000)
    assert replica.pending == 0


async def test_leaving_with_edits_that_are_nowhere_else(
    network: Network, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Edits that end with their replica are counted in the log, unless a file keeps them."""
    await network.fail()
    async with network.replica(store=tmp_path / "mine.db") as kept:
        kept.document.text("body").insert(0, "kept")
    assert "no relay has" not in caplog.text
    async with network.replica() as replica:
        replica.document.text("body").insert(0, "gone")
        replica.document.text("body").insert(0, "all ")
    assert "2 edits" in caplog.text
