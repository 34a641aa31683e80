"""Conditions are refused on loading, or hold, or do not, or fail."""

from __future__ import annotations

import pytest

from collabkit.access.conditions import (
    DEFAULT,
    MAX_CONDITIONS,
    ConditionError,
    compile_condition,
    compile_conditions,
)
from collabkit.errors import InvalidPolicy

ADA = {"id": "user:ada", "kind": "user", "name": "ada", "groups": ("group:staff",)}


def test_a_condition_holds_or_does_not() -> None:
    """It is asked with values, and answers with a bool."""
    office = compile_condition("'group:staff' in subject.groups && now < 100.0")
    assert office.holds({"subject": ADA, "now": 99.0}) is True
    assert office.holds({"subject": ADA, "now": 100.0}) is False
    assert office.holds({"subject": ADA | {"groups": ()}}) is False


def test_a_condition_without_a_value_fails() -> None:
    """What is missing is no "no": the rule says what follows."""
    own = compile_condition("change.own")
    with pytest.raises(ConditionError, match=r"change\.own is missing"):
        own.holds({"subject": ADA})
    with pytest.raises(ConditionError, match=r"x\.y is not a bool"):
        compile_condition("x.y", {"x.y": "any"}).holds({"x": {"y": "yes"}})


def test_a_condition_tells_what_it_asks_for() -> None:
    """Its names are those of all attributes in it, whether they are read or only looked for."""
    condition = compile_condition("has(resource.owner) && (now < 5.0 || !change.own)")
    assert condition.names == {"resource.owner", "now", "change.own"}
    assert repr(condition) == f"<Condition {condition.text!r}>"


def test_conditions_are_equal_that_are_written_alike() -> None:
    """So that they can be kept in sets."""
    one, other = compile_condition("now < 5.0"), compile_condition("now < 5.0")
    assert one == other
    assert len({one, other, compile_condition("now < 6.0")}) == 2


def test_a_trace_tells_what_each_part_is_worth() -> None:
    """Parts that ask for nothing are left out, and errors are told where they arise."""
    condition = compile_condition("subject.id in ['user:ada'] && (change.own || now + 60.0 < 99.0)")
    traced = condition.trace({"subject": ADA, "now": 3.0})
    assert [(text, str(value)) for text, value in traced] == [
        ("subject.id", "user:ada"),
        ("subject.id in ['user:ada']", "True"),
        ("change.own", "change.own is missing"),
        ("now", "3.0"),
        ("now + 60.0", "63.0"),
        ("now + 60.0 < 99.0", "True"),
        ("change.own || now + 60.0 < 99.0", "True"),
        (condition.text, "True"),
    ]
    assert isinstance(dict(traced)["change.own"], ConditionError)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("subject.id = 'user:ada'", "column 12: `==` compares"),
        ("subject.idd == 'a'", "column 1: `subject.idd` is not declared; there is subject.id"),
        ("size(subject.id)", "column 1: a condition is a bool, and this is int"),
        ("now < 5.0 && action > 5", "column 21: `>` does not take string and int"),
    ],
)
def test_what_is_no_condition_is_refused_with_place_and_column(text: str, reason: str) -> None:
    """The error names the place that it was told, and counts columns from 1."""
    with pytest.raises(InvalidPolicy) as caught:
        compile_condition(text, where='role "editor", permission 2')
    assert (caught.value.where, caught.value.reason) == ('role "editor", permission 2', reason)


def test_a_host_declares_what_it_gives_beside() -> None:
    """Declared names are added to those there are; the type is held to."""
    attributes = DEFAULT | {"context.user.age": "int"}
    adult = compile_condition("context.user.age >= 18", attributes)
    assert adult.holds({"context": {"user": {"age": 18}}})
    with pytest.raises(ConditionError, match="is string, not int"):
        adult.holds({"context": {"user": {"age": "18"}}})
    with pytest.raises(InvalidPolicy, match="not declared"):
        compile_condition("context.user.age >= 18")


def test_a_permission_has_so_many_conditions() -> None:
    """Each error says which of them it is about."""
    assert len(compile_conditions(["now < 5.0"] * MAX_CONDITIONS)) == MAX_CONDITIONS
    with pytest.raises(InvalidPolicy, match="there are more than 32"):
        compile_conditions(["now < 5.0"] * (MAX_CONDITIONS + 1))
    with pytest.raises(InvalidPolicy) as caught:
        compile_conditions(["now < 5.0", "now <"], where='role "a", conditions')
    assert caught.value.where == 'role "a", conditions 2'
