"""`version`: moments that have a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.saying import Run


def test_versions_are_listed(run: Run, db: Path) -> None:
    """Each with its moment, who kept it, who had written, why, and what was said of it."""
    assert run("version", "add", db, "plan", "draft", "2", "--note", "for Ben").code == 0
    head, *rows = run("version", "ls", db, "plan").lines
    assert head == [
        "version", "row", "kept", "by", "authors", "kind", "pinned", "document", "note",
    ]  # fmt: skip
    (draft,) = [row for row in rows if row[0] == "draft"]
    assert (draft[1], *draft[4:]) == ("2", "user:ada", "manual", "pinned", "", "for Ben")
    assert draft[3].startswith("cli:")


def test_a_version_of_one_document(run: Run, db: Path) -> None:
    """It is not one of the others."""
    made = run("version", "add", db, "plan/side", "list", "--no-pin", "--json").json
    assert (made["document"], made["pinned"], made["seq"]) == ("side", False, 3)
    names = {one["name"] for one in run("version", "ls", db, "plan/main", "--json").json}
    assert "list" not in names
    assert "list" in {one["name"] for one in run("version", "ls", db, "plan/side", "--json").json}


def test_a_version_is_pinned_and_let_go(run: Run, db: Path) -> None:
    """Pinned or not, its moment, note and author stay; removed, its name means nothing."""
    run("version", "add", db, "plan", "draft", "1", "--note", "x", "--no-pin")
    before = _one(run, db)
    assert run("version", "pin", db, "plan", "draft").code == 0
    assert _one(run, db) == {**before, "pinned": True}
    assert run("version", "pin", db, "plan", "draft", "--undo").code == 0
    assert _one(run, db) == before
    assert run("version", "rm", db, "plan", "draft").code == 0
    for command in (["rm"], ["pin"], ["rm", "--dry-run"], ["pin", "--dry-run"]):
        said = run("version", *command, db, "plan", "draft")
        assert (said.code, len(said.err.splitlines())) == (1, 1)


def _one(run: Run, db: Path) -> dict[str, object]:
    found = run("version", "ls", db, "plan", "--json").json
    return next(one for one in found if one["name"] == "draft")


def test_a_dry_run_changes_nothing(run: Run, db: Path) -> None:
    """It says what would happen to a version."""
    assert run("version", "add", db, "plan", "draft", "-1h").code == 0
    before = run("version", "ls", db, "plan").out
    for asked, said in {
        ("add", "late", "2"): "'late' would be plan after row 2",
        ("rm", "draft"): "'draft', which is row 0, would go",
        ("pin", "draft"): "'draft' is pinned already",
        ("pin", "draft", "--undo"): "'draft' would be not pinned",
    }.items():
        command, *rest = asked
        dry = ["version", command, db, "plan", *rest, "--dry-run"]
        assert run(*dry).err == f"{said}\n"
        told = run(*dry, "--json").json
        assert (told["name"], told["seq"]) == (rest[0], 2 if command == "add" else 0)
        assert told.get("pinned", True) is ("--undo" not in rest)
    assert run("version", "ls", db, "plan").out == before


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["", "dry"])
def test_a_name_that_is_none(run: Run, db: Path, dry_run: list[str]) -> None:
    """One that reads as a row, is taken, or has a moment that is none, is refused."""
    for asked in (["12", *dry_run], ["end #3", *dry_run], ["x", "99", *dry_run]):
        said = run("version", "add", db, "plan", *asked)
        assert said.code in {1, 2}
        assert len(said.err.splitlines()) == 1
