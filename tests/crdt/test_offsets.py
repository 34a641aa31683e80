"""Positions in code points, bytes and UTF-16 units are the same places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.crdt.offsets import Offsets, Scale

alphabet = st.sampled_from("aé€😀\0")
runs = st.text(alphabet, max_size=12) | st.text(alphabet, min_size=2000, max_size=6000)


def measure(text: str, scale: Scale) -> int:
    """How long a text is, said in another way than the code does."""
    widths = {
        Scale.POINTS: lambda char: 1,
        Scale.BYTES: lambda char: len(char.encode()),
        Scale.UTF16: lambda char: 2 if ord(char) > 0xFFFF else 1,
    }
    return sum(map(widths[scale], text))


class OffsetsFollow(RuleBasedStateMachine):
    """Offsets that follow edits agree with the edited string."""

    @initialize(text=runs)
    def load(self, text: str) -> None:
        """Any text may be there first."""
        self.text = text
        self.offsets = Offsets(text)

    @rule(data=st.data(), added=runs)
    def insert(self, data: st.DataObject, added: str) -> None:
        """Something is inserted somewhere."""
        at = data.draw(st.integers(0, len(self.text)))
        self.text = self.text[:at] + added + self.text[at:]
        self.offsets.insert(at, added)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """A stretch is deleted."""
        start = data.draw(st.integers(0, len(self.text)))
        stop = data.draw(st.integers(start, min(len(self.text), start + 5000)))
        self.text = self.text[:start] + self.text[stop:]
        self.offsets.delete(start, stop)

    @rule(data=st.data(), known=st.sampled_from(Scale), wanted=st.sampled_from(Scale))
    def convert(self, data: st.DataObject, known: Scale, wanted: Scale) -> None:
        """Any position converts from any scale to any other."""
        if self.offsets.stale:
            self.offsets.load(self.text)
        head = self.text[: data.draw(st.integers(0, len(self.text)))]
        found = self.offsets.convert(measure(head, known), known, wanted)
        assert found == measure(head, wanted)

    @invariant()
    def narrow_means_one_byte_each(self) -> None:
        """Only a text that is not ASCII is kept; one that became so is noticed."""
        if self.offsets.narrow:
            assert self.text.isascii() or self.offsets.stale
        else:
            assert len(self.offsets) == len(self.text)


TestOffsetsFollow = OffsetsFollow.TestCase


@given(st.text(st.sampled_from("aé"), min_size=1))
def test_a_narrow_text_converts_to_itself(text: str) -> None:
    """ASCII needs no table; anything else does."""
    offsets = Offsets(text)
    assert offsets.narrow == text.isascii()
    if offsets.narrow:
        assert offsets.convert(len(text), Scale.POINTS, Scale.UTF16) == len(text)


def test_half_a_character_is_the_place_before_it() -> None:
    """A UTF-16 position inside a pair, which only a strange client makes, is rounded down."""
    assert Offsets("é😀b").convert(2, Scale.UTF16, Scale.POINTS) == 1


def test_a_position_behind_the_end_is_none() -> None:
    """There is nothing to convert."""
    with pytest.raises(IndexError):
        Offsets("é").convert(5, Scale.POINTS, Scale.BYTES)


def test_deleting_leaves_no_trail_of_crumbs() -> None:
    """After all but every hundredth character went, few pieces are left to walk over."""
    offsets = Offsets("é" * 200_000)
    for start in range(2000):
        offsets.delete(start, start + 99)
    assert len(offsets) == 2000
    assert len(offsets._chunks) <= 4


def test_offsets_say_what_they_are() -> None:
    """The repr tells the three states apart."""
    wide, narrow = Offsets("é"), Offsets("e")
    assert (repr(wide), repr(narrow)) == ("<Offsets 1 code points>", "<Offsets narrow>")
    narrow.insert(0, "é")
    assert repr(narrow) == "<Offsets stale>"
