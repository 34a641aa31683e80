"""Stock clients see a restore and a revert as edits like any other, and go on meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collabkit.store.base import Row
from collabkit.store.reader import Reader
from interop.agreement import converge
from interop.native import ReplicaClient
from interop.serving import Serving
from interop.stock import Driver

PAIRS = [("y-websocket@3.1", "hocuspocus@4"), ("page", "y-websocket@1.5")]


def last_row(database: Path, room: str) -> Row:
    """The newest row of a room's log."""
    with Reader(database) as reader:
        return reader.rows(reader.find(room, project="default").id, limit=10_000)[-1]


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
async def test_a_restore_reaches_those_who_edit(
    driver: Driver, relay: Serving, room: str, pair: tuple[str, str]
) -> None:
    """All converge while they type; once they are quiet, all have exactly what there was."""
    ada, ben = [await driver.connect(kind, relay.url, room) for kind in pair]
    async with ReplicaClient.connected(relay.url, room) as own:
        for client in (ada, ben):
            await client.wait(synced=True)
        await ada.edit(("append", "text", "hello world"), ("set", "map", "k", {"a": [1]}))
        await ben.edit(("push", "array", [1, "two", None]))
        draft = await converge([ada, ben, own])
        await own.replica.saved()
        await own.replica.call("version", name="draft")
        await ben.edit(("delete", "text", 0, 6), ("unset", "map", "k"), ("push", "array", [4]))
        await ada.edit(("insert", "text", 2, "🦊"), ("remove", "array", 1, 1))
        await converge([ada, ben, own])
        restoring = asyncio.create_task(own.replica.call("restore", at="draft"))
        for number in range(10):
            await ada.append(f"{number}")
            await ben.edit(("set", "map", "n", number))
        assert (await restoring)["version"].startswith("before restore")
        await converge([ada, ben, own])
        await own.replica.call("restore", at="draft")
        assert await converge([ada, ben, own]) == draft
    assert last_row(relay.database, room).origin.startswith("restore:")


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
async def test_a_revert_keeps_what_others_type_meanwhile(
    driver: Driver, relay: Serving, room: str, pair: tuple[str, str]
) -> None:
    """The change is gone from all copies; not a letter of anybody else is."""
    ada, ben = [await driver.connect(kind, relay.url, room) for kind in pair]
    async with ReplicaClient.connected(relay.url, room) as own:
        for client in (ada, ben):
            await client.wait(synced=True)
        await ada.append("one ")
        await converge([ada, ben, own])
        with own.document.edit():
            own.text.append("two ")
            own.map["mine"] = True
        await own.replica.saved()
        await converge([ada, ben, own])
        change = last_row(relay.database, room).seq
        await ben.append("three ")
        await converge([ada, ben, own])
        reverting = asyncio.create_task(own.replica.call("revert", change=str(change)))
        for number in range(10):
            await ada.append(f"a{number} ")
            await ben.edit(("set", "map", "theirs", number))
        await reverting
        agreed = await converge([ada, ben, own])
    typed = "".join(f"a{number} " for number in range(10))
    assert agreed.text == f"one three {typed}"
    assert agreed.map == {"theirs": 9}
