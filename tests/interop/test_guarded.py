"""Stock clients where not everything is allowed: they all come to what is, and see nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import collabkit
from collabkit.access.rules import ANYONE, Action, Permission
from collabkit.store.sqlite import SQLiteStore
from interop.serving import Serving
from interop.stock import Driver

SECRET = "NEVER-TO-BE-SEEN"
ROOM = "plan"
CHANGES: tuple[Action, ...] = ("write", "delete")
DOCS = f"/projects/default/sessions/{ROOM}/docs/main"

# An offender and a bystander: each dialect is both, and so are the oldest and the newest.
PAIRS = [
    ("y-websocket@1.5", "hocuspocus@4"),
    ("y-websocket@3.1", "page"),
    ("hocuspocus@2", "y-websocket@3.1"),
    ("hocuspocus@4", "y-websocket@1.5"),
    ("page", "hocuspocus@2"),
]

# The map's key `locked` and three other roots are for nobody to touch.
EDITS: dict[str, list[list[Any]]] = {
    "set": [["set", "map", "locked", SECRET]],
    "unset": [["unset", "map", "locked"]],
    "nested": [["nest", "map", "locked", {"deep": SECRET}]],
    "insert": [["insert", "text", 3, SECRET]],
    "delete": [["delete", "text", 0, 4]],
    "format": [["format", "text", 0, 3, {"mark": SECRET}]],
    "push": [["push", "array", [SECRET]]],
    "remove": [["remove", "array", 0, 1]],
    "element": [["element", "page", SECRET]],
    "unknown root": [["set", "elsewhere", "key", SECRET]],
    "mixed": [["set", "map", "locked", SECRET], ["set", "map", "mixed", 1]],
}


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Serving]:
    """A relay on a file in which nobody but the host may touch everything."""
    database = tmp_path / "relay.db"
    async with collabkit.Workspace.open(database) as workspace:
        async with workspace.open(ROOM, create=collabkit.Kind.COLLABORATIVE) as plan:
            plan.document.map("map")["locked"] = "was"
            plan.document.text("text").insert(0, "do not touch")
            plan.document.array("array").extend(["a", "b"])
            await plan.saved()
        async with workspace.access.transaction() as change:
            for action in (*CHANGES, "read"):
                change.grant(ANYONE, permission=Permission(f"{DOCS}/**", action))
            for action in CHANGES:
                for place in ("map/locked", "text", "array", "page", "elsewhere"):
                    permission = Permission(f"{DOCS}/{place}/**", action, effect="deny")
                    change.grant(ANYONE, permission=permission)
    with Serving.running(database) as serving:
        yield serving


async def _log_of(database: Path) -> list[bytes]:
    """All updates that a file holds of the room."""
    async with SQLiteStore.open(database) as store:
        record = await store.find_session(ROOM, project="default")
        loaded = await store.load(record.id, "main")
        bodies = [row.body for row in loaded.rows]
        return bodies if loaded.checkpoint is None else [loaded.checkpoint.body, *bodies]


async def test_what_is_refused_is_undone_for_everybody(driver: Driver, guarded: Serving) -> None:
    """Every kind of edit, by every kind of client, with every other looking on."""
    for number, (offending, looking_on) in enumerate(PAIRS):
        offender = await driver.connect(offending, guarded.url, ROOM)
        bystander = await driver.connect(looking_on, guarded.url, ROOM)
        await asyncio.gather(offender.wait(synced=True), bystander.wait(synced=True))
        for kind, ops in EDITS.items():
            await offender.edit(*ops)
            await offender.edit(["set", "map", "legal", f"{number} {kind}"])
        allowed = {"locked": "was", "legal": f"{number} {kind}", "mixed": 1}
        until: dict[str, Any] = {"map": allowed, "text": "do not touch", "array": ["a", "b"]}
        for client in (offender, bystander):
            state = await client.wait(**until)
            assert not state.pending
        assert await bystander.heard("legal")
        assert not await bystander.heard(SECRET)
        await bystander.edit(["set", "map", "mixed", 1])
        state = await offender.read()
        if offending.startswith("hocuspocus"):
            state = await offender.wait(unsynced=0)
            told = [json.loads(payload) for payload in state.stateless]
            assert {one["type"] for one in told} == {"collabkit.receipt"}
            paths = {item["path"] for one in told for item in one["items"]}
            assert paths >= {f"{DOCS}/{place}" for place in ("map/locked", "text", "array")}
        reader = await driver.connect("y-websocket@3.1", guarded.url, ROOM)
        fresh = await reader.wait(synced=True, **until)
        assert not await reader.heard(SECRET)
        assert fresh.edits == (await offender.wait(edits=fresh.edits)).edits
        for client in (offender, bystander, reader):
            await client.destroy()
    async with collabkit.connect(f"{guarded.url}/{ROOM}") as replica:
        await replica.synced()
        replica.document.map("map")["locked"] = SECRET
        [receipt] = await replica.saved()
        assert list(receipt.copy().values()) == [SECRET]
        assert replica.document.map("map")["locked"] == "was"
    assert guarded.terminate() == 0
    for body in await _log_of(guarded.database):
        assert SECRET.encode() not in body
    for file in guarded.database.parent.glob("relay.db*"):
        assert SECRET.encode() not in file.read_bytes()


async def test_what_was_written_offline_is_judged_when_it_comes(
    driver: Driver, guarded: Serving
) -> None:
    """A client that comes back with all it did meanwhile comes to rest at what it may have done."""
    bystander = await driver.connect("hocuspocus@4", guarded.url, ROOM)
    await bystander.wait(synced=True)
    for kind in ("y-websocket@3.1", "hocuspocus@4", "page"):
        offender = await driver.connect(kind, guarded.url, ROOM)
        await offender.wait(synced=True)
        await offender.disconnect()
        await offender.wait(connected=False)
        for ops in EDITS.values():
            await offender.edit(*ops)
        await offender.edit(["set", "map", "legal", kind])
        await offender.reconnect()
        allowed = {"locked": "was", "legal": kind, "mixed": 1}
        for client in (offender, bystander):
            await client.wait(map=allowed, text="do not touch", array=["a", "b"])
        await offender.edit(["set", "map", "legal", "next"])
        await bystander.wait(map={**allowed, "legal": "next"})
        await offender.destroy()
    assert not await bystander.heard(SECRET)
