"""Shared text against a Python string, with any Unicode, alone and among others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.crdt.changes import Change, Delete, Insert, TextChanged
from collabkit.crdt.document import Document
from collabkit.crdt.text import OBJECT, Run, Text
from collabkit.crdt.values import Json
from collabkit.errors import OutOfRange, ValueNotStorable

strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=OBJECT), max_size=8)
formats = st.none() | st.dictionaries(
    st.sampled_from(["bold", "é"]), st.sampled_from([True, None]), min_size=1
)


class Stop(Exception):
    """What a block raises that is not to happen."""


class Writer:
    """A replica, and the string that its text must be."""

    def __init__(self, client_id: int, *, observed: bool) -> None:
        self.document = Document(client_id=client_id)
        self.text = self.document.text("body")
        self.model = ""
        self.observed = observed
        if observed:
            self.text.observe(self.hear)

    def hear(self, part: object, _change: Change) -> None:
        """Make the model follow what was said to have changed."""
        assert isinstance(part, TextChanged)
        at = 0
        for step in part.delta:
            if isinstance(step, Insert):
                value = step.value if isinstance(step.value, str) else OBJECT
                self.model = self.model[:at] + value + self.model[at:]
                at += len(value)
            elif isinstance(step, Delete):
                self.model = self.model[:at] + self.model[at + step.length :]
            else:
                at += step.length

    def wrote(self, model: str) -> None:
        """Expect this string; of an observed replica, it must have been told already."""
        if self.observed:
            assert self.model == model
        self.model = model

    def heard(self) -> None:
        """After others' edits, an observed replica was told, and another must look."""
        if not self.observed:
            self.model = self.text[:]


class TextIsAString(RuleBasedStateMachine):
    """Two replicas edit one text by turns and together, one of them observed."""

    @initialize()
    def start(self) -> None:
        """Both are empty."""
        self.writers = [Writer(1, observed=True), Writer(2, observed=False)]

    def stretch(self, data: st.DataObject, model: str) -> tuple[int, int]:
        """Any stretch of a string."""
        start = data.draw(st.integers(0, len(model)))
        return start, data.draw(st.integers(start, min(len(model), start + 6)))

    @rule(data=st.data(), who=st.integers(0, 1), value=strings, style=formats)
    def insert(self, data: st.DataObject, who: int, value: str, style: Any) -> None:
        """A string goes in anywhere."""
        writer = self.writers[who]
        before = writer.model
        at = data.draw(st.integers(0, len(before)))
        writer.text.insert(at, value, style)
        writer.wrote(before[:at] + value + before[at:])

    @rule(data=st.data(), who=st.integers(0, 1), value=strings)
    def replace(self, data: st.DataObject, who: int, value: str) -> None:
        """A stretch gives way to a string."""
        writer = self.writers[who]
        before = writer.model
        start, stop = self.stretch(data, before)
        writer.text[start:stop] = value
        writer.wrote(before[:start] + value + before[stop:])

    @rule(data=st.data(), who=st.integers(0, 1))
    def embed(self, data: st.DataObject, who: int) -> None:
        """An object goes in, and counts one."""
        writer = self.writers[who]
        before = writer.model
        at = data.draw(st.integers(0, len(before)))
        writer.text.embed(at, {"image": at})
        writer.wrote(before[:at] + OBJECT + before[at:])

    @rule(data=st.data(), who=st.integers(0, 1), style=formats.filter(bool))
    def format(self, data: st.DataObject, who: int, style: Any) -> None:
        """Formatting changes no character."""
        writer = self.writers[who]
        before = writer.model
        writer.text.format(*self.stretch(data, before), style)
        writer.wrote(before)

    @rule(data=st.data(), who=st.integers(0, 1), values=st.lists(strings), fails=st.booleans())
    def block(self, data: st.DataObject, who: int, values: list[str], fails: bool) -> None:
        """A block sees its own edits, and happens as a whole or not at all."""
        writer = self.writers[who]
        before = inside = writer.model
        vector = writer.document.state_vector
        try:
            with writer.document.edit():
                for value in values:
                    start, stop = self.stretch(data, inside)
                    writer.text.replace(start, stop, value)
                    inside = inside[:start] + value + inside[stop:]
                    assert writer.text[:] == inside
                if fails:
                    raise Stop
        except Stop:
            inside = before
            assert writer.document.state_vector == vector
        writer.wrote(inside)

    @rule(who=st.integers(0, 1), way=st.sampled_from(["undo", "redo"]))
    def travel(self, who: int, way: str) -> None:
        """Undo and redo are edits that others can follow."""
        writer = self.writers[who]
        getattr(writer.document, way)()
        writer.heard()

    @rule(sender=st.integers(0, 1))
    def send(self, sender: int) -> None:
        """One replica gets what it lacks of the other, which may have edited meanwhile."""
        source, target = self.writers[sender], self.writers[1 - sender]
        target.document.apply(source.document.update(target.document.state_vector))
        target.heard()

    @invariant()
    def each_is_its_string(self) -> None:
        """Text, length, and what a new replica loads."""
        for writer in self.writers:
            assert writer.text[:] == writer.model
            assert str(writer.text) == writer.model.replace(OBJECT, "")
            assert len(writer.text) == len(writer.model)
            loaded = Document()
            loaded.apply(writer.document.update())
            assert loaded.text("body")[:] == writer.model

    def teardown(self) -> None:
        """Having exchanged everything, both are equal."""
        if hasattr(self, "writers"):
            self.send(0)
            self.send(1)
            one, two = self.writers
            assert one.model == two.model
            assert one.document.digest() == two.document.digest()


