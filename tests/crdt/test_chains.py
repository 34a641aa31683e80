"""Chains: which value of a key counts, as engines say it."""

from __future__ import annotations

from random import Random
from typing import Any

import pycrdt
import pytest

from collabkit.crdt.chains import Chain
from collabkit.crdt.lib0 import var_string
from crdt.crafting import Where, item, update
from history.weaving import woven

RUNS, IN_CI = 4_000, 60


def text(said: str) -> bytes:
    """A value."""
    return b"\1\x77" + var_string(said)


@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_the_last_value_is_the_one_that_engines_have(seeds: range) -> None:
    """Of values put behind any other by clients in any order."""
    for seed in seeds:
        dice, chain = Random(seed), Chain()
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        shown, rows, ends = doc.get("m", type=pycrdt.Map), [], dict.fromkeys(range(1, 5), 0)
        order: list[tuple[int, int]] = []
        for _ in range(dice.randrange(1, 25)):
            client = dice.choice(list(ends))
            own = (client, ends[client])
            ends[client] += 1
            roll = dice.random()
            origin = chain.last if roll < 0.6 else dice.choice([None, *order])
            where: Where = {"origin": origin} if origin else {"root": "m", "key": "k"}
            rows.append(update((*own, [item(8, text(f"{own}"), **where)])))
            last = chain.put(own, 1, origin)
            order.append(own)
            doc.apply_update(rows[-1])
            assert (chain.last == own) == last
            assert shown["k"] == f"{chain.last}"
        values = [(one.client, one.clock) for one in woven(rows).roots["m"].values("k")]
        kept = [(one, clock + n) for one, clock, length in chain for n in range(length)]
        assert kept == [one for one in values[::-1] if one in kept]


def test_turns_of_one_client_are_one_run() -> None:
    """However many there are."""
    chain = Chain()
    for clock in range(100):
        assert chain.put((7, clock), 1, (7, clock - 1) if clock else None)
    assert list(chain) == [(7, 0, 100)]


def test_a_copy_is_another_one() -> None:
    """What is tried on it changes nothing."""
    chain = Chain()
    chain.put((7, 0), 1, None)
    copy = chain.copy()
    assert copy.put((9, 0), 1, None)
    assert (list(chain), list(copy)) == ([(7, 0, 1)], [(9, 0, 1)])
    assert repr(copy) == "<Chain of 1 runs>"


def test_a_run_is_cut_where_something_is_put_behind() -> None:
    """By a client of a higher id than what followed; and what followed is out for ever."""
    chain = Chain()
    chain.put((7, 0), 3, None)
    assert not chain.put((6, 0), 1, (7, 0))
    assert not chain.put((7, 3), 1, (7, 0))
    assert list(chain) == [(7, 0, 3)]
    assert chain.put((9, 0), 1, (7, 0))
    assert list(chain) == [(7, 0, 1), (9, 0, 1)]
    assert not chain.put((10, 0), 1, (7, 1))
    assert chain.put((8, 0), 1, (9, 0))
    assert chain.put((10, 1), 1, None)
    assert list(chain) == [(10, 1, 1)]
