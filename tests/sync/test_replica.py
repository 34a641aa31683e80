"""A replica and a hub in one process, with a network between them that fails on demand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from collabkit.access.model import Identity
from collabkit.crdt.budget import DEFAULT_BUDGET
from collabkit.crdt.document import Document
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.errors import (
    ConnectionClosed,
    ConnectionRefused,
    InvalidArguments,
    LocalProtocolError,
    NoAcknowledgements,
    OperationFailed,
    OtherLineage,
    ReadOnlyDocument,
    UnknownOperation,
    UpdateRefused,
)
from collabkit.ids import RoomName, Subject
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync import messages as say
from collabkit.sync.channel import MemoryChannel, memory_channels
from collabkit.sync.checkpointing import DIGEST_EVERY
from collabkit.sync.client_effects import Status
from collabkit.sync.dialects import SUBPROTOCOL
from collabkit.sync.hub import Hub, steady_clock
from collabkit.sync.local import REMOTE
from collabkit.sync.replica import Replica
from sync.conftest import authenticate
from sync.network import TIMEOUT, Network, turns, until


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


# Edits


async def test_saved_is_on_disk(network: Network, hub: Hub) -> None:
    """When `saved()` returns, the edits are in the relay's log."""
    async with network.replica() as replica:
        replica.document.text("body").insert(0, "hello")
        replica.document.text("body").append(" world")
        assert replica.pending == 2
        await replica.saved()
        assert replica.pending == 0
        assert await stored(hub) == "hello world"


async def test_edits_reach_others(network: Network) -> None:
    """What one replica writes another shows, and neither counts the other's as its own."""
    async with network.replica() as ada, network.replica() as bob:
        await bob.synced()
        ada.document.text("body").insert(0, "hello")
        await until(bob.document, lambda: body(bob) == "hello")
        assert bob.pending == 0


async def test_offline_edits_merge(network: Network) -> None:
    """Two replicas that were edited offline hold the same when the network is back."""
    async with network.replica() as ada, network.replica() as bob:
        ada.document.text("body").insert(0, "common. ")
        await ada.saved()
        await until(bob.document, lambda: body(bob))
        await network.fail()
        ada.document.text("body").append("by Ada. ")
        with bob.document.edit():
            bob.document.text("body").append("by Bob. ")
            bob.document.map("meta")["who"] = "bob"
        assert (ada.pending, bob.pending) == (1, 1)
        network.recover()
        await ada.saved()
        await bob.saved()
        await until(ada.document, lambda: "Bob" in body(ada))
        await until(bob.document, lambda: "Ada" in body(bob))
        assert ada.document.digest() == bob.document.digest()


async def test_offline_deletion_is_not_forgotten(network: Network, hub: Hub) -> None:
    """A deletion made offline, which no state vector shows, reaches the relay."""
    async with network.replica() as replica:
        replica.document.text("body").insert(0, "abcd")
        await replica.saved()
        await network.fail()
        replica.document.text("body").delete(1, 2)
        network.recover()
        await replica.saved()
        assert await stored(hub) == "acd"


@pytest.mark.parametrize("subprotocol", [SUBPROTOCOL, None])
async def test_more_than_a_relay_takes_at_once(hub: Hub, subprotocol: str | None) -> None:
    """What was written offline is saved however much it is, and each text however long."""
    megabyte = 1_000_000
    async with Network(hub, subprotocol=subprotocol) as network:
        await network.fail()
        async with network.replica() as replica:
            replica.document.text("body").insert(0, "x" * (DEFAULT_BUDGET.message_bytes + megabyte))
            replica.document.text("body").insert(0, "y" * megabyte)
            network.recover()
            await replica.synced()
            if subprotocol:
                await replica.saved()
                assert replica.pending == 0
            # Where nothing is acknowledged, whoever leaves does not know what has arrived.
            async with network.replica() as reader:
                await reader.synced()
                whole = replica.document.digest()
                await until(reader.document, lambda: reader.document.digest() == whole)


async def test_version_1_of_the_dialect(hub: Hub) -> None:
    """A relay that speaks the version before is spoken to in that."""
    async with Network(hub, subprotocol="collabkit.1") as network, network.replica() as replica:
        replica.document.text("body").insert(0, "hello" * 10_000)
        await replica.saved()
        async with Network(hub) as later, later.replica() as other:
            await other.synced()
            assert other.document.digest() == replica.document.digest()


# Status


