"""What may be asked of the policy in force, and who is told of the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from access.controls import ACME, ADA, BEN, PLAN, ROOM, Control, guarding
from collabkit.access.facts import Drop
from collabkit.access.rules import Grant, Request
from collabkit.errors import AccessDenied


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Control]:
    """Rules by which ada writes in a project, and ben does so in a part of documents."""
    async with guarding(tmp_path) as access:
        yield access


async def test_questions_are_answered_by_the_policy_in_force(access: Control) -> None:
    """At the time that the clock says; to ask is nothing that the audit is told of."""
    assert access.check(ADA, "write", PLAN)
    assert access.check(ADA, "write", ("projects", "acme"))
    assert not access.decide(Request(ADA, "write", "/projects/other"))
    assert access.check_many([Request(ADA, "read", PLAN), Request(ADA, "admin", PLAN)]) == [
        True,
        False,
    ]
    assert access.filter(ADA, "write", [PLAN, "/projects/other"]) == [PLAN]
    assert access.actions(ADA, PLAN) == ("read", "write")
    assert access.who_can("write", PLAN).subjects == (ADA,)
    assert access.list_resources(ADA, "write", ACME).allowed == (f"{ACME}/**",)
    assert access.uniform(BEN, ROOM).write == "some"
    assert "no rule allows it" in str(access.explain(ADA, "write", "/projects/other"))
    strike = [Drop("grant", one.id) for one in access.policy.facts() if isinstance(one, Grant)]
    assert set(access.plan(strike).subjects) == {ADA, BEN}
    assert await access.told() == []


async def test_who_acts_on_an_answer_tells_of_it(access: Control) -> None:
    """What is required and not allowed is refused, with the reason, and the audit knows."""
    assert access.require(ADA, "write", PLAN).allowed
    with pytest.raises(AccessDenied, match=r"may not admin .*plan: no rule allows it"):
        access.require(ADA, "admin", ("projects", "acme", "sessions", "plan"))
    assert await access.told() == [(ADA, f"admin {PLAN}", "no-match")]
