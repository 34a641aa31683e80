"""`log`: who changed what, when."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from cli.saying import Run
from collabkit.sessions import blocking


def test_log_lists_changes(run: Run, db: Path) -> None:
    """Each row says when, in which document, who, what kind, how it came and how large it is."""
    head, *rows = run("log", db, "plan").lines
    assert head == ["seq", "at", "document", "who", "kind", "origin", "size", "group"]
    assert [(row[0], row[2], row[3], row[4], row[5]) for row in rows] == [
        ("1", "main", "user:ada", "update", "local"),
        ("2", "main", "user:ada", "update", "local"),
        ("3", "side", "user:ada", "update", "local"),
    ]
    assert [row[7] for row in rows] == ["", "meta", ""]


def test_log_of_one_document(run: Run, db: Path) -> None:
    """A name that goes on to a document lists its rows only."""
    assert [row[0] for row in run("log", db, "plan/side").lines[1:]] == ["3"]
    assert [row[0] for row in run("log", db, "plan/main").lines[1:]] == ["1", "2"]


def test_log_can_be_cut(run: Run, db: Path) -> None:
    """`--limit` is the last rows, `--after` those behind a row."""
    assert [row[0] for row in run("log", db, "plan", "--limit", 1).lines[1:]] == ["3"]
    assert [row[0] for row in run("log", db, "plan", "--after", 1).lines[1:]] == ["2", "3"]
    assert run("log", db, "empty").err == "empty has no rows there\n"


def test_the_last_rows_of_one_document(run: Run, db: Path) -> None:
    """`--limit` counts the rows that are shown, however many others came after them."""
    assert [row[0] for row in run("log", db, "plan/main", "--limit", 1).lines[1:]] == ["2"]
    assert [row[0] for row in run("log", db, "plan/main", "--limit", 9).lines[1:]] == ["1", "2"]
    said = run("log", db, "plan/main", "--limit", 2, "--after", 1)
    assert [row[0] for row in said.lines[1:]] == ["2"]


def test_log_as_json(run: Run, db: Path) -> None:
    """`--json` is one array; bodies are told by their size."""
    first = run("log", db, "plan", "--json").json[0]
    assert (first["seq"], first["subject"], len(first["clients"])) == (1, "user:ada", 1)
    assert first["size_bytes"] > 0
    assert "body" not in first


def test_follow_shows_what_is_added(db: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """With `--follow` new rows are shown as they are written, beside the one who writes."""
    following = start("log", db, "plan", "--follow", "--json", "--after", 2)
    assert following.stdout is not None
    assert '"seq":3' in following.stdout.readline()
    with blocking.open(db) as workspace, workspace.open("plan") as plan:
        plan.document.text("body").append("!")
        plan.saved()
        assert '"seq":4' in following.stdout.readline()
    following.terminate()
