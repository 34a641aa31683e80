"""Cut wires, a killed relay, silence: stock clients come back, and nothing is lost."""

from __future__ import annotations

import random

import pytest

from interop.agreement import converge
from interop.native import PycrdtClient, ReplicaClient
from interop.serving import Serving
from interop.stock import KINDS, Driver, StockClient

SEEDS = range(4)
TURNS = 60
# Clients renew their presence each 15 s: what arrives without a renewal did not wait for one.
SOON = 14.0


async def _all_kinds(driver: Driver, url: str, room: str) -> list[StockClient]:
    clients = [await driver.connect(kind, url, room) for kind in KINDS]
    for client in clients:
        await client.wait(synced=True)
    return clients


async def _random_edit(draw: random.Random, client: StockClient, mark: str) -> None:
    state = await client.read()
    length = len(state.text)
    match draw.randrange(4):
        case 0 if length > 10:
            start = draw.randrange(length - 5)
            await client.edit(("delete", "text", start, draw.randrange(1, 5)))
        case 1:
            await client.edit(("set", "map", draw.choice("abc"), mark))
        case 2:
            await client.edit(("push", "array", [mark]))
        case _:
            await client.insert(draw.randrange(length + 1), f"{mark} ")


async def _disturb(
    draw: random.Random, clients: list[StockClient], mark: str, pushed: set[str]
) -> None:
    """One turn: a client loses its socket, goes, comes, or edits."""
    client = draw.choice(clients)
    match draw.randrange(6):
        case 0:
            await client.cut()
        case 1:
            await client.disconnect()
        case 2:
            await client.reconnect()
        case _:
            await _random_edit(draw, client, mark)
            await client.edit(("push", "array", [f"pushed {mark}"]))
            pushed.add(f"pushed {mark}")


async def _recover(clients: list[StockClient], pushed: set[str], url: str, room: str) -> None:
    """Everybody comes back and agrees; nothing is lost or doubled, for latecomers neither."""
    for client in clients:
        await client.reconnect()
    agreed = await converge(clients, timeout=60)
    assert pushed <= set(agreed.array)
    assert len(agreed.array) == len(set(agreed.array)), "an edit was applied twice"
    async with (
        PycrdtClient.connected(url, room) as pycrdt,
        ReplicaClient.connected(url, room) as replica,
    ):
        await converge([pycrdt, replica, clients[0]])


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_disconnects(driver: Driver, relay: Serving, room: str, seed: int) -> None:
    """Every kind edits while sockets are cut and replaced at random; all end with all edits."""
    draw, pushed = random.Random(seed), set[str]()
    clients = await _all_kinds(driver, relay.url, room)
    for turn in range(TURNS):
        await _disturb(draw, clients, f"{seed}.{turn}", pushed)
    await _recover(clients, pushed, relay.url, room)


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_kills(driver: Driver, own_relay: Serving, room: str, seed: int) -> None:
    """As before, while the relay itself is killed and started again."""
    draw, pushed = random.Random(seed), set[str]()
    clients = await _all_kinds(driver, own_relay.url, room)
    for turn in range(TURNS):
        await _disturb(draw, clients, f"{seed}.{turn}", pushed)
        if turn % 20 == 10:
            own_relay.restart()
    await _recover(clients, pushed, own_relay.url, room)


async def test_goodbye(driver: Driver, own_relay: Serving, room: str) -> None:
    """A relay told to end stores what came, ends well, and is found again by everybody."""
    clients = await _all_kinds(driver, own_relay.url, room)
    for client in clients:
        await client.append(f"<{client.kind}>")
    await converge(clients)
    assert own_relay.terminate() == 0
    for client in clients:
        state = await client.wait(closes_at_least=1)
        assert state.closes[0].code == 1012, client
    own_relay.start()
    for client in clients:
        await client.wait(synced=True, opens_at_least=2)
    async with ReplicaClient.connected(own_relay.url, room) as late:
        agreed = await converge([late, *clients])
    assert sorted(agreed.text) == sorted("".join(f"<{kind}>" for kind in KINDS))


async def test_killed_relay(driver: Driver, own_relay: Serving, room: str) -> None:
    """After a kill and a restart every edit is there, offline ones too, and everybody is seen.

    Stock servers leave clients blind for each other until presence is renewed, since a client
    ignores a presence clock that it knows already.
    """
    clients = await _all_kinds(driver, own_relay.url, room)
    for client in clients:
        await client.presence({"kind": client.kind})
        await client.append(f"<{client.kind} before>")
    await converge(clients)
    ids = [client.client_id for client in clients]
    for client in clients:
        await client.wait(present=ids)
    own_relay.kill()
    for client in clients:
        await client.wait(connected=False)
        await client.append(f"<{client.kind} offline>")
    clocks = [(await client.read()).clock for client in clients]
    own_relay.start()
    for client in clients:
        await client.wait(synced=True, present=ids, timeout=SOON)
    assert [(await client.read()).clock for client in clients] == clocks
    agreed = await converge(clients)
    for kind in KINDS:
        assert agreed.text.count(f"<{kind} before>") == 1
        assert agreed.text.count(f"<{kind} offline>") == 1


async def test_acknowledged_edits_survive_a_kill(
    driver: Driver, own_relay: Serving, room: str
) -> None:
    """What a client was told is saved is there after a kill, though nobody brings it back."""
    for kind in ("hocuspocus@4", "page"):
        author = await driver.connect(kind, own_relay.url, f"{room}-{kind}")
        await author.wait(synced=True)
        await author.append("acknowledged")
        await author.wait(unsynced=0)
        await author.disconnect()
    own_relay.restart()
    for kind in ("hocuspocus@4", "page"):
        reader = await driver.connect("y-websocket@3.1", own_relay.url, f"{room}-{kind}")
        assert (await reader.wait(synced=True)).text == "acknowledged"


@pytest.mark.parametrize("kind", KINDS)
async def test_presence_is_back_after_one_reconnect(
    driver: Driver, relay: Serving, room: str, kind: str
) -> None:
    """A client whose socket was cut sees and is seen as soon as it is back."""
    ada = await driver.connect(kind, relay.url, room)
    ben = await driver.connect("y-websocket@3.1", relay.url, room)
    for client in (ada, ben):
        await client.wait(synced=True)
        await client.presence({"kind": client.kind})
    await ada.wait(present=[ben.client_id])
    await ben.wait(present=[ada.client_id])
    clocks = [(await client.read()).clock for client in (ada, ben)]
    await ada.cut()
    await ada.wait(opens_at_least=2, synced=True, present=[ben.client_id], timeout=SOON)
    await ben.wait(present=[ada.client_id], timeout=SOON)
    assert [(await client.read()).clock for client in (ada, ben)] == clocks


async def test_silence_keeps_clients_connected(driver: Driver, relay: Serving, room: str) -> None:
    """Clients without presence, which say nothing themselves, are kept alive by the relay.

    They end a connection after 30 s without a message; three signs of life take longer.
    """
    clients = await _all_kinds(driver, relay.url, room)
    for client in clients:
        await client.presence(None)
    heard = [(await client.read()).received for client in clients]
    for client, count in zip(clients, heard, strict=True):
        await client.wait(received_at_least=count + 3, timeout=90)
    states = [await client.read() for client in clients]
    assert [(state.opens, state.closes) for state in states] == [(1, [])] * len(clients)
