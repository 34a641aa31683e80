"""What was granted, where it is found, and between which moments it holds."""

from __future__ import annotations

from collabkit.access.clauses import Reader
from collabkit.access.conditions import DEFAULT
from collabkit.access.paths import parse
from collabkit.access.rules import Confines, Grant, Permission, Role
from collabkit.access.shelves import Roles, Shelf, confinement, edge_after, standing

READER = Reader(DEFAULT)
ROLES = {
    "viewer": Role("viewer", (Permission("/projects/*/**", "read"),)),
    "editor": Role("editor", (Permission("/projects/*/**", "write"),), ("viewer",)),
}
EVER = float("inf")


def test_a_grant_stands_in_its_window_while_there_are_uses() -> None:
    """Windows are half-open, and being over comes before being used up."""
    grant = Grant("1", "a", "editor", not_before=1, not_after=3, uses=0)
    assert [standing(grant, now) for now in (0, 1, 3)] == ["not-yet-valid", "used-up", "expired"]
    assert standing(Grant("1", "a", "editor", not_after=3, uses=1), 2.9) == ""
    assert standing(None, 0) == ""
    assert [edge_after(grant, now) for now in (0, 1, 2.9, 3)] == [1, 3, 3, EVER]
    assert edge_after(None, 0) == EVER


def test_a_shelf_finds_roles_and_permissions_by_their_scope() -> None:
    """Each grant is found where its scope and what it permits both are, and nowhere else."""
    alone = Permission("/projects/*/ops/*", "execute")
    grants = [
        Grant("role", "a", "editor", scope="/projects/p"),
        Grant("alone", "a", permission=alone, scope="/projects/q"),
        Grant("nothing", "a", permission=alone, scope="/access"),
    ]
    shelf, roles = Shelf("a", grants, READER), Roles(ROLES, READER)

    def found(path: str) -> list[tuple[str, str]]:
        given = shelf.find(parse(path), roles)
        return sorted((grant.id, clause.permission.action) for grant, clause in given if grant)

    assert found("/projects/p/ops/x") == [("role", "read"), ("role", "write")]
    assert found("/projects/q/ops/x") == [("alone", "execute")]
    assert found("/projects/q") == found("/access") == []
    below = {grant.id for grant, _ in shelf.overlapping(("projects",), roles) if grant}
    assert below == {"role", "alone"}


def test_a_period_is_what_lies_between_two_edges() -> None:
    """Nothing of a shelf begins or ends within its period, which a moment is in."""
    windows = [(None, 5.0), (2.0, 5.0), (2.0, 9.0), (None, None)]
    shelf = Shelf(
        "a",
        [
            Grant(str(n), "a", "viewer", not_before=b, not_after=e)
            for n, (b, e) in enumerate(windows)
        ],
        READER,
    )
    assert [shelf.period(now) for now in (1, 2, 4.9, 5, 9)] == [
        (-EVER, 2), (2, 5), (2, 5), (5, 9), (9, EVER),
    ]  # fmt: skip


def test_roles_have_what_they_inherit_and_share_what_stays() -> None:
    """A changed role is read anew with its heirs, and the others are the same trees."""
    roles = Roles(ROLES, READER)
    assert [clause.role for clause in roles["editor"]] == ["editor", "viewer"]
    assert list(roles.inherited("editor")) == ["editor", "viewer"]
    fewer = {**ROLES, "editor": Role("editor")}
    kept = roles["viewer"]
    others = roles.replaced(fewer, {"editor"})
    assert list(others["editor"]) == []
    assert others["viewer"] is kept


def test_only_sessions_that_list_permissions_confine() -> None:
    """Who may join, and how many, is no matter of paths."""
    listed = Confines("/projects/p/sessions/s", (Permission("/**", "read"),))
    found = confinement([listed, Confines("/projects/p/sessions/t", join="closed")], READER)
    assert list(found) == [("projects", "p", "sessions", "s")]
    [confined] = found.values()
    assert confined.name == listed.session
    assert len(confined.tree.find(("anything",))) == 1
