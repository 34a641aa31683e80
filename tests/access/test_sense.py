"""What is refused when a policy is loaded or changed: whole, with the place and the reason."""

from __future__ import annotations

import pytest

from collabkit.access.policy import Drop, Policy, Put
from collabkit.access.rules import ANYONE, Confines, Fact, Grant, Membership, Permission, Role
from collabkit.access.sense import MAX_CHAIN
from collabkit.errors import InvalidPolicy

READ = Permission("/**", "read")
SESSION = "/projects/p/sessions/s"
CONFINES = f'confines "{SESSION}"'
INSIDE = f"{SESSION}/docs/d/title"


def _grant(**fields: object) -> Grant:
    return Grant(**{"id": "1", "subject": "user:ada", "permission": READ, **fields})  # type: ignore[arg-type]


def _role(*permissions: Permission) -> Role:
    return Role("editor", (READ, *permissions))


def _confines(*permissions: Permission) -> Confines:
    return Confines(SESSION, permissions)


REFUSED: list[tuple[Fact, str, str]] = [
    (_role(Permission("/a/b*", "write")), 'role "editor", permission 2, resource', "whole segment"),
    (_role(Permission("/**", "fly")), 'role "editor", permission 2', "no action 'fly'"),  # type: ignore[arg-type]
    (
        _role(Permission("/**", "read", effect="maybe")),  # type: ignore[arg-type]
        'role "editor", permission 2',
        "allow or deny, not 'maybe'",
    ),
    (
        _role(Permission("/**", "write", ("now > 1.0", "subject.age > 3"))),
        'role "editor", permission 2, condition 2',
        "`subject.age` is not declared",
    ),
    (_role(Permission(INSIDE, "read")), 'role "editor", permission 2, resource', "whole documents"),
    (
        _role(Permission("/projects/*/*/*/docs/*/*/**", "read", effect="deny")),
        'role "editor", permission 2, resource',
        "whole documents",
    ),
    (Role("editor", inherits=("ghost",)), 'role "editor"', "there is no role 'ghost'"),
    (Role("editor", inherits=("editor",)), 'role "editor"', "back to itself: editor > editor"),
    (Role(""), 'role ""', "it has no name"),
    (Role("a\nb"), 'role "a\nb"', "cannot be printed"),
    (Role("a" * 300), f'role "{"a" * 77}..."', "longer than 255"),
    (_grant(role="editor"), 'grant "1"', "of a role or of a permission, and of one"),
    (_grant(permission=None), 'grant "1"', "of a role or of a permission, and of one"),
    (_grant(permission=None, role="ghost"), 'grant "1"', "there is no role 'ghost'"),
    (_grant(permission=Permission("a", "read")), 'grant "1", permission, resource', "begins with"),
    (_grant(scope="/{project}"), 'grant "1", scope', "a slot stands in templates only"),
    (_grant(scope=INSIDE), 'grant "1", scope', "whole documents"),
    (_grant(subject=""), 'grant "1", subject', "it has no name"),
    (_grant(subject="user:*"), 'grant "1", subject', "no wildcards; everybody is 'anyone'"),
    (_grant(subject="anonymous:ada"), 'grant "1", subject', "has what 'anyone' has"),
    (_grant(not_before=2.0, not_after=2.0), 'grant "1"', "it never holds"),
    (_grant(not_after=float("nan")), 'grant "1", not_after', "nan is no time"),
    (_grant(not_before=float("inf")), 'grant "1", not_before', "inf is no time"),
    (_grant(uses=-1), 'grant "1", uses', "fewer than none"),
    (Membership("group a", "user:ada"), 'membership "group a user:ada"', "has no space"),
    (Membership(ANYONE, "user:ada"), 'membership "anyone user:ada"', "everybody, and in no group"),
    (Membership("group:a", "anonymous"), 'membership "group:a anonymous"', "'anyone' has"),
    (Membership("a", "a"), 'group "a"', "back to itself: a > a"),
    (Confines("/projects/p"), 'confines "/projects/p"', "a session is /projects/"),
    (Confines("/projects/*/sessions/s"), 'confines "/projects/*/sessions/s"', "patterns only"),
    (_confines(Permission("/x*", "read")), f'{CONFINES}, permission 1, resource', "whole"),
    (Confines(SESSION, join="never"), f'{CONFINES}, join', "'never' is none of"),  # type: ignore[arg-type]
    (Confines(SESSION, participants=0), f'{CONFINES}, participants', "fewer than 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "where", "reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))]
)
def test_what_makes_no_sense_is_refused_with_its_place(fact: Fact, where: str, reason: str) -> None:
    """Loading and changing both refuse it, and the policy that is there stays."""
    policy = Policy.load([Role("other")], epoch=1)
    for loads in (True, False):
        with pytest.raises(InvalidPolicy) as refused:
            Policy.load([fact]) if loads else policy.changed([Put(fact)], epoch=2)
        assert refused.value.where == where
        assert reason in refused.value.reason
    assert policy.facts() == (Role("other"),)


