"""What a replica hears of edits that were not taken, from a relay to whoever wrote them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from collabkit.access.model import Identity, Knock, Refusal, Rights
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.errors import MalformedBytes, OperationFailed, ReadOnlyDocument
from collabkit.ids import RoomName, Subject
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync.entry import Changed, Claims
from collabkit.sync.hub import Hub
from collabkit.sync.receipts import MAX_RECEIPTS, Receipts
from collabkit.sync.untaken import Receipt, Untaken, read_receipt
from sync.guarding import DOCUMENT, judge
from sync.network import Network, until


class Altered(msgspec.Struct, frozen=True):
    """The rights of some have changed."""

    subjects: frozenset[str] | None


class Doorkeeper(Claims):
    """Lets everybody in, and everybody but the owner touch all but what is locked."""

    def __init__(self) -> None:
        self.can_write = True
        self._heard: Callable[[Changed], None] = lambda changed: None

    def admit(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> Rights | Refusal:
        """What somebody may do."""
        if identity.subject == "user:owner":
            return Rights(path=DOCUMENT)
        return Rights(can_write=self.can_write, judge=judge("locked"), path=DOCUMENT)

    def subscribe(self, heard: Callable[[Changed], None]) -> Callable[[], None]:
        """Tell of changes."""
        self._heard = heard
        return lambda: None

    def let(self, *, write: bool) -> None:
        """Whether anybody but the owner may write, from now on."""
        self.can_write = write
        self._heard(Altered(None))


async def identify(knock: Knock) -> Identity | Refusal:
    """Everybody is who he says."""
    return Identity(Subject(f"user:{knock.name}"))


@pytest.fixture
def doorkeeper() -> Doorkeeper:
    """Who decides."""
    return Doorkeeper()


@pytest.fixture
async def network(tmp_path: Path, doorkeeper: Doorkeeper) -> AsyncIterator[Network]:
    """Links to a hub where not everybody may do everything."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(SQLiteStore.open(tmp_path / "hub.db"))
        engine, access = InProcessEngine(), doorkeeper
        hub = Hub(store, engine, authenticate=identify, access=access)
        await stack.enter_async_context(hub)
        yield await stack.enter_async_context(Network(hub))


async def test_saved_says_what_was_not_taken(network: Network) -> None:
    """And the document has what stands instead; the next edit goes through."""
    async with network.guest(name="owner") as owner, network.guest(name="eve") as eve:
        owner.document.map("locked")["color"] = "blue"
        assert await owner.saved() == ()
        await eve.synced()
        await until(eve.document, lambda: "color" in eve.document.map("locked"))
        heard: list[Receipt] = []
        eve.receipts.observe(heard.append)
        eve.document.map("locked")["color"] = "red"
        [receipt] = await eve.saved()
        assert heard == [receipt] == list(eve.receipts)
        assert receipt.copy() == {f"{DOCUMENT}/locked/color": "red"}
        assert eve.document.map("locked")["color"] == "blue"
        eve.receipts.discard(receipt)
        eve.document.map("free")["color"] = "red"
        assert await eve.saved() == ()
        await until(owner.document, lambda: owner.document.map("free").get("color") == "red")
        assert (len(eve.receipts), eve.pending) == (0, 0)
        assert eve.document.digest() == owner.document.digest()


async def test_receipts_come_one_by_one(network: Network) -> None:
    """To whoever waits for them, until the replica is closed."""
    seen: list[Receipt] = []

    async def watch(receipts: Receipts) -> None:
        seen.extend([receipt async for receipt in receipts.coming()])

    async with network.guest(name="eve") as eve:
        await eve.synced()
        watching = asyncio.create_task(watch(eve.receipts))
        await asyncio.sleep(0)
        for color in ("red", "green"):
            eve.document.map("locked")["color"] = color
            await eve.saved()
    await watching
    assert [receipt.copy() for receipt in seen] == [
        {f"{DOCUMENT}/locked/color": color} for color in ("red", "green")
    ]


async def test_who_may_not_write_for_a_while(network: Network, doorkeeper: Doorkeeper) -> None:
    """Is told at once, is refused here as long, and goes on when he may."""
    async with network.guest(name="owner") as owner, network.guest(name="eve") as eve:
        await owner.synced()
        await eve.synced()
        doorkeeper.let(write=False)
        owner.document.map("seen")["turn"] = 1
        await until(eve.document, lambda: eve.document.map("seen").get("turn") == 1)
        with pytest.raises(ReadOnlyDocument):
            eve.document.map("free")["color"] = "red"
        doorkeeper.let(write=True)
        owner.document.map("seen")["turn"] = 2
        await until(eve.document, lambda: eve.document.map("seen").get("turn") == 2)
        eve.document.map("free")["color"] = "green"
        assert await eve.saved() == ()


async def test_what_is_refused_meanwhile_is_sent_again(
    network: Network, doorkeeper: Doorkeeper
) -> None:
    """An edit that was on its way when its author was demoted, once he may write again."""
    async with network.guest(name="owner") as owner, network.guest(name="eve") as eve:
        await eve.synced()
        doorkeeper.let(write=False)
        eve.document.map("free")["color"] = "red"  # before the word of it has come
        with pytest.raises(OperationFailed):
            await eve.call("nothing")  # it is answered behind the edit
        assert eve.pending == 1
        doorkeeper.let(write=True)
        await until(owner.document, lambda: owner.document.map("free").get("color") == "red")
        assert await eve.saved() == ()


def test_of_very_many_the_latest_are_kept() -> None:
    """Who looks at none does not run out of memory."""
    receipts = Receipts()
    for number in range(MAX_RECEIPTS + 5):
        receipts.came(Receipt(reason=str(number)))
    assert [int(receipt.reason) for receipt in receipts] == list(range(5, MAX_RECEIPTS + 5))
    assert len(receipts.taken()) == MAX_RECEIPTS
    assert receipts.taken() == ()


def test_a_copy_is_a_copy() -> None:
    """What is done with it changes no receipt."""
    receipt = Receipt(items=(Untaken("write", "/a", draft={"deep": [1]}), Untaken("delete", "/b")))
    copy = receipt.copy()
    copy["/a"]["deep"].append(2)
    assert receipt.draft == {"/a": {"deep": [1]}}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"items": [{"path": 1}]}', b'{"items":' + b"[" * 100_000]
)
def test_what_is_no_receipt(body: bytes) -> None:
    """It does not read, and nothing worse."""
    with pytest.raises(MalformedBytes):
        read_receipt(body)


def test_members_that_are_not_known_are_passed_over() -> None:
    """A later relay may say more."""
    assert read_receipt(b'{"type": "x", "code": "no-match", "new": {}}') == Receipt("no-match")