async def test_statuses(network: Network) -> None:
    """Who watches sees the way to LIVE, the loss, the way back, and the end."""
    seen: list[Status] = []
    async with network.replica() as replica:

        async def watch() -> None:
            seen.extend([status async for status in replica.statuses()])

        watching = asyncio.create_task(watch())
        await replica.synced()
        await network.fail()
        await turns(replica, Status.OFFLINE)
        network.recover()
        await replica.synced()
    await watching
    way = [Status.CONNECTING, Status.GREETING, Status.SYNCING, Status.LIVE]
    assert [s for s in seen if s in way][:4] == way
    assert [s for s in seen if s in way][-4:] == way
    assert seen[-1] is Status.CLOSED


async def test_trouble_tells_why(network: Network) -> None:
    """While there is no link the reason is known, and forgotten when there is one."""
    await network.fail()
    async with network.replica() as replica:
        await turns(replica, Status.CONNECTING)
        await turns(replica, Status.OFFLINE)
        assert isinstance(replica.trouble, ConnectionClosed)
        assert replica.trouble.reason == "no network"
        network.recover()
        await replica.synced()
        assert replica.trouble is None


async def test_replica_is_entered_once(network: Network) -> None:
    """A replica has one life, and outside of it no document."""
    replica = network.replica()
    with pytest.raises(LocalProtocolError):
        _ = replica.document
    async with replica:
        pass
    with pytest.raises(LocalProtocolError):
        await replica.__aenter__()


async def test_waiting_ends_with_the_replica(network: Network) -> None:
    """Who waits for a relay that never comes is told when the replica is closed."""
    await network.fail()
    async with network.replica() as replica:
        waiting = asyncio.create_task(replica.synced())
        await turns(replica, Status.CONNECTING)
    with pytest.raises(ConnectionClosed):
        await waiting


# Refusals


async def test_refused(network: Network) -> None:
    """Who is refused is told by all that waits, is not dialled again, and can still edit."""
    async with network.guest("no") as replica:
        replica.document.text("body").insert(0, "mine")
        for wait in (replica.synced(), replica.saved(), replica.call("versions")):
            with pytest.raises(ConnectionRefused) as caught:
                await asyncio.wait_for(wait, TIMEOUT)
            assert (caught.value.code, caught.value.reason) == (4403, "you may not enter")
        assert replica.status is Status.REFUSED
        assert network.dialled == 1
        replica.document.text("body").append(" still")
        assert replica.pending == 2


async def test_refused_on_a_plain_link(plain: Network) -> None:
    """In the y-websocket dialect the reason comes first and the code later: both are told."""
    async with plain.guest("no") as replica:
        with pytest.raises(ConnectionRefused) as caught:
            await asyncio.wait_for(replica.synced(), TIMEOUT)
        assert (caught.value.code, caught.value.reason) == (4403, "you may not enter")


async def test_reader(network: Network) -> None:
    """Who may only read gets everything, and is stopped before writing."""
    async with network.replica() as writer:
        writer.document.text("body").insert(0, "hello")
        await writer.saved()
    async with network.guest("ro") as reader:
        await reader.synced()
        assert body(reader) == "hello"
        with pytest.raises(ReadOnlyDocument):
            reader.document.text("body").append("!")
        with pytest.raises(ReadOnlyDocument):
            await reader.seed("first", lambda document: document.text("body").append("?"))
        assert body(reader) == "hello"
        await reader.saved()


async def test_reader_who_wrote_before(network: Network) -> None:
    """Edits from before it was known that one may not write are not given up, nor believed."""
    async with network.replica() as writer:
        await writer.synced()
        await network.fail()
        async with network.guest("ro") as reader:
            reader.document.text("body").insert(0, "mine")
            network.recover()
            with pytest.raises(ReadOnlyDocument):
                await asyncio.wait_for(reader.saved(), TIMEOUT)
            assert reader.pending == 1


