"""Blame: whose each range, value and line is, as somebody reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from collabkit.crdt.document import Change, Document
from collabkit.crdt.values import Element, NewText
from collabkit.history.blame import Blame, Line, blame
from collabkit.history.tree import Entry, MapNode, Run, Stamp, TextNode
from collabkit.history.weave import Weave
from collabkit.ids import Seq, Subject
from history.recorded import two_typists
from history.weaving import stamp


@pytest.fixture
def weave() -> Weave:
    """A document that Ada began and Ben went on with."""
    document, weave, who = Document(client_id=1), Weave(), ["user:ada"]

    def hear(change: Change) -> None:
        weave.add(change.update, stamp(len(weave.stamps) + 1, *who))

    document.on_update(hear)
    document.text("t").append("first\nsecond\n")
    document.map("m")["plan"] = {"due": 2027, "notes": NewText("well")}
    who[:] = ["user:ben"]
    document.text("t").insert(2, "XX")
    document.text("t").append("\nlast")
    document.map("m")["plan"]["due"] = 2028
    document.array("a").extend([1, [2]])
    document.xml("x").append(Element("p", {"class": "q"}, ["inside"]))
    return weave


def test_ranges_and_values_have_their_authors(weave: Weave) -> None:
    """By path, however deep; what was there before is still of who wrote it."""
    found = blame(weave)
    assert set(found.texts) == {("t",), ("m", "plan", "notes"), ("x", 0, 0)}
    assert [(run.value, run.by and run.by.seq) for run in found.texts["t",].runs] == [
        ("fi", 1), ("XX", 3), ("rst\nsecond\n", 1), ("\nlast", 4)
    ]  # fmt: skip
    told = {path: entry.by and entry.by.subject for path, entry in found.values.items()}
    assert told == {
        ("m", "plan"): "user:ada",
        ("m", "plan", "due"): "user:ben",
        ("m", "plan", "notes"): "user:ada",
        ("a", 0): "user:ben",
        ("a", 1): "user:ben",
        ("a", 1, 0): "user:ben",
        ("x", 0): "user:ben",
        ("x", 0, "class"): "user:ben",
        ("x", 0, 0): "user:ben",
    }
    assert found.of("m", "plan", "due") == 2028
    assert blame(weave, Seq(2)).of("m", "plan", "due") == 2027
    assert found.of("m", "nothing") is None
    assert found.of("t") is found.texts["t",]


def test_a_line_is_of_who_wrote_in_it_last(weave: Weave) -> None:
    """Its break counts as in it; an empty line is of who made it."""
    lines = list(blame(weave).lines("t"))
    assert [(line.number, line.text, line.by and line.by.seq) for line in lines] == [
        (1, "fiXXrst", 3), (2, "second", 1), (3, "", 4), (4, "last", 4)
    ]  # fmt: skip
    assert lines[0].authors == {"user:ada": 5, "user:ben": 2}
    assert list(blame(weave).lines("m")) == []


def test_an_object_in_a_line_has_its_author() -> None:
    """And is no character of it."""
    ada, ben = stamp(1), stamp(2, "user:ben")
    runs = (Run("a", {}, ada), Run({"i": 1}, {}, ben), Run("\n", {}, ada))
    assert list(Blame({"t": TextNode(None, runs)}).lines("t")) == [Line(1, runs[:2], ben)]


def test_it_prints_as_people_know_it(weave: Weave) -> None:
    """A range a line, the author in front: who wrote in another's line has only his words."""
    assert str(blame(weave)).splitlines() == [
        "#1 user:ada  t:1 fi",
        "#3 user:ben  t:1 XX",
        "#1 user:ada  t:1 rst",
        "#1 user:ada  t:2 second",
        "#4 user:ben  t:3 ",
        "#4 user:ben  t:4 last",
        "#2 user:ada  m/plan/notes:1 well",
        "#7 user:ben  x/0/0:1 inside",
        "#2 user:ada  m/plan = a map",
        "#5 user:ben  m/plan/due = 2028",
        "#6 user:ben  a/0 = 1",
        "#6 user:ben  a/1 = an array",
        "#6 user:ben  a/1/0 = 2",
        "#7 user:ben  x/0 = an element",
        "#7 user:ben  x/0/class = 'q'",
    ]


def test_what_only_a_checkpoint_holds_is_told_so() -> None:
    """By its owner, if there is one, and nobody knows when."""
    document = Document(client_id=7)
    document.text("t").append("old")
    weave = Weave()
    weave.add_base(document.update(), {7: Subject("user:ada")}, seq=Seq(9), at_ms=0)
    assert str(blame(weave)) == "<=#9 user:ada  t:1 old"
    nobody = Stamp(Seq(9), Subject(""), 0, compacted=True)
    unknown = Blame({"m": MapNode(None, {"k": Entry(1, nobody), "l": Entry(2)})})
    assert str(unknown).splitlines() == ["<=#9 unknown  m/k = 1", "nobody        m/l = 2"]
    assert unknown.authors == {"": 1}


def test_authors_are_counted(weave: Weave) -> None:
    """Characters and values, those with the most first."""
    assert blame(weave).authors == {"user:ada": 19, "user:ben": 20}
    assert list(blame(weave).authors) == ["user:ben", "user:ada"]


@pytest.mark.parametrize("most", [6_000, pytest.param(26_078, marks=pytest.mark.soak)])
def test_each_character_of_two_typists(most: int, data: Callable[[str], Path]) -> None:
    """It is of the one who typed it, as a list of authors says that is moved with the text."""
    recorded = two_typists(data("friendsforever.json.gz"), most)
    weave = Weave()
    for seq, (person, update) in enumerate(zip(recorded.people, recorded.updates, strict=True), 1):
        weave.add(update, stamp(seq, f"user:{person}"))
    found = blame(weave)
    runs = found.texts["t",].runs
    assert "".join(run.value for run in runs) == recorded.end
    authors = [int(run.by.subject[-1]) for run in runs if run.by for _ in run.value]
    assert authors == recorded.authors
    assert set(authors) == {0, 1}
    lines = list(found.lines("t"))
    assert [line.text for line in lines] == recorded.end.removesuffix("\n").split("\n")
