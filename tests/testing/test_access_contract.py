"""The contract of engines holds the built-in one too, and catches those that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from collabkit.access.policy import Policy
from collabkit.access.rules import ANYONE, Decision, Fact, Grant, Request
from collabkit.ids import is_anonymous
from collabkit.testing.access_contract import AccessEngineContract, MakeEngine, is_allowed


class BuiltIn:
    """The policy of collabkit itself, behind the seam."""

    name = "built-in"

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._policy = Policy.load(facts, epoch=1)

    def epoch(self) -> object:
        """That of the policy."""
        return self._policy.epoch

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer each request, in order."""
        return [self._policy.decide(request, now=0.0) for request in requests]


class TestBuiltIn(AccessEngineContract):
    """The contract, by collabkit's own policy."""

    @pytest.fixture
    def engine_of(self) -> MakeEngine:
        """Load a policy."""
        return BuiltIn


class Defined:
    """Decides by definition, of facts and requests that somebody has meddled with."""

    name = "defined"

    def __init__(self, facts: Sequence[Fact], ask: Callable[[Request], Request | bool]) -> None:
        self._facts = facts
        self._ask = ask

    def epoch(self) -> object:
        """Nothing may be remembered."""
        return None

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer each request, in order."""
        return [self._one(self._ask(request)) for request in requests]

    def _one(self, asked: Request | bool) -> Decision:
        if isinstance(asked, bool):
            return Decision(asked, "allow" if asked else "no-match")
        if is_allowed(self._facts, asked):
            return Decision(True, "allow")
        some = [fact for fact in self._facts if not _denies(fact)]
        return Decision(False, "explicit-deny" if is_allowed(some, asked) else "no-match")


def _denies(fact: Fact) -> bool:
    permission = fact.permission if isinstance(fact, Grant) else None
    return permission is not None and permission.effect == "deny"


def without_denies(facts: Sequence[Fact]) -> Defined:
    """Lets everything that was allowed and denied."""
    return Defined([fact for fact in facts if not _denies(fact)], lambda request: request)


def without_anyone(facts: Sequence[Fact]) -> Defined:
    """Forgets what anyone has."""
    mine = [f for f in facts if not isinstance(f, Grant) or f.subject != ANYONE]
    return Defined(mine, lambda request: request)


def trusting(facts: Sequence[Fact]) -> Defined:
    """Believes the name that somebody gives himself."""

    def ask(request: Request) -> Request:
        who = request.subject
        name = who.replace("anonymous:", "user:") if is_anonymous(who) else who
        return Request(name, request.action, request.resource)

    return Defined(facts, ask)


def closed(facts: Sequence[Fact]) -> Defined:
    """Denies everything."""
    return Defined(facts, lambda request: False)


TESTS = [name for name in dir(AccessEngineContract) if name.startswith("test_")]


@pytest.mark.parametrize("wrong", [without_denies, without_anyone, trusting, closed])
async def test_a_wrong_engine_is_caught(wrong: MakeEngine) -> None:
    """Each mistake fails one test at least."""
    contract, caught = AccessEngineContract(), []
    for name in TESTS:
        try:
            await getattr(contract, name)(wrong)
        except AssertionError:
            caught.append(name)
    assert caught
    assert len(caught) < len(TESTS)
