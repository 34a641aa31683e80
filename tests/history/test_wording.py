"""Steps between two texts: small, and where people put them."""

from __future__ import annotations

from typing import Any

from collabkit.history import wording
from collabkit.history.changed import Delete, Insert, Keep, Reformat, TextStep
from collabkit.history.likeness import Likeness
from collabkit.history.tree import Run, Stamp
from collabkit.ids import Seq, Subject

ADA, BOB = (Stamp(Seq(n), Subject(f"user:{who}"), n) for n, who in ((1, "ada"), (2, "bob")))


def steps(old: list[Run], new: list[Run], **options: Any) -> list[TextStep]:
    found = wording.steps(old, new, like=Likeness(), nested=lambda *_: None, **options)
    return list(found)


def test_words_are_replaced_whole() -> None:
    """A word that became another is told as one."""
    old, new = Run("He said hello to all.", {}, ADA), Run("She said goodbye to all.", {}, BOB)
    assert steps([old], [new]) == [
        Delete(Run("He", {}, ADA)),
        Insert(Run("She", {}, BOB)),
        Keep(6),
        Delete(Run("hello", {}, ADA)),
        Insert(Run("goodbye", {}, BOB)),
    ]


def test_each_author_is_told_apart() -> None:
    """What two people wrote is two steps, and so is what two people deleted."""
    new = [Run("ab", {}, ADA), Run("cd", {}, BOB)]
    gone = [Run("abc", {}, BOB), Run("d", {}, ADA)]
    assert steps([], new) == [Insert(run) for run in new]
    assert steps(new, [], gone=gone) == [
        Delete(Run("ab", {}, ADA), BOB),
        Delete(Run("c", {}, BOB), BOB),
        Delete(Run("d", {}, BOB), ADA),
    ]


def test_losses_are_counted_over_what_stays() -> None:
    """Who deleted something is told however much before it was kept."""
    old, gone = [Run("one two", {}, ADA)], [Run("one ", {}, None), Run("two", {}, BOB)]
    assert steps(old, [Run("one ", {}, ADA)], gone=gone) == [
        Keep(4),
        Delete(Run("two", {}, ADA), BOB),
    ]


def test_something_new_is_where_its_author_put_it() -> None:
    """Of several places that read alike it is told at the one where its author's text is."""
    old = [Run("aa", {}, ADA)]
    assert steps(old, [Run("a", {}, BOB), Run("aa", {}, ADA)]) == [Insert(Run("a", {}, BOB))]
    new = [Run("a", {}, ADA), Run("a", {}, BOB), Run("a", {}, ADA)]
    assert steps(old, new) == [Keep(1), Insert(Run("a", {}, BOB))]


def test_only_what_came_later_is_new() -> None:
    """Of one text at two moments nothing is new that the older one has, however alike it reads."""
    old = [Run("the cat sat on the mat", {}, ADA)]
    new = [
        Run("the mat ", {}, BOB),
        Run("the c", {}, ADA),
        Run("b", {}, BOB),
        Run("the mat", {}, ADA),
    ]
    inserted = [step.run for step in steps(old, new) if isinstance(step, Insert)]
    assert inserted == [Run("the mat ", {}, BOB), Run("b", {}, BOB)]
    deleted = [step.run for step in steps(new, old) if isinstance(step, Delete)]
    assert deleted == inserted


def test_what_was_typed_again_stays() -> None:
    """A word that went and came back is no difference, whoever typed it."""
    old = [Run("a cat sat", {}, ADA)]
    new = [Run("a ", {}, ADA), Run("cat", {}, BOB), Run(" sat", {}, ADA), Run("!", {}, BOB)]
    assert steps(old, new) == [Keep(9), Insert(Run("!", {}, BOB))]


def test_a_line_is_inserted_whole() -> None:
    """A line that begins as the one behind it does is still one line."""
    found = steps([Run("one\ntwo\n")], [Run("one\ntoo\ntwo\n")])
    assert found == [Keep(4), Insert(Run("too\n"))]


def test_formatting_alone_is_no_new_text() -> None:
    """Text that stays tells its formatting before and after."""
    bold = Run("bc", {"bold": True}, ADA)
    assert steps([Run("abcd", {}, ADA)], [Run("a", {}, ADA), bold, Run("d", {}, ADA)]) == [
        Keep(1),
        Reformat(bold, {}),
    ]


def test_embedded_objects_are_one_place() -> None:
    """An object is no character, though one stands for it in the comparison."""
    image = Run({"image": 1})
    assert steps([Run("ab")], [Run("a"), image, Run("b")]) == [Keep(1), Insert(image)]
    stand_in = Run(chr(0x100000))
    assert steps([image], [stand_in]) == [Delete(image), Insert(stand_in)]
