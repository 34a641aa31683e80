"""`project`: what sessions are in."""

from __future__ import annotations

from pathlib import Path

from cli.ruled import made
from cli.saying import Run


def test_projects_are_made_listed_and_archived(run: Run, tmp_path: Path) -> None:
    """One is there once; one that is archived gets no session, until that is undone."""
    db = made(tmp_path)
    project = ("project",)
    assert run(*project, "create", db, "beta", "--json").json["name"] == "beta"
    assert run(*project, "create", db, "beta").code == 1
    rows = {row[0]: row for row in run(*project, "ls", db).lines[1:]}
    assert (rows["acme"][1], rows["beta"][1], rows["beta"][4]) == ("1", "0", "")
    assert run(*project, "archive", db, "beta").code == 0
    told = {one["name"]: one for one in run("project", "ls", db, "--json").json}
    assert (told["acme"]["sessions"], told["beta"]["sessions"]) == (1, 0)
    assert told["beta"]["archived_at_ms"] is not None
    assert run("create", db, "beta~new").code == 1
    assert run(*project, "archive", db, "beta", "--undo").code == 0
    assert run("create", db, "beta~new").code == 0


def test_a_project_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    """Exit code 1 if it is not there, 2 if nothing can be called so."""
    db = made(tmp_path)
    assert run("project", "archive", db, "other").code == 1
    for name in ("a~b", "a/b", ""):
        said = run("project", "create", db, name)
        assert (said.code, len(said.err.splitlines())) == (2, 1)
