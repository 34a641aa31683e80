"""What is done in a child of its own, so that it harms nobody else: checkpoints, examinations.

A checkpoint must load: it is what every later opening of the document begins with. The
child that serves the document is not to be trusted with it, because an update that spoiled
its memory would spoil the checkpoint too.

An examination finds out which update it is that an engine dies of:

1. Base and suspects are applied in order, and what they make is encoded, loaded and read.
2. If that dies while a suspect is applied, this one is guilty. It is left out, and the
   rest is tried again.
3. If it dies afterwards, the guilty one is the last of the shortest beginning that dies so.
   It is found by halving.
4. If it dies of the base, no suspect is to blame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ..errors import EngineLost, UpdateRefused
from .engine import Built, Contested, Death
from .nursery import CAN_FORK, Nursery
from .pipe import Answer, Build, Lost, Made, Rehearse, Request
from .rebuild import build

__all__ = ["checkpoint", "examine", "rebuild"]

# What became of a child is known as soon as somebody waited for it.
_FATE_S = 5.0
# A nursery that was just killed takes two: one finds out, and one waits until it is back.
_BIRTHS = 3


async def checkpoint(nursery: Nursery, updates: Sequence[bytes]) -> Built:
    """Build a document, and load the result back before returning it.

    Raises:
        EngineLost: It could not be built, or did not load to the same digest.
    """
    answer = await _alone(nursery, Build(updates))
    if isinstance(answer, Made):
        return Built(answer.body, answer.digest)
    raise EngineLost(f"checkpoint of {len(updates)} updates", getattr(answer, "culprit", None))


async def rebuild(updates: Sequence[bytes], *, patience_s: float = 5.0) -> Built:
    """Do the same for who has no nursery. Where there can be none, it is done here.

    Args:
        updates: A checkpoint, if any, and the rows behind it.
        patience_s: How long one update may take, besides what its size does.

    Raises:
        EngineLost: It could not be built, or did not load to the same digest.
    """
    if CAN_FORK:
        async with Nursery(patience_s=patience_s) as nursery:
            return await checkpoint(nursery, updates)
    try:
        return build(updates)
    except UpdateRefused as refused:
        raise EngineLost(f"checkpoint of {len(updates)} updates") from refused


async def examine(
    nursery: Nursery, base: Sequence[bytes], suspects: Sequence[bytes | Contested]
) -> list[Death]:
    """Find which of the suspects a child dies of.

    Raises:
        EngineLost: It dies of the base.
    """
    deaths: list[Death] = []
    left = list(range(len(suspects)))

    async def end_of(count: int) -> _End | None:
        """How a child ends that is given the first of the suspects left."""
        return await _rehearse(nursery, [*base, *(suspects[index] for index in left[:count])])

    while (end := await end_of(len(left))) is not None:
        if end.at is None:
            place, end = await _halve(end_of, len(left), end)
        else:
            place = end.at - len(base)
        if place < 0:
            raise EngineLost("the examined one", end.at)
        deaths.append(Death(left.pop(place), end.how))
    return sorted(deaths, key=lambda death: death.index)


async def _halve(
    end_of: Callable[[int], Awaitable[_End | None]], count: int, end: _End
) -> tuple[int, _End]:
    """Find the last of the shortest beginning that ends so; before the first if it is the base."""
    alive, dead = -1, count
    while dead - alive > 1:
        # The base alone comes first: nearly always it is sound, and nothing else is asked twice.
        middle = (alive + dead) // 2 if alive >= 0 else 0
        found = await end_of(middle)
        if found is None:
            alive = middle
        else:
            dead, end = middle, found
    return dead - 1, end


class _End(msgspec.Struct, frozen=True):
    """How a child ended.

    Attributes:
        at: Which update it was applying, if any.
        how: In words.
    """

    at: int | None
    how: str


async def _rehearse(nursery: Nursery, updates: Sequence[bytes | Contested]) -> _End | None:
    answer = await _alone(nursery, Rehearse(updates))
    return _End(answer.culprit, answer.how) if isinstance(answer, Lost) else None


async def _alone(nursery: Nursery, request: Request) -> Answer:
    """Ask a child one thing, and let it go. If it dies, the answer says of what.

    A child that was never born died of nothing that it was asked: somebody killed the nursery,
    say. Another is asked.

    Raises:
        EngineLost: None is born.
    """
    for _ in range(_BIRTHS):
        child = nursery.birth()
        try:
            answer = await child.ask(request)
            if not isinstance(answer, Lost) or child.alive:
                return answer
            await asyncio.wait([child.fate], timeout=_FATE_S)
            if child.pid is not None:
                how = child.fate.result() if child.fate.done() else answer.how
                return Lost(answer.culprit, how)
        finally:
            child.kill("no longer needed")
        await asyncio.sleep(nursery.rest_s)
    raise EngineLost("to come: no child is born")
