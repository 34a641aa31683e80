"""`ls show create rm`: what sessions a file has."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from cli.saying import Run
from collabkit.sessions import blocking
from collabkit.store.reader import Reader


def test_ls_lists_all_sessions(run: Run, db: Path) -> None:
    """Each session is a line of project, name, kind and how much there is of it."""
    head, *rows = run("ls", db).lines
    assert head == ["project", "name", "kind", "docs", "rows", "size", "created", "by"]
    assert [row[:5] for row in rows] == [
        ["acme", "note", "single-user", "1", "1"],
        ["default", "empty", "collaborative", "0", "0"],
        ["default", "plan", "collaborative", "2", "3"],
    ]
    assert {row[-1] for row in rows} == {"user:ada"}


def test_ls_as_json(run: Run, db: Path) -> None:
    """`--json` is one array with all that is known."""
    found = run("ls", db, "--project", "acme", "--json").json
    assert [(each["name"], each["documents"]) for each in found] == [("note", ["main"])]


def test_ls_of_a_project_that_is_not_there(run: Run, db: Path) -> None:
    """A project nobody made a session of is told from an empty answer."""
    said = run("ls", db, "--project", "nope")
    assert (said.code, said.out) == (1, "")
    assert "no project 'nope'" in said.err


def test_a_damaged_session_keeps_nobody_from_the_others(run: Run, db: Path) -> None:
    """Sessions beside a damaged one are listed, shown and compacted; the damage is told."""
    with sqlite3.connect(db) as file:
        file.execute("UPDATE sessions SET created_by = 'x' WHERE name = 'empty'")
    file.close()
    note = run("show", db, "acme~note", "--json").json
    assert run("show", db, note["id"]).code == 0
    assert run("show", db, "empty").code == 3
    for command in ("ls", "compact"):
        said = run(command, db)
        assert said.code == 3
        assert (len(said.lines), "session 'empty'" in said.err) == (3, True)


def test_ls_of_an_empty_file(run: Run, tmp_path: Path) -> None:
    """A file without sessions is fine, and says so beside the answer."""
    path = tmp_path / "new.db"
    with blocking.open(path):
        pass
    said = run("ls", path)
    assert said.code == 0
    assert said.err == f"{path} has no sessions\n"
    assert run("ls", path, "--json").json == []


def test_show_takes_every_kind_of_name(run: Run, db: Path) -> None:
    """A session is found by its name, its full name and its id, in whichever project it is."""
    shown = run("show", db, "acme~note", "--json").json
    assert (shown["project"], shown["name"]) == ("acme", "note")
    assert run("show", db, shown["id"], "--json").json == shown
    assert run("show", db, "note").code == 1


def test_show_tells_of_each_document(run: Run, db: Path) -> None:
    """A session is shown with its documents, and how far each is from its checkpoint."""
    said = run("show", db, "plan")
    assert ["name", "plan"] in said.lines
    assert [line[:3] for line in said.lines if line[0] in ("main", "side")] == [
        ["main", "-", "2"],
        ["side", "-", "1"],
    ]
    assert run("show", db, "empty").code == 0


def test_create_prints_the_id(run: Run, db: Path) -> None:
    """A new session's id is the answer, and the session is there."""
    made = run("create", db, "acme~new", "--kind", "single-user")
    shown = run("show", db, made.out.strip(), "--json").json
    assert (shown["project"], shown["name"], shown["kind"]) == ("acme", "new", "single-user")
    assert shown["created_by"].startswith("cli:")
    assert run("create", db, "acme~new").code == 1
    assert run("create", db, "../x").code == 2


def test_create_makes_the_file(run: Run, tmp_path: Path) -> None:
    """The first session of a file that is not there yet makes the file."""
    made = run("create", tmp_path / "new.db", "note", "--json").json
    assert made["name"] == "note"


def test_rm_asks_first(run: Run, db: Path) -> None:
    """Nothing is removed without a yes."""
    for answer, code in (("n\n", 1), ("", 130)):
        assert run("rm", db, "plan", stdin=answer).code == code
    assert "plan" in run("ls", db).out
    assert run("rm", db, "plan", stdin="y\n").code == 0
    assert "plan" not in run("ls", db).out


def test_rm_says_what_would_go(run: Run, db: Path) -> None:
    """With `--dry-run` nothing is asked, and nothing goes."""
    said = run("rm", db, "plan", "--dry-run")
    assert (said.code, said.err.startswith("plan would be removed: 2 documents, 3 rows, ")) == (
        0,
        True,
    )
    told = run("rm", db, "plan", "--dry-run", "--json").json
    assert (told["removed"], told["documents"], told["rows"]) == (False, ["main", "side"], 3)
    assert "plan" in run("ls", db).out


def test_rm_removes_a_session_whole(run: Run, db: Path) -> None:
    """A removed session is gone, its neighbours are not, and the file is sound."""
    assert run("rm", db, "plan/side", "--yes").code == 2
    assert run("rm", db, "plan", "--yes").code == 0
    assert run("rm", db, "plan", "--yes").code == 1
    with Reader(db) as reader:
        assert [record.name for record in reader.sessions()] == ["note", "empty"]
        assert list(reader.verify()) == []


def test_hostile_names_are_refused_in_a_sentence(run: Run, db: Path) -> None:
    """Whatever is given as a name, the answer is one short line."""
    for name in ("../../etc/passwd", "a\0b", "x" * 10_000, "", "a\x1b[2Jb", "\ud800", "a~b~c"):
        for command in ("show", "log", "inspect"):
            said = run(command, db, name)
            assert said.code == 2, (name, said)
            assert len(said.err) < 300
            assert len(said.err.splitlines()) == 1
            assert "\x1b" not in said.err


def test_json_is_valid_for_hostile_content(run: Run, tmp_path: Path) -> None:
    """A subject with quotes and controls in it is quoted."""
    path = tmp_path / "odd.db"
    with blocking.open(path, subject='user:"\x1b[2J\n') as workspace:
        workspace.create("n")
    assert json.loads(run("ls", path, "--json").out)[0]["created_by"] == 'user:"\x1b[2J\n'
    assert "\x1b" not in run("ls", path).out


def test_show_at_a_moment(run: Run, db: Path) -> None:
    """Each document that was there, by its roots and the digest of what it held."""
    (document,) = run("show", db, "plan", "--at", "1", "--json").json["documents"]
    assert (document["name"], document["roots"]) == ("main", {"body": "text"})
    assert run("show", db, "plan", "--at", "1").lines[1][:2] == ["main", "body"]
    both = run("show", db, "plan", "--at", "now").lines[1:]
    assert [row[:2] for row in both] == [["main", "body, meta"], ["side", "list"]]
    assert both[0][2] == run("inspect", db, "plan", "--json").json["digest"] != document["digest"]
    assert "was empty" in run("show", db, "plan", "--at", "start").err