TestTextIsAString = TextIsAString.TestCase
TestTextIsAString.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.fixture
def text() -> Text:
    """A text with something wide in it."""
    text = Document().text("body")
    text.append("naïve 😀!")
    return text


def test_indexes_and_slices_are_those_of_a_string(text: Text) -> None:
    """Reading takes every index and slice that a string takes."""
    string = "naïve 😀!"
    assert [text[i] for i in range(-8, 8)] == [string[i] for i in range(-8, 8)]
    assert (text[2:], text[:-1], text[::2]) == (string[2:], string[:-1], string[::2])
    assert list(text) == list(string)
    assert "ïve 😀" in text
    assert 5 not in text


def test_writing_takes_indexes_and_slices(text: Text) -> None:
    """Also negative ones, and those that reach too far, as with a list of characters."""
    text[-1] = "?"
    text[6:100] = "😀😀"
    del text[0]
    del text[:-3]
    text += "."
    assert str(text) == " 😀😀."


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.insert(9, "x"),
        lambda text: text.insert(-1, "x"),
        lambda text: text.delete(3, 9),
        lambda text: text.delete(4, 3),
        lambda text: text.format(0, 9, {"bold": True}),
        lambda text: text.embed(9, {}),
        lambda text: text.__setitem__(slice(None, None, 2), "x"),
        lambda text: text.__delitem__(8),
        lambda text: text.position_at(9),
    ],
)
def test_what_is_out_of_range_changes_nothing(text: Text, edit: Callable[[Text], None]) -> None:
    """There is no clamping where it would hide a mistake."""
    before = text._desk.live.state_vector()
    with pytest.raises(OutOfRange):
        edit(text)
    assert text._desk.live.state_vector() == before


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.insert(0, "\ud83d"),
        lambda text: text.append(b"x"),
        lambda text: text.insert(0, "x", {"bold": {1, 2}}),
        lambda text: text.format(0, 1, {"bold": float("nan")}),
        lambda text: text.embed(0, {"x": 2**64}),
    ],
)
def test_what_cannot_be_stored_changes_nothing(text: Text, edit: Callable[[Text], None]) -> None:
    """Values are checked before the first write."""
    with pytest.raises(ValueNotStorable):
        edit(text)
    assert str(text) == "naïve 😀!"


