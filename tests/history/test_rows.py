"""The lines of a difference of texts."""

from __future__ import annotations

import pytest

from collabkit.history.changed import Keep, Reformat
from collabkit.history.likeness import Likeness
from collabkit.history.rows import Line, Span, text_rows
from collabkit.history.tree import Run, Stamp
from collabkit.history.wording import steps
from collabkit.ids import Seq, Subject

SIGNS = {"same": " ", "old": "-", "new": "+", "note": "~"}


def rows(old: str, new: str) -> list[Line]:
    before, after = (Run(each) for each in (old, new))
    found = steps([before], [after], like=Likeness(), nested=lambda *_: None)
    return text_rows([before], found)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("a\nb\nc\n", "a\nc\n", [" a", "-b", " c"]),
        ("a\nb", "ab", ["-a", "-b", "+ab"]),
        ("ab", "a\nb", ["-ab", "+a", "+b"]),
        ("a", "a\nb", [" a", "+b"]),
        ("a", "a\n", [" a", "~a line end at the end"]),
        ("a\n", "a", [" a", "~no line end at the end"]),
        ("", "x\ny", ["+x", "+y"]),
        ("x\n", "", ["-x"]),
        ("a\n\nb", "a\n\n\nb", [" a", " ", "+", " b"]),
        ("x\na\nb\ny", "x\nb\na\ny", [" x", "-a", " b", "+a", " y"]),
        ("one\r\ntwo", "one\r\n2", [" one\r", "-two", "+2"]),
    ],
)
def test_lines_came_went_and_stayed(old: str, new: str, shown: list[str]) -> None:
    """A line in which anything changed stands twice; others stand once."""
    assert [SIGNS[row.kind] + row.text for row in rows(old, new)] == shown


def test_what_changed_in_a_line_is_marked() -> None:
    """The words that went and those that came are told from the rest of their line."""
    old, new = rows("one cat here", "one dog here")
    assert old.spans == (Span("one "), Span("cat", True), Span(" here"))
    assert new.spans == (Span("one "), Span("dog", True), Span(" here"))


def test_long_lines_are_left_out_far_from_the_marks() -> None:
    """Of a paragraph without line ends only what is near the change stands."""
    new = rows("a " * 1000 + "cat" + " b" * 1000, "a " * 1000 + "dog" + " b" * 1000)[1]
    head, marked, tail = new.spans
    assert marked == Span("dog", True)
    assert head.text == "… " + "a " * 40
    assert tail.text == " b" * 40 + " …"


def test_formatting_is_noted_behind_its_line() -> None:
    """What was there and what is; of text that stays nobody knows who formatted it."""
    by = Stamp(Seq(1), Subject("user:ada"), 1)
    run = Run("a", {"bold": 2, "link": "x"}, by)
    found = text_rows([Run("a\nb")], (Reformat(run, {"bold": 1, "mark": True}), Keep(2)))
    assert [(row.kind, row.text, row.by) for row in found] == [
        ("same", "a", ()),
        ("note", '"a": link="x", bold=1 to 2, no mark', ()),
        ("same", "b", ()),
    ]
