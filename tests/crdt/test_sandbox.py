"""The engine in child processes keeps the contract of engines, and outlives its children."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from collabkit.crdt.budget import Budget
from collabkit.crdt.child import Child
from collabkit.crdt.document import Document
from collabkit.crdt.engine import Bad, Good, NothingNew
from collabkit.crdt.sandbox import SandboxEngine
from collabkit.errors import EngineLost, LocalProtocolError
from collabkit.testing.contracts import EngineContract
from crdt.crafting import shared, string, update
from crdt.processes import until
from crdt.unguarded import FINE, KILLER, LOOP, PANIC, SLOW

KEY, OTHER = ("session", "main"), ("session", "other")


class TestSandboxEngine(EngineContract):
    """Every promise of an engine, kept by this one."""

    @pytest.fixture
    async def engine(self) -> AsyncIterator[SandboxEngine]:
        """The engine under test."""
        async with SandboxEngine() as engine:
            yield engine


@pytest.fixture
async def fragile() -> AsyncIterator[SandboxEngine]:
    """A sandbox whose children apply unread what they are given."""
    async with SandboxEngine(entry="crdt.unguarded") as engine:
        yield engine


def serving(engine: SandboxEngine) -> Child:
    """The child that has the documents."""
    [child] = engine._brood.placed
    return child


def large(client: int, text_bytes: int = 10_000_000) -> bytes:
    """An update that brings so much text."""
    return update((client, 0, [string("x" * text_bytes, root="t")]))


@pytest.mark.parametrize(
    ("updates", "how"), [([FINE, FINE, KILLER], "SIGSEGV"), ([FINE, PANIC[0], PANIC[1]], None)]
)
async def test_what_kills_is_named_and_its_place_is_taken(
    fragile: SandboxEngine, updates: list[bytes], how: str | None
) -> None:
    """The culprit is the update that was being applied, and the document can be opened again."""
    await fragile.open(KEY, [])
    with pytest.raises(EngineLost) as lost:
        await fragile.taste(KEY, updates)
    assert lost.value.culprit == 2
    with pytest.raises(EngineLost) as told:
        await fragile.diff(KEY, b"\0")
    assert told.value.culprit is None
    await fragile.open(KEY, [FINE])
    assert await fragile.taste(KEY, [FINE]) == [Good()]
    # A panic loses its document alone; a crash its process, and that has a name.
    await until(lambda: fragile.stats().deaths == ({how: 1} if how else {}))


async def test_children_keep_the_budget_that_they_are_given() -> None:
    """Also in what no single update shows: how deep types nest over all that a document has."""
    chain = [
        update((1, 0, [shared(1, root="m", key="k")])),
        update((1, 1, [shared(1, parent=(1, 0), key="k")])),
        update((1, 2, [shared(1, parent=(1, 1), key="k")])),
    ]
    async with SandboxEngine(budget=Budget(levels=2)) as engine:
        await engine.open(KEY, [])
        first, second, third = await engine.taste(KEY, chain)
        assert (first, second) == (Good(), Good())
        assert isinstance(third, Bad)
        assert third.code == "too-deep"


async def test_only_the_one_it_died_of_names_a_culprit(fragile: SandboxEngine) -> None:
    """What else was asked of it is lost by no fault of its own, in the same trip or another."""
    await fragile.open(KEY, [])
    await fragile.open(OTHER, [FINE])
    trip = fragile.taste_all([(OTHER, [FINE]), (KEY, [FINE, KILLER]), (OTHER, [FINE])])
    told, difference = await asyncio.gather(
        trip, fragile.diff(OTHER, b"\0"), return_exceptions=True
    )
    assert isinstance(difference, EngineLost)
    assert isinstance(told, list)
    culprits = [lost.culprit for lost in told if isinstance(lost, EngineLost)]
    assert culprits == [None, 1, None]
    assert difference.culprit is None


async def test_a_log_that_kills_names_its_row(fragile: SandboxEngine) -> None:
    """Also if it is opened, not tasted."""
    with pytest.raises(EngineLost) as lost:
        await fragile.open(KEY, [FINE, KILLER, FINE])
    assert lost.value.culprit == 1
    assert await fragile.open(KEY, []) == {}


async def test_a_child_that_is_killed_loses_what_it_held() -> None:
    """Nobody is to blame; each document is opened again when somebody asks for it."""
    async with SandboxEngine() as engine:
        for key in (KEY, OTHER):
            await engine.open(key, [FINE])
        child = serving(engine)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: not child.alive)
        for key in (KEY, OTHER):
            with pytest.raises(EngineLost) as lost:
                await engine.taste(key, [FINE])
            assert lost.value.culprit is None
            assert await engine.open(key, [FINE]) == {5: 1}
            assert await engine.taste(key, [FINE]) == [NothingNew()]


async def test_a_spare_is_ready_and_another_is_ordered() -> None:
    """Who opens a document after a death does not wait for a process to be made."""
    async with SandboxEngine(spares=2) as engine:
        await until(lambda: all(spare.pid for spare in engine._brood.spares))
        first, spare = serving(engine), engine._brood.spares[0]
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: not first.alive)
        assert serving(engine) is spare
        await until(lambda: engine.stats().spares == 2)
        assert engine.stats().births == 4


async def test_a_spare_that_dies_is_replaced() -> None:
    """It never takes the place of another."""
    async with SandboxEngine(spares=1) as engine:
        [spare] = engine._brood.spares
        await until(lambda: spare.pid is not None)
        assert spare.pid is not None
        os.kill(spare.pid, signal.SIGKILL)
        await until(lambda: engine.stats().spares == 1 and engine._brood.spares[0] is not spare)
        assert await engine.open(KEY, []) == {}


async def test_a_child_that_hangs_is_killed() -> None:
    """It did not get on with one update for longer than it may."""
    async with SandboxEngine(entry="crdt.unguarded", patience_s=0.3) as engine:
        await engine.open(KEY, [])
        with pytest.raises(EngineLost) as lost:
            await engine.taste(KEY, [FINE, LOOP])
        assert lost.value.culprit == 1
        await until(lambda: engine.stats().deaths == {"no answer in 0.3 s": 1})


async def test_a_child_that_gets_on_is_waited_for() -> None:
    """Patience is for one update, not for all that was asked."""
    async with SandboxEngine(entry="crdt.unguarded", patience_s=1) as engine:
        await engine.open(KEY, [])
        await engine.open(OTHER, [])
        trips = [(KEY, [SLOW] * 3), (OTHER, [SLOW] * 2)]
        assert await engine.taste_all(trips) == [[Good()] * 3, [Good()] * 2]


async def test_idle_time_is_nobodys_fault() -> None:
    """However long nothing was asked for, the clock begins with the question."""
    async with SandboxEngine(patience_s=0.05) as engine:
        await engine.open(KEY, [])
        child = serving(engine)
        await until(lambda: child._watching is None)
        assert await engine.taste(KEY, [FINE]) == [Good()]
        assert engine.stats().deaths == {}


async def test_one_that_swells_is_retired() -> None:
    """It answers what it was asked; what it held is lost, and goes to another."""
    async with SandboxEngine(entry="crdt.unguarded", memory_bytes=100_000_000) as engine:
        first = serving(engine)
        await engine.open(KEY, [])
        taken = 0
        while serving(engine) is first:
            first.looked_at = float("-inf")
            assert await engine.taste(KEY, [large(client=taken)]) == [Good()]
            taken += 1
        assert 1 < taken < 20
        assert engine.stats().retirements == 1
        with pytest.raises(EngineLost):
            await engine.taste(KEY, [FINE])
        await first.fate
        assert engine.stats().deaths == {}


async def test_one_cannot_outgrow_its_limit() -> None:
    """It dies of what would take more memory than there is: others would fail for it."""
    async with SandboxEngine(entry="crdt.unguarded", memory_bytes=40_000_000) as engine:
        await engine.open(KEY, [])
        with pytest.raises(EngineLost) as lost:
            await engine.taste(KEY, [FINE, large(1, 60_000_000)])
        assert lost.value.culprit in (1, None)
        await until(lambda: sum(engine.stats().deaths.values()) == 1)
        assert await engine.open(KEY, []) == {}


async def test_one_that_is_no_longer_itself_is_killed() -> None:
    """It says what cannot be; nothing that it says is believed."""
    async with SandboxEngine(entry="crdt.lying") as engine:
        await engine.open(KEY, [])
        with pytest.raises(EngineLost) as lost:
            await engine.taste(KEY, [FINE])
        assert lost.value.culprit is None
        await until(lambda: engine.stats().deaths == {"it does not speak as it must": 1})


async def test_many_children_share_the_documents() -> None:
    """Each key has its child; the death of one loses its own documents and no others."""
    async with SandboxEngine(children=3) as engine:
        keys = [("session", str(number)) for number in range(30)]
        for key in keys:
            await engine.open(key, [])
        homes = {key: home.child for key, home in engine._homes.items()}
        assert len(set(homes.values())) == 3
        victim = homes[keys[0]]
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        await until(lambda: not victim.alive)
        told = await engine.taste_all([(key, [FINE]) for key in keys])
        lost = [isinstance(verdicts, EngineLost) for verdicts in told]
        assert lost == [homes[key] is victim for key in keys]


async def test_large_answers_come_whole() -> None:
    """What does not fit into the pipe at once is put together again, in order."""
    document = Document()
    document.text("t").insert(0, "é" * 3_000_000)
    async with SandboxEngine() as engine:
        await engine.open(KEY, [document.update()])
        await engine.open(OTHER, [FINE])
        large, small = await asyncio.gather(engine.diff(KEY, b"\0"), engine.diff(OTHER, b"\0"))
        assert large == document.update()
        assert small == FINE


async def test_it_counts_what_it_does(fragile: SandboxEngine) -> None:
    """Trips, births, deaths by cause, and what waits."""
    await fragile.open(KEY, [])
    tasting = asyncio.ensure_future(fragile.taste(KEY, [FINE]))
    await asyncio.sleep(0)
    assert fragile.stats().queue == 1
    await tasting
    stats = fragile.stats()
    assert (stats.children, stats.documents, stats.queue) == (1, 1, 0)
    assert stats.trips == 3  # the first question is whether it is there
    assert (stats.births, stats.nursery_starts, stats.deaths) == (3, 1, {})


async def test_it_must_be_entered() -> None:
    """Before and after there are no children."""
    engine = SandboxEngine()
    with pytest.raises(LocalProtocolError):
        await engine.open(KEY, [])
    async with engine:
        await engine.open(KEY, [])
    with pytest.raises(LocalProtocolError):
        await engine.checkpoint([])
    with pytest.raises(EngineLost):
        await engine.taste(KEY, [FINE])


async def test_it_says_so_if_there_can_be_no_children() -> None:
    """At once, and to who starts it."""
    with pytest.raises(EngineLost, match="no child process"):
        async with SandboxEngine(entry="collabkit.no_such_module"):
            pass
