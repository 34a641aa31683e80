"""What a document would hold without some rows, against models that know no weave."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

import msgspec
import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.values import Element, NewText
from collabkit.errors import MomentNotFound
from collabkit.history.revert import Kept, without
from collabkit.history.tree import plain_tree, same, text_of
from collabkit.history.view import tree
from collabkit.history.weave import Weave
from collabkit.ids import Seq, Subject
from history.crowd import Crowd, Person, Row

RUNS = 1000
IN_CI = 100
TENTHS = [
    pytest.param(range(n, n + IN_CI), marks=[pytest.mark.soak] if n else [], id=f"from{n}")
    for n in range(0, RUNS, IN_CI)
]
WIDE = 0x4E00  # characters from here on are told apart, each written once


def woven(rows: list[Row]) -> Weave:
    """The weave of some rows."""
    weave = Weave()
    for row in rows:
        weave.add(row.update, row.stamp)
    return weave


class Journal:
    """One document that several people edit by turns, each edit a row."""

    def __init__(self) -> None:
        self.document = Document()
        self.rows: list[Row] = []
        self.document.on_update(lambda change: self._take(change.update))
        self._who = "ada"

    def _take(self, update: bytes) -> None:
        seq = Seq(len(self.rows) + 1)
        self.rows.append(Row(seq, Subject(f"user:{self._who}"), update))

    def by(self, who: str) -> Document:
        """The document, for an edit by somebody."""
        self._who = who
        return self.document

    def of(self, *people: str) -> set[Seq]:
        """The rows of some people."""
        return {row.seq for row in self.rows if row.subject in {f"user:{who}" for who in people}}

    def without(self, *rows: int | str) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
        """What is there without some rows, or those of some people; and what is kept."""
        seqs = self.of(*(row for row in rows if isinstance(row, str)))
        seqs |= {Seq(row) for row in rows if isinstance(row, int)}
        found = without(woven(self.rows), seqs)
        return plain_tree(found.tree), [_told(kept) for kept in found.kept]


def _told(kept: Kept) -> tuple[str, str, str]:
    return "/".join(kept.path), kept.reason, kept.by.subject.removeprefix("user:")


# Text


def test_others_words_stay() -> None:
    """What was written goes, and what was deleted comes back, at its place."""
    journal = Journal()
    journal.by("ada").text("t").append("one three")
    journal.by("bob").text("t").insert(4, "two ")
    journal.by("ada").text("t").append(" four")
    journal.by("bob").text("t").delete(0, 4)
    assert journal.without("bob") == ({"t": "one three four"}, [])
    assert journal.without(2) == ({"t": "three four"}, [])
    assert journal.without("ada") == ({"t": "two "}, [])


def test_nothing_is_taken_out_of_what_is_no_row() -> None:
    """Rows that are not there, or that only a checkpoint holds, are refused."""
    weave = Weave()
    document = Document()
    document.text("t").append("x")
    weave.add_base(document.update(), {}, seq=Seq(5), at_ms=0)
    for seq in (Seq(5), Seq(6)):
        with pytest.raises(MomentNotFound, match=f"#{seq}"):
            without(weave, {seq})


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
        node = without(woven(crowd.rows), rows).tree.get("body")
        found = "" if node is None else text_of(node)  # type: ignore[arg-type]
        assert set(found) == _model(seen, rows)
        assert len(set(found)) == len(found)
        for text in seen:
            assert [c for c in text if c in found] == [c for c in found if c in text]


# Keys


def test_keys_go_back_or_say_why_not() -> None:
    """A key that somebody else set since stays, and is told."""
    journal = Journal()
    journal.by("ada").map("m").update({"a": 1, "b": 1, "c": 1})
    journal.by("bob").map("m").update({"a": 2, "b": 2})
    journal.by("bob").map("m").pop("c")
    journal.by("ada").map("m")["b"] = 3
    later = ("m/b", "a later edit owns it", "ada")
    assert journal.without("bob") == ({"m": {"a": 1, "b": 3, "c": 1}}, [later])
    journal.by("ada").map("m").pop("b")
    assert journal.without("bob") == ({"m": {"a": 1, "c": 1}}, [later])
    others = [(f"m/{key}", later[1], "bob") for key in "ac"]
    assert journal.without("ada") == ({"m": {"a": 2, "b": 2}}, others)


def test_attributes_are_keys() -> None:
    """The attributes of XML go back as well."""
    journal = Journal()
    journal.by("ada").xml("x").append(Element("p", {"k": "ada", "l": "ada"}, ["text"]))
    journal.by("bob").xml("x")[0].attributes["k"] = "bob"
    del journal.by("bob").xml("x")[0].attributes["l"]
    assert journal.without("bob") == ({"x": '<p k="ada" l="ada">text</p>'}, [])


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
        found = without(woven(journal.rows), rows)
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


def test_what_others_wrote_in_stays() -> None:
    """A shared type with others' content stays, with that alone; an empty one goes."""
    journal = Journal()
    journal.by("ada").array("l").extend([{"title": "ada"}, {"title": "ada"}, "ada"])
    journal.by("bob").array("l")[1]["more"] = "bob"
    told = [("l/[]", "others wrote in it", "bob")]
    assert journal.without("ada") == ({"l": [{"more": "bob"}]}, told)
    journal.by("ada").map("m")["k"] = NewText("ada")
    journal.by("bob").map("m")["k"].append("bob")
    told.append(("m/k", "others wrote in it", "bob"))
    assert journal.without("ada") == ({"l": [{"more": "bob"}], "m": {"k": "bob"}}, told)


