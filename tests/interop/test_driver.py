"""The driver of stock clients, against the servers these were written for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from interop.agreement import converge
from interop.native import PycrdtClient
from interop.stock import HOCUSPOCUS, JS, YWS, CommandFailed, Driver


@pytest.fixture
async def reference(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """URL of the reference server that the test names."""
    process = await asyncio.create_subprocess_exec(
        "node", str(JS / "reference.mjs"), request.param, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    yield line.removeprefix("listening on ").strip()
    process.terminate()
    await process.wait()


both = pytest.mark.parametrize(
    ("reference", "kinds"),
    [("y-websocket", YWS), ("hocuspocus", HOCUSPOCUS[1:])],
    indirect=["reference"],
    ids=["y-websocket", "hocuspocus"],
)


@both
async def test_clients_meet(driver: Driver, reference: str, kinds: tuple[str, ...]) -> None:
    """Edits of all shared types and presence reach every client of the same server."""
    clients = [await driver.connect(kind, reference, "meet") for kind in kinds]
    for client in clients:
        await client.wait(synced=True)
    for index, client in enumerate(clients):
        await client.edit(
            ("append", "text", f"{index} {client.kind};"),
            ("set", "map", client.kind, index),
            ("push", "array", [index]),
        )
        await client.presence({"name": client.kind})
    agreed = await converge(clients)
    assert agreed.map == {kind: index for index, kind in enumerate(kinds)}
    for client in clients:
        await client.wait(present=[other.client_id for other in clients])
    await clients[0].destroy()
    await clients[1].wait(absent=[clients[0].client_id])


@both
async def test_condition_not_met_says_why(
    driver: Driver, reference: str, kinds: tuple[str, ...]
) -> None:
    """A wait that runs out names the condition and shows the state."""
    client = await driver.connect(kinds[0], reference, "alone")
    await client.wait(synced=True)
    await client.insert(0, "written")
    with pytest.raises(CommandFailed, match=r'"text":"other".*"text":"written"'):
        await client.wait(text="other", timeout=0.1)


@both
async def test_disagreement_fails(driver: Driver, reference: str, kinds: tuple[str, ...]) -> None:
    """Clients of different rooms do not converge, and the failure shows both texts."""
    ada, ben = [await driver.connect(kinds[0], reference, room) for room in ("one", "two")]
    await ada.insert(0, "ada")
    await ben.insert(0, "ben")
    with pytest.raises(TimeoutError, match=r"'ada'[^$]*'ben'"):
        await converge([ada, ben], timeout=0.2)


@both
async def test_offline_edits_arrive_after_reconnect(
    driver: Driver, reference: str, kinds: tuple[str, ...]
) -> None:
    """A cut socket is replaced, and what was typed meanwhile is exchanged."""
    ada, ben = [await driver.connect(kind, reference, "offline") for kind in kinds[:2]]
    for client in (ada, ben):
        await client.wait(synced=True)
    await ada.disconnect()
    await ada.wait(connected=False)
    await ada.insert(0, "offline ")
    await ben.insert(0, "online ")
    await ada.reconnect()
    agreed = await converge([ada, ben])
    assert sorted(agreed.text.split()) == ["offline", "online"]
    await ben.cut()
    state = await ben.wait(closes_at_least=1, opens_at_least=2, synced=True)
    assert state.attempts >= 2


@pytest.mark.parametrize("reference", ["hocuspocus"], indirect=True)
@pytest.mark.parametrize("kind", HOCUSPOCUS[1:])
async def test_authentication_is_seen(driver: Driver, reference: str, kind: str) -> None:
    """A refused token and a read-only one are told apart, without a fault."""
    refused = await driver.connect(kind, reference, "locked", token="bad")
    assert (await refused.wait(denied_at_least=1)).denied == ["permission-denied"]
    reader = await driver.connect(kind, reference, "locked", token="ro")
    await reader.wait(synced=True, scope="readonly", unsynced=0)


async def test_what_a_client_complains_about_is_a_fault(driver: Driver) -> None:
    """A frame that the client does not understand is found out."""

    async def babble(socket: ServerConnection) -> None:
        await socket.send(b"\x63")
        await socket.wait_closed()

    async with serve(babble, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = await driver.connect("y-websocket@3.1", f"ws://127.0.0.1:{port}", "babble")
        await client.wait(received_at_least=1)
        assert await driver.faults() == ["console.error: Unable to compute message"]


@pytest.mark.parametrize("reference", ["y-websocket"], indirect=True)
async def test_impossible_commands_fail(driver: Driver, reference: str) -> None:
    """A kind, a condition or an edit that cannot be is refused with the reason."""
    with pytest.raises(CommandFailed, match=r"no client of kind telnet.*y-websocket@3\.1"):
        await driver.connect("telnet", reference, "room")
    client = await driver.connect("y-websocket@3.1", reference, "room")
    with pytest.raises(CommandFailed, match="no condition nonsense"):
        await client.wait(nonsense=True)
    with pytest.raises(CommandFailed, match="Cannot read"):
        await client.edit(("delete", "text", 5, 5))


@pytest.mark.parametrize("reference", ["y-websocket"], indirect=True)
async def test_pycrdt_and_stock_clients_agree(driver: Driver, reference: str) -> None:
    """Agreement of Python and Node replicas covers all edits, deletions included."""
    async with PycrdtClient.connected(reference, "mixed") as python:
        node = await driver.connect("y-websocket@3.1", reference, "mixed")
        await node.wait(synced=True)
        await node.edit(("append", "text", "from node "), ("set", "map", "k", 1))
        await node.edit(("delete", "text", 0, 5))
        python.write("from python")
        python.array.append("p")
        agreed = await converge([python, node])
        assert sorted(agreed.text.split()) == ["from", "node", "python"]
        assert agreed.map == {"k": 1}
        assert agreed.array == ["p"]