def test_runs_show_formatting_and_embedded_objects() -> None:
    """A text with formatting reads as runs, neighbours with equal formatting joined."""
    text = Document().text("body")
    text.append("é")
    text.insert(1, "bold", {"bold": True})
    text.append("er")
    text.embed(1, {"image": 1, "big": 2.5}, {"bold": None})
    text.format(0, 1, {"bold": True, "link": None})
    assert text.runs() == [
        Run("é", {"bold": True}),
        Run({"image": 1, "big": 2.5}, {}),
        Run("bolder", {"bold": True}),
    ]
    assert (text[:], str(text)) == (f"é{OBJECT}bolder", "ébolder")


def test_a_string_is_no_embedded_object() -> None:
    """It could not be told from text."""
    text = Document().text("body")
    with pytest.raises(ValueNotStorable, match="is a string"):
        text.embed(0, "x")
    assert len(text) == 0


@pytest.mark.parametrize("value", [b"x", 2.0**63, -1e300, {"deep": [b"x"]}, [Json({})]])
def test_what_json_does_not_carry_is_no_formatting_and_no_object(value: Any) -> None:
    """It would be something else in every other replica."""
    text = Document().text("body")
    text.append("ab")
    with pytest.raises(ValueNotStorable, match="the embedded object"):
        text.embed(0, value)
    with pytest.raises(ValueNotStorable, match="the formatting of text"):
        text.format(0, 1, {"k": value})
    assert text.runs() == [Run("ab")]


@pytest.mark.parametrize("around", ["ab", "é😀"])
@pytest.mark.parametrize("late", [False, True])
def test_a_text_with_strings_embedded_elsewhere_is_read_and_not_edited(
    around: str, late: bool
) -> None:
    """Where an edit would go cannot be known; the engine would panic, or take another place."""
    outer: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    there = outer.get("t", type=pycrdt.Text)
    there.insert(0, around)
    document = Document()
    text = document.text("t")
    if late:
        document.apply(outer.get_update())
        assert len(text) == 2
    there.insert_embed(len(around.encode()), "string")
    there.insert(len(around.encode()) + 1, "é")
    document.apply(outer.get_update())
    assert text[:] == f"{around}stringé"
    assert len(text) == 9
    edits: tuple[Callable[[], object], ...] = (
        lambda: text.insert(5, "x"),
        lambda: text.append("x"),
        lambda: text.delete(0, 9),
        lambda: text.format(0, 9, {"b": True}),
        lambda: text.embed(0, 1),
        lambda: text.position_at(9),
    )
    for edit in edits:
        with pytest.raises(ValueNotStorable, match="t, which has strings as embedded objects"):
            edit()
    assert text[:] == f"{around}stringé"


def test_inserting_takes_the_formatting_of_its_place() -> None:
    """Unless it is told another; an empty one means none at all."""
    text = Document().text("body")
    text.insert(0, "ab", {"bold": True})
    text.insert(1, "in")
    text.insert(1, "out", {})
    assert text.runs() == [Run("a", {"bold": True}), Run("out"), Run("inb", {"bold": True})]


def test_the_repr_shows_the_beginning(text: Text) -> None:
    """Short texts whole, long ones cut."""
    assert repr(text) == "<Text body 'naïve 😀!'>"
    text.append("x" * 100)
    assert repr(text) == f"<Text body 'naïve 😀!{'x' * 29}...'>"


Patches = list[tuple[int, int, str]]


def trace(path: Path) -> tuple[Patches, str]:
    """The patches of a sequential editing trace, and the text they end with."""
    with gzip.open(path) as file:
        recorded = json.load(file)
    assert recorded["startContent"] == ""
    patches = [tuple(patch) for txn in recorded["txns"] for patch in txn["patches"]]
    return patches, recorded["endContent"]


@pytest.mark.parametrize("name", ["automerge-paper.json.gz", "seph-blog1.json.gz"])
def test_what_people_typed_ends_as_it_did(name: str, data: Callable[[str], Path]) -> None:
    """Every keystroke of two real documents, one of them not ASCII, in code points."""
    patches, end = trace(data(name))
    document = Document()
    text = document.text("body")
    for at, deleted, inserted in patches:
        text.replace(at, at + deleted, inserted)
    assert str(text) == end
    loaded = Document()
    loaded.apply(document.update())
    assert str(loaded.text("body")) == end