def test_what_was_deleted_comes_back_whole() -> None:
    """A shared type comes back with what was in it, and with what came in at that moment."""
    other, third = Document(), Document()
    journal = Journal()
    journal.by("ada").xml("x").append(Element("p", {}, ["old"]), Element("q"))
    other.apply(journal.rows[0].update)
    concurrent: list[bytes] = []
    other.on_update(lambda change: concurrent.append(change.update))
    other.xml("x")[0][0].append(" and new")  # type: ignore[union-attr]
    other.xml("x")[0].append(Element("em", {"k": 1}, ["nested"]))  # type: ignore[arg-type]
    journal.by("bob").xml("x").delete(0, 1)
    for update in concurrent:
        journal.by("eve").apply(update)
    expected = {"x": '<p>old and new<em k="1">nested</em></p><q></q>'}
    assert journal.without("bob") == (expected, [])
    for row in journal.rows:
        third.apply(row.update)
    third.text("t").append("carl")
    journal.by("carl").apply(third.update())  # who tells all deletions there were
    assert journal.without("bob") == ({**expected, "t": "carl"}, [])


def test_what_cannot_come_back_is_told() -> None:
    """What was deleted inside something that somebody else deleted is lost with it."""
    journal = Journal()
    journal.by("ada").array("l").append({"a": 1, "b": ["x"]})
    journal.by("bob").array("l")[0]["b"].clear()
    journal.by("ada").array("l").clear()
    assert journal.without("bob") == (
        {},
        [("l/[]", "what was deleted in it is gone with it", "ada")],
    )


@pytest.mark.parametrize("runs", TENTHS)
def test_without_the_last_rows_it_is_the_past(seed: int, runs: range) -> None:
    """Of whatever nesting and formatting: without all rows behind one, it is as after that."""
    for run in runs:
        crowd = Crowd(Random(f"{seed}.{run}"))
        print(f"seed {seed}.{run}")
        for _ in range(50):
            crowd.step()
        crowd.settle()
        weave, last = woven(crowd.rows), len(crowd.rows)
        for at in (last, last - 1, crowd.dice.randrange(last)):
            found = without(weave, {Seq(seq) for seq in range(at + 1, last + 1)})
            assert same(found.tree, tree(weave, Seq(at)))
            assert found.kept == ()


# Formatting


def test_formatting_goes_back_or_says_why_not() -> None:
    """Where somebody else formatted since, it stays; what was typed inside goes with the rest."""
    journal = Journal()
    journal.by("ada").text("t").append("0123456789")
    journal.by("bob").text("t").format(0, 8, {"bold": True})
    journal.by("ada").text("t").insert(4, "typed")
    journal.by("ada").text("t").format(0, 2, {"bold": None, "em": True})
    found = without(woven(journal.rows), journal.of("bob"))
    node = found.tree["t"]
    assert [(run.value, run.attributes) for run in node.runs] == [  # type: ignore[union-attr]
        ("01", {"em": True}),
        ("23", {}),
        ("typed", {}),
        ("456789", {}),
    ]
    assert [_told(kept) for kept in found.kept] == [("t", "later formatting owns 'bold'", "ada")]


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
        if any(changes != made.changes[name] for changes in others) or not beside:
            made.doubtful.add(name)
        if any(name in one.doubtful for one in beside):
            made.doubtful.add(name)
    return made


@pytest.mark.parametrize("runs", TENTHS)
def test_formatting_is_as_each_character_says(seed: int, runs: range) -> None:
    """Of each character and name the last change counts unless it is taken back."""
    compared = 0
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
                beside = model[max(start - 1, 0) : start + 1]
                model.insert(start, _inserted(beside, chr(WIDE + number), style, seq))
                continue
            stop = min(len(model), start + dice.randrange(1, 6))
            name, value = dice.choice(("bold", "em")), dice.choice((True, None))
            text.format(start, stop, {name: value})
            if len(journal.rows) == seq:
                for one in model[start:stop]:
                    one.set(name, seq, value)
        rows = {row.seq for row in journal.rows[1:] if dice.random() < 0.4}
        node = without(woven(journal.rows), rows).tree["t"]
        found = {c: r.attributes for r in node.runs for c in r.value}  # type: ignore[union-attr]
        for one in model:
            for name in {"bold", "em"} - one.doubtful if one.value in found else ():
                expected = _expected(one.changes.get(name, []), rows)
                assert found[one.value].get(name) == expected, (run, one, name, rows)
                compared += 1
    assert compared > 20 * len(runs)
