"""Stock clients of every kind, alone and in mixed company, on our relay."""

from __future__ import annotations

import itertools

import pytest

from interop.agreement import converge
from interop.native import PycrdtClient, ReplicaClient
from interop.serving import Serving
from interop.stock import HOCUSPOCUS, KINDS, YWS, Driver

each = pytest.mark.parametrize("kind", KINDS)

PAIRS = list(itertools.combinations_with_replacement(KINDS, 2))


@each
async def test_alone(driver: Driver, relay: Serving, room: str, kind: str) -> None:
    """What a client wrote is there for the next one, at its `synced`, and acknowledged."""
    ada = await driver.connect(kind, relay.url, room)
    await ada.wait(synced=True)
    await ada.edit(
        ("insert", "text", 0, "hello world"),
        ("set", "map", "k", {"deep": [1, 2.5, None, True, "x"]}),
        ("push", "array", [1, "two", {"three": 3}]),
    )
    written = await ada.edit(("delete", "text", 0, 6), ("remove", "array", 0, 1))
    if written.unsynced is not None:
        await ada.wait(unsynced=0)
    else:
        # This protocol has no acknowledgements: a second client of it is the proof of arrival.
        witness = await driver.connect(kind, relay.url, room)
        await witness.wait(text="world")
    await ada.destroy()
    ben = await driver.connect(kind, relay.url, room)
    state = await ben.wait(synced=True)
    assert state.lengths_at_synced == [5]
    assert state.content == written.content


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=map(" with ".join, PAIRS))
async def test_pair(driver: Driver, relay: Serving, room: str, one: str, other: str) -> None:
    """Two clients of any kinds share edits and presence, and see each other leave."""
    ada = await driver.connect(one, relay.url, room)
    await ada.presence({"name": "ada"})
    await ada.wait(synced=True)
    await ada.append("ada was here first. ")
    ben = await driver.connect(other, relay.url, room)
    await ben.presence({"name": "ben"})
    await ben.wait(
        synced=True, text="ada was here first. ", states={str(ada.client_id): {"name": "ada"}}
    )
    await ada.wait(states={str(ben.client_id): {"name": "ben"}})
    await ada.edit(("append", "text", "ada "), ("set", "map", "ada", 1))
    await ben.edit(("append", "text", "ben "), ("push", "array", ["ben"]))
    await ben.edit(("delete", "text", 0, 4))
    agreed = await converge([ada, ben])
    assert (agreed.map, agreed.array) == ({"ada": 1}, ["ben"])
    assert sorted(agreed.text.split()) == ["ada", "ben", "first.", "here", "was"]
    await ada.presence({"name": "ada", "at": 3})
    await ben.wait(states={str(ada.client_id): {"name": "ada", "at": 3}})
    await ben.destroy()
    await ada.wait(absent=[ben.client_id])


@each
@pytest.mark.parametrize("python", [PycrdtClient, ReplicaClient])
async def test_python_with_each(
    driver: Driver,
    relay: Serving,
    room: str,
    python: type[PycrdtClient | ReplicaClient],
    kind: str,
) -> None:
    """Python programs and stock clients share text, maps and arrays, both ways."""
    ada = await driver.connect(kind, relay.url, room)
    await ada.wait(synced=True)
    await ada.edit(
        ("append", "text", "from JavaScript: naïve ☃. "), ("set", "map", "js", {"deep": [1, None]})
    )
    async with python.connected(relay.url, room) as ben:
        await ben.until(lambda: "naïve ☃." in str(ben.text))
        ben.write("from Python: 日本語. ")
        ben.map["python"] = [True, "x", 1.5]
        ben.array.extend([1, {"two": 2}])
        await ada.edit(("delete", "text", 0, 5), ("push", "array", ["js"]))
        agreed = await converge([ada, ben])
    assert agreed.map == {"js": {"deep": [1, None]}, "python": [True, "x", 1.5]}
    assert agreed.text == "JavaScript: naïve ☃. from Python: 日本語. "
    assert len(agreed.array) == 3


