"""The budget: its table of refusals, and what it lets through."""

from __future__ import annotations

import msgspec
import pytest

from collabkit.crdt.budget import DEFAULT_BUDGET, NO_BUDGET, REFUSALS, Budget, refuse
from collabkit.errors import UpdateRefused


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_has_its_code_and_a_sentence(code: str) -> None:
    """A program reads the code, a person the sentence with its amount."""
    with pytest.raises(UpdateRefused) as refused:
        refuse(code, "AMOUNT")
    assert refused.value.code == code
    assert "AMOUNT" in refused.value.reason
    assert refused.value.close_code == 1008


def test_no_budget_is_wider_in_all_but_nesting() -> None:
    """What the engine itself wrote may be of any size, and still not nest without bound."""
    wide, usual = msgspec.structs.asdict(NO_BUDGET), msgspec.structs.asdict(DEFAULT_BUDGET)
    assert wide.pop("depth") == usual.pop("depth")
    assert all(wide[field] > amount for field, amount in usual.items())


def test_a_budget_is_a_value() -> None:
    """Equal amounts are equal budgets, and none changes."""
    assert Budget() == DEFAULT_BUDGET
    with pytest.raises(AttributeError):
        DEFAULT_BUDGET.structs = 1  # type: ignore[misc]
