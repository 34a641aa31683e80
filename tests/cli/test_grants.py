"""`access grant`, `grants`, `revoke`, `confine`: who may do what, where."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.ruled import made
from cli.saying import Run


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A file without rules."""
    return made(tmp_path)


def test_what_is_granted_is_listed_and_taken_back(run: Run, db: Path) -> None:
    """A role, or one thing under a condition and for a time; by subject, role or place."""
    grant = ("access", "grant", db)
    assert run(*grant, "user:ben", "editor", "acme~").code == 0
    some = ("--if", "change.own", "--uses", "3", "--from", "2020-01-01", "--until", "2090-01-01")
    assert run(*grant, "user:ben", "write", "acme~plan:notes", *some).code == 0
    assert run(*grant, "anyone", "delete", "/**", "--deny").code == 0
    listed = run("access", "grants", db).lines[1:]
    assert sorted(row[1:4] for row in listed) == [
        ["anyone", "not delete", "/**"],
        ["user:ben", "editor", "/projects/acme"],
        ["user:ben", "write if change.own", "/projects/acme/sessions/plan/docs/main/notes"],
    ]
    (limited,) = [row for row in listed if row[2].startswith("write")]
    assert [limited[4][:10], limited[5][:10], limited[6]] == ["2020-01-01", "2090-01-01", "3"]
    chosen = ("--under", "acme~", "--subject", "user:ben", "--json")
    assert len(run("access", "grants", db, *chosen).json) == 2
    assert run("access", "revoke", db, "--role", "editor", "--reason", "left").code == 0
    assert run("access", "revoke", db, limited[0]).code == 0
    assert run("access", "revoke", db, limited[0]).code == 1
    assert [row[1] for row in run("access", "grants", db).lines[1:]] == ["anyone"]


def test_what_makes_no_sense_is_wrong_usage(run: Run, db: Path) -> None:
    """One sentence, exit code 2, and nothing has changed."""
    for command, *rest in (
        ("grant", "user:ben", "other", "acme~"),
        ("grant", "user:ben", "editor", "acme~", "--deny"),
        ("grant", "user:ben", "editor", "acme~", "--until", "soon"),
        ("grant", "user:ben", "read", "acme~plan:notes"),
        ("grant", "user:ben", "write", "acme~", "--if", "nonsense("),
        ("revoke",),
        ("confine", "acme~plan"),
        ("confine", "acme~", "--join", "closed"),
    ):
        said = run("access", command, db, *rest)
        assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1), said
    assert run("access", "export", db).out == ""


def test_what_is_over_is_not_granted(run: Run, db: Path) -> None:
    """An end that has passed is a mistake, and is told as one."""
    said = run("access", "grant", db, "user:ada", "editor", "acme~", "--until", "2001-01-01")
    assert said.code == 2
    assert "is over; it would give nothing" in said.err
    assert run("access", "grants", db, "--json").json == []


def test_that_no_rule_is_left_is_told(run: Run, db: Path) -> None:
    """Tokens decide alone then, as before the first rule; not while there is another one."""
    for who in ("user:ada", "user:ben"):
        run("access", "grant", db, who, "read", "acme~")
    assert "no rule is left" not in run("access", "revoke", db, "--subject", "user:ada").err
    assert "no rule is left" in run("access", "revoke", db, "--subject", "user:ben").err


def test_a_session_is_confined_and_let_go(run: Run, db: Path) -> None:
    """What it lets nobody exceed holds against all grants, until it is taken back."""
    run("access", "grant", db, "user:ben", "editor", "acme~")
    limits = ("--join", "invited", "--participants", "2", "--allow", "read acme~plan")
    assert run("access", "confine", db, "acme~plan", *limits).code == 0
    can = ("access", "can", db, "user:ben", "write", "acme~plan:x")
    assert run(*can).out == "no: the session lets nobody do it\n"
    assert run("access", "confine", db, "acme~plan", "--off").code == 0
    assert run("access", "confine", db, "acme~plan", "--off").code == 1
    assert run(*can).code == 0
