"""Counting what is found only by walking to it."""

from __future__ import annotations

from collabkit.crdt.document import Document
from collabkit.crdt.weight import MOST, count_values, is_heavy


def test_values_count_and_text_does_not() -> None:
    """Elements, entries and shared types count, however they were put in; letters do not."""
    document = Document()
    assert count_values(document.update()) == 0
    document.text("t").insert(0, "x" * 10_000)
    document.text("t").format(0, 10, {"bold": True})
    assert count_values(document.update()) == 0
    document.array("a").extend(list(range(100)))
    document.array("a").append({"deep": list(range(100))})
    document.map("m")["k"] = "v"
    assert count_values(document.update()) == 203  # a map and an array of their own


def test_what_was_deleted_does_not_count() -> None:
    """What is gone is not walked to."""
    document = Document()
    document.array("a").extend(list(range(100)))
    del document.array("a")[0:90]
    assert count_values(document.update()) == 10


def test_what_is_heavy() -> None:
    """A long text is read in no time; a long array is not."""
    document = Document()
    document.text("t").insert(0, "x" * (MOST + 1))
    assert not is_heavy(document.update())
    document.array("a").extend([0] * (MOST + 1))
    assert is_heavy(document.update())
