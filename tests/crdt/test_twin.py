"""Undo takes back what its step brought, wherever that went in between, and nothing else."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.crdt.document import Document

# What was deleted, brought back, and then cut in two or joined to something else before its
# step is undone. An edit is the stretch that is replaced, and by what; `u` is an undo.
TRAVELS = {
    "the second half stays": "0:0=aa 0:2=a 0:0=a 0:0=a u u u 0:1=a u u",
    "a neighbour goes too": "0:0=xyz 3:3=bc 5:5=a 0:3=bc 2:5= u 0:4=x u u",
    "half a character": "0:0=a 1:1=b 2:2=a 3:3=b😀c 6:6=a 7:7=b 2:3=a 3:7=😀 u u u u 5:6=z 4:6=b u",
}


@pytest.mark.parametrize("travel", TRAVELS.values(), ids=TRAVELS)
def test_what_was_brought_back_is_undone_as_a_whole(travel: str) -> None:
    """An undo returns to the state before its step, after any undo in between."""
    document = Document()
    text = document.text("t")
    states = [""]
    for move in travel.split():
        stretch, _, value = move.partition("=")
        if stretch == "u":
            states.pop()
            assert document.undo()
        else:
            start, _, stop = stretch.partition(":")
            text.replace(int(start), int(stop), value)
            states.append(str(text))
        assert str(text) == states[-1]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_only_ones_own_edits_are_undone(data: st.DataObject) -> None:
    """Two people type, delete each other's text, and one of them undoes all that he did."""
    here, there = Document(), Document()
    here.on_update(lambda change: there.apply(change.update) if change.local else None)
    there.on_update(lambda change: here.apply(change.update) if change.local else None)
    text, other = here.text("t"), there.text("t")
    fresh = count(ord("一"))
    theirs: set[str] = set()  # each of their characters is typed once
    for move in data.draw(st.lists(st.sampled_from("mmmttur"), max_size=30)):
        start = data.draw(st.integers(0, len(text))) if move in "mt" else 0
        stop = data.draw(st.integers(start, min(len(text), start + 4))) if move in "mt" else 0
        if move == "m":
            text.replace(start, stop, data.draw(st.sampled_from(["", "a", "bé", "x😀y", "zzzz"])))
        elif move == "t":
            typed = "".join(chr(next(fresh)) for _ in range(data.draw(st.integers(0, 3))))
            theirs = theirs - set(str(other)[start:stop]) | set(typed)
            other.replace(start, stop, typed)
        else:
            here.undo() if move == "u" else here.redo()
    before, steps = str(text), 0
    while here.undo():
        steps += 1
    assert sorted(str(text)) == sorted(theirs)
    assert here.digest() == there.digest()
    if not data.draw(st.booleans()):
        return
    for _ in range(steps):
        assert here.redo()
    assert str(text) == before


def test_a_long_text_is_undone_as_a_whole_too() -> None:
    """Cutting it up is bounded work, and what is typed in one place leaves nothing in another."""
    document = Document()
    text = document.text("t")
    text.insert(0, "long " * 4000)
    text.delete(0, len(text))
    document.undo()
    text.insert(10, "x")
    text.delete(5000, 5001)
    for _ in range(3):
        assert document.undo()
    assert str(text) == ""
    assert document.redo()
    assert str(text) == "long " * 4000
