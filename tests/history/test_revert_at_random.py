"""Documents without some rows, at random, against models that know no weave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from collabkit.crdt.document import Document
from collabkit.history.revert import without
from collabkit.history.tree import (
    Node,
    Stamp,
    plain_tree,
    same,
    text_of,
)
from collabkit.history.view import tree
from collabkit.ids import Seq
from history.crowd import Crowd, Person, Row
from history.journal import Journal
from history.weaving import weave_of

RUNS = 1000
IN_CI = 100
TENTHS = [
    pytest.param(range(n, n + IN_CI), marks=[pytest.mark.soak] if n else [], id=f"from{n}")
    for n in range(0, RUNS, IN_CI)
]
WIDE = 0x4E00  # characters from here on are told apart, each written once


# Text


class Typist(Person):
    """Writes characters that no other is like, and deletes some."""

    written = 0

    def edit(self, dice: Random) -> None:
        """Edit a text."""
        text = self.document.text("body")
        start = dice.randrange(len(text) + 1)
        if dice.random() < 0.6 or start == len(text):
            first = WIDE + Typist.written
            size = dice.randrange(1, 5)
            text.insert(start, "".join(map(chr, range(first, first + size))))
            Typist.written += size
        else:
            text.delete(start, min(len(text), start + dice.randrange(1, 6)))


def _seen(rows: list[Row]) -> list[str]:
    """What the engine showed after each row."""
    document = Document()
    seen = [""]
    for row in rows:
        document.apply(row.update)
        seen.append(str(document.text("body")))
    return seen


def _model(seen: list[str], rows: Collection[int]) -> set[str]:
    """The characters that are there without some rows: who came by others, and went by none."""
    came: dict[str, int] = {}
    went: dict[str, int] = {}
    for seq, text in enumerate(seen):
        for one in text:
            came.setdefault(one, seq)
    for one, first in came.items():
        gone = [seq for seq in range(first, len(seen)) if one not in seen[seq]]
        if gone:
            went[one] = gone[0]
    return {one for one, seq in came.items() if seq not in rows and went.get(one, 0) in {0, *rows}}


@pytest.mark.parametrize("runs", TENTHS)
def test_text_is_as_a_list_of_characters_says(seed: int, runs: range) -> None:
    """Each character is there that others wrote and nobody else deleted, in the order it had."""
    for run in runs:
        dice = Random(f"{seed}.{run}")
        print(f"seed {seed}.{run}")
        Typist.written = 0
        crowd = Crowd(dice, [Typist(number) for number in range(3)])
        for _ in range(30):
            crowd.step()
        crowd.settle()
        seen = _seen(crowd.rows)
        rows = {row.seq for row in crowd.rows if dice.random() < 0.3}
        node = without(weave_of(crowd.rows), rows).tree.get("body")
        found = "" if node is None else text_of(node)  # type: ignore[arg-type]
        assert set(found) == _model(seen, rows)
        assert len(set(found)) == len(found)
        for text in seen:
            assert [c for c in text if c in found] == [c for c in found if c in text]


# Keys


def _expected(sets: list[tuple[Seq, Any]], rows: Collection[Seq]) -> Any:
    """What a key holds by the list of its sets."""
    if sets and sets[-1][0] not in rows:
        return sets[-1][1]
    return next((value for seq, value in reversed(sets) if seq not in rows), None)


@pytest.mark.parametrize("runs", TENTHS)
def test_keys_are_as_the_list_of_sets_says(seed: int, runs: range) -> None:
    """The last set counts unless it is taken back; then the last that is not."""
    for run in runs:
        dice = Random(f"{seed}.{run}")
        journal = Journal()
        sets: dict[str, list[tuple[Seq, Any]]] = {key: [] for key in "abc"}
        for number in range(1, 25):
            keys, key = journal.by(dice.choice(("ada", "bob"))).map("m"), dice.choice("abc")
            value = None if key in keys and dice.random() < 0.3 else number
            if value is None:
                del keys[key]
            else:
                keys[key] = value
            sets[key].append((journal.rows[-1].seq, value))
        rows = {row.seq for row in journal.rows if dice.random() < 0.4}
        found = without(weave_of(journal.rows), rows)
        held = plain_tree(found.tree).get("m", {})
        assert {key: held.get(key) for key in "abc"} == {
            key: _expected(sets[key], rows) for key in "abc"
        }
        owned = {
            ("m", key): journal.rows[sets[key][-1][0] - 1].stamp
            for key in "abc"
            if sets[key] and sets[key][-1][0] not in rows and rows & {seq for seq, _ in sets[key]}
        }
        assert {kept.path: kept.by for kept in found.kept} == owned


# Nesting


@pytest.mark.parametrize("runs", TENTHS)
def test_without_the_last_rows_it_is_the_past(seed: int, runs: range) -> None:
    """Of whatever nesting and formatting: without all rows behind one, it is as after that."""
    for run in runs:
        crowd = Crowd(Random(f"{seed}.{run}"))
        print(f"seed {seed}.{run}")
        for _ in range(50):
            crowd.step()
        crowd.settle()
        weave, last = weave_of(crowd.rows), len(crowd.rows)
        for at in (last, last - 1, crowd.dice.randrange(last)):
            found = without(weave, {Seq(seq) for seq in range(at + 1, last + 1)})
            assert same(found.tree, tree(weave, Seq(at)))
            assert found.kept == ()


def _inside(node: Node) -> Iterator[tuple[str, Any, Stamp | None]]:
    for run in getattr(node, "runs", ()):
        for one in run.value if isinstance(run.value, str) else [run.value]:
            yield "", one, run.by
    for entry in (*getattr(node, "items", ()), *getattr(node, "children", ())):
        yield "", entry.value, entry.by
    for keys in (getattr(node, "entries", {}), getattr(node, "attributes", {})):
        for key, entry in keys.items():
            yield key, entry.value, entry.by


def _leaves(node: Node) -> Iterator[tuple[str, str, Stamp | None]]:
    """All that is in a tree and no shared type, character by character, with whose it is."""
    for key, value, by in _inside(node):
        if isinstance(value, Node):
            yield from _leaves(value)
        else:
            yield key, repr(value), by


@pytest.mark.parametrize("runs", TENTHS)
def test_others_work_stays_and_theirs_goes(seed: int, runs: range) -> None:
    """Of whatever nesting: what others wrote and is there stays, and none of the rows' is left."""
    for run in runs:
        crowd = Crowd(Random(f"{seed}.{run}"))
        print(f"seed {seed}.{run}")
        for _ in range(50):
            crowd.step()
        crowd.settle()
        weave, who = weave_of(crowd.rows), crowd.dice.choice(crowd.people).subject
        theirs = {row.stamp for row in crowd.rows if row.subject == who}
        reverted = without(weave, {stamp.seq for stamp in theirs}).tree
        now, then = (
            Counter(leaf for node in one.values() for leaf in _leaves(node))
            for one in (tree(weave), reverted)
        )
        assert not {leaf for leaf in now - then if leaf[2] not in theirs}
        assert not {leaf for leaf in then if leaf[2] in theirs}


