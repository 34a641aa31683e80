"""The rules that somebody has, told with how he comes by them."""

from __future__ import annotations

from typing import Any

from collabkit.access.paths import pattern
from collabkit.access.policy import Policy, Rule
from collabkit.access.rules import ANYONE, Confines, Grant, Membership, Permission, Request, Role

READ = Permission("/projects/*/**", "read")
WRITE = Permission("/projects/*/**", "write", ("now > 1.0",))
PATH = "/projects/p/sessions/s"

VIA = Grant("1", "group:all", "editor", scope="/projects/p", not_after=5)
OWN = Grant("2", "user:ada", permission=WRITE)
OPEN = Grant("3", ANYONE, permission=Permission("/public", "read"))

POLICY = Policy.load(
    [
        Role("viewer", (READ,)),
        Role("editor", inherits=("viewer",)),
        Membership("group:all", "group:staff"),
        Membership("group:staff", "user:ada"),
        VIA,
        OWN,
        OPEN,
        Confines(PATH, (READ, Permission("/other", "read"))),
    ]
)


def test_a_rule_tells_its_groups_roles_and_grant() -> None:
    """By which groups and roles somebody comes to a permission, and where it holds."""
    rules = {rule.grant: rule for rule in POLICY.rules("user:ada")}
    own, through, public = rules[OWN], rules[VIA], rules[OPEN]
    assert through == Rule(
        "grant 1, role viewer, permission 1",
        READ,
        pattern("/projects/p/**"),
        groups=("group:staff", "group:all"),
        roles=("editor", "viewer"),
        grant=VIA,
    )
    assert (own.groups, own.roles, own.pattern) == ((), (), pattern("/projects/*/**"))
    assert [condition.text for condition in own.conditions] == ["now > 1.0"]
    assert public.groups == (ANYONE,)


def test_rules_of_a_path_are_those_that_say_something_of_it() -> None:
    """Whatever their time, and whatever their action."""
    assert {rule.grant for rule in POLICY.rules("user:ada", PATH)} == {VIA, OWN}
    assert {rule.grant for rule in POLICY.rules("user:eve", "/public")} == {OPEN}
    assert POLICY.rules("user:ada", "nowhere") == ()


def test_a_session_tells_what_it_confines() -> None:
    """Those of its rules that say something of a path, as rules of nobody."""
    [rule] = POLICY.confining(f"{PATH}/docs/d")
    assert rule == Rule(f"confines {PATH}, permission 1", READ, pattern(READ.resource))
    assert POLICY.confining("/projects/p") == POLICY.confining("nowhere") == ()


def test_groups_of_a_subject_are_all_above_him() -> None:
    """However far up, sorted."""
    assert groups("user:ada") == ["group:all", "group:staff"]
    assert groups("group:staff") == ["group:all"]


def groups(subject: str) -> Any:
    """Those that conditions see."""
    return POLICY.values(Request(subject, "read", PATH), now=0)["subject"]["groups"]  # type: ignore[index]
