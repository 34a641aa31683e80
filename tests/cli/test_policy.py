"""What all commands that change rights have in common: through the holder, and dry."""

from __future__ import annotations

from pathlib import Path

from cli.ruled import made
from cli.saying import Run
from collabkit.access.facts import Put
from collabkit.access.policy import Policy
from collabkit.access.rules import Role
from collabkit.access.templates import ROLES
from collabkit.cli.policy import every, loaded, see_there, shipped_roles
from collabkit.sessions import blocking


def test_changes_go_through_the_holder(run: Run, tmp_path: Path) -> None:
    """While another process has the file open, it makes the change and knows of it at once."""
    db = made(tmp_path)
    with blocking.open(db, subject="user:ada"):
        first = run("access", "grant", db, "user:ben", "viewer", "acme~", "--reason", "asked")
        assert first.code == 0
        assert "so far tokens alone decided" in first.err
        assert "so far" not in run("access", "grant", db, "user:cy", "viewer", "acme~").err
        assert run("access", "can", db, "user:ben", "read", "acme~plan").out == "yes\n"
    (last, one) = run("access", "epochs", db, "--json").json
    assert (one["no"], one["reason"], last["facts"]) == (1, "asked", 3)


def test_a_dry_run_tells_what_would_change(run: Run, tmp_path: Path) -> None:
    """Facts, and the answers that would be others; and nothing is written."""
    db = made(tmp_path)
    dry = run("access", "grant", db, "user:ben", "read", "acme~plan", "--dry-run")
    assert dry.code == 0
    assert "user:ben read /projects/acme/sessions/plan/**: no -> yes" in dry.out
    told = run("access", "grant", db, "user:ben", "read", "acme~plan", "--dry-run", "--json").json
    assert told["subjects"] == ["user:ben"]
    assert loaded(db).is_empty


def test_roles_come_with_what_they_inherit() -> None:
    """As far as the policy has none of their names."""
    own = Role("viewer")
    policy = Policy.load([own])
    assert shipped_roles("editor", policy) == [Put(ROLES["editor"])]
    assert shipped_roles("other", policy) == []
    assert every(policy, Role) == (own,)
    see_there(policy, "role", "viewer")