# Formatting


class Character(msgspec.Struct):
    """A character, and each change of its formatting; of some names nobody can tell whose it is."""

    value: str
    changes: dict[str, list[tuple[Seq, Any]]]
    doubtful: set[str]

    def now(self, name: str) -> Any:
        """Its formatting."""
        changes = self.changes.get(name)
        return changes[-1][1] if changes else None

    def set(self, name: str, seq: Seq, value: Any) -> None:
        """Format it."""
        if self.now(name) != value:
            self.changes.setdefault(name, []).append((seq, value))


def _inserted(beside: list[Character], value: str, style: dict[str, Any], seq: Seq) -> Character:
    """A new character: its formatting is its neighbour's where it is alike, or its own."""
    made = Character(value, {}, set())
    for name in ("bold", "em"):
        alike = [one.changes.get(name, []) for one in beside if one.now(name) == style.get(name)]
        made.changes[name] = list(alike[0]) if alike else []
        made.set(name, seq, style.get(name))
        others = [one.changes.get(name, []) for one in beside]
        if any(changes != made.changes[name] for changes in others):
            made.doubtful.add(name)
        if any(name in one.doubtful for one in beside):
            made.doubtful.add(name)
    return made


@pytest.mark.parametrize("runs", TENTHS)
def test_formatting_is_as_each_character_says(seed: int, runs: range) -> None:
    """Of each character and name the last change counts unless it is taken back."""
    compared, nothing = 0, Character("", {}, set())
    for run in runs:
        dice = Random(f"{seed}.{run}")
        journal = Journal()
        journal.by("ada").text("t").append("".join(chr(WIDE + n) for n in range(12)))
        model = [Character(chr(WIDE + n), {}, set()) for n in range(12)]
        for number in range(12, 36):
            text = journal.by(dice.choice(("ada", "bob", "eve"))).text("t")
            start, seq = dice.randrange(len(model)), Seq(len(journal.rows) + 1)
            if dice.random() < 0.3:
                style = dice.choice(({}, {"bold": True}, {"em": True}))
                text.insert(start, chr(WIDE + number), style)
                beside = model[start - 1 : start + 1] or [nothing, model[0]]
                model.insert(start, _inserted(beside, chr(WIDE + number), style, seq))
                continue
            stop = min(len(model), start + dice.randrange(1, 6))
            name, value = dice.choice(("bold", "em")), dice.choice((True, None))
            text.format(start, stop, {name: value})
            if len(journal.rows) == seq:
                for one in model[start:stop]:
                    one.set(name, seq, value)
        rows = {row.seq for row in journal.rows[1:] if dice.random() < 0.4}
        node = without(weave_of(journal.rows), rows).tree["t"]
        found = {c: r.attributes for r in node.runs for c in r.value}  # type: ignore[union-attr]
        for one in model:
            for name in {"bold", "em"} - one.doubtful if one.value in found else ():
                expected = _expected(one.changes.get(name, []), rows)
                assert found[one.value].get(name) == expected, (run, one, name, rows)
                compared += 1
    assert compared > 20 * len(runs)
