"""Moments on the command line: looked up beside whoever holds the file."""

from __future__ import annotations

from pathlib import Path

from cli.saying import Run
from collabkit.sessions import blocking

ONE, TWO = "Hello, wörld", {"due": 2027, "tags": ["a", "b"]}


def test_a_moment_is_a_row_a_version_or_a_time(run: Run, db: Path) -> None:
    """However it is said, the document is shown as it was then."""
    assert run("version", "add", db, "plan", "draft", "1").code == 0
    for at, shown in {
        "start": {},
        "1": {"body": ONE},
        "#2": {"body": ONE, "meta": TWO},
        "1-2": {"body": ONE, "meta": TWO},
        "draft": {"body": ONE},
        "now": {"body": ONE, "meta": TWO},
        "-1h": {},
        "today": {"body": ONE, "meta": TWO},
    }.items():
        assert run("export", db, "plan", "--format", "json", "--at", at).json == shown


def test_a_moment_that_is_none(run: Run, db: Path) -> None:
    """Whatever looks at one says so in a sentence."""
    for command in ("inspect", "show", "export", "blame"):
        for at in ("99", "2027-02-30", "no such version"):
            said = run(command, db, "plan", "--at", at)
            assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
            assert at in said.err


def test_the_past_is_read_beside_the_holder(run: Run, db: Path) -> None:
    """Who holds the file keeps nobody from looking, and what he wrote is seen."""
    with blocking.open(db) as workspace, workspace.open("plan") as plan:
        plan.document.text("body").append("!")
        plan.saved()
        assert run("inspect", db, "plan", "--text", "body", "--at", "4").out == f"{ONE}!"
        assert run("diff", db, "plan", "1").out.count("+++ ") == 2
        assert run("blame", db, "plan", "body").lines[1][2] == "user:ada"
        assert run("version", "add", db, "plan", "mine").code == 0
    versions = run("version", "ls", db, "plan", "--json").json
    assert "mine" in {one["name"] for one in versions if one["seq"] == 4}


def test_moments_that_were_compacted_away(run: Run, db: Path) -> None:
    """They are gone, and the sentence says up to where."""
    assert run("compact", db, "plan/main").code == 0
    said = run("inspect", db, "plan", "--at", "1")
    assert (said.code, "compacted" in said.err) == (1, True)
