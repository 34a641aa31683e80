"""A call with a key happens once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collabkit.errors import InvalidArguments
from collabkit.ids import Subject
from collabkit.sessions import calls as module
from collabkit.sessions.calls import Calls
from collabkit.store.sqlite import SQLiteStore

ADA, BOB = Subject("user:ada"), Subject("user:bob")


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    """An open file."""
    async with SQLiteStore.open(path) as opened:
        yield opened


class Work:
    """Something that is done, and counts how often."""

    def __init__(self) -> None:
        self.done: list[bool] = []

    async def __call__(self, again: bool) -> Any:
        self.done.append(again)
        await asyncio.sleep(0)
        return {"times": len(self.done)}


async def once(calls: Calls, work: Work, *, key: str = "k", subject: Subject = ADA) -> Any:
    """Have it done, under a key."""
    return await calls.once("work", "digest", work, subject=subject, key=key)


async def test_a_repetition_gets_the_first_result(store: SQLiteStore) -> None:
    """However often it is repeated, at once or later or by another process, it is done once."""
    calls, work = Calls(store), Work()
    first = await asyncio.gather(*(once(calls, work) for _ in range(5)))
    assert first == [{"times": 1}] * 5
    assert await once(Calls(store), work) == {"times": 1}
    assert work.done == [False]


async def test_first_calls_at_one_time_are_all_remembered(store: SQLiteStore) -> None:
    """Calls with different keys that race to be the first are each done once, now and later."""
    calls, work = Calls(store), Work()
    await asyncio.gather(*(once(calls, work, key=key) for key in "abc"))
    for known in (calls, Calls(store)):
        for key in "abc":
            await once(known, work, key=key)
    assert len(work.done) == 3


async def test_keys_are_their_subjects(store: SQLiteStore) -> None:
    """Another subject's key of the same name is another, and so is another key."""
    calls, work = Calls(store), Work()
    await once(calls, work)
    await once(calls, work, subject=BOB)
    await once(calls, work, key="other")
    assert len(work.done) == 3


async def test_a_key_names_one_call(store: SQLiteStore) -> None:
    """A key that was used for something else is refused."""
    calls, work = Calls(store), Work()
    await once(calls, work)
    with pytest.raises(InvalidArguments, match="used for another call"):
        await calls.once("work", "another digest", work, subject=ADA, key="k")


async def test_a_key_is_short(store: SQLiteStore) -> None:
    """The file remembers keys, so nobody fills the disk with them."""
    calls, work = Calls(store), Work()
    with pytest.raises(InvalidArguments, match="characters"):
        await once(calls, work, key="k" * 256)
    assert work.done == []
    assert await store.entries("calls") == []
    await once(calls, work, key="k" * 255)


async def test_a_failure_frees_the_key(store: SQLiteStore) -> None:
    """What failed may be tried again, as if for the first time."""
    calls, work = Calls(store), Work()

    async def fail(again: bool) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await calls.once("work", "digest", fail, subject=ADA, key="k")
    assert await once(calls, work) == {"times": 1}
    assert work.done == [False]


async def test_what_was_cut_off_is_told_so(store: SQLiteStore) -> None:
    """A call that neither succeeded nor failed runs again, knowing that it may have been done."""
    work = Work()
    begun = asyncio.Event()

    async def never(again: bool) -> Any:
        begun.set()
        await asyncio.Event().wait()

    calling = asyncio.create_task(Calls(store).once("work", "digest", never, subject=ADA, key="k"))
    await begun.wait()
    calling.cancel()
    await asyncio.wait({calling})
    assert await once(Calls(store), work) == {"times": 1}
    assert work.done == [True]


async def test_a_file_remembers_the_last_calls(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many calls are remembered, the oldest is forgotten first, and the file stays small."""
    monkeypatch.setattr(module, "REMEMBERED", 4)
    calls, work = Calls(store), Work()
    for number in range(10):
        await once(calls, work, key=str(number))
    again = Calls(store)
    for number in range(6, 10):
        assert await once(again, work, key=str(number)) == {"times": number + 1}
    assert len(work.done) == 10
    await once(again, work, key="5")
    assert len(work.done) == 11
    assert len(await store.entries("calls")) == 4
