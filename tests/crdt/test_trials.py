"""Checkpoints and examinations happen where they harm nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.engine import Death
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.crdt.nursery import Nursery
from collabkit.crdt.trials import checkpoint, examine, rebuild
from collabkit.errors import EngineLost
from crdt.processes import until
from crdt.unguarded import FINE, KILLER, LOOP, PANIC, POISON

# 84 bytes in four updates with contradictory ids: the fourth is a SIGSEGV.
SERIES = tuple(
    bytes.fromhex(update)
    for update in (
        "010301000a05e309090105026162c7010301090001010208090306",
        "010109038409040361626300",
        "02020205a40207036162630401016d03616263010906000900",
        "010202060007c801060105017e02020009010602",
    )
)


HANGS = "no answer in 0.5 s"


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    """One whose children apply unread what they are given."""
    async with Nursery(entry="crdt.unguarded", patience_s=0.5) as nursery:
        yield nursery


async def test_who_is_innocent_is_not_found_guilty(nursery: Nursery) -> None:
    """Honest edits of all kinds, wide characters among them, on any base."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    document.text("a").insert(0, "\N{GRINNING FACE}")
    document.array("b").append("\N{GRINNING FACE}")
    document.map("c")["k"] = {"n": ["é", None, 1.5]}
    document.text("a").delete(0, 1)
    assert await examine(nursery, [], updates) == []
    assert await examine(nursery, updates[:2], updates[2:]) == []
    assert await examine(nursery, [], []) == []


async def test_a_killer_is_found(nursery: Nursery) -> None:
    """Alone or among others, on a base or on none; the others are tried without it."""
    assert await examine(nursery, [], [KILLER]) == [Death(0, "SIGSEGV")]
    assert await examine(nursery, [FINE], [FINE, KILLER, FINE]) == [Death(1, "SIGSEGV")]


async def test_the_last_of_a_series_is_found(nursery: Nursery) -> None:
    """Where each is harmless without those before it."""
    assert await examine(nursery, [], SERIES) == [Death(3, "SIGSEGV")]
    assert await examine(nursery, SERIES[:3], [FINE, SERIES[3]]) == [Death(1, "SIGSEGV")]


async def test_all_killers_are_found(nursery: Nursery) -> None:
    """Each by what it does: crash, hang, or break the document."""
    deaths = await examine(nursery, [], [FINE, LOOP, KILLER, FINE, LOOP])
    assert [death.index for death in deaths] == [1, 2, 4]
    assert [death.how for death in deaths] == [HANGS, "SIGSEGV", HANGS]


async def test_a_panic_is_found_and_has_words(nursery: Nursery) -> None:
    """The one that panics, or the one that cannot be loaded again without it."""
    deaths = await examine(nursery, [], [FINE, *PANIC])
    assert 2 in [death.index for death in deaths]
    assert "PanicException" in deaths[-1].how


@pytest.mark.parametrize("before", [0, 1, 6])
async def test_what_kills_only_the_reader_is_found_by_halving(
    nursery: Nursery, before: int
) -> None:
    """It was applied without a word; and it takes the same place whatever is around it."""
    suspects = [*[FINE] * before, *POISON, FINE, FINE]
    deaths = await examine(nursery, [FINE], suspects)
    assert deaths == [Death(before + 1, HANGS)]


@pytest.mark.parametrize("base", [[KILLER], [FINE, *POISON]])
async def test_a_base_that_kills_is_not_blamed_on_a_suspect(
    nursery: Nursery, base: list[bytes]
) -> None:
    """Whoever examines has to examine what it builds on, first."""
    with pytest.raises(EngineLost):
        await examine(nursery, base, [FINE, FINE])


async def test_a_checkpoint_that_kills_is_none(nursery: Nursery) -> None:
    """It names the culprit, if it died of one; if it died of all, none."""
    for updates, culprit in (([FINE, KILLER], 1), ([FINE, *POISON], None)):
        with pytest.raises(EngineLost, match="checkpoint") as lost:
            await checkpoint(nursery, updates)
        assert lost.value.culprit == culprit


@pytest.mark.parametrize("noticed", [False, True])
@pytest.mark.parametrize("born_before", [False, True])
async def test_nobody_is_blamed_for_the_death_of_a_nursery(
    nursery: Nursery, born_before: bool, noticed: bool
) -> None:
    """Whoever is not born did not die of what he was asked: another is."""
    if born_before:
        await checkpoint(nursery, [FINE])
    else:
        nursery.birth()
    assert nursery._process is not None
    nursery._process.kill()
    if noticed:
        await until(lambda: nursery._process is None)
    assert await examine(nursery, [], [FINE, KILLER]) == [Death(1, "SIGSEGV")]
    assert (await checkpoint(nursery, [FINE])).body == FINE
    assert nursery.starts == 2


async def test_a_nursery_that_makes_none_is_given_up() -> None:
    """And it is said that nobody is to blame."""
    async with Nursery(entry="crdt.processes") as nursery:  # which ends at once
        with pytest.raises(EngineLost, match="no child is born") as lost:
            await examine(nursery, [], [FINE])
        assert lost.value.culprit is None


async def test_a_caller_that_gives_up_leaves_no_child(nursery: Nursery) -> None:
    """The child is killed as soon as nobody wants its answer."""
    examining = asyncio.create_task(examine(nursery, [], [LOOP]))
    await until(lambda: any(child.pid for child in nursery._children.values()))
    examining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await examining
    await until(lambda: not nursery._children)


async def test_a_checkpoint_can_be_had_without_a_nursery() -> None:
    """There is one for the occasion."""
    built = await rebuild([FINE])
    assert built.body == FINE
    with pytest.raises(EngineLost, match="checkpoint"):
        await rebuild([b"\1\2"])


async def test_the_engine_in_this_process_has_others_examined_elsewhere() -> None:
    """What kills a reader is found, and this process lives on."""
    deaths = await InProcessEngine().examine([], [FINE, b"\1\2"])
    assert deaths == []
