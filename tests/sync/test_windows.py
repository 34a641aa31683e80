"""The alarms of rooms, on a real loop."""

from __future__ import annotations

import asyncio

from collabkit.sync.effects import Woke
from collabkit.sync.windows import Windows


class Bed:
    """A room that only notes that it was woken."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dozing = False


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
    """Soon before calm, and calm before late, in whatever order they were expected."""
    there = Bedroom()
    late, calm, soon = Bed("late"), Bed("calm"), Bed("soon")
    there.windows.expect(late, soon=False, late=True)
    there.windows.expect(calm, soon=False, late=False)
    there.windows.expect(soon, soon=True, late=False)
    await there.until(3)
    assert there.woken[-1] == ("late", False)
    assert sorted(there.woken[:2]) == [("calm", False), ("soon", True)]


async def test_a_room_that_dozes_is_woken_once_for_all_it_has() -> None:
    """However often it is expected until then; and afterwards it can doze again."""
    there = Bedroom()
    bed = Bed("bed")
    for _ in range(5):
        there.windows.expect(bed, soon=False, late=True)
    await there.until(1)
    assert not bed.dozing
    there.windows.expect(bed, soon=False, late=True)
    await there.until(2)
    assert there.woken == [("bed", False)] * 2


async def test_a_dozing_room_can_be_woken_sooner() -> None:
    """Somebody who waits for a word comes in: the turn for that is not put off."""
    there = Bedroom()
    bed, other = Bed("bed"), Bed("other")
    there.windows.expect(bed, soon=False, late=True)
    there.windows.expect(other, soon=False, late=True)
    there.windows.expect(bed, soon=False, late=False)
    await there.until(1)
    assert there.woken == [("bed", False)]