async def test_everybody(driver: Driver, relay: Serving, room: str) -> None:
    """One client of each kind, Python ones too, edit one session: nothing is lost or doubled."""
    async with (
        PycrdtClient.connected(relay.url, room) as pycrdt,
        ReplicaClient.connected(relay.url, room) as replica,
    ):
        clients = [await driver.connect(kind, relay.url, room) for kind in KINDS]
        for client in clients:
            await client.wait(synced=True)
        for turn in range(5):
            pycrdt.write(f"<pycrdt {turn}>")
            replica.write(f"<replica {turn}>")
            for client in clients:
                await client.append(f"<{client.kind} {turn}>")
        agreed = await converge([pycrdt, replica, *clients])
        kinds = ("pycrdt", "replica", *KINDS)
        expected = [f"<{kind} {turn}>" for kind in kinds for turn in range(5)]
        found = [f"<{piece}" for piece in agreed.text.split("<")[1:]]
        assert sorted(found) == sorted(expected)
        replica.replica.presence.set({"kind": "replica"})
        for client in clients:
            await client.presence({"kind": client.kind})
        ids = {client.client_id for client in clients}
        present = ids | {replica.replica.presence.client_id}
        for client in clients:
            await client.wait(present=sorted(present))
        await replica.until(lambda: ids <= set(replica.replica.presence.others))


@each
async def test_late_joiner_has_everything_at_synced(
    driver: Driver, relay: Serving, room: str, kind: str
) -> None:
    """An application that seeds an empty document at `synced` must not find it empty."""
    author = await driver.connect("page", relay.url, room)
    await author.wait(synced=True)
    for index in range(300):
        await author.append(f"{index:03} ")
    await author.edit(("delete", "text", 0, 400))
    await author.wait(unsynced=0)
    joiner = await driver.connect(kind, relay.url, room)
    state = await joiner.wait(synced=True)
    assert state.lengths_at_synced == [800]


@pytest.mark.parametrize("kind", [YWS[0], YWS[-1], *HOCUSPOCUS, "page"])
@pytest.mark.parametrize(
    "name", ["a b", "ünï/☃", "日本語", "a/b", "it's", "x" * 200, "project~plan/budget", "a+b&c=d"]
)
async def test_names(driver: Driver, relay: Serving, kind: str, name: str) -> None:
    """A name means the same room in a URL and in a frame, whatever characters it has."""
    named = f"{name} {kind}" if "/" not in name else f"{name}-{kind}"
    here = await driver.connect(kind, relay.url, named)
    await here.wait(synced=True)
    await here.append("written")
    there = await driver.connect("hocuspocus@4", relay.url, named)
    await there.wait(text="written")


@pytest.mark.parametrize("kind", HOCUSPOCUS)
async def test_documents_of_one_socket(
    driver: Driver, relay: Serving, room: str, kind: str
) -> None:
    """Documents share a Hocuspocus socket without mixing, and one may leave alone."""
    rooms = [f"{room}/{part}" for part in ("one", "two", "three")]
    shared = [await driver.connect(kind, relay.url, name, socket=room) for name in rooms]
    others = [await driver.connect("y-websocket@3.1", relay.url, name) for name in rooms]
    for client, other, name in zip(shared, others, rooms, strict=True):
        await client.wait(synced=True)
        await client.append(name)
        await other.wait(text=name)
    await shared[0].destroy()
    await shared[1].append(" still")
    await others[1].wait(text=f"{rooms[1]} still")
    await others[2].append(" here")
    state = await shared[2].wait(text=f"{rooms[2]} here")
    assert state.opens == 1


async def test_twins_on_one_socket(driver: Driver, relay: Serving, room: str) -> None:
    """Two Hocuspocus 4 providers have one document on one socket, each with its own presence."""
    one, other = [
        await driver.connect("hocuspocus@4", relay.url, room, socket="shared", twins=True)
        for _ in range(2)
    ]
    for twin in (one, other):
        await twin.wait(synced=True)
        await twin.presence({"twin": twin.name})
        await twin.append(f"<{twin.name}>")
    await converge([one, other])
    await one.wait(states={str(other.client_id): {"twin": other.name}})
    await one.destroy()
    await other.wait(absent=[one.client_id])
    await other.append("alone")
    state = await other.wait(unsynced=0)
    assert state.opens == 1


@each
async def test_offline_edits_of_both_sides(
    driver: Driver, relay: Serving, room: str, kind: str
) -> None:
    """What was typed while apart is merged when together again."""
    ada = await driver.connect(kind, relay.url, room)
    ben = await driver.connect("y-websocket@3.1", relay.url, room)
    for client in (ada, ben):
        await client.wait(synced=True)
    await ada.append("shared words. ")
    await ben.wait(text="shared words. ")
    await ada.disconnect()
    await ada.wait(connected=False)
    await ada.edit(("append", "text", "ada alone "), ("delete", "text", 0, 7))
    await ben.edit(("append", "text", "ben alone "), ("set", "map", "ben", True))
    await ada.reconnect()
    agreed = await converge([ada, ben])
    assert agreed.map == {"ben": True}
    assert sorted(agreed.text.split()) == ["ada", "alone", "alone", "ben", "words."]
