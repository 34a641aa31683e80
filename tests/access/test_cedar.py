"""Cedar decides as the laws ask, behind the seam."""

from __future__ import annotations

import pytest

from collabkit.access.rules import Grant, Permission, Request
from collabkit.errors import UnsupportedByEngine
from collabkit.testing.access_contract import AccessEngineContract, MakeEngine

cedar = pytest.importorskip("collabkit.access.cedar", reason="pip install collabkit[cedar]")

PLAN = "/projects/acme/sessions/plan"


class TestCedar(AccessEngineContract):
    """The contract of engines."""

    @pytest.fixture
    def engine_of(self) -> MakeEngine:
        """Make policies of Cedar of a policy."""
        made: MakeEngine = cedar.CedarEngine.of
        return made


async def test_a_policy_that_fails_denies() -> None:
    """Cedar would skip a `forbid` that cannot be evaluated, and allow."""
    engine = cedar.CedarEngine(
        "permit (principal, action, resource);\n"
        "forbid (principal, action, resource) when { context.team == 1 };"
    )
    [decision] = await engine.decide([Request("user:ada", "read", PLAN)])
    assert (decision.allowed, decision.code) == (False, "condition-error")
    [decision] = await engine.decide([Request("user:ada", "read", PLAN, {"team": 2})])
    assert decision.allowed


async def test_names_that_need_quotes() -> None:
    """A subject and a segment may hold anything."""
    odd = 'user:"\\\n{x}'
    engine = cedar.CedarEngine.of([Grant("g", odd, permission=Permission('/a"b/*', "read"))])
    answers = await engine.decide([Request(odd, "read", '/a"b/c'), Request(odd, "read", "/a/c")])
    assert [answer.allowed for answer in answers] == [True, False]


async def test_a_host_may_ask_for_segments() -> None:
    """Its own policies see the path in parts."""
    engine = cedar.CedarEngine(
        "permit (principal, action, resource) when "
        '{ context.depth >= 2 && context.s1 == "acme" && context.path like "/projects/*" };'
    )
    [decision] = await engine.decide([Request("user:ada", "read", PLAN)])
    assert decision.allowed


def test_what_it_has_no_words_for_is_refused() -> None:
    """Nothing of a policy is left out in silence."""
    with pytest.raises(UnsupportedByEngine, match="cedar cannot say"):
        cedar.CedarEngine.of([Grant("g", "user:a", permission=Permission("/**", "read"), uses=1)])
