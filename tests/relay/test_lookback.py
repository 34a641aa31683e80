"""What is told of the past of a document, to those who look at the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collabkit.ids import Seq, Subject
from collabkit.relay import lookback
from collabkit.relay.lookback import Question, Shelf
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import Version


@pytest.fixture
async def shelf(workspace: Workspace) -> Shelf:
    """The past of a note of three rows, with a version after the first."""
    async with workspace.open("note", create=Kind.COLLABORATIVE) as note:
        note.document.text("body").append("one\n")
        await note.saved()
        version = Version("first", Seq(1), Subject("user:ada"), 5, note="so far")
        await workspace.store.put_version(note.id, version)
        note.document.text("body").append("two\n")
        await note.saved()
        note.document.map("meta")["due"] = {"year": 2027}
        await note.saved()
    return Shelf(workspace.path)


def told(shelf: Shelf, name: str = "note", **question: Any) -> Any:
    """What is told, which there must be."""
    status, answer = shelf.answer(Question(name, **question))
    assert status == 200, answer
    return answer


async def test_the_timeline_is_told(shelf: Shelf) -> None:
    """Each moment with its author, each change, each version, and where it begins and ends."""
    said = told(shelf)
    assert (said["document"], said["now"], said["floor"]) == ("main", 3, 0)
    assert [(seq, said["authors"][author]) for seq, _, author in said["moments"]] == [
        (seq, said["authors"][0]) for seq in (1, 2, 3)
    ]
    assert said["versions"] == [{"name": "first", "seq": 1, "note": "so far"}]
    assert [(one["first"], one["last"], one["inserted"]) for one in said["changes"]] == [
        (1, 1, 4),
        (2, 3, 6),
    ]


async def test_a_moment_is_told_with_what_came_of_it(shelf: Shelf) -> None:
    """The document as it was, root by root, and the difference to now, or to another moment."""
    said = told(shelf, at=1)
    assert (said["at"], said["now"]) == (1, 3)
    assert said["roots"] == [{"name": "body", "text": "one\n"}]
    new = ["".join(text for text, _ in one["spans"]) for one in said["difference"]]
    assert "two" in new
    assert "due:" in new
    until = told(shelf, at=1, until=2)
    assert until["now"] == 2
    assert "due" not in str(until["difference"])
    assert told(shelf, at=3)["difference"] == []
    assert told(shelf, at=0)["roots"] == []


async def test_what_there_is_not_is_said(shelf: Shelf, workspace: Workspace) -> None:
    """No session, no document, no moment, no room: each is a status and a sentence."""
    await workspace.create("mine", kind=Kind.SINGLE_USER)
    for question, status, says in (
        (Question("none"), 404, "no session 'none'"),
        (Question("note/none"), 404, "no session"),
        (Question("note", at=4), 404, "no moment '4'"),
        (Question("note", at=0, until=9), 404, "no moment '9'"),
        (Question("../x"), 404, "invalid name"),
        (Question("mine"), 403, "one user alone"),
    ):
        answered, told = shelf.answer(question)
        assert answered == status, question
        assert says in told["error"]
    assert Shelf(str(Path(workspace.path).with_name("gone"))).answer(Question("note"))[0] == 500


async def test_what_was_erased_is_not_told(shelf: Shelf, workspace: Workspace) -> None:
    """Not even where the past was looked at before, and until the same row."""
    assert "one" in str(told(shelf, at=1, until=3))
    await workspace.call("erase", session="note")
    assert "one" not in str(told(shelf, at=1, until=3))


async def test_no_answer_is_endless(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts and lines are cut, and of a long past the end is told."""
    for bound, value in (("MAX_TEXT", 2), ("MAX_LINES", 1), ("MAX_MOMENTS", 1), ("MAX_CHANGES", 1)):
        monkeypatch.setattr(lookback, bound, value)
    said = told(shelf, at=1)
    assert said["roots"] == [{"name": "body", "text": "on…"}]
    assert [one["spans"][0][0] for one in said["difference"]] == ["--- body", "… and more"]
    said = told(shelf)
    assert (len(said["moments"]), len(said["changes"])) == (1, 1)
