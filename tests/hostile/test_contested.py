"""Updates made of structs, of which parts are refused: whatever dies, nothing refused is told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import pytest

from collabkit.crdt.engine import Bad, Contested, DocumentKey, Good, Mended, Verdict
from collabkit.crdt.sandbox import SandboxEngine
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.errors import EngineLost, RemoteProtocolError
from crdt.guarded import holds_refused
from hostile.strategies import draw_series

BATCH = 64
IN_CI = 10


@pytest.fixture
async def engine() -> AsyncIterator[SandboxEngine]:
    """An engine in child processes, which may die."""
    async with SandboxEngine() as running:
        yield running


def contested(update: bytes, dice: Random) -> bytes | Contested:
    """An update of which the dice refuse some, if anything can be told of it."""
    try:
        found = scan(update)
    except RemoteProtocolError:
        return update
    refuse, keep = dice.choice((0.3, 1)), dice.choice((0, 0.5, 1))
    items = read_items(update, found)
    return Contested(
        update,
        tuple((i.client, i.clock, i.length) for i in items if dice.random() < refuse),
        tuple(span for span in found.deletes if dice.random() < keep),
    )


async def batch(engine: SandboxEngine, dice: Random, told: Counter[str]) -> None:
    """Taste some series, each in a document of its own, and load what was taken of each."""
    asked = {
        ("hostile", str(number)): [
            contested(update, dice) if dice.random() < 0.6 else update
            for update in draw_series(dice)
        ]
        for number in range(BATCH)
    }
    for key in asked:
        await engine.open(key, [])
    tasted = await engine.taste_all(list(asked.items()))
    for (key, updates), verdicts in zip(asked.items(), tasted, strict=True):
        if isinstance(verdicts, EngineLost):
            told["lost"] += 1
            continue
        log = taken(updates, verdicts, told)
        try:
            live = await engine.diff(key, b"\0")
            await engine.open(("hostile", "log"), log)
            assert await same(engine, ("hostile", "log"), live), log
        except EngineLost:  # one that spoils the memory of its child does so in whichever document
            told["lost"] += 1


def taken(
    updates: list[bytes | Contested], verdicts: list[Verdict], told: Counter[str]
) -> list[bytes]:
    """The rows that these make; and nothing refused is in them."""
    rows: list[bytes] = []
    for asked, verdict in zip(updates, verdicts, strict=True):
        told[type(verdict).__name__] += isinstance(asked, Contested)
        if isinstance(verdict, Mended):
            assert isinstance(asked, Contested)
            assert not holds_refused(verdict.update, asked.refused)
            rows.append(verdict.update)
        elif isinstance(verdict, Good):
            rows.append(asked.update if isinstance(asked, Contested) else asked)
        elif isinstance(verdict, Bad):
            told[verdict.code] += 1
    return rows


async def same(engine: SandboxEngine, key: DocumentKey, update: bytes) -> bool:
    """Whether a document has all that an update tells, and nothing else."""
    known = {(s.client, s.clock + s.length) for s in scan(update).sections}
    there = await engine.diff(key, b"\0")
    return known == {(s.client, s.clock + s.length) for s in scan(there).sections}


async def test_what_is_refused_of_hostile_updates_is_in_no_row(
    engine: SandboxEngine, seed: int
) -> None:
    """And what was taken is what the log opens to."""
    told: Counter[str] = Counter()
    dice = Random(seed)
    for _ in range(IN_CI):
        await batch(engine, dice, told)
    print(told)
    assert told["Mended"] > 100
    assert told["lost"] < told["Mended"] / 10


@pytest.mark.fuzz
async def test_what_is_refused_never_is(engine: SandboxEngine, seed: int, for_s: float) -> None:
    """The same for a long time."""
    told: Counter[str] = Counter()
    dice, end = Random(f"{seed} for long"), time.monotonic() + for_s
    while time.monotonic() < end:
        await batch(engine, dice, told)
    print(told)
