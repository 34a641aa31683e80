"""Small policies by the dice, in which rules meet often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

from collabkit.access.policy import Change, Drop, Policy, Put
from collabkit.access.rules import (
    ACTIONS,
    ANYONE,
    Confines,
    Fact,
    Grant,
    Membership,
    Permission,
    Role,
)
from collabkit.errors import InvalidPolicy

USERS = ("user:ada", "user:bob", "user:cy")
GROUPS = ("group:crew", "group:staff")
ROLES = ("reader", "writer", "chief")

SESSION = "/projects/p/sessions/s"
SCOPES = ("/**", "/projects/*", "/projects/p", SESSION, f"{SESSION}/docs/d", "/projects/q")
RESOURCES = ("/**", "/projects/p/**", "/projects/*/sessions/*/docs/**", f"{SESSION}/**", SESSION)
INSIDE = (f"{SESSION}/docs/d/x", f"{SESSION}/docs/*/*/**")
CONDITIONS = (
    "change.own",
    "resource.project == 'p'",
    "subject.id != 'user:ada'",
    "now < 150.0",
    "has(change.kind) && change.appends",
)
PATHS = (
    "/projects/p",
    SESSION,
    f"{SESSION}/docs/d",
    f"{SESSION}/docs/d/x",
    f"{SESSION}/docs/e/x/y",
    "/projects/q/sessions/s/docs/d",
)
CONTEXTS: tuple[dict[str, object], ...] = (
    {},
    {"change": {"own": True, "appends": False, "kind": "set"}},
    {"change": {"own": False, "appends": True, "kind": "insert"}},
)
WINDOWS = ((None, None), (None, None), (None, 100.0), (None, 200.0), (140.0, 200.0), (90.0, None))
TIMES = (50.0, 100.0, 150.0, 250.0)
"""Before, at, in and after the windows there are; policies are changed at the second."""


def permission(dice: Random) -> Permission:
    """A permission, mostly one that allows without conditions."""
    action = dice.choice(ACTIONS)
    return Permission(
        dice.choice(RESOURCES if action == "read" else RESOURCES + INSIDE),
        action,
        (dice.choice(CONDITIONS),) if dice.random() < 0.3 else (),
        "deny" if dice.random() < 0.15 else "allow",
    )


def role(dice: Random, name: str) -> Role:
    """A role that inherits from those before it only."""
    before = ROLES[: ROLES.index(name)]
    inherits = tuple(each for each in before if dice.random() < 0.4)
    return Role(name, tuple(permission(dice) for _ in range(dice.randint(1, 3))), inherits)


def grant(dice: Random, name: str, subject: str = "", by: str = "") -> Grant:
    """A grant, of a role or of one permission, often for a time."""
    named = dice.choice(ROLES) if dice.random() < 0.6 else None
    since, until = dice.choice(WINDOWS)
    return Grant(
        name,
        subject or dice.choice((*USERS, *USERS, *GROUPS, ANYONE)),
        named,
        None if named else permission(dice),
        dice.choice(SCOPES),
        since,
        until,
        dice.choice((None, None, None, None, 0, 2)),
        by,
    )


def facts(dice: Random) -> Iterator[Fact]:
    """All that a policy is made of. Somebody owns something, most of the time."""
    for name in ROLES:
        yield role(dice, name)
    owned = tuple(Permission("/**", action) for action in ACTIONS)
    yield Role("owner", owned)
    for number in range(dice.randint(1, 5)):
        yield grant(dice, f"g{number}")
    if dice.random() < 0.8:
        until = dice.choice((None, None, 200.0))
        yield Grant("own", "user:ada", "owner", scope=dice.choice(SCOPES[:4]), not_after=until)
    for member in (*USERS, "group:crew"):
        if dice.random() < 0.3:
            yield Membership("group:staff", member)
    if dice.random() < 0.2:
        yield Confines(SESSION, (permission(dice), Permission("/**", "write")))


def changes(dice: Random, policy: Policy, by: str) -> list[Change]:
    """One or two changes, each of which might be refused."""
    made: dict[tuple[str, str], Change] = {}
    for _ in range(dice.choice((1, 1, 2))):
        match dice.randint(0, 7):
            case 0:
                name = dice.choice(ROLES)
                made["role", name] = Put(role(dice, name))
            case 1:
                membership = Membership(dice.choice(GROUPS), dice.choice(USERS))
                made["membership", str(membership)] = Put(membership)
            case 2:
                there = [each for each in policy.facts() if isinstance(each, Grant | Membership)]
                fact = dice.choice(there)
                if isinstance(fact, Grant):
                    made["grant", fact.id] = Drop("grant", fact.id)
                else:
                    drop = Drop("membership", f"{fact.group} {fact.member}")
                    made["membership", str(fact)] = drop
            case _:
                name = dice.choice(("g0", "g1", "new"))
                subject = by if dice.random() < 0.2 else ""
                made["grant", name] = Put(grant(dice, name, subject, dice.choice(("", by))))
    return list(made.values())


def cases(dice: Random, count: int) -> Iterator[tuple[Policy, str, list[Change]]]:
    """Policies, with somebody and changes that he might want to make, and that make sense."""
    while count:
        policy = Policy.load(facts(dice))
        by = dice.choice(USERS[:2])
        wanted = changes(dice, policy, by)
        try:
            policy.changed(wanted, epoch=1)
        except InvalidPolicy:
            continue
        yield policy, by, wanted
        count -= 1


def questions() -> Iterator[tuple[str, str, dict[str, object], float]]:
    """Everything that can be asked of one subject."""
    return itertools.product(ACTIONS, PATHS, CONTEXTS, TIMES)