async def test_other_lineage(tmp_path: Path, network: Network) -> None:
    """A relay that lost its file and made a new document is not merged with."""
    async with network.replica(store=tmp_path / "mine.db") as replica:
        replica.document.text("body").insert(0, "of the first relay")
        await replica.saved()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SQLiteStore.open(tmp_path / "other.db"))
        other = await stack.enter_async_context(
            Hub(store, InProcessEngine(), authenticate=authenticate)
        )
        elsewhere = await stack.enter_async_context(Network(other))
        replica = await stack.enter_async_context(elsewhere.replica(store=tmp_path / "mine.db"))
        with pytest.raises(OtherLineage):
            await asyncio.wait_for(replica.synced(), TIMEOUT)
        assert body(replica) == "of the first relay"
        assert await stored(other) == ""
        assert await replica.fork() == "channel:"
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SQLiteStore.open(tmp_path / "other.db"))
        other = await stack.enter_async_context(
            Hub(store, InProcessEngine(), authenticate=authenticate)
        )
        elsewhere = await stack.enter_async_context(Network(other))
        replica = await stack.enter_async_context(elsewhere.replica(store=tmp_path / "mine.db"))
        await asyncio.wait_for(replica.synced(), TIMEOUT)
        assert body(replica) == ""
    with Reader(tmp_path / "mine.db") as reader:
        forks = {session.name: session.last_seq for session in reader.sessions()}
    assert forks == {"channel:": 1, "channel:=fork1": 0}


async def test_fork_without_a_file(network: Network) -> None:
    """What is nowhere cannot be left there."""
    async with network.replica() as replica:
        with pytest.raises(LocalProtocolError):
            await replica.fork()


async def test_replica_that_has_diverged(tmp_path: Path) -> None:
    """A copy with other content than the log is found out, put out, and begins anew."""
    ahead = [0.0]
    strange = Document()
    strange.text("body").insert(0, "never said by anybody")
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SQLiteStore.open(tmp_path / "relay.db"))
        clock = steady_clock()
        hub = await stack.enter_async_context(
            Hub(
                *(store, InProcessEngine()),
                authenticate=authenticate,
                clock=lambda: clock() + ahead[0],
            )
        )
        network = await stack.enter_async_context(Network(hub))
        sound = await stack.enter_async_context(network.replica())
        async with network.replica(store=tmp_path / "mine.db") as replica:
            await sound.synced()
            sound.document.text("body").insert(0, "said")
            await sound.saved()
            await replica.synced()
            await until(replica.document, lambda: body(replica) == "said")
            replica.document.apply(strange.update(), origin=REMOTE)
            ahead[0] = DIGEST_EVERY
            await turns(replica, Status.REFUSED)
            with pytest.raises(ConnectionRefused) as refused:
                await replica.synced()
            assert refused.value.code == 4409
        assert hub.stats().diverged == 1
        async with network.replica(store=tmp_path / "mine.db") as replica:
            await asyncio.wait_for(replica.synced(), TIMEOUT)
            assert body(replica) == "said"
        assert sound.status is Status.LIVE


async def test_refused_edit() -> None:
    """An edit that the relay does not take is told to who waits for it, and stays pending."""

    async def serve(channel: MemoryChannel) -> None:
        await channel.send(say.write(say.Welcome(1, "L1", "user:ada", True, 0)))
        await channel.send(say.write(say.Synced(0)))
        await channel.send(say.write(say.SyncStep1(b"\x00")))
        async for frame in channel:
            if isinstance(say.read_collabkit(frame), say.Edit):
                await channel.send(say.write(say.Refused("banned", "it builds on a refused edit")))

    here, there = memory_channels("notes")
    serving = asyncio.create_task(serve(there))

    async def dial() -> MemoryChannel:
        return here

    async with Replica.over(dial) as replica:
        await replica.synced()
        replica.document.text("body").insert(0, "hello")
        for _ in range(2):
            with pytest.raises(UpdateRefused):
                await asyncio.wait_for(replica.saved(), TIMEOUT)
        assert replica.pending == 1
        assert replica.status is Status.LIVE
    await serving


# Servers that do not acknowledge


async def test_plain_server_does_not_acknowledge(plain: Network, hub: Hub) -> None:
    """On a y-websocket server everything works but waiting for what it never says."""
    async with plain.replica() as replica:
        replica.document.text("body").insert(0, "hello")
        await replica.synced()
        replica.document.text("body").append("!")
        with pytest.raises(NoAcknowledgements):
            await replica.saved()
        assert replica.pending == 0
        with pytest.raises(UnknownOperation):
            await replica.call("versions")
    await hub.settled()
    assert await stored(hub) == "hello!"


# Presence


