"""The ground: where clocks are, and which of them live."""

from __future__ import annotations

from random import Random

import pytest

from collabkit.crdt.ground import MARKS, Container, Ground, Track


@pytest.mark.parametrize("number", range(20))
def test_what_was_buried_is_known(number: int, seed: int) -> None:
    """Ranges in any order, over each other and side by side, are the clocks that they have."""
    dice, track, dead = Random(seed + number), Track(100), set[int]()
    for _ in range(dice.randrange(1, 30)):
        spans = [(dice.randrange(90), dice.randrange(1, 11)) for _ in range(dice.randrange(1, 3))]
        if len(spans) > 1:
            track.bury_all(spans)
        else:
            track.bury(spans[0][0], sum(spans[0]))
        dead |= {clock for start, length in spans for clock in range(start, start + length)}
        assert [track.buried(clock) for clock in range(100)] == [c in dead for c in range(100)]
        low = dice.randrange(50)
        high = dice.randrange(low, 100)
        alive = [c for begin, end in track.unburied(low, high) for c in range(begin, end)]
        assert alive == [clock for clock in range(low, high) if clock not in dead]
    edges = sum((clock in dead) != (clock - 1 in dead) for clock in range(101))
    assert 2 * len(track.dead_from) == edges


def test_a_client_who_stays_takes_no_room() -> None:
    """Only where he goes on elsewhere is kept."""
    ground, text, marks = Ground(), Container(("t",)).place(None), Container(("t",)).place(MARKS)
    for place, length in ((text, 3), (text, 4), (marks, 1), (text, 2)):
        ground.settle(7, length, place)
    track = ground.tracks[7]
    assert (list(track.starts), track.end) == ([0, 7, 8], 10)
    assert [(track.at(6), track.at(7), track.at(9))] == [(text, marks, text)]
    assert list(track.run(5, 9)) == [(text, 5, 7), (marks, 7, 8), (text, 8, 9)]
    assert ground.here(text) == [(7, 0, 7), (7, 8, 2)]
    assert repr(track) == "<Track of 10 clocks in 3 runs>"


def test_places_say_where_they_are() -> None:
    """Keys by name; what is in a sequence by nothing, and so are marks in it."""
    root = Container(("m",))
    key = root.place("k")
    inner = key.inside()
    assert (key.steps, inner.steps) == (("m", "k"), ("m", "k"))
    assert inner.place(None).steps == inner.place(MARKS).steps == ("m", "k")
    assert inner.place(None).inside().place("x").steps == ("m", "k", None, "x")
    assert Container(()).place("k").inside().place("x").steps == ()
    assert (repr(key), repr(root)) == ("<Place ('m', 'k')>", "<Container ('m',)>")


def test_with_a_container_all_in_it_dies() -> None:
    """However deep; and what comes later is dead as it comes."""
    ground = Ground()
    root = ground.roots["m"] = Container(("m",))
    key = root.place("k")
    outer = key.inside()
    inner = outer.place(None).inside()
    for place, held in ((key, outer), (outer.place(None), inner)):
        ground.settle(7, 1, place)
        ground.tracks[7].hold(ground.end(7) - 1, held)
        ground.value((7, ground.end(7) - 1), 1, place, None)
    ground.settle(8, 5, inner.place(None))
    assert [span for _, span in ground.alive([(7, 0, 2), (8, 0, 9), (9, 0, 1)])] == [
        (7, 0, 1), (7, 1, 1), (8, 0, 5)
    ]  # fmt: skip
    ground.bury(7, [(0, 1)])
    assert (outer.dead, inner.dead, root.dead) == (True, True, False)
    ground.settle(8, 5, inner.place(None))
    assert list(ground.alive([(7, 0, 2), (8, 0, 10)])) == []
    assert ground.here(inner.place(None)) == ground.here(key) == []


def test_of_a_key_one_value_lives() -> None:
    """Who comes too late is dead, and who is overtaken dies."""
    ground, key = Ground(), Container(("m",)).place("k")
    for client, origin in ((7, None), (9, (7, 0)), (8, (7, 0))):
        ground.settle(client, 1, key)
        ground.value((client, 0), 1, key, origin)
    assert ground.here(key) == [(9, 0, 1)]
    assert [span for _, span in ground.alive([(7, 0, 1), (8, 0, 1), (9, 0, 1)])] == [(9, 0, 1)]
    ground.bury(9, [(0, 1)])
    assert ground.here(key) == []
