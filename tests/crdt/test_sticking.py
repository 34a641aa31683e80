"""A position stays with its character, whatever others do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.crdt.document import Document
from collabkit.crdt.positions import Position
from collabkit.crdt.text import Text
from collabkit.crdt.values import Element, NewText


class PositionsStick(RuleBasedStateMachine):
    """Two replicas edit in turn; each character has a number, by which it is found again."""

    def text(self, who: int) -> Text:
        """The text that is edited."""
        return self.replicas[who].text("t")

    @initialize(alphabet=st.sampled_from(["ab", "aé€😀"]))
    def start(self, alphabet: str) -> None:
        """Texts that are ASCII and that are not take other ways."""
        self.replicas = [Document(client_id=1), Document(client_id=2)]
        self.alphabet = alphabet
        self.characters: list[int] = []
        self.made = 0
        self.held: list[tuple[Position, int, bool]] = []

    def exchange(self, who: int) -> None:
        """The other replica gets what was edited."""
        source, target = self.replicas[who], self.replicas[1 - who]
        target.apply(source.update(target.state_vector))

    @rule(data=st.data(), who=st.integers(0, 1))
    def insert(self, data: st.DataObject, who: int) -> None:
        """Characters that are new get numbers that are new."""
        value = data.draw(st.text(self.alphabet, min_size=1, max_size=5))
        at = data.draw(st.integers(0, len(self.characters)))
        self.text(who).insert(at, value)
        self.characters[at:at] = range(self.made, self.made + len(value))
        self.made += len(value)
        self.exchange(who)

    @rule(data=st.data(), who=st.integers(0, 1))
    def delete(self, data: st.DataObject, who: int) -> None:
        """Characters go."""
        start = data.draw(st.integers(0, len(self.characters)))
        stop = data.draw(st.integers(start, min(len(self.characters), start + 3)))
        self.text(who).delete(start, stop)
        del self.characters[start:stop]
        self.exchange(who)

    @rule(data=st.data(), who=st.integers(0, 1), bold=st.sampled_from([True, None]))
    def format(self, data: st.DataObject, who: int, bold: bool | None) -> None:
        """Marks of formatting lie between characters, and are none."""
        start = data.draw(st.integers(0, len(self.characters)))
        self.text(who).format(start, len(self.characters), {"bold": bold})
        self.exchange(who)

    @rule(data=st.data(), who=st.integers(0, 1), before=st.booleans())
    def hold(self, data: st.DataObject, who: int, before: bool) -> None:
        """A position holds on to the character at one of its sides."""
        at = data.draw(st.integers(0, len(self.characters)))
        position = self.text(who).position_at(at, before=before)
        assert self.text(who).index_of(position) == at
        neighbour = at - 1 if before else at
        if 0 <= neighbour < len(self.characters):
            self.held.append((position, self.characters[neighbour], before))

    @invariant()
    def each_is_with_its_character(self) -> None:
        """In both replicas; and where that was deleted, it is somewhere still."""
        for position, character, before in self.held:
            for who in (0, 1):
                at = self.text(who).index_of(position)
                if character in self.characters:
                    assert at == self.characters.index(character) + before
                else:
                    assert at is not None


TestPositionsStick = PositionsStick.TestCase
TestPositionsStick.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.fixture
def document() -> Document:
    """Texts in all places where there are texts."""
    document = Document()
    document.text("narrow").append("abc")
    document.text("wide").append("a😀c")
    document.text("empty")
    document.map("m").update(
        {"narrow": NewText("abc"), "wide": NewText("é😀c"), "empty": NewText()}
    )
    document.xml("x").append(Element("p", {}, ["abc"]), Element("p", {}, ["é😀c"]))
    return document


def texts(document: Document) -> list[Any]:
    """All of them."""
    entries = document.map("m")
    page: Any = document.xml("x")
    return [
        *(document.text(name) for name in ("narrow", "wide", "empty")),
        *(entries[name] for name in ("narrow", "wide", "empty")),
        *(page[index][0] for index in (0, 1)),
    ]


@pytest.mark.parametrize("which", range(8))
@pytest.mark.parametrize("before", [False, True])
def test_every_index_of_every_text_can_be_held(
    document: Document, which: int, before: bool
) -> None:
    """Also the start and the end, and those of an empty text, in every replica."""
    text = texts(document)[which]
    there = Document()
    there.apply(document.update())
    for index in range(len(text) + 1):
        position = Position.decode(text.position_at(index, before=before).encode())
        assert text.index_of(position) == index
        assert texts(there)[which].index_of(position) == index


def test_the_end_of_a_text_stays_its_end(document: Document) -> None:
    """And the start its start, while all between comes and goes."""
    for text in texts(document):
        start, end = text.position_at(0, before=True), text.position_at(len(text))
        text.append("!")
        text.insert(0, "?")
        assert (text.index_of(start), text.index_of(end)) == (0, len(text))


def test_a_position_of_another_text_is_not_here(document: Document) -> None:
    """Where it says which text it is of."""
    narrow, nested = document.text("narrow"), document.map("m")["narrow"]
    assert narrow.index_of(nested.position_at(1)) is None
    assert nested.index_of(narrow.position_at(1)) is None
    assert document.text("wide").index_of(narrow.position_at(3)) is None


def test_a_position_that_arrives_before_its_text_is_not_here_yet(document: Document) -> None:
    """Presence is faster than the document, and must not break it."""
    position = document.text("wide").position_at(1)
    there = Document()
    assert there.text("wide").index_of(position) is None
    there.apply(document.update())
    assert there.text("wide").index_of(position) == 1


def test_a_position_in_what_was_deleted_is_not_here_any_more(document: Document) -> None:
    """The engine panics at the question; the document is none the worse for it."""
    position = document.map("m")["wide"].position_at(1)
    document.map("m")["wide"] = NewText("other")
    assert document.map("m")["wide"].index_of(position) is None
    bare = Position(item=position.item)
    assert document.map("m")["wide"].index_of(bare) is None
    document.map("m")["wide"].append("!")
    assert str(document.map("m")["wide"]) == "other!"


def test_a_position_can_be_made_in_a_block(document: Document) -> None:
    """Of what was edited there."""
    text = document.text("wide")
    with document.edit():
        text.insert(1, "é")
        position = text.position_at(2)
    text.insert(0, "😀")
    assert text.index_of(position) == 3


def test_a_position_holds_on_beside_formatting() -> None:
    """To the character, and not to the marks around it, which go when it goes."""
    bold = {"bold": True}
    text = Document(client_id=1).text("t")
    text.append("é")
    text.insert(0, "x")
    text.insert(1, "x", bold)
    text.insert(0, "x", bold)
    text.insert(2, "😀", bold)
    for before in (False, True):
        for index in range(len(text) + 1):
            assert text.index_of(text.position_at(index, before=before)) == index
