"""Updates made of structs, through scan and engine: whatever dies, it is not this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from collabkit.crdt.sandbox import SandboxEngine
from collabkit.crdt.update import EMPTY_UPDATE, scan
from hostile.fuzzing import BATCH, DIED, FINE, Campaign, whole_life, whole_lives
from hostile.strategies import Series, all_series, draw_series

IN_CI = 6_000
IN_ALL = 1_000_000
# Of what is drawn, this much must reach the engine for the campaign to be worth its time.
WORTH = 0.5


@pytest.fixture
async def engine() -> AsyncIterator[SandboxEngine]:
    """An engine in child processes, which may die."""
    async with SandboxEngine() as running:
        yield running


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(series=all_series())
def test_a_series_can_be_shrunk_and_drawn_again(series: Series) -> None:
    """What the strategy makes are updates, and the first of a series builds on nothing."""
    assert 2 <= len(series) <= 6
    assert all(isinstance(one, bytes) and len(one) >= len(EMPTY_UPDATE) for one in series)
    assert draw_series(Random(repr(series))) == draw_series(Random(repr(series)))


async def test_a_short_campaign(engine: SandboxEngine, seed: int, tmp_path: Path) -> None:
    """The engine answers for every series, and what it encodes loads, or the finding is kept."""
    campaign = Campaign(engine, Random(seed), tmp_path)
    await campaign.run(updates=IN_CI)
    print(json.dumps({"seed": seed, **campaign.counts, "findings": campaign.findings}))
    assert campaign.counts["tasted"] > WORTH * campaign.counts["updates"]
    assert campaign.counts[FINE] > WORTH * campaign.counts["series"]
    kept = [json.loads(path.read_text()) for path in tmp_path.iterdir()]
    assert {one["how"] for one in kept} == set(campaign.findings)
    assert await whole_life(engine, [EMPTY_UPDATE]) == FINE


async def test_a_finding_is_cut_down_to_what_kills(engine: SandboxEngine, tmp_path: Path) -> None:
    """Of a batch of many, the one that dies is told, with no update that it does not take."""
    harmless = bytes.fromhex("01010700040101740268690000")[:-1]
    deadly = bytes.fromhex("0102090004010174036162632700090001" + "6b" + "0100")
    scan(deadly)
    batch = [[harmless] for _ in range(BATCH - 1)] + [[harmless, deadly, harmless]]
    ends = await whole_lives(engine, batch)
    assert ends[-1] == DIED
    campaign = Campaign(engine, Random(0), tmp_path)
    await campaign.taste(batch)
    [found] = [json.loads(path.read_text()) for path in tmp_path.iterdir()]
    assert found["updates"] == [deadly.hex()]
    assert campaign.counts[FINE] == BATCH - 1


@pytest.mark.fuzz
async def test_a_long_campaign(
    engine: SandboxEngine, seed: int, for_s: float, pytestconfig: pytest.Config
) -> None:
    """A million updates, or as many as there is time for; what is found is in the cache folder."""
    cache = getattr(pytestconfig, "cache", None)
    folder = Path("hostile") if cache is None else Path(cache.mkdir("hostile"))
    campaign = Campaign(engine, Random(seed), folder / str(seed))
    await campaign.run(updates=IN_ALL, for_s=for_s)
    print(json.dumps({"seed": seed, **campaign.counts, "findings": campaign.findings}))
    print(engine.stats())
    assert campaign.counts[FINE] > WORTH * campaign.counts["series"]
    assert await whole_life(engine, [EMPTY_UPDATE]) == FINE
