"""A relay that goes back to a backup is healed by its clients, whoever of them comes first."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from collabkit.access.tokens import Claims, mint
from collabkit.sync.client import connect
from interop.agreement import Participant, converge
from interop.native import ReplicaClient
from interop.serving import Serving
from interop.stock import Driver, StockClient

OWN, YWS, HOCUSPOCUS, PAGE = "replica", "y-websocket@3.1", "hocuspocus@4", "page"
TRIPLES = [(OWN, YWS, HOCUSPOCUS), (PAGE, OWN, YWS), (YWS, PAGE, HOCUSPOCUS)]
ORDERS = list(itertools.chain.from_iterable(map(itertools.permutations, TRIPLES)))
# Each kind of the first triple comes first, second and third; the rest in soak runs.
ALWAYS = 6


class Own:
    """A replica with a file, which is away while it is closed."""

    def __init__(self, url: str, file: Path) -> None:
        self._url = url
        self._file = file
        self._stack = AsyncExitStack()
        self.client: ReplicaClient | None = None

    async def come(self) -> ReplicaClient:
        replica = await self._stack.enter_async_context(connect(self._url, store=self._file))
        self.client = ReplicaClient(replica)
        await replica.synced()
        return self.client

    async def go(self) -> None:
        assert self.client is not None
        await self.client.replica.saved()
        await self._stack.aclose()
        self._stack = AsyncExitStack()


class Crowd:
    """One client of each kind of a triple."""

    def __init__(self, driver: Driver, url: str, room: str, folder: Path) -> None:
        self._driver = driver
        self._url = url
        self._room = room
        self._own = Own(f"{url}/{room}", folder / "own.db")
        self._stock: dict[str, StockClient] = {}

    async def come(self, kind: str) -> Participant:
        """Let one come, for the first time or again, and be in step."""
        if kind == OWN:
            return await self._own.come()
        if kind in self._stock:
            await self._stock[kind].reconnect()
        else:
            self._stock[kind] = await self._driver.connect(kind, self._url, self._room)
        await self._stock[kind].wait(synced=True)
        return self._stock[kind]

    async def write(self, kind: str, what: str) -> None:
        """Let one write behind the text, and delete its first letter."""
        if kind == OWN:
            assert self._own.client is not None
            self._own.client.write(what)
            self._own.client.text.delete(0, 1)
        else:
            await self._stock[kind].edit(("append", "text", what), ("delete", "text", 0, 1))

    async def go(self, kind: str) -> None:
        """Let one leave, once its edits are stored as far as it can know."""
        if kind == OWN:
            await self._own.go()
            return
        await self._stock[kind].disconnect()
        await self._stock[kind].wait(connected=False)

    async def leave(self) -> None:
        if self._own.client is not None:
            await self._own.go()


def _collabkit(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "collabkit", *arguments], check=True, timeout=30)


def _restore(backup: Path, database: Path) -> None:
    for beside in database.parent.glob(f"{database.name}-*"):
        beside.unlink()
    shutil.copy(backup, database)


@pytest.mark.parametrize("order", ORDERS[:ALWAYS], ids=" ".join)
async def test_every_order(
    driver: Driver, own_relay: Serving, room: str, tmp_path: Path, order: tuple[str, ...]
) -> None:
    """What came after the backup is back, deletions too, and nothing of it twice."""
    await _heals(driver, own_relay, room, tmp_path, order)


@pytest.mark.soak
@pytest.mark.parametrize("order", ORDERS[ALWAYS:], ids=" ".join)
async def test_every_order_of_other_kinds(
    driver: Driver, own_relay: Serving, room: str, tmp_path: Path, order: tuple[str, ...]
) -> None:
    """So it is with the page's own client, too."""
    await _heals(driver, own_relay, room, tmp_path, order)


async def _heals(
    driver: Driver, relay: Serving, room: str, folder: Path, order: tuple[str, ...]
) -> None:
    backup = folder / "backup.db"
    crowd = Crowd(driver, relay.url, room, folder)
    there = [await crowd.come(kind) for kind in sorted(order)]
    for kind in sorted(order):
        await crowd.write(kind, f"<{kind} before>")
    await converge(there)
    _collabkit("backup", str(relay.database), str(backup))
    for kind in sorted(order):
        await crowd.write(kind, f"<{kind} after>")
    agreed = await converge(there)
    for kind in order:
        await crowd.go(kind)
    assert relay.terminate() == 0
    _restore(backup, relay.database)
    relay.start()
    there = [await crowd.come(kind) for kind in order]
    async with ReplicaClient.connected(relay.url, room) as fresh:
        assert await converge([fresh, *there]) == agreed
        for kind in order:
            await crowd.write(kind, f"<{kind} healed>")
        healed = await converge([fresh, *there])
        for kind in order:
            assert healed.text.count(f"{kind} healed") == 1
    await crowd.leave()


@pytest.mark.parametrize("kind", [YWS, HOCUSPOCUS, PAGE])
async def test_what_others_wrote_comes_back(driver: Driver, tmp_path: Path, kind: str) -> None:
    """Whoever still holds an edit brings it back, though its author never comes again."""
    key = b"k" * 43
    (tmp_path / "key").write_bytes(key)
    database, backup = tmp_path / "relay.db", tmp_path / "backup.db"
    _collabkit("create", str(database), "plan")
    tokens = {
        name: mint(
            Claims(f"user:{name}", exp=int(time.time()) + 3600, write=("plan",)),
            key,
            now=int(time.time()),
        )
        for name in ("ada", "ben", "cy")
    }
    options = ("--auth", "jwt", "--key-file", str(tmp_path / "key"))
    with Serving.running(database, *options) as relay:
        ada = await driver.connect(kind, relay.url, "plan", token=tokens["ada"])
        ben = await driver.connect(kind, relay.url, "plan", token=tokens["ben"])
        for client in (ada, ben):
            await client.wait(synced=True)
        await ada.append("before ")
        await ben.wait(text="before ")
        _collabkit("backup", str(database), str(backup))
        await ada.edit(("append", "text", "after"), ("delete", "text", 0, 3))
        await ben.wait(text="ore after")
        await ada.destroy()
        await ben.disconnect()
        await ben.wait(connected=False)
        relay.kill()
        _restore(backup, database)
        relay.start()
        await ben.reconnect()
        cy = await driver.connect(kind, relay.url, "plan", token=tokens["cy"])
        await cy.wait(text="ore after")
        await converge([ben, cy])
