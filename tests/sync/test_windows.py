"""The alarms of rooms, on a real loop."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.sync.events import Woke
from collabkit.sync.windows import Windows


class Bed:
    """A room that only notes that it was woken."""

    def __init__(self, name: str) -> None:
        self.name = name


class Bedroom:
    """Some beds, and the order in which they were woken."""

    def __init__(self) -> None:
        self.woken: list[tuple[str, bool]] = []
        self.windows = Windows(self._wake)
        self._one_more = asyncio.Event()

    def _wake(self, bed: Bed, woke: Woke) -> None:
        self.woken.append((bed.name, woke.soon))
        self._one_more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.woken) < count:
                self._one_more.clear()
                await self._one_more.wait()


async def test_rooms_are_woken_by_how_long_they_can_wait() -> None:
    """Each at its own turn, in whatever order they were expected."""
    there = Bedroom()
    late, calm, soon = Bed("late"), Bed("calm"), Bed("soon")
    there.windows.expect(late, soon=False, late=True)
    there.windows.expect(calm, soon=False, late=False)
    there.windows.expect(soon, soon=True, late=False)
    await there.until(3)
    assert sorted(there.woken) == [("calm", False), ("late", False), ("soon", True)]


@pytest.mark.parametrize("late", [False, True])
async def test_a_room_is_woken_once_for_all_it_has(late: bool) -> None:
    """However often it is expected until then; and afterwards it can be expected again."""
    there = Bedroom()
    bed = Bed("bed")
    for _ in range(5):
        there.windows.expect(bed, soon=False, late=late)
    await there.until(1)
    there.windows.expect(bed, soon=False, late=late)
    await there.until(2)
    assert there.woken == [("bed", False)] * 2


async def test_a_room_that_sleeps_long_can_be_woken_sooner() -> None:
    """Somebody who waits for a word comes in: the turn for that is not put off."""
    there = Bedroom()
    bed = Bed("bed")
    there.windows.expect(bed, soon=False, late=True)
    there.windows.expect(bed, soon=True, late=False)
    await there.until(2)
    assert sorted(there.woken) == [("bed", False), ("bed", True)]
