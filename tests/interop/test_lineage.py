"""Documents of one name that never were one, and copies of one copy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.agreement import converge
from interop.serving import Serving
from interop.stock import KINDS, YWS, CommandFailed, Driver, StockClient

# y-websocket 1 to 3.0 do not know final close codes: they are held, and come back seldom.
PERSISTENT = YWS[:3]
# Refused clients that loop make dozens of attempts in this time.
WATCHED = 6.0


@pytest.fixture
def open_relay(tmp_path: Path) -> Iterator[Serving]:
    """A relay that takes in unseen histories."""
    with Serving.running(tmp_path / "relay.db", "--allow-unseen-histories") as serving:
        yield serving


def _begin_anew(relay: Serving) -> None:
    """Lose the relay's file, and start on an empty one."""
    relay.kill()
    for file in relay.database.parent.glob(f"{relay.database.name}*"):
        file.unlink()
    relay.start()


async def _comes_again(client: StockClient, denials: int) -> bool:
    """Whether who was denied comes back, or, where he is held, more often than one can then."""
    more = 4 if client.kind in PERSISTENT else 1
    try:
        await client.wait(denied_at_least=denials + more, timeout=WATCHED)
    except CommandFailed:
        return False
    return True


async def test_other_document_of_the_same_name(
    driver: Driver, own_relay: Serving, room: str
) -> None:
    """Whoever comes with a copy of another one is told so, and changes nothing."""
    clients = [await driver.connect(kind, own_relay.url, room) for kind in KINDS]
    for client in clients:
        await client.wait(synced=True)
        await client.append(f"<{client.kind}>")
    await converge(clients)
    for client in clients:
        await client.disconnect()
        await client.wait(connected=False)
    _begin_anew(own_relay)
    witness = await driver.connect("hocuspocus@4", own_relay.url, room)
    await witness.wait(synced=True)
    await witness.append("another document")
    await witness.wait(unsynced=0)
    for client in clients:
        await client.reconnect()
    states = await asyncio.gather(*(client.wait(denied_at_least=1) for client in clients))
    assert not any("another document" in state.text for state in states)
    storms = [
        _comes_again(client, len(state.denied))
        for client, state in zip(clients, states, strict=True)
    ]
    assert not any(await asyncio.gather(*storms))
    assert (await witness.read()).text == "another document"
    faults = await driver.faults()
    assert all("shares no edit" in fault or "denied" in fault.lower() for fault in faults)


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[3], KINDS[6]])
async def test_unseen_histories_may_be_allowed(
    driver: Driver, open_relay: Serving, room: str, kind: str
) -> None:
    """Where they are, both are there afterwards, each as often as it was written."""
    ada = await driver.connect(kind, open_relay.url, room)
    await ada.wait(synced=True)
    await ada.append("ada ")
    await ada.disconnect()
    await ada.wait(connected=False)
    _begin_anew(open_relay)
    ben = await driver.connect("hocuspocus@4", open_relay.url, room)
    await ben.wait(synced=True)
    await ben.append("ben ")
    await ada.reconnect()
    agreed = await converge([ada, ben])
    assert sorted(agreed.text.split()) == ["ada", "ben"]


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[3], KINDS[6]])
async def test_who_was_there_while_it_was_empty(
    driver: Driver, relay: Serving, room: str, kind: str
) -> None:
    """Who joined an empty document and typed offline comes back to what others wrote since."""
    ada = await driver.connect(kind, relay.url, room)
    await ada.presence({"name": "ada"})
    ben = await driver.connect("hocuspocus@4", relay.url, room)
    await ben.wait(synced=True, present=[ada.client_id])
    await ada.wait(synced=True)
    await ada.disconnect()
    await ada.wait(connected=False)
    await ada.append("ada ")
    await ben.append("ben ")
    await ben.wait(unsynced=0)
    await ada.reconnect()
    agreed = await converge([ada, ben])
    assert sorted(agreed.text.split()) == ["ada", "ben"]


@pytest.mark.parametrize("kind", [KINDS[3], KINDS[6]])
async def test_two_copies_of_one_copy(driver: Driver, relay: Serving, room: str, kind: str) -> None:
    """Two sockets with one client id: whoever hears the other write takes a new one."""
    one, other = [await driver.connect(kind, relay.url, room, client_id=77_777) for _ in range(2)]
    for client in (one, other):
        await client.wait(synced=True)
    await one.append("one ")
    await other.wait(text="one ")
    await other.append("other ")
    await one.wait(text="one other ")
    await one.append("again")
    agreed = await converge([one, other])
    assert agreed.text == "one other again"
    # Yjs tells that it changed its id.
    assert all("client-id" in fault for fault in await driver.faults())