async def test_presence(network: Network) -> None:
    """What one shows the others see, until it shows nothing or is gone."""
    async with network.replica() as ada:
        seen = asyncio.Queue[Any]()
        ada.presence.observe(seen.put_nowait)
        async with network.replica() as bob:
            await bob.synced()
            bob.presence.set({"name": "Bob"})
            async with asyncio.timeout(TIMEOUT):
                change = await seen.get()
                assert change.added == (bob.presence.client_id,)
                assert list(ada.presence.others.values()) == [{"name": "Bob"}]
                bob.presence.set({"name": "Bob", "cursor": 3})
                assert (await seen.get()).updated == (bob.presence.client_id,)
                bob.presence.clear()
                assert (await seen.get()).removed == (bob.presence.client_id,)
                bob.presence.set({"name": "Bob again"})
                await seen.get()
        async with asyncio.timeout(TIMEOUT):
            assert (await seen.get()).removed == (bob.presence.client_id,)
        assert ada.presence.others == {}


async def test_presence_survives_a_loss(network: Network) -> None:
    """After a reconnect presence is shown again, to those who reconnected too."""
    async with network.replica() as ada, network.replica() as bob:
        seen = asyncio.Queue[Any]()
        ada.presence.observe(seen.put_nowait)
        bob.presence.set({"name": "Bob"})
        async with asyncio.timeout(TIMEOUT):
            assert (await seen.get()).added
            await network.fail()
            assert (await seen.get()).removed
            assert ada.presence.others == {}
            network.recover()
            assert (await seen.get()).added
        assert list(ada.presence.others.values()) == [{"name": "Bob"}]


# Operations


@asynccontextmanager
async def operating(tmp_path: Path, operate: Any) -> AsyncIterator[Network]:
    async with (
        SQLiteStore.open(tmp_path / "operating.db") as store,
        Hub(store, InProcessEngine(), authenticate=authenticate, call=operate) as hub,
        Network(hub) as network,
    ):
        yield network


async def test_call(tmp_path: Path) -> None:
    """An operation gets its arguments and who asks where, and its result comes back."""

    async def operate(
        identity: Identity, room: RoomName, name: str, arguments: Any, key: str | None
    ) -> Any:
        return [identity.subject, room.session, name, arguments, key]

    async with operating(tmp_path, operate) as network, network.guest(name="ada") as replica:
        told = await replica.call("restore", key="k1", version=7)
    assert told == ["user:ada", "notes", "restore", {"version": 7}, "k1"]


async def test_call_that_fails(tmp_path: Path) -> None:
    """The error of an operation comes back under its name."""

    async def operate(*_: Any) -> Any:
        raise ReadOnlyDocument("main")

    async with operating(tmp_path, operate) as network, network.replica() as replica:
        with pytest.raises(OperationFailed) as caught:
            await replica.call("restore")
        assert caught.value.kind == "ReadOnlyDocument"


async def test_call_is_repeated_under_its_key(tmp_path: Path) -> None:
    """A call whose answer was lost with the link is made again, under the same key."""
    keys: list[str | None] = []
    cut = asyncio.Event()

    async def operate(*args: Any) -> Any:
        keys.append(args[-1])
        if len(keys) == 1:
            cut.set()
            await asyncio.Event().wait()
        return "done"

    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(operating(tmp_path, operate))
        replica = await stack.enter_async_context(network.replica())
        calling = asyncio.create_task(replica.call("restore"))
        await cut.wait()
        await network.fail()
        network.recover()
        assert await asyncio.wait_for(calling, TIMEOUT) == "done"
        assert len(keys) == 2
        assert keys[0] == keys[1]
        for task in asyncio.all_tasks():  # the operation that never ends is ours
            if task.get_coro().__qualname__.endswith("Link._call"):  # type: ignore[union-attr]
                task.cancel()


async def test_call_comes_after_edits(tmp_path: Path) -> None:
    """An operation sees the edits that were made before it was called, be it offline."""
    found: list[str] = []

    hubs: list[Hub] = []

    async def operate(*_: Any) -> Any:
        await hubs[0].settled()
        found.append(await stored(hubs[0]))

    async with operating(tmp_path, operate) as network:
        hubs.append(network.hub)
        await network.fail()
        async with network.replica() as replica:
            replica.document.text("body").insert(0, "first")
            calling = asyncio.create_task(replica.call("look"))
            await asyncio.sleep(0)
            network.recover()
            await asyncio.wait_for(calling, TIMEOUT)
    assert found == ["first"]


async def test_call_with_what_is_no_json(network: Network) -> None:
    """Arguments that cannot be sent are the caller's mistake, found at once."""
    async with network.replica() as replica:
        with pytest.raises(InvalidArguments):
            await replica.call("restore", version=object())


# Seeds


