"""Places under fire: whatever somebody makes up, an engine changes nothing that was not told."""

from __future__ import annotations

from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.engine import Good
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.update import gap
from collabkit.errors import EngineLost, UpdateRefused
from crdt.forging import forged
from crdt.placing import placed
from crdt.truth import Engine
from history.crowd import ROOTS, Crowd

RUNS = 3_000
IN_CI = range(230, 275)  # some of which once found that content is not needed to do harm


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seeds", [IN_CI, pytest.param(range(RUNS), marks=pytest.mark.fuzz)])
def test_an_engine_changes_only_what_was_told(seeds: range) -> None:
    """Of whatever the engine takes: each change that can be seen is at a place that was touched,
    or the update is one that is refused in any case."""
    told = sum(_fire(Random(seed)) for seed in seeds)
    assert told > len(seeds) // 2


def _fire(dice: Random) -> int:
    """Forge updates to a document; returns how many an engine took that had a place."""
    crowd = Crowd(dice)
    for _ in range(15):
        crowd.step()
    crowd.settle()
    updates = [row.update for row in crowd.rows]
    if dice.random() < 0.5:
        document = Document()
        for one in updates:
            document.apply(one)
        updates = [document.update()]
    places, vector, _ = placed(updates)
    replay, engine, told = Replay("forged"), Engine(ROOTS), 0
    replay.taste(updates)
    for one in updates:
        engine.apply(one)
    for _ in range(4):
        try:
            late = forged(dice, vector, [*ROOTS, "new"])
            found = scan(late)
            if gap(found, vector) or not isinstance(replay.taste([late])[0], Good):
                continue
            touches = places.touched(late, found, vector=vector, mine=bool)
            changed = engine.apply(late)
        except UpdateRefused:
            continue
        except EngineLost:
            break
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            break  # an engine that is watched panics where others do not
        if all(touch.steps for touch in touches):
            assert changed <= {touch.steps for touch in touches}
            told += 1
        placed([late], places, vector)
    return told
