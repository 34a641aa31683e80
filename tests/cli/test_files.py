"""`verify audit compact thin backup`, and what every command says of files that it cannot use."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.sessions import blocking
from collabkit.sessions.versions import VersionPolicy
from collabkit.store.reader import Reader


def test_verify_of_a_sound_file(run: Run, db: Path) -> None:
    """A sound file is exit code 0."""
    said = run("verify", db)
    assert (said.code, said.out) == (0, "")
    assert run("verify", db, "--json").json == {"path": str(db), "sound": True, "damage": []}


def test_verify_of_a_damaged_file(run: Run, db: Path) -> None:
    """Damage is one sentence each, and exit code 3."""
    with sqlite3.connect(db) as file:
        for table in ("hot", "log"):
            file.execute(f"UPDATE {table} SET body = x'ff' WHERE origin = 'local'")
    file.close()
    said = run("verify", db)
    assert said.code == 3
    lines = said.out.splitlines()
    assert len(lines) == len(set(lines)) == 4
    assert sum("default~plan/main" in line for line in lines) == 2
    found = run("verify", db, "--json")
    assert found.code == 3
    assert found.json["damage"] == lines
    assert run("inspect", db, "plan").code == 3


def test_compact_goes_on_beside_a_damaged_session(run: Run, db: Path) -> None:
    """The others are compacted, and told; the damage is the exit code."""
    with Reader(db) as reader:
        (row,) = reader.rows(reader.find("note", project="acme").id)
    with sqlite3.connect(db) as file:
        for table in ("hot", "log"):
            file.execute(f"UPDATE {table} SET body = x'ff' WHERE body = ?", (row.body,))
    file.close()
    said = run("compact", db)
    assert (said.code, rows_of(db, "plan")) == (3, [])
    assert [line[0] for line in said.lines[1:]] == ["default~empty", "default~plan"]
    assert said.err.startswith("acme~note stays: ")


def rows_of(db: Path, name: str) -> list[int]:
    """Which rows the log of a session has."""
    with Reader(db) as reader:
        return [row.seq for row in reader.rows(reader.find(name, project="default").id)]


def test_compact_keeps_content(run: Run, db: Path) -> None:
    """Compacting drops rows, keeps documents, and says how much it gave back."""
    before = run("inspect", db, "plan", "--json").json
    dry = [row[:2] for row in run("compact", db, "--dry-run").lines[1:]]
    assert rows_of(db, "plan") == [1, 2, 3]
    head, *rows = run("compact", db).lines
    assert head[:2] == ["session", "rows removed"]
    assert dry == [row[:2] for row in rows]
    assert [row[:2] for row in rows] == [
        ["acme~note", "1"],
        ["default~empty", "0"],
        ["default~plan", "3"],
    ]
    assert run("inspect", db, "plan", "--json").json == before
    assert rows_of(db, "plan") == []
    assert run("verify", db).code == 0


def test_compact_of_one_session(run: Run, db: Path) -> None:
    """A name limits it to that session, or to one document of it."""
    (done,) = run("compact", db, "plan/side", "--json").json
    assert (done["session"], done["rows"]) == ("default~plan/side", 1)
    assert rows_of(db, "plan") == [1, 2]


def test_compact_of_the_document_that_needs_no_name(run: Run, db: Path) -> None:
    """If it is named nevertheless, the others keep their history."""
    (done,) = run("compact", db, "plan/main", "--json").json
    assert (done["session"], done["rows"]) == ("default~plan/main", 2)
    assert rows_of(db, "plan") == [3]


def test_compact_up_to_a_moment(run: Run, db: Path) -> None:
    """History begins there; a version holds what it shows, and is named."""
    (done,) = run("compact", db, "plan", "--upto", "1", "--json").json
    assert done["rows"] == 1
    assert rows_of(db, "plan") == [2, 3]
    assert run("compact", db, "plan", "--upto", "none-such").code == 1
    with blocking.open(db, versions=VersionPolicy(at_end=False)) as workspace:
        workspace.call("version", session="plan", name="draft", at=2)
    (head, row) = run("compact", db, "plan", "--dry-run").lines
    told = dict(zip(head, row, strict=True))
    assert (told["held by"], told["after"]) == ("draft", "-")


def test_compact_goes_on_where_a_session_has_no_such_moment(run: Run, db: Path) -> None:
    """What was done to the others is told; which stayed, and why, is an error."""
    said = run("compact", db, "--upto", "2")
    assert (said.code, rows_of(db, "plan")) == (1, [3])
    assert [row[:2] for row in said.lines[1:]] == [["default~plan", "2"]]
    assert "acme~note stays: no moment '2'" in said.err
    assert "default~empty stays: no moment '2'" in said.err


def test_the_audit_tells_and_its_end_can_be_kept(run: Run, db: Path) -> None:
    """By whom what was done, also to a session that is gone; a head that does not fit is damage."""
    run("compact", db, "plan")
    told = run("audit", db, "plan", "--json").json
    assert told[0]["action"] == "create"
    compacted = [line for line in told if line["action"] == "compact"]
    assert {line["subject"][:4] for line in compacted} == {"cli:"}
    assert run("audit", db, "plan").lines[0][:2] == ["line", "when"]
    run("version", "save", db, "plan", "draft")
    assert "None" not in run("audit", db, "plan").out
    head = run("audit", db, "--head").out.strip()
    assert run("verify", db, "--head", head).code == 0
    other = head.replace(":", ":00", 1)[:-2]
    assert run("verify", db, "--head", other).code == 3
    assert run("verify", db, "--head", "x").code == 2
    session = told[0]["session"]
    with blocking.open(db) as workspace:
        workspace.call("rm", session="plan")
    assert run("audit", db, session, "--json").json[-1]["action"] == "rm"
    assert run("audit", db, "never-was").code == 1


def test_thin_leaves_what_was_saved_by_hand(run: Run, db: Path) -> None:
    """There is nothing else here, and it says so."""
    assert run("thin", db, "plan", "--json").json["versions"] == []
    assert "all versions stay" in run("thin", db, "plan", "--dry-run").err
    assert run("thin", db, "plan/main").code == 2


def test_backup_is_a_file_of_its_own(run: Run, db: Path, tmp_path: Path) -> None:
    """A backup is taken while the file is held, opens like any other, and replaces nothing."""
    out = tmp_path / "copy.db"
    with blocking.open(db) as workspace, workspace.open("plan") as plan:
        plan.document.text("body").append("!")
        plan.saved()
        assert run("backup", db, out).code == 0
    assert run("inspect", out, "plan", "--text", "body").out == "Hello, wörld!"
    assert run("backup", db, out).code == 1
    assert run("verify", out).code == 0


def test_reading_goes_on_beside_the_holder(run: Run, db: Path) -> None:
    """Every reading command works while somebody holds the file."""
    with blocking.open(db):
        for command in (
            ["ls", db],
            ["show", db, "plan"],
            ["inspect", db, "plan"],
            ["log", db, "plan"],
            ["export", db, "plan", "--format", "json"],
            ["verify", db],
        ):
            assert run(*command).code == 0


READING = (["ls"], ["show", "n"], ["inspect", "n"], ["log", "n"], ["verify"], ["backup", "o"])


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "text", "other", "newer"])
def test_a_file_that_is_not_ours_is_told_in_a_sentence(
    run: Run, tmp_path: Path, command: list[str], kind: str
) -> None:
    """Whatever stands where a file should, the answer is one sentence and exit code 2."""
    path = tmp_path / "some.db"
    match kind:
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "text":
            path.write_text("Dear diary\n" * 100)
        case "other" | "newer":
            if kind == "newer":
                with blocking.open(path):
                    pass
            with sqlite3.connect(path) as file:
                file.execute("CREATE TABLE mine (x)")
                file.execute("PRAGMA user_version = 99")
            file.close()
    name, *rest = command
    said = run(name, path, *(tmp_path / each if each == "o" else each for each in rest))
    assert said.code == 2, said
    (line,) = said.err.splitlines()
    assert line.startswith(f"error: {path}")


@pytest.mark.parametrize("command", [["create", "n"], *READING], ids=lambda command: command[0])
def test_a_path_that_sqlite_does_not_take_is_told(
    run: Run, tmp_path: Path, command: list[str]
) -> None:
    """A path that is not UTF-8 is wrong usage, and no damage."""
    name, *rest = command
    said = run(name, os.fsdecode(bytes(tmp_path) + b"/\xff.db"), *rest)
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "is not UTF-8" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_told(run: Run, db: Path) -> None:
    """A file that may not be written is read, and not changed."""
    db.chmod(0o400)
    assert run("ls", db).code == 0
    said = run("create", db, "new")
    assert (said.code, "read-only" in said.err) == (1, True)


def test_a_stopped_holder_is_named(run: Run, db: Path, start: Callable[..., object]) -> None:
    """A command that needs a holder that was stopped says who it is, and does not hang."""
    holding = start("serve", db, "--port", 0)
    holding.stdout.readline()  # type: ignore[attr-defined]
    os.kill(holding.pid, 19)  # type: ignore[attr-defined]
    said = run("create", db, "new")
    assert said.code == 1
    assert f"process {holding.pid}" in said.err  # type: ignore[attr-defined]
    assert "stopped" in said.err
    assert run("ls", db).code == 0


def test_a_full_disk_is_told_in_a_sentence(run: Run, db: Path, tmp_path: Path) -> None:
    """When the disk takes no more, a command says so, ends, and has damaged nothing."""
    big = tmp_path / "big.json"
    big.write_text(json.dumps({"body": "x" * 1_000_000}))
    limited = subprocess.run(
        ["bash", "-c", f"ulimit -f 500; {sys.executable} -m collabkit import {db} {big} plan/big"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert limited.returncode == 1
    (line,) = limited.stderr.splitlines()
    assert line.startswith(f"error: cannot write {db}: ")
    assert run("verify", db).code == 0
    assert run("inspect", db, "plan", "--text", "body").out == "Hello, wörld"
