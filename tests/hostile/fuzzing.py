"""A fuzz campaign: series of updates go the way of a relay's, and what dies of them is kept.

Each series is judged as in a relay, in this process: scanned, held against the vector, joined
with its neighbours; nothing may raise there but the two refusals. What passes is tasted by an
engine in child processes, in a document of its own; then the document is encoded, and the
result is loaded. A hundred series share a trip, which is what makes a million updates a matter
of minutes.

When a child dies, each series of its batch is tried again, alone. What dies alone is a finding,
and so is what an engine encodes otherwise than it was told: updates are left out of it as long as
it still ends so, an examination names the cause, and the first of each cause is written down, as
the next row of the table in :mod:`hostile.cases`. If none dies alone, the batch as a whole is
written down.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from collabkit.crdt.engine import Bad, Engine
from collabkit.crdt.update import advance, gap, scan, splice
from collabkit.errors import EngineLost, MalformedBytes, UpdateRefused
from hostile.strategies import Series, draw_series

__all__ = ["DIED", "FINE", "Campaign", "whole_life"]

BATCH = 128
FINE = "fine"
DIED = "died"
REFUSED = "refused by the engine"
NUMBERS = re.compile(r"\d+")


class Campaign:
    """What was tried, what became of it, and what died.

    Attributes:
        counts: Of updates and series, by what became of them.
        findings: Of series that did not end well, by the cause.
    """

    def __init__(self, engine: Engine, dice: Random, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self._engine = engine
        self._dice = dice
        self._folder = folder

    def __repr__(self) -> str:
        return f"<Campaign of {self.counts['updates']} updates, {self.findings.total()} findings>"

    async def run(self, *, updates: int, for_s: float = float("inf")) -> None:
        """Try series until so many updates were made, or so many seconds are over."""
        ends_at = time.monotonic() + for_s
        while self.counts["updates"] < updates and time.monotonic() < ends_at:
            batch = [self.pass_on(draw_series(self._dice)) for _ in range(BATCH)]
            await self.taste([series for series in batch if series])

    def pass_on(self, series: Series) -> Series:
        """What of a series a relay would ask its engine about."""
        vector: dict[int, int] = {}
        passed = []
        for update in series:
            self.counts["updates"] += 1
            try:
                found = scan(update)
            except UpdateRefused as refused:
                self.counts[refused.code] += 1
                continue
            except MalformedBytes:
                self.counts["malformed"] += 1
                continue
            if gap(found, vector):
                self.counts["gap"] += 1
                continue
            advance(found, vector)
            passed.append((update, found))
        for join in splice(passed):
            scan(join)
        self.counts["tasted"] += len(passed)
        return [update for update, _ in passed]

    async def taste(self, batch: Sequence[Series]) -> None:
        """Taste many series in one trip, and those of a trip that ended in death alone."""
        self.counts["series"] += len(batch)
        ends = await whole_lives(self._engine, batch)
        died = DIED in ends
        if died:
            ends = [await whole_life(self._engine, series) for series in batch]
        self.counts.update(NUMBERS.sub("N", end) for end in ends)
        for series, end in zip(batch, ends, strict=True):
            if end != FINE and not end.startswith(REFUSED):
                await self.find(series, end)
        if died and DIED not in ends:
            self.keep("together only", [update for series in batch for update in series])

    async def find(self, series: Series, end: str) -> None:
        """Leave out what a series can end so without, and ask what it dies of."""
        at = 0
        while at < len(series):
            fewer = series[:at] + series[at + 1 :]
            if passes(fewer) and await whole_life(self._engine, fewer) == end:
                series = fewer
            else:
                at += 1
        how = end
        if end == DIED:
            found = await self._engine.examine([], series)
            how = found[0].how if found else "dies, but not when it is examined"
        self.keep(NUMBERS.sub("N", how), series)

    def keep(self, how: str, series: Series) -> None:
        """Count a finding, and write the first of its kind down."""
        self.findings[how] += 1
        if self.findings[how] == 1:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"finding-{len(self.findings)}.json"
            path.write_text(json.dumps({"how": how, "updates": [one.hex() for one in series]}))
            print(f"\n{how}: {path}", flush=True)


async def whole_life(engine: Engine, series: Series) -> str:
    """How one series ends, alone."""
    [end] = await whole_lives(engine, [series])
    return end


async def whole_lives(engine: Engine, batch: Sequence[Series]) -> list[str]:
    """Taste series, each in a document of its own, encode them, and load what was encoded.

    Returns:
        How each ended: FINE, DIED, REFUSED and why, or in words what is wrong with what was made.
    """
    keys = [("fuzz", str(number)) for number in range(len(batch))]
    ends = [FINE] * len(batch)
    opened = await asyncio.gather(*(engine.open(key, []) for key in keys), return_exceptions=True)
    tasted = await engine.taste_all(list(zip(keys, batch, strict=True)))
    wholes = await asyncio.gather(
        *(engine.diff(key, b"\0") for key in keys), return_exceptions=True
    )
    loads = (
        engine.open(key, [whole] if isinstance(whole, bytes) else [])
        for key, whole in zip(keys, wholes, strict=True)
    )
    loaded = await asyncio.gather(*loads, return_exceptions=True)
    for place, told in enumerate(zip(opened, tasted, wholes, loaded, strict=True)):
        for one in told:
            if isinstance(one, EngineLost):
                ends[place] = DIED
            elif isinstance(one, UpdateRefused):
                ends[place] = f"its encoding does not load: {one.reason}"
            elif isinstance(one, BaseException):
                raise one
        verdicts = told[1]
        bad = [] if isinstance(verdicts, EngineLost) else [v for v in verdicts if type(v) is Bad]
        if ends[place] == FINE and bad:
            ends[place] = f"{REFUSED}: {bad[0].reason}"
        elif ends[place] == FINE and loaded[place] != vector_of(batch[place]):
            ends[place] = "its encoding loads to another state"
    return ends


def passes(series: Series) -> bool:
    """Whether a relay would ask its engine about all of it."""
    vector: dict[int, int] = {}
    for update in series:
        found = scan(update)
        if gap(found, vector):
            return False
        advance(found, vector)
    return bool(series)


def vector_of(series: Series) -> dict[int, int]:
    """How far a relay thinks that a document has got."""
    vector: dict[int, int] = {}
    for update in series:
        advance(scan(update), vector)
    return vector
