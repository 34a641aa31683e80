"""Restores in the middle of random edits by several people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from collabkit.history.live import tree_of
from collabkit.history.rewind import restore
from collabkit.history.tree import plain_tree, same
from collabkit.history.view import tree
from collabkit.ids import Seq
from history.crowd import Crowd, Person
from history.weaving import weave_of
from history.yjs import Node, YjsPerson, shown

RUNS = 1000
WITH_YJS = 200


def restored(crowd: Crowd, person: Person) -> None:
    """Have somebody restore a moment that he knows of, with others' edits on their way."""
    weave = weave_of(crowd.rows[: person.heard])
    at = Seq(crowd.dice.randrange(person.heard + 1))
    before, shown = tree_of(person.document), plain_tree(tree(weave, at))
    change = restore(person.document, weave, at)
    past = tree(weave, at)  # which knows by now what kind all roots are
    assert plain_tree(past) == shown
    assert same(tree_of(person.document, like=past), past)
    if change:
        assert person.document.undo()
        assert same(tree_of(person.document, like=before), before)
        assert person.document.redo()
        assert same(tree_of(person.document, like=past), past)


def tenths(runs: int) -> list[Any]:
    """The runs in tenths, of which the first is for every day."""
    tenth = runs // 10
    return [
        pytest.param(range(n, n + tenth), marks=[pytest.mark.soak] if n else [], id=f"from{n}")
        for n in range(0, runs, tenth)
    ]


def edited(crowd: Crowd) -> None:
    """Have people edit, and restore now and then."""
    natives = [person for person in crowd.people if type(person) is Person]
    for _ in range(3):
        for _ in range(15):
            crowd.step()
        restored(crowd, crowd.dice.choice(natives))
    crowd.step()
    crowd.settle()
    digests = {person.document.digest() for person in natives}
    assert len(digests) == 1
    now = tree(weave_of(crowd.rows))
    assert same(tree_of(natives[0].document, like=now), now)


@pytest.mark.parametrize("runs", tenths(RUNS))
def test_it_is_exact_while_others_edit(seed: int, runs: range) -> None:
    """The document is what it was, undo and redo go there and back, and all replicas agree."""
    for run in runs:
        print(f"seed {seed}.{run}")
        edited(Crowd(Random(f"{seed}.{run}")))


@pytest.mark.parametrize("runs", tenths(WITH_YJS))
def test_it_is_exact_while_yjs_edits(
    seed: int,
    runs: range,
    root: Path,
    require: Callable[[str], str],
    packages: Callable[[str], Path],
) -> None:
    """Stock Yjs documents that are edited meanwhile show what was restored, too."""
    packages("tests/interop/js")
    with Node.running(require("node"), root / "tests/interop/js/crowd.mjs") as node:
        for run in runs:
            print(f"seed {seed}.{run}")
            guests = [YjsPerson(node, number) for number in (2, 3)]
            crowd = Crowd(Random(f"{seed}.{run}"), [Person(0), Person(1), *guests])
            edited(crowd)
            now = tree(weave_of(crowd.rows))
            for guest in guests:
                assert guest.show() == shown(tree_of(crowd.people[0].document, like=now))
