"""`diff blame`: what became of a document, and whose everything is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.sessions import blocking


@pytest.fixture
def edited(db: Path) -> Path:
    """The file, with `plan` edited by somebody else: row 4."""
    with blocking.open(db, subject="user:bob") as workspace, workspace.open("plan") as plan:
        with plan.document.edit():
            plan.document.text("body").delete(7, 12)
            plan.document.text("body").insert(7, "team\n")
            plan.document.map("meta")["due"] = 2028
        plan.saved()
    return db


DIFF = """\
--- body
+++ body
@@ -1 +1 @@ user:bob #4
-Hello, wörld
+Hello, team
~a line end at the end
--- meta
+++ meta
@@ 1 key @@ user:bob #4
-due: 2027
+due: 2028
"""


@pytest.mark.parametrize("asked", [[], ["2"], ["2", "now"], ["3", "#4"], ["--change", "4"]])
def test_a_difference_reads_like_a_unified_diff(run: Run, edited: Path, asked: list[str]) -> None:
    """Between two moments, from one to now, of one change; without any, since the last version."""
    assert run("diff", edited, "plan", *asked).out == DIFF


def test_moments_may_stand_in_any_order(run: Run, edited: Path) -> None:
    """From a later one to an earlier one it is what would take it back."""
    assert "-due: 2028\n+due: 2027" in run("diff", edited, "plan", "now", "2").out


def test_one_root_of_a_difference(run: Run, edited: Path) -> None:
    """`--root` leaves the others out."""
    assert run("diff", edited, "plan", "--root", "meta").out == DIFF[DIFF.index("--- meta") :]
    said = run("diff", edited, "plan", "--root", "nope")
    assert (said.code, said.out, "no root 'nope'" in said.err) == (2, "", True)


def test_nothing_is_different(run: Run, edited: Path) -> None:
    """No lines, and a note that says so."""
    said = run("diff", edited, "plan", "4", "now")
    assert (said.code, said.out) == (0, "")
    assert "the same" in said.err


def test_a_difference_as_json(run: Run, edited: Path) -> None:
    """Each part has its steps, with the rows and people."""
    told = run("diff", edited, "plan", "2", "--json").json
    assert (told["from"], told["to"]) == (2, 4)
    assert [part["path"] for part in told["parts"]] == [["body"], ["meta"]]
    assert told["parts"][1]["keys"]["due"]["new"]["by"]["subject"] == "user:bob"


def test_a_difference_as_a_page(run: Run, edited: Path, tmp_path: Path) -> None:
    """The page is written once, and never over another file."""
    page = tmp_path / "diff.html"
    assert run("diff", edited, "plan", "--html", page).code == 0
    assert "<mark>team</mark>" in page.read_text(encoding="utf-8")
    again = run("diff", edited, "plan", "--html", page)
    assert (again.code, len(again.err.splitlines())) == (1, 1)
    assert run("diff", edited, "plan", "--html", "-").out == page.read_text(encoding="utf-8")


def test_a_terminal_obeys_no_document(run: Run, tmp_path: Path) -> None:
    """Controls in texts, keys and names are spelled out in each answer."""
    path = tmp_path / "hostile.db"
    who = "user:\x1b[2J"
    with blocking.open(path, subject=who) as workspace, workspace.create("note") as note:
        note.document.text("body").insert(0, "\x1b[2J")
        note.document.map("\x1b[2J")["\x1b[2J"] = "\x1b[2J"
    for command in ("diff", "blame", "log"):
        said = run(command, path, "note")
        assert said.code == 0
        assert "\\x1b[2J" in said.out
        assert "\x1b" not in said.out


def test_blame_tells_whose_everything_is(run: Run, edited: Path) -> None:
    """Each range of a line, and each value, with its row and author."""
    head, *rows = run("blame", edited, "plan").lines
    assert head == ["row", "at", "who", "where", "what"]
    assert [(row[0], *row[2:]) for row in rows] == [
        ("1", "user:ada", "body:1", "Hello, "),
        ("4", "user:bob", "body:1", "team"),
        ("4", "user:bob", "meta.due", "2028"),
        ("2", "user:ada", "meta.tags[0]", '"a"'),
        ("2", "user:ada", "meta.tags[1]", '"b"'),
    ]


def test_blame_of_one_root_at_a_moment(run: Run, edited: Path) -> None:
    """A root that is not there then is said."""
    rows = run("blame", edited, "plan", "meta", "--at", "2").lines[1:]
    assert [row[3] for row in rows] == ["meta.due", "meta.tags[0]", "meta.tags[1]"]
    assert run("blame", edited, "plan", "meta", "--at", "1").code == 2
    assert "holds nothing" in run("blame", edited, "plan", "--at", "start").err


def test_blame_after_a_restore(run: Run, edited: Path) -> None:
    """What came back is still whose it was."""
    assert run("restore", edited, "plan", "3").code == 0
    rows = run("blame", edited, "plan", "body").lines[1:]
    assert {(row[2], row[4]) for row in rows} == {("user:ada", "Hello, wörld")}


def test_blame_as_json(run: Run, edited: Path) -> None:
    """Ranges are counted in code points, and authors in characters and values."""
    told = run("blame", edited, "plan", "--json").json
    assert told["at"] == 4
    assert told["authors"] == {"user:ada": 10, "user:bob": 6}
    (text,) = told["texts"]
    first, second = text["ranges"]
    assert (first["start"], first["length"], first["by"]["subject"]) == (0, 7, "user:ada")
    assert (second["start"], second["value"], second["by"]["seq"]) == (7, "team\n", 4)
