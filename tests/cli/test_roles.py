"""`access role`, `group`, `template`: what people can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.ruled import made
from cli.saying import Run


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A file without rules."""
    return made(tmp_path)


def test_a_role_is_written_down_shown_and_struck_out(run: Run, db: Path) -> None:
    """With its rules, and those of what it inherits, which comes along if it is one of ours."""
    role = ("access", "role")
    allowed = "write acme~plan/_talk if change.own"
    assert run(*role, "put", db, "talker", "--allow", allowed, "--inherit", "viewer").code == 0
    assert run(*role, "ls", db).lines[1:] == [
        ["talker", "1", "viewer", "0"],
        ["viewer", "1", "", "0"],
    ]
    talk = "/projects/acme/sessions/plan/docs/_talk/**"
    assert run(*role, "show", db, "talker").lines[1:] == [
        ["talker", "allow", "write", talk, "change.own"],
        ["viewer", "allow", "read", "/**", ""],
    ]
    shown = run(*role, "show", db, "viewer", "--json").json
    permission = {"resource": "/**", "action": "read", "conditions": [], "effect": "allow"}
    assert shown == {"name": "viewer", "permissions": [permission], "inherits": []}
    held = run(*role, "rm", db, "viewer")
    assert (held.code, held.err) == (2, "error: role \"talker\": there is no role 'viewer'\n")
    assert run(*role, "rm", db, "talker").code == 0
    assert run(*role, "rm", db, "talker").code == 1


def test_a_role_of_ours_can_be_had_and_seen(run: Run, db: Path) -> None:
    """By its name alone; a role that is none is not found, one that says nothing is no role."""
    shown = run("access", "role", "show", db, "editor")
    assert (shown.code, "not in" in shown.err) == (0, True)
    assert run("access", "role", "put", db, "editor").code == 0
    assert [row[0] for row in run("access", "role", "ls", db).lines[1:]] == ["editor", "viewer"]
    assert run("access", "role", "show", db, "other").code == 1
    assert run("access", "role", "put", db, "other").code == 2


def test_members_come_and_go(run: Run, db: Path) -> None:
    """Several at once, or none of them."""
    group = ("access", "group")
    assert run(*group, "add", db, "group:staff", "user:ada", "user:ben").code == 0
    assert run(*group, "rm", db, "group:staff", "user:ada", "user:cy").code == 1
    assert run(*group, "rm", db, "group:staff", "user:ada").code == 0
    left = [{"group": "group:staff", "member": "user:ben"}]
    assert run(*group, "ls", db, "--json").json == left
    assert run(*group, "ls", db, "group:other").lines[1:] == []


def test_a_template_is_filled_in_again(run: Run, db: Path) -> None:
    """The second time, with another end, the same grant ends then; what does not fit is refused."""
    template = ("access", "template")
    listed = {row[0]: row[1] for row in run(*template, "ls", db).lines[1:]}
    assert listed["temporary-support"] == "project=name who=subject not_after=time"
    filled = (*template, "apply", db, "temporary-support", "project=acme", "who=user:sam")
    for end in ("2090-01-01", "2h"):
        assert run(*filled, f"not_after={end}").code == 0
    (grant,) = run("access", "grants", db, "--json").json
    assert grant["id"] == "temporary-support(project=acme, who=user:sam)/grant"
    assert grant["not_after"] < 3_786_000_000
    for slots in ((), ("not_after=soon",), ("not_after",), ("not_after=2h", "more=x")):
        said = run(*filled, *slots)
        assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert run(*template, "apply", db, "other", "who=x").code == 1