def title(document: Document) -> None:
    document.text("body").append("Title")
    document.map("meta")["tags"] = {"a": 1, "b": 2, "c": 3}


async def test_seed_from_two_at_once(network: Network) -> None:
    """Two programs that give the first content at the same time give it once."""
    async with network.replica() as ada, network.replica() as bob:
        await asyncio.gather(ada.synced(), bob.synced())
        given = await asyncio.gather(ada.seed("first", title), bob.seed("first", title))
        assert all(given)
        await asyncio.gather(ada.saved(), bob.saved())
        async with network.replica() as late:
            await late.synced()
            assert body(late) == "Title"
            assert late.document.digest() == ada.document.digest() == bob.document.digest()
            assert not await late.seed("first", title)


async def test_seed_of_a_later_version(network: Network) -> None:
    """A document that an earlier version of a program seeded is not seeded again."""
    async with network.replica() as ada, network.replica() as bob:
        await ada.seed("first", title)
        await ada.saved()
        await until(bob.document, lambda: body(bob))
        assert not await bob.seed("first", lambda document: document.text("body").append("Titel"))
        assert await bob.seed("second", lambda document: document.text("other").append("more"))
        assert bob.pending == 1
        await bob.saved()


async def test_seed_waits_for_the_relay(network: Network) -> None:
    """Offline nobody knows what the document has, so a seed waits."""
    async with network.replica() as ada:
        await ada.seed("first", title)
        await ada.saved()
    await network.fail()
    async with network.replica() as bob:
        seeding = asyncio.create_task(bob.seed("first", title))
        await turns(bob, Status.CONNECTING)
        assert not seeding.done()
        network.recover()
        assert not await asyncio.wait_for(seeding, TIMEOUT)
        assert body(bob) == "Title"


# Relays that go back in time


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Hub]:
    async with (
        SQLiteStore.open(path) as store,
        Hub(store, InProcessEngine(), authenticate=authenticate) as hub,
    ):
        yield hub


@pytest.mark.parametrize("strangers", [0, 1, 4])
async def test_relay_restored_from_a_backup(tmp_path: Path, strangers: int) -> None:
    """A relay that goes back to a backup, and on, is healed by who had come further."""
    current, backup = tmp_path / "current.db", tmp_path / "backup.db"
    async with serving(current) as hub, Network(hub) as network, network.replica() as replica:
        replica.document.text("body").insert(0, "abc")
        await replica.saved()
    shutil.copy(current, backup)
    async with AsyncExitStack() as life:
        async with serving(current) as hub:
            network = await life.enter_async_context(Network(hub))
            replica = await life.enter_async_context(network.replica())
            await replica.synced()
            replica.document.text("body").append("def")
            replica.document.text("body").delete(0, 1)
            await replica.saved()
            await network.fail()
        async with serving(backup) as hub:
            for number in range(strangers):
                async with Network(hub) as beside, beside.replica() as stranger:
                    await stranger.synced()
                    stranger.document.map(f"from {number}")["n"] = 1
                    stranger.document.map(f"from {number}")["n"] = 2
                    await stranger.saved()
            network.recover(hub)
            await turns(replica, Status.LIVE)
            maps = [replica.document.map(f"from {number}") for number in range(strangers)]
            await until(replica.document, lambda: all(dict(each) == {"n": 2} for each in maps))
            await replica.saved()
            assert body(replica) == await stored(hub) == "bcdef"
            await network.fail()


# Several documents of one session


async def test_documents_of_one_session(hub: Hub, network: Network) -> None:
    """Rows of another document in the same log do not make a replica doubt its own."""
    async with Network(hub, "notes/second") as beside, network.replica() as one:
        one.document.text("body").insert(0, "one")
        await one.saved()
        async with beside.replica() as two:
            for _ in range(20):
                two.document.text("body").append("x")
            await two.saved()
        for _ in range(2):
            await network.fail()
            network.recover()
            await turns(one, Status.LIVE)
            assert one.pending == 0
        session = await hub.store.find_session("notes", project="default")
        mine = await hub.store.rows(session.id, document="main")
        assert len(mine) == 1


async def test_subject_and_identity(network: Network) -> None:
    """The log says whose edit it is, as the relay knows it."""
    async with network.guest(name="ada") as replica:
        replica.document.text("body").insert(0, "x")
        await replica.saved()
    session = await network.hub.store.find_session("notes", project="default")
    [row] = await network.hub.store.rows(session.id)
    assert row.subject == Subject("user:ada")
