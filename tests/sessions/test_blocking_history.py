"""The past of a document without an event loop: the same answers, from any thread."""

from __future__ import annotations

import inspect
from pathlib import Path

import collabkit
from collabkit.history.tree import plain_tree
from collabkit.sessions import blocking_history, history


def test_it_offers_what_the_other_side_does() -> None:
    """Every method is there, and takes the same arguments."""
    here, there = blocking_history.History, history.History
    names = {name for name in vars(there) if not name.startswith("_")} - {"document"}
    assert {name for name in vars(here) if not name.startswith("_")} - {"document"} == names
    for name in names:
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (here, there))
        assert ours.parameters == theirs.parameters


def test_a_script_goes_back_and_forth(tmp_path: Path) -> None:
    """Each question and each operation, asked from a thread without a loop."""
    with collabkit.open(tmp_path / "a.db") as workspace, workspace.create("note") as note:
        body, past = note.document.text("body"), note.history
        body.append("hello")
        version = past.save_version("draft", note="first", pinned=False)
        body.append(" world")
        assert (past.document, past.seq("draft"), version.seq) == ("main", 1, 1)
        assert [one.address for one in past.changes(limit=5)] == ["2", "1"]
        assert [one.name for one in past.versions()] == ["draft"]
        assert past.checkout(1).to_dict() == past.to_dict(1) == plain_tree(past.tree(1))
        assert (past.text("body"), len(past.update()) > 0) == ("hello world", True)
        assert past.diff("draft")
        assert past.blame("draft").authors
        past.restore("draft")
        assert str(body) == "hello"
        past.revert("3")
        assert str(body) == "hello world"
        with workspace.open(past.fork("branch")) as branch:
            branch.document.text("body").append("!")
        past.merge("branch")
        assert str(body) == "hello world!"
        past.drop_version("draft")
        assert past.of("side").changes() == []