def test_a_role_that_is_granted_stays() -> None:
    """A role that somebody has, or another inherits, cannot go; with them it can."""
    policy = Policy.load([Role("a"), Role("b", inherits=("a",)), Grant("1", "user:ada", "b")])
    with pytest.raises(InvalidPolicy, match='grant "1": there is no role'):
        policy.changed([_drop("role", "b")], epoch=1)
    with pytest.raises(InvalidPolicy, match='role "b": there is no role'):
        policy.changed([_drop("role", "a")], epoch=1)
    every = [_drop("role", "a"), _drop("grant", "1"), _drop("role", "b")]
    assert policy.changed(every, epoch=1).is_empty


def _drop(kind: str, key: str) -> Drop:
    return Drop(kind, key)  # type: ignore[arg-type]


def test_a_way_back_is_shown() -> None:
    """A cycle is refused with all that are on it, however it came about."""
    roles = [Role("a", inherits=("b",)), Role("b", inherits=("c",)), Role("c")]
    policy = Policy.load(roles)
    with pytest.raises(InvalidPolicy, match="leads back to itself: a > b > c > a"):
        policy.changed([Put(Role("c", inherits=("a",)))], epoch=1)
    nested = Policy.load([Membership("g", "h"), Membership("h", "i")])
    with pytest.raises(InvalidPolicy, match="leads back to itself"):
        nested.changed([Put(Membership("i", "g"))], epoch=1)


def _roles(levels: int) -> list[Fact]:
    return [Role(f"r{n}", inherits=(f"r{n + 1}",)) for n in range(levels - 1)]


def _groups(levels: int) -> list[Fact]:
    return [Membership(f"g{n + 1}", f"g{n}") for n in range(levels)]


@pytest.mark.parametrize(
    "facts",
    [
        [*_roles(MAX_CHAIN + 1), Role(f"r{MAX_CHAIN}")],
        _groups(MAX_CHAIN + 1),
        [*_roles(10_000), Role("r9999")],
        _groups(10_000),
        [_grant(scope="/a" * 10_000)],
        [_role(Permission("/**", "write", ("(" * 10_000 + "true" + ")" * 10_000,)))],
    ],
    ids=["65 roles", "65 groups", "10,000 roles", "10,000 groups", "10,000 segments", "brackets"],
)
def test_nothing_is_nested_without_end(facts: list[Fact]) -> None:
    """Thousands of levels are refused, in whatever order they come, and not recursed into."""
    for order in (facts, facts[::-1]):
        with pytest.raises(InvalidPolicy):
            Policy.load(order)


def test_as_deep_as_is_allowed_works() -> None:
    """A row of roles and of groups as long as may be is taken, and gives what its end has."""
    last = MAX_CHAIN - 1
    facts = [*_roles(MAX_CHAIN), Role(f"r{last}", (READ,)), *_groups(last)]
    grant = Grant("1", f"g{last}", "r0")
    policy = Policy.load([*facts, Membership("g0", "user:ada"), grant])
    assert policy.check("user:ada", "read", "/projects/p", now=0)


def test_a_denial_of_reading_is_not_narrowed_into_a_document() -> None:
    """A role that denies reading cannot be granted inside documents, be it by a later change."""
    secret = Role("secret", (Permission("/**", "read", effect="deny"),))
    heir = Role("heir", inherits=("secret",))
    with pytest.raises(InvalidPolicy, match='grant "1", scope: read is of whole documents'):
        Policy.load([secret, heir, Grant("1", "user:ada", "heir", scope=INSIDE)])
    policy = Policy.load([Role("secret"), heir, Grant("1", "user:ada", "heir", scope=INSIDE)])
    with pytest.raises(InvalidPolicy, match='grant "1", scope: read is of whole documents'):
        policy.changed([Put(secret)], epoch=1)


def test_a_trailing_rest_above_a_document_may_be_read() -> None:
    """Reading a document with all that is in it is what reading is."""
    for resource in (f"{SESSION}/docs/d/**", f"{SESSION}/docs/*", "/projects/*/sessions/**"):
        Policy.load([_grant(permission=Permission(resource, "read"))])
    Policy.load([_grant(permission=Permission(f"{SESSION}/ops/fork/a/b/c", "read"))])
