"""`erase`: what somebody wrote goes from a file, once he who asks is sure."""

from __future__ import annotations

from pathlib import Path

from cli.saying import Run


def test_what_somebody_wrote_goes(run: Run, db: Path) -> None:
    """Who is asked may say no, and nothing changes; then it is gone from the file."""
    assert run("erase", db, "plan", "--subject", "user:ada", stdin="n\n").code == 1
    assert "Hello, wörld".encode() in db.read_bytes()
    done = run("erase", db, "plan", "--subject", "user:ada", "--yes")
    assert done.out.split() == ["name", "that", "stays", "body", "due", "list", "meta", "tags"]
    assert "3 rows changed" in done.err
    assert "Hello, wörld".encode() not in db.read_bytes()
    left = run("inspect", db, "plan", "--json").json["roots"]
    assert left == {"meta": {"kind": "map", "value": {"tags": []}}}
    assert "erased" in run("log", db, "plan", "--rows").out


def test_who_goes_must_be_said(run: Run, db: Path) -> None:
    """One, or everybody, but nobody by accident."""
    assert run("erase", db, "plan", "--yes").code == 2
    assert run("erase", db, "plan", "--subject", "a", "--everybody", "--yes").code == 2
    assert run("erase", db, "plan/side", "--everybody", "--yes").code == 0
    assert "user:ada" in run("log", db, "plan", "--rows").out
    assert run("inspect", db, "plan/side", "--json").json["roots"] == {}


def test_a_dry_run_changes_nothing(run: Run, db: Path) -> None:
    """It says what would change, and asks nobody."""
    said = run("erase", db, "plan", "--subject", "user:ada", "--dry-run")
    assert (said.code, "3 rows would change" in said.err) == (0, True)
    assert "Hello, wörld".encode() in db.read_bytes()
