"""The engine in child processes, for those who take updates from strangers.

Rules:

1. No update is applied in this process. A child may crash, hang or swell: another takes its
   place (:mod:`.brood`), and the documents it held are lost. Whoever asks for one of them is
   told so, and opens it again.
2. Documents are spread over the children by their keys.
3. What was asked of a child that dies is answered by :class:`.EngineLost`. The one it was
   at names the culprit: the update that was being applied.
4. Checkpoints are made, and culprits found, in children of their own (:mod:`.trials`).

The processes: a nursery (:mod:`.nursery`), and its children (:mod:`.child`).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import msgspec

from ..errors import EngineLost, LocalProtocolError, MalformedBytes, UpdateRefused
from .brood import Brood
from .budget import DEFAULT_BUDGET, Budget
from .child import Child
from .engine import Built, Contested, Death, DocumentKey, Verdict
from .nursery import ENTRY, MEMORY_BYTES, PATIENCE_S, Nursery
from .pipe import (
    Answer,
    Diff,
    Lost,
    Malformed,
    Open,
    Opened,
    Piece,
    Ping,
    Refused,
    Request,
    Survey,
    Taste,
    Tasted,
    Trip,
    fits,
    verdicts,
)
from .trials import checkpoint, examine

__all__ = ["SandboxEngine", "SandboxStats"]

# What killed one child may kill another.
SPARES = 2
# Checkpoints and examinations at once; each takes a processor and a document's memory.
TRIALS = 2


class SandboxStats(msgspec.Struct, frozen=True):
    """What a sandbox has done, and has.

    Attributes:
        children: Those that hold documents.
        spares: Those that wait.
        documents: How many are held.
        queue: Calls that were not answered yet.
        trips: Calls that were.
        births: Children that were made.
        deaths: Those that died without being asked to, by cause.
        retirements: Those that were let go for their memory.
        trials: Checkpoints and examinations.
        nursery_starts: How often the process that makes them was started.
    """

    children: int
    spares: int
    documents: int
    queue: int
    trips: int
    births: int
    deaths: dict[str, int]
    retirements: int
    trials: int
    nursery_starts: int


class _Home(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Where a document is."""

    child: Child
    number: int


