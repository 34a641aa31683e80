"""Characters of two clocks: no update parts one, and what the engine encodes loads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc

from collabkit.crdt.engine import Bad, Good, NothingNew
from collabkit.crdt.pairs import Pairs
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.update import decode_state_vector
from crdt.crafting import string, update

A, B = 7, 9
# Clocks: x 0, the first smile 1 and 2, the second 3 and 4, y 5.
TOLD = update((A, 0, [string("x\U0001f600\U0001f601y", root="t")]))


@pytest.mark.parametrize(
    "parting",
    [
        update((B, 0, [string("-", origin=(A, 1), right=(A, 2))])),
        update((B, 0, [string("-", origin=(A, 3))])),
        update((B, 0, [string("-", right=(A, 4))])),
        update(deletes={A: [(2, 1)]}),
        update(deletes={A: [(1, 1)]}),
        update(deletes={A: [(0, 1), (4, 2)]}),
        update((B, 0, [string("\U0001f600", root="t"), string("-", origin=(B, 0))])),
    ],
)
def test_no_update_parts_a_pair(parting: bytes) -> None:
    """Behind its first half, in front of its second, or by a deletion of one."""
    replay = Replay("notes")
    first, verdict = replay.taste([TOLD, parting])
    assert isinstance(first, Good)
    assert isinstance(verdict, Bad)
    assert verdict.code == "parted-character"
    assert replay.vector == {A: 6}


@pytest.mark.parametrize(
    "kind",
    [
        update((B, 0, [string("-", origin=(A, 2), right=(A, 3))])),
        update((B, 0, [string("-", origin=(A, 0), right=(A, 1))])),
        update(deletes={A: [(1, 2)]}),
        update(deletes={A: [(0, 6)]}),
        update((A, 6, [string("z", origin=(A, 5))])),
        update((B, 0, [string("\U0001f600", root="t"), string("-", origin=(B, 1))])),
    ],
)
def test_beside_and_around_is_fine(kind: bytes) -> None:
    """Whole characters may be deleted, and written between."""
    replay = Replay("notes")
    assert all(isinstance(verdict, Good) for verdict in replay.taste([TOLD, kind]))


def test_half_a_pair_that_is_known_already() -> None:
    """An update that says other things of old clocks may not end them inside a pair."""
    replay = Replay("notes")
    short = update((A, 0, [string("ab", root="t")]))
    other = update((A, 0, [string("a\U0001f600", root="t")]))
    assert isinstance(replay.taste([short, other])[1], Bad)


def test_what_was_taken_before_is_not_refused() -> None:
    """A log is loaded as it is."""
    replay = Replay("notes")
    replay.load([TOLD, update(deletes={A: [(2, 1)]})])
    assert replay.vector == {A: 6}


def test_repetitions_count_once() -> None:
    """A pair that is told twice stays where it is, also if the second says more."""
    pairs = Pairs()
    for told in (TOLD, TOLD, update((A, 0, [string("x\U0001f600\U0001f601\U0001f602", root="t")]))):
        pairs.keep(pairs.find(told, scan(told), {A: 6 if pairs.parts(A, 2) else 0}, strict=False))
    assert [clock for clock in range(9) if pairs.parts(A, clock)] == [2, 4]


LETTERS = st.text(st.sampled_from("aé\U0001f600\U0001f601"), min_size=1, max_size=6)


@given(st.lists(LETTERS, min_size=1, max_size=5), st.data())
def test_what_is_taken_loads_to_the_same_state(texts: list[str], draw: st.DataObject) -> None:
    """Wherever edits fall among wide characters: taken, they are encoded whole."""
    replay, end = Replay("notes"), 0
    for text in texts:
        places = st.integers(0, max(0, end - 1))
        origin = (A, draw.draw(places)) if end else None
        spans = [(draw.draw(places), 1)] if end and draw.draw(st.booleans()) else []
        told = update(
            (A, end, [string(text, origin=origin, root="t")]), deletes={A: spans} if spans else {}
        )
        [verdict] = replay.taste([told])
        if isinstance(verdict, Good | NothingNew):
            end += len(text.encode("utf-16-le")) // 2
    again: Doc[Any] = Doc()
    again.apply_update(replay.core.encode())
    assert decode_state_vector(again.get_state()) == replay.vector
