"""Policies as lines: roles and groups followed to their ends, and nothing guessed."""

from __future__ import annotations

from collabkit.access.flat import flatten
from collabkit.access.rules import Grant, Membership, Permission, Role


def test_a_role_is_all_its_permissions() -> None:
    """Its own and those of the roles that it inherits, each in the grant's scope."""
    top = Role("top", (Permission("/a", "read"),), ("middle", "bottom"))
    middle = Role("middle", (), ("bottom",))
    bottom = Role("bottom", (Permission("/b/*", "write", effect="deny"),))
    flat = flatten([top, middle, bottom, Grant("g", "user:ada", role="top", scope="/c")], "x")
    told = {(line.name, line.action, line.resource, line.scope, line.effect) for line in flat.lines}
    assert told == {
        ("g", "read", ("a",), ("c",), "allow"),
        ("g", "write", ("b", "*"), ("c",), "deny"),
    }


def test_a_member_is_in_all_groups_above() -> None:
    """However they lead there."""
    facts = [Membership("b", "a"), Membership("c", "b"), Membership("c", "a")]
    assert flatten(facts, "x").groups == {"a": {"b", "c"}, "b": {"c"}}
