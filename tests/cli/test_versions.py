"""`version`: moments that have a name."""

from __future__ import annotations

from pathlib import Path

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
    for command in (["rm"], ["pin"]):
        said = run("version", *command, db, "plan", "draft")
        assert (said.code, len(said.err.splitlines())) == (1, 1)


def _one(run: Run, db: Path) -> dict[str, object]:
    found = run("version", "ls", db, "plan", "--json").json
    return next(one for one in found if one["name"] == "draft")


def test_a_name_that_is_none(run: Run, db: Path) -> None:
    """One that reads as a row, is taken, or has a moment that is none, is refused."""
    for asked in (["12"], ["end #3"], ["x", "99"]):
        said = run("version", "add", db, "plan", *asked)
        assert said.code in {1, 2}
        assert len(said.err.splitlines()) == 1
