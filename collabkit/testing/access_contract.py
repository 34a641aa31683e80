"""What every engine of access must hold, as a class of tests.

Use it as :mod:`collabkit.testing.contracts` says::

    class TestMyEngine(AccessEngineContract):
        @pytest.fixture
        def engine_of(self):
            return MyEngine.of

``engine_of(facts)`` makes an engine of a policy, or raises UnsupportedByEngine; what it cannot say
is left out of the tests. Policies are drawn at random from a seed, and compared with
:func:`is_allowed`, which says what access is, slowly.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from ..access.engine import AccessEngine
from ..access.flat import flatten
from ..access.paths import matches, parse, within
from ..access.rules import (
    ACTIONS,
    ANYONE,
    Decision,
    Effect,
    Fact,
    Grant,
    Membership,
    Permission,
    Request,
    Role,
)
from ..ids import is_anonymous

__all__ = ["AccessEngineContract", "MakeEngine", "is_allowed"]

MakeEngine: TypeAlias = Callable[[Sequence[Fact]], AccessEngine]

ADA, BOB, NOBODY = "user:ada", "user:bob", "anonymous:ada"
GROUPS = ("group:staff", "group:all")
PLAN = "/projects/acme/sessions/plan/docs/main"


def is_allowed(facts: Iterable[Fact], request: Request) -> bool:
    """Say whether a policy without conditions and windows allows a request, by definition."""
    flat = flatten(facts, "definition")
    path = parse(request.resource)
    mine = {ANYONE}
    if not is_anonymous(request.subject):
        mine |= {request.subject, *flat.groups.get(request.subject, ())}
    effects = {
        line.effect
        for line in flat.lines
        if line.subject in mine
        and line.action == request.action
        and matches(line.resource, path)
        and within(line.scope, path)
    }
    return effects == {"allow"}


class AccessEngineContract:
    """What an access engine promises. Needs the fixture ``engine_of``."""

    async def test_what_nothing_allows_is_denied(self, engine_of: MakeEngine) -> None:
        """An empty policy, and one about others, allow nothing."""
        for facts in ([], [_allow(BOB)]):
            decision = await _decide(engine_of(facts), Request(ADA, "read", PLAN))
            assert (decision.allowed, decision.code) == (False, "no-match")

    async def test_a_deny_wins(self, engine_of: MakeEngine) -> None:
        """Whichever comes first, and whatever else allows it."""
        rules = [_allow(ADA), _allow(ANYONE, effect="deny")]
        for facts in (rules, rules[::-1]):
            decision = await _decide(engine_of(facts), Request(ADA, "read", PLAN))
            assert (decision.allowed, decision.code) == (False, "explicit-deny")

    async def test_who_proved_nothing_has_what_anyone_has(self, engine_of: MakeEngine) -> None:
        """A name behind `anonymous:` is no name."""
        engine = engine_of([_allow(ADA), Grant("a", ANYONE, permission=Permission(PLAN, "write"))])
        answers = [await _decide(engine, Request(NOBODY, act, PLAN)) for act in ("read", "write")]
        assert [answer.allowed for answer in answers] == [False, True]

    async def test_patterns_go_by_segments(self, engine_of: MakeEngine) -> None:
        """`*` is one segment, `**` the rest, and a name is never the beginning of another."""
        for rule, named in {
            "/projects/*/sessions/plan/docs/main": True,
            "/projects/acme/**": True,
            f"{PLAN}/**": True,
            "/projects/*": False,
            "/projects/acme/sessions/pla/**": False,
            "/projects/acme/sessions/*/docs/other": False,
        }.items():
            engine = engine_of([Grant("g", ADA, permission=Permission(rule, "read"))])
            assert (await _decide(engine, Request(ADA, "read", PLAN))).allowed is named, rule

    async def test_deep_inheritance_is_followed(self, engine_of: MakeEngine) -> None:
        """Through forty roles and twenty groups."""
        roles: list[Fact] = [Role(f"r{n}", inherits=(f"r{n + 1}",)) for n in range(40)]
        groups: list[Fact] = [Membership(f"group:{n + 1}", f"group:{n}") for n in range(20)]
        last = Role("r40", (Permission("/**", "read"),))
        ends: list[Fact] = [last, Membership("group:0", ADA), Grant("g", "group:20", role="r0")]
        decision = await _decide(engine_of([*roles, *groups, *ends]), Request(ADA, "read", PLAN))
        assert decision.allowed

    async def test_it_decides_as_defined(self, engine_of: MakeEngine) -> None:
        """Random policies with roles, groups, wildcards, scopes and denials."""
        dice = random.Random(5)  # noqa: S311 - policies to try, no secrets
        seen = set()
        for _ in range(60):
            facts = _policy(dice)
            engine = engine_of(facts)
            asked = [_request(dice) for _ in range(25)]
            answers = await engine.decide(asked)
            assert [a.allowed for a in answers] == [is_allowed(facts, r) for r in asked]
            seen |= {answer.code for answer in answers}
        assert {"allow", "no-match", "explicit-deny"} <= seen

    async def test_order_does_not_matter(self, engine_of: MakeEngine) -> None:
        """A policy is a set of facts."""
        dice = random.Random(6)  # noqa: S311 - as above
        for _ in range(10):
            facts = _policy(dice)
            asked = [_request(dice) for _ in range(25)]
            first = await engine_of(facts).decide(asked)
            dice.shuffle(facts)
            second = await engine_of(facts).decide(asked)
            assert [a.allowed for a in first] == [a.allowed for a in second]


def _allow(subject: str, *, effect: Effect = "allow") -> Grant:
    permission = Permission("/projects/acme/**", "read", effect=effect)
    return Grant(f"{subject} {effect}", subject, permission=permission)


async def _decide(engine: AccessEngine, request: Request) -> Decision:
    [decision] = await engine.decide([request])
    return decision


def _policy(dice: random.Random) -> list[Fact]:
    names = [f"role{n}" for n in range(dice.randrange(1, 5))]
    facts: list[Fact] = [
        Role(
            name,
            tuple(_permission(dice) for _ in range(dice.randrange(3))),
            tuple(dice.sample(names[place + 1 :], dice.randrange(len(names) - place))),
        )
        for place, name in enumerate(names)
    ]
    for number in range(dice.randrange(1, 7)):
        subject = dice.choice([ADA, BOB, ANYONE, *GROUPS])
        if dice.random() < 0.5:
            grant = Grant(f"g{number}", subject, role=dice.choice(names), scope=_rule(dice))
        else:
            grant = Grant(f"g{number}", subject, permission=_permission(dice), scope=_rule(dice))
        facts.append(grant)
    facts += [Membership(GROUPS[0], ADA)] if dice.random() < 0.7 else []
    facts += [Membership(GROUPS[1], GROUPS[0])] if dice.random() < 0.7 else []
    return facts


def _permission(dice: random.Random) -> Permission:
    effect: Effect = "deny" if dice.random() < 0.25 else "allow"
    return Permission(_rule(dice), dice.choice(ACTIONS[:2]), effect=effect)


def _rule(dice: random.Random) -> str:
    """A pattern; none tells of reading below a document, since no policy may have that."""
    if dice.random() < 0.4:
        return "/**"
    segments = [dice.choice([fixed, "*"]) for fixed in ("projects", "acme", "sessions", "plan")]
    cut = dice.randrange(1, 5)
    return "/" + "/".join([*segments[:cut], *(["**"] if dice.random() < 0.8 else [])])


def _request(dice: random.Random) -> Request:
    depth = dice.randrange(1, 5)
    segments = ["projects", dice.choice(["acme", "other"]), "sessions", dice.choice(["plan", "x"])]
    path = "/" + "/".join(segments[:depth])
    return Request(dice.choice([ADA, BOB, NOBODY]), dice.choice(ACTIONS[:2]), path)
