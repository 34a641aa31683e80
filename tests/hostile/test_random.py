"""The random test of Yjs, ported: five users, a network that holds back, cuts and lets through.

Each step may cut or bring back a user (2 in 100), let everything through (1 in 100), or let one
piece of what waits through (half of them), and then one user edits something. At the end all
are let back and let through, and hold the same: the same edits, the same content, shown the same,
and nothing pending. Some users are stock clients in Node.js, others replicas in Python.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Protocol

import pytest

from hostile.gates import Gate
from hostile.wild import show, wild
from interop.agreement import converge
from interop.native import ReplicaClient
from interop.serving import Serving
from interop.stock import Driver, StockClient

STEPS = 80
RUNS = 10
SOAK_RUNS = 200
KINDS = ("y-websocket@3.1", "hocuspocus@4", "y-websocket@1.5")


class User(Protocol):
    """One of the five."""

    name: str
    gate: Gate

    async def edit(self, dice: Random, mark: str) -> None:
        """Edit something."""

    async def show(self) -> dict[str, Any]:
        """What is on the screen."""


class InNode:
    """A stock client."""

    def __init__(self, client: StockClient, gate: Gate) -> None:
        self.client = client
        self.gate = gate
        self.name = repr(client)

    async def edit(self, dice: Random, mark: str) -> None:
        await self.client.wild([dice.random() for _ in range(3)], mark)

    async def show(self) -> dict[str, Any]:
        shown = await self.client.show()
        return shown | {"text": joined(shown["text"])}


class InPython:
    """A replica."""

    def __init__(self, client: ReplicaClient, gate: Gate) -> None:
        self.client = client
        self.gate = gate
        self.name = repr(client)

    async def edit(self, dice: Random, mark: str) -> None:
        wild(self.client.document, [dice.random() for _ in range(3)], mark)

    async def show(self) -> dict[str, Any]:
        return show(self.client.document)


def joined(delta: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A delta of Yjs without the borders that deleted formatting leaves in it."""
    pieces: list[dict[str, Any]] = []
    for piece in delta:
        if pieces and pieces[-1].get("attributes") == piece.get("attributes"):
            pieces[-1]["insert"] += piece["insert"]
        else:
            pieces.append(piece)
    return pieces


async def users(stack: AsyncExitStack, driver: Driver, url: str, room: str) -> list[Any]:
    """Three in Node.js, two in Python, each behind a gate; all in sync."""
    found: list[Any] = []
    for kind in (*KINDS, None, None):
        gate = await stack.enter_async_context(Gate.before(url))
        if kind is None:
            replica = ReplicaClient.connected(gate.url, room)
            found.append(InPython(await stack.enter_async_context(replica), gate))
        else:
            client = await driver.connect(kind, gate.url, room)
            await client.wait(synced=True)
            found.append(InNode(client, gate))
    return found


async def one_step(dice: Random, five: list[Any], away: set[int], mark: str) -> None:
    """What one step of the random test does."""
    roll = dice.randrange(100)
    if roll < 2:
        place = dice.randrange(len(five))
        if place in away:
            five[place].gate.open()
            away.discard(place)
        else:
            five[place].gate.shut()
            away.add(place)
    elif roll < 3:
        for user in five:
            user.gate.let_all()
    elif roll < 53:
        dice.choice(five).gate.let_one(dice)
    await dice.choice(five).edit(dice, mark)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "run",
    [
        pytest.param(run, marks=[pytest.mark.soak] if run >= RUNS else [], id=f"run{run}")
        for run in range(SOAK_RUNS)
    ],
)
async def test_all_end_with_the_same(
    relay: Serving, driver: Driver, room: str, seed: int, run: int
) -> None:
    """Whatever was held back, cut and repeated: at the end all five show the same document."""
    dice = Random(f"{seed}.{run}")
    print(f"seed {seed}.{run}")
    async with AsyncExitStack() as stack:
        five = await users(stack, driver, relay.url, room)
        # Who has edits and none of the document's is taken for a copy of another document.
        await five[0].client.append("begun")
        await converge([user.client for user in five])
        away: set[int] = set()
        for user in five:
            user.gate.held = True
        for step in range(STEPS):
            await one_step(dice, five, away, f"{step:02}")
        for user in five:
            user.gate.held = False
            user.gate.open()
            user.gate.let_all()
        await converge([user.client for user in five], timeout=60)
        shown = [json.dumps(await user.show(), sort_keys=True) for user in five]
        differ = [f"{user.name}: {one}" for user, one in zip(five, shown, strict=True)]
        assert len(set(shown)) == 1, "\n".join(differ)