class SandboxEngine:
    """Holds documents in child processes; implements :class:`collabkit.crdt.engine.Engine`.

    Args:
        children: How many share the documents. More than one is for more than one processor.
        spares: How many wait for one to die.
        memory_bytes: How much memory each should have at most; the limit is twice that.
        patience_s: How long one may take for an update, besides what its size takes.
        budget: What an update may hold that is tasted.
        entry: The module that makes the children; for tests.

    Use it as an async context manager.

    >>> import asyncio
    >>> from collabkit.crdt.document import Document
    >>> document = Document()
    >>> document.text("body").insert(0, "hello")
    >>> async def main():
    ...     async with SandboxEngine() as engine:
    ...         await engine.open(("session", "main"), [])
    ...         return await engine.taste(("session", "main"), [document.update()] * 2)
    >>> asyncio.run(main())
    [Good(), NothingNew()]
    """

    def __init__(
        self,
        *,
        children: int = 1,
        spares: int = SPARES,
        memory_bytes: int = MEMORY_BYTES,
        patience_s: float = PATIENCE_S,
        budget: Budget = DEFAULT_BUDGET,
        entry: str = ENTRY,
    ) -> None:
        self._budget = budget
        self._nursery = Nursery(memory_bytes=memory_bytes, patience_s=patience_s, entry=entry)
        self._brood = Brood(
            self._nursery,
            places=children,
            spares=spares,
            memory_bytes=memory_bytes,
            left=self._left,
        )
        self._homes: dict[DocumentKey, _Home] = {}
        self._last_number = 0
        self._running = False
        self._trials = 0
        self._trying = asyncio.Semaphore(TRIALS)

    def __repr__(self) -> str:
        state = f"{len(self._brood.placed)} children" if self._running else "closed"
        return f"<SandboxEngine {state}, holding {len(self._homes)} documents>"

    async def __aenter__(self) -> Self:
        """Have the children made.

        Raises:
            EngineLost: There can be none.
        """
        self._running = True
        await self._nursery.__aenter__()
        try:
            self._brood.open()
            if isinstance(await self._brood.child(0).ask(Ping()), Lost):
                raise EngineLost("none yet: no child process can be started")
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running = False
        await self._nursery.__aexit__(kind, error, trace)
        self._brood.close()
        self._homes.clear()

    def stats(self) -> SandboxStats:
        """What it has, and what it has done."""
        brood = self._brood
        return SandboxStats(
            children=len(brood.placed),
            spares=len(brood.spares),
            documents=len(self._homes),
            queue=sum(child.pending for child in brood.placed),
            trips=brood.trips,
            births=brood.births,
            deaths=dict(brood.deaths),
            retirements=brood.retirements,
            trials=self._trials,
            nursery_starts=self._nursery.starts,
        )

    # Documents

    async def open(self, key: DocumentKey, updates: Sequence[bytes]) -> Mapping[int, int]:
        """Build a document from its checkpoint and rows; returns its state vector.

        Raises:
            UpdateRefused: One of the updates cannot be applied: the log is damaged.
            EngineLost: The child died of one, or meanwhile.
        """
        await self.close(key)
        home = self._settle(key)
        answer = await home.child.ask(Open(home.number, updates, self._budget))
        if isinstance(answer, Opened):
            return answer.vector
        if self._homes.get(key) is home:
            del self._homes[key]
        raise _error(key, answer)

    async def taste(self, key: DocumentKey, updates: Sequence[bytes | Contested]) -> list[Verdict]:
        """Apply updates in order and say of each how it went.

        Raises:
            EngineLost: The child died, or does not hold this document: open it again.
        """
        [told] = await self.taste_all([(key, updates)])
        if isinstance(told, EngineLost):
            raise told
        return told

    async def taste_all(
        self, trips: Sequence[tuple[DocumentKey, Sequence[bytes | Contested]]]
    ) -> list[list[Verdict] | EngineLost]:
        """Taste for many documents in one trip; returns what each taste returns or raises."""
        told: list[list[Verdict] | EngineLost] = [[] for _ in trips]
        loads: dict[Child, _Load] = {}
        for place, (key, updates) in enumerate(trips):
            home = self._homes.get(key)
            if home is None:
                told[place] = EngineLost(_name(key))
                continue
            load = loads.get(home.child)
            if load is None:
                load = loads[home.child] = _Load()
            load.places.append(place)
            load.trips.append((home.number, updates))
        asked = [(child, load, child.ask(Taste(load.trips))) for child, load in loads.items()]
        for child, load, answering in asked:
            answer = await answering
            self._brood.look(child)
            if isinstance(answer, Tasted) and load.fits(answer.trips):
                trips_told = answer.trips
            else:
                if isinstance(answer, Tasted):
                    child.kill("it does not speak as it must")
                trips_told = _all_lost(answer, load.trips)
            for place, (number, _), trip in zip(load.places, load.trips, trips_told, strict=True):
                if isinstance(trip, bytes) or trip.how is None:
                    told[place] = verdicts(trip)
                else:
                    key = trips[place][0]
                    self._lose(key, number)
                    told[place] = EngineLost(_name(key), trip.culprit)
        return told

    async def diff(self, key: DocumentKey, vector: bytes) -> bytes:
        """What a replica with this state vector lacks, as one update, deletions included.

        Raises:
            MalformedBytes: This is no state vector.
            EngineLost: The child died, or does not hold this document: open it again.
        """
        return await self._ask(key, lambda number: Diff(number, vector))

    async def survey(self, key: DocumentKey) -> bytes:
        """Say where each struct of a document is, after all that was tasted before.

        Raises:
            EngineLost: The child died, or does not hold this document: open it again.
        """
        return await self._ask(key, Survey)

    async def _ask(self, key: DocumentKey, request: Callable[[int], Request]) -> bytes:
        home = self._homes.get(key)
        if home is None:
            raise EngineLost(_name(key))
        answer = await home.child.ask(request(home.number))
        if isinstance(answer, Piece):
            return answer.body
        if isinstance(answer, Lost):
            self._lose(key, home.number)
        raise _error(key, answer)

    async def close(self, key: DocumentKey) -> None:
        """Forget a document; unknown keys are fine."""
        home = self._homes.pop(key, None)
        if home is not None:
            home.child.forget(home.number)

    async def checkpoint(self, updates: Sequence[bytes]) -> Built:
        """Build a document in a child of its own, and load the result back.

        Raises:
            EngineLost: It could not be built, or did not load to the same digest.
        """
        async with self._trial():
            return await checkpoint(self._nursery, updates)

    async def examine(
        self, base: Sequence[bytes], suspects: Sequence[bytes | Contested]
    ) -> list[Death]:
        """Find which of the suspects a child dies of, in children of its own.

        Raises:
            EngineLost: One dies of the base.
        """
        async with self._trial():
            return await examine(self._nursery, base, suspects)

    @asynccontextmanager
    async def _trial(self) -> AsyncIterator[None]:
        self._check_running()
        async with self._trying:
            self._trials += 1
            yield

    def _settle(self, key: DocumentKey) -> _Home:
        """Find a child for a document, and give it a number there."""
        self._check_running()
        child = self._brood.child(zlib.crc32(_name(key).encode()))
        self._last_number += 1
        home = self._homes[key] = _Home(child, self._last_number)
        return home

    def _left(self, child: Child) -> None:
        """What a child held is lost."""
        self._homes = {key: home for key, home in self._homes.items() if home.child is not child}

    def _lose(self, key: DocumentKey, number: int) -> None:
        home = self._homes.get(key)
        if home is not None and home.number == number:
            del self._homes[key]

    def _check_running(self) -> None:
        if not self._running:
            raise LocalProtocolError("the sandbox is not running: use it with `async with`")


class _Load:
    """What one child is to taste, and where its verdicts go."""

    __slots__ = ("places", "trips")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.trips: list[tuple[int, Sequence[bytes | Contested]]] = []

    def fits(self, told: Sequence[bytes | Trip]) -> bool:
        """Whether this can be the answer."""
        return len(told) == len(self.trips) and all(
            fits(trip, updates) for trip, (_, updates) in zip(told, self.trips, strict=True)
        )


def _all_lost(
    answer: Answer, trips: Sequence[tuple[int, Sequence[bytes | Contested]]]
) -> list[Trip]:
    """What became of trips of which a child died: the culprit was counted through them all."""
    culprit = answer.culprit if isinstance(answer, Lost) else None
    lost: list[Trip] = []
    for _, updates in trips:
        mine = culprit is not None and 0 <= culprit < len(updates)
        lost.append(Trip(b"", (), culprit if mine else None, "died"))
        if culprit is not None:
            culprit -= len(updates)
    return lost


def _name(key: DocumentKey) -> str:
    return "/".join(key)


def _error(key: DocumentKey, answer: Answer) -> Exception:
    """The exception that an answer stands for."""
    match answer:
        case Refused(code, reason):
            return UpdateRefused(code, reason)
        case Malformed(what, offset):
            return MalformedBytes(what, offset)
        case Lost(culprit):
            return EngineLost(_name(key), culprit)
    return EngineLost(_name(key))
