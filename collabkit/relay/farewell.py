"""Sending many home without having all of them back at the same moment.

Clients that are told to come back do so a fixed time later, and no word on the wire makes a stock
client wait for a time of its own. So the telling itself is spread: a few at a time, a short pause
between them, and the last one told while there is still time to leave.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

__all__ = ["GROUP", "groups", "spread"]

T = TypeVar("T")

# 2,000 a second: a join costs a busy relay less than half a millisecond.
GROUP = 20
PAUSE = 0.01
# Of the time that there is; the rest is for those who were told last.
SHARE = 0.5


def groups(people: Sequence[T], *, within: float) -> list[Sequence[T]]:
    """Part people into groups that, with a pause between them, are told in half of a time.

    >>> [len(group) for group in groups(range(50), within=5.0)]
    [20, 20, 10]
    >>> len(groups(range(10_000), within=1.0))
    50
    """
    most = max(1, int(within * SHARE / PAUSE))
    size = max(GROUP, math.ceil(len(people) / most))
    return [people[at : at + size] for at in range(0, len(people), size)]


async def spread(people: Sequence[T], *, within: float) -> AsyncIterator[Sequence[T]]:
    """One group after another."""
    for number, group in enumerate(groups(people, within=within)):
        if number:
            await asyncio.sleep(PAUSE)
        yield group
