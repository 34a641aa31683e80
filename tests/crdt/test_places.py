"""Places: told from updates what others tell from documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.places import Places
from collabkit.crdt.scan import scan
from collabkit.crdt.touches import Touch
from collabkit.crdt.update import StateVector, gap
from crdt.collected import documents
from crdt.crafting import shared, string, update, values
from crdt.placing import brief, placed, touched
from crdt.truth import Engine, Told, clocks, paths
from history.crowd import ROOTS, Crowd
from history.recorded import two_typists

RUNS, IN_CI = 400, 12


def crowd_of(seed: int, steps: int = 50) -> list[bytes]:
    """What people did who edit everything at the same time."""
    crowd = Crowd(Random(seed))
    for _ in range(steps):
        crowd.step()
    crowd.settle()
    return [row.update for row in crowd.rows]


def agrees(updates: Sequence[bytes], roots: dict[str, str]) -> int:
    """Compare what each update touches with what others tell; returns how many touches."""
    told, engine, places, touched = Told(), Engine(roots), Places(), 0
    vector: StateVector = {}
    for one in updates:
        [touches] = placed([one], places, vector)[2]
        told.add(one)
        assert paths(touches) == told.done
        assert clocks(span for touch in touches for span in touch.inserted) == told.inserted
        assert clocks(span for touch in touches for span in touch.deleted) == told.deleted
        assert engine.apply(one) <= {touch.steps for touch in touches}
        touched += len(touches)
    for item in told.weave.items():
        dead = item.strand is None or any(one.dead for one in item.outward())
        for clock in range(item.clock, item.clock + item.length):
            assert places.is_dead(item.client, clock) == dead
    return touched


@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_what_a_crowd_touches(seeds: range) -> None:
    """Each update, of all kinds of edits at all depths: what, where, which clocks; and the dead."""
    assert sum(agrees(crowd_of(seed), ROOTS) for seed in seeds) > 50 * len(seeds)


@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_what_comes_together_touches(seeds: range) -> None:
    """Edits of several people in one update, some of which was deleted and collected on the way."""
    assert sum(agrees(batches(seed), ROOTS) for seed in seeds) > 40 * len(seeds)


def batches(seed: int) -> list[bytes]:
    """What somebody says who was away, again and again: all that he has and others have not."""
    dice, document, since, told = Random(seed), Document(), None, []
    for one in crowd_of(seed):
        document.apply(one)
        if dice.random() < 0.3:
            told.append(document.update(since))
            since = document.state_vector
    return told


@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_a_survey_knows_what_matters(seeds: range) -> None:
    """Places of a whole document go on as those that saw it grow, but for what was collected."""
    compared = 0
    for seed in seeds:
        updates, document = crowd_of(seed), Document()
        half = len(updates) // 2
        for one in updates[:half]:
            document.apply(one)
        grown, vector, _ = placed(updates[:half])
        whole = document.update()
        surveyed = Places()
        surveyed.add(whole, scan(whole))
        surveyed.died(scan(whole).deletes)
        for one in updates[half:]:
            [told] = placed([one], grown, dict(vector))[2]
            [again] = placed([one], surveyed, vector)[2]
            if any(not touch.steps for touch in again):
                late = [touch for touch in told if touch not in again]
                assert all(
                    grown.is_dead(*clock) for touch in late for clock in clocks(touch.inserted)
                )
            else:
                assert again == told
                compared += len(told)
    assert compared > 20 * len(seeds)


def test_what_yjs_wrote(data: Callable[[str], Path]) -> None:
    """Recorded by others, of several versions of Yjs: each update, against a history."""
    recorded = documents(data("yjs-small-test-dataset.bin").read_bytes())
    short = [updates for updates, _ in recorded if 5 < len(updates) < 100]
    assert sum(agrees(updates, {}) for updates in short[::8]) > 200


def test_two_people_who_type(data: Callable[[str], Path]) -> None:
    """Text alone takes a run for each of them, however often they take turns."""
    recorded = two_typists(data("friendsforever.json.gz"), 1_500)
    places, _, told = placed(recorded.updates)
    assert {touch.steps for touches in told for touch in touches} == {("t",)}
    tracks = places.encode()
    assert len(tracks) < 3_000


# Ways around


HELD = update((1, 0, [shared(1, root="open", key="box"), shared(1, root="locked", key="box")]))


def test_a_root_that_nobody_knew_is_a_place() -> None:
    """Its name is the first step, so that default deny has something to deny."""
    sly = update((2, 0, [values(b"\x77\x01a", root="unheard of", key="k")]))
    assert brief(touched([HELD], sly)) == ["write set unheard of/k"]


def test_what_waits_for_something_never_gets_here() -> None:
    """It is a gap, which is to be ruled out before; nothing is placed by it, if it is not."""
    sly = update((2, 0, [values(b"\x77\x01a", parent=(1, 2), key="k")]))
    assert gap(scan(sly), {1: 2})
    assert brief(touched_blindly([HELD], sly)) == ["write insert "]


def test_under_the_id_of_another_it_is_where_it_is() -> None:
    """Whose id it is says nothing of the place, and is for others to look at."""
    sly = update((1, 2, [values(b"\x77\x01a", parent=(1, 1), key="k")]))
    assert brief(touched([HELD], sly)) == ["write set locked/box/k"]


def test_a_new_container_is_judged_with_all_it_holds() -> None:
    """Each place in it, and all of it where it is put."""
    filled = update(
        (2, 0, [
            shared(1, parent=(1, 0), key="a"),
            shared(0, parent=(2, 0), key="b"),
            shared(2, parent=(2, 1)),
            string("hi", parent=(2, 2)),
        ])
    )  # fmt: skip
    found = touched([HELD], filled)
    assert brief(found) == [
        "write set open/box/a",
        "write set open/box/a/b",
        "write insert open/box/a/b",
        "write insert open/box/a/b/[]",
    ]
    assert found[0].inserted == ((2, 0, 5),)


def touched_blindly(base: Sequence[bytes], late: bytes) -> list[Touch]:
    """What is told of an update that is a gap."""
    places, vector, _ = placed(base)
    return places.touched(late, scan(late), vector=vector, mine=lambda client: True)


def test_what_is_told_at_once() -> None:
    """Typing, setting a key again and cutting text; not what is new, or what deletes many parts."""
    places = Places()
    first = update(
        (7, 0, [string("abc", root="t"), values(b"\x7d\x01", root="m", key="k")]),
        (8, 0, [shared(1, root="m", key=str(n)) for n in range(100)]),
    )
    places.add(first, scan(first))
    vector = {7: 4, 8: 100}

    def at_once(one: bytes) -> bool:
        return places.tells_at_once(one, scan(one), vector)

    assert at_once(update((7, 4, [string("d", origin=(7, 2))])))
    assert at_once(update((7, 4, [values(b"\x7d\x02", origin=(7, 3))]), deletes={7: [(3, 1)]}))
    assert at_once(update(deletes={7: [(0, 2)]}))
    assert not at_once(update((7, 4, [string("d", root="u")])))
    assert not at_once(update(deletes={8: [(0, 1)]}))
    assert not at_once(update(deletes={8: [(0, 100)]}))
    assert places.holds([(8, 5, 1)])
    assert not places.holds([(7, 0, 4)])
