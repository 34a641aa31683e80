"""Undo and redo are of one's own edits, and of nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element


class UndoIsAStack(RuleBasedStateMachine):
    """While nobody else edits, undo and redo walk through the states that there were."""

    @initialize()
    def start(self) -> None:
        """One state, and nothing to undo."""
        self.document = Document()
        self.states: list[dict[str, Any]] = [{}]
        self.at = 0
        self.group: str | None = None

    def edited(self, group: str | None) -> None:
        """A new state follows the present one, or takes its place if it is of the same group."""
        joins = group is not None and group == self.group
        self.states[self.at + (not joins) :] = [self.document.to_dict()]
        self.at = len(self.states) - 1
        self.group = group

    @rule(data=st.data(), value=st.text("aé😀", min_size=1, max_size=4))
    def call(self, data: st.DataObject, value: str) -> None:
        """A single call is a step."""
        text = self.document.text("t")
        start = data.draw(st.integers(0, len(text)))
        text.replace(start, data.draw(st.integers(start, len(text))), value)
        self.edited(None)

    @rule(group=st.sampled_from([None, "g", "h"]), key=st.sampled_from("ab"), number=st.integers())
    def block(self, group: str | None, key: str, number: int) -> None:
        """A block is a step, and with its neighbours of the same group still one."""
        with self.document.edit(group):
            self.document.map("m")[key] = {"n": number % 1000}
            self.document.array("a").insert(0, key)
            self.document.xml("x").append(Element("p", {}, [key]))
        self.edited(group)

    @rule(steps=st.integers(1, 4))
    def undo(self, steps: int) -> None:
        """Back by some steps, as far as there are any."""
        for _ in range(steps):
            assert self.document.undo() == (self.at > 0)
            self.at = max(0, self.at - 1)
        self.group = None

    @rule(steps=st.integers(1, 4))
    def redo(self, steps: int) -> None:
        """Forward again, as far as nothing was edited since."""
        for _ in range(steps):
            assert self.document.redo() == (self.at < len(self.states) - 1)
            self.at = min(len(self.states) - 1, self.at + 1)
        self.group = None

    @invariant()
    def the_state_is_the_one_of_then(self) -> None:
        """The content, here and for a new replica."""
        assert self.document.to_dict() == self.states[self.at]
        loaded = Document()
        loaded.apply(self.document.update())
        assert loaded.to_dict() == self.states[self.at]


TestUndoIsAStack = UndoIsAStack.TestCase
TestUndoIsAStack.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@pytest.fixture
def document() -> Document:
    """A document in which something was typed."""
    document = Document()
    for character in "héllo":
        document.text("t").append(character)
    return document


def test_what_others_do_is_not_undone(document: Document) -> None:
    """Neither what came before one's own edits nor what came after."""
    there = Document()
    there.apply(document.update())
    there.text("t").insert(0, "there ")
    there.map("m")["k"] = 1
    document.apply(there.update())
    while document.undo():
        pass
    assert document.to_dict() == {"t": "there ", "m": {"k": 1}}
    while document.redo():
        pass
    assert document.to_dict() == {"t": "there héllo", "m": {"k": 1}}


def test_what_was_deleted_is_not_sent_to_peers(document: Document) -> None:
    """That it can be brought back here costs nobody else anything."""
    document.text("t").append("secret")
    document.text("t").delete(5, 11)
    assert b"secret" not in document.update()
    assert document.undo()
    assert str(document.text("t")) == "héllosecret"


def test_a_replica_that_only_receives_notes_nothing(document: Document) -> None:
    """History begins with the first edit of one's own."""
    there = Document()
    there.apply(document.update())
    assert not there.undo()
    assert there._desk.history._log == []
    there.text("t").append("!")
    assert there.undo()
    assert str(there.text("t")) == "héllo"


def test_the_oldest_steps_are_forgotten_in_time(document: Document) -> None:
    """What is noted stays in proportion to the document."""
    text = document.text("t")
    for number in range(6000):
        text.replace(0, len(text), f"{number:06}" * 4)
    history = document._desk.history
    noted = sum(len(update) for update, _step in history._log)
    assert noted < 1 << 17
    steps = 0
    while steps < 500 and document.undo():
        steps += 1
    assert steps == 500
    assert str(text) == "005499" * 4


def test_a_twin_forgets_too(document: Document) -> None:
    """After an undo, edits go on being undoable, the last thousand of them at least."""
    text = document.text("t")
    document.undo()
    for number in range(3000):
        text.append(f"{number},")
        if not number % 900:
            document.undo()
            document.redo()
    steps = 0
    while document.undo():
        steps += 1
    assert 1000 <= steps <= 3000
    assert str(text).startswith("héll0,")


def test_undo_is_told_as_an_edit(document: Document) -> None:
    """Under its own origin, with an update that repeats it elsewhere."""
    there = Document()
    there.apply(document.update())
    changes: list[Change] = []
    document.on_update(changes.append)
    document.undo()
    document.redo()
    document.undo()
    assert [(change.origin, change.local) for change in changes] == [
        ("undo", True),
        ("redo", True),
        ("undo", True),
    ]
    for change in changes:
        there.apply(change.update)
    assert there.to_dict() == document.to_dict() == {"t": "héll"}


def test_edits_after_undo_go_on_under_the_same_clock(document: Document) -> None:
    """The twin in which undo happens and the document never use a clock twice."""
    text = document.text("t")
    there = Document()
    document.on_update(lambda change: there.apply(change.update))
    there.apply(document.update())
    for turn in range(20):
        text.append(str(turn))
        document.undo()
        with document.edit():
            text.insert(0, "b")
            document.map("m")["k"] = turn
        if turn % 3:
            document.undo()
            document.redo()
    assert there.digest() == document.digest()
