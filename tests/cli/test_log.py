"""`log`: who changed what, when, as changes and row by row."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.crdt.document import Document
from collabkit.ids import Subject
from collabkit.sessions import blocking
from collabkit.store.base import Draft
from collabkit.store.sqlite import SQLiteStore


def test_log_lists_rows(run: Run, db: Path) -> None:
    """Each row says when, in which document, who, what kind, how it came and how large it is."""
    head, *rows = run("log", db, "plan", "--rows").lines
    assert head == ["seq", "at", "document", "who", "kind", "origin", "size", "group"]
    assert [(row[0], row[2], row[3], row[4], row[5]) for row in rows] == [
        ("1", "main", "user:ada", "update", "local"),
        ("2", "main", "user:ada", "update", "local"),
        ("3", "side", "user:ada", "update", "local"),
    ]
    assert [row[7] for row in rows] == ["", "meta", ""]


def test_rows_of_one_document(run: Run, db: Path) -> None:
    """A name that goes on to a document lists its rows only."""
    assert [row[0] for row in run("log", db, "plan/side", "--rows").lines[1:]] == ["3"]
    assert [row[0] for row in run("log", db, "plan/main", "--rows").lines[1:]] == ["1", "2"]


def test_rows_can_be_cut(run: Run, db: Path) -> None:
    """`--limit` is the last rows, `--after` those behind a row."""
    assert [row[0] for row in run("log", db, "plan", "--limit", 1, "--rows").lines[1:]] == ["3"]
    assert [row[0] for row in run("log", db, "plan", "--after", 1).lines[1:]] == ["2", "3"]
    assert run("log", db, "empty", "--rows").err == "empty has no rows there\n"


def test_the_last_rows_of_one_document(run: Run, db: Path) -> None:
    """`--limit` counts the rows that are shown, however many others came after them."""
    assert [row[0] for row in run("log", db, "plan/main", "--limit", 1, "--rows").lines[1:]] == [
        "2"
    ]
    assert [row[0] for row in run("log", db, "plan/main", "--limit", 9, "--rows").lines[1:]] == [
        "1",
        "2",
    ]
    said = run("log", db, "plan/main", "--limit", 2, "--after", 1)
    assert [row[0] for row in said.lines[1:]] == ["2"]


def test_rows_as_json(run: Run, db: Path) -> None:
    """`--json` is one array; bodies are told by their size."""
    first = run("log", db, "plan", "--rows", "--json").json[0]
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


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A file in which two people wrote to two documents of `plan`, in six rows."""
    path = tmp_path / "shared.db"
    for who, word in (("ada", "one"), ("bob", "two"), ("ada", "three")):
        with blocking.open(path, subject=f"user:{who}") as workspace:
            plan = workspace.create("plan") if word == "one" else workspace.open("plan")
            with plan:
                plan.document.text("body").append(word)
                plan.saved()
                plan.open_document("side").map("words").setdefault(word, len(word))
    return path


def test_log_tells_changes(run: Run, shared: Path) -> None:
    """Changes of all documents, the newest first: whose, and what they changed where."""
    head, *rows = run("log", shared, "plan").lines
    assert head == ["change", "at", "document", "who", "what", "group"]
    assert [[row[0], *row[2:5]] for row in rows] == [
        ["6", "side", "user:ada", "words/three +1 -0"],
        ["5", "main", "user:ada", "body +5 -0"],
        ["4", "side", "user:bob", "words/two +1 -0"],
        ["3", "main", "user:bob", "body +3 -0"],
        ["2", "side", "user:ada", "words/one +1 -0"],
        ["1", "main", "user:ada", "body +3 -0"],
    ]
    assert run("log", shared, "empty").code == 1


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        (["--author", "user:bob"], "43"),
        (["--path", "words"], "642"),
        (["--path", "words/two"], "4"),
        (["--since", "3"], "654"),
        (["--until", "3", "--since", "1"], "32"),
        (["--until", "-1h"], ""),
        (["--since", "-1h", "--author", "user:bob"], "43"),
        (["--limit", 2], "65"),
        (["--limit", 2, "--before", 5], "43"),
    ],
)
def test_changes_are_chosen(run: Run, shared: Path, asked: list[object], changes: str) -> None:
    """By author, place and time, and a page at a time."""
    said = run("log", shared, "plan", *asked)
    assert [row[0] for row in said.lines[1:]] == list(changes)
    assert ("there is more: --before 5" in said.err) is ("--before" not in asked and 2 in asked)


def test_changes_of_one_document_as_json(run: Run, shared: Path) -> None:
    """Each has its address, its rows, and the parts that it changed."""
    newest = run("log", shared, "plan/side", "--json").json[0]
    assert (newest["change"], newest["first"], newest["rows"]) == ("6", 6, 1)
    assert newest["parts"] == [{"path": ["words", "three"], "inserted": 1, "deleted": 0}]


def test_a_change_of_many_parts_is_one_line(run: Run, tmp_path: Path) -> None:
    """The first parts stand, and how many more there are; JSON has all."""
    path = tmp_path / "many.db"
    with blocking.open(path) as workspace, workspace.create("plan") as plan:
        plan.document.map("m").update(dict.fromkeys("abcdef", 1))
    ((*_, what, _),) = run("log", path, "plan").lines[1:]
    assert what == "m/a +1 -0, m/b +1 -0, m/c +1 -0, m/d +1 -0, 2 more; +6 -0 in all"
    assert len(run("log", path, "plan", "--json").json[0]["parts"]) == 6


def test_log_tells_what_went_back(run: Run, shared: Path) -> None:
    """A restore, a revert and a merge are called so, before what they changed."""
    assert run("restore", shared, "plan", "1").code == 0
    assert run("revert", shared, "plan/side", "6").code == 0
    rows = run("log", shared, "plan").lines[1:]
    assert [row[4] for row in rows[:2]] == [
        "revert of #6: words/three +0 -1",
        "restore of #1: body +0 -8",
    ]
    assert run("fork", shared, "plan", "aside", "--at", "6").code == 0
    with blocking.open(shared) as workspace, workspace.open("aside") as aside:
        aside.document.text("body").append("!")
    assert run("merge", shared, "aside").code == 0
    assert run("log", shared, "plan/main").lines[1][4].startswith("merge of aside: body +1 -")


async def test_log_tells_what_was_taken_in_part(run: Run, db: Path) -> None:
    """An edit of which something was refused is called so, before what it changed."""
    document = Document()
    document.map("keys")["one"] = 1
    draft = Draft("main", Subject("user:bob"), document.update(), at_ms=0, origin="repair")
    async with SQLiteStore.open(db) as store:
        plan = await store.find_session("plan", project="default")
        await store.append(plan.id, [draft])
    told = [row[4] for row in (await asyncio.to_thread(run, "log", db, "plan/main")).lines[1:]]
    assert told[0] == "in part: keys/one +1 -0"


def test_what_is_compacted_is_one_change(run: Run, shared: Path) -> None:
    """A document without rows says that there is more than it can tell."""
    assert run("compact", shared, "plan/main").code == 0
    rows = run("log", shared, "plan/main").lines[1:]
    assert rows[-1][4] == "compacted"


def test_rows_are_not_filtered(run: Run, shared: Path) -> None:
    """What cannot be had together is said, and so is a moment that is none."""
    assert run("log", shared, "plan", "--rows", "--author", "user:bob").code == 2
    said = run("log", shared, "plan", "--since", "never")
    assert (said.code, len(said.err.splitlines())) == (1, 1)
