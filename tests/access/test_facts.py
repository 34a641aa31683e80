"""Facts by name, changed and shared."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.policies import after, changed, puts, worlds
from collabkit.access.facts import (
    Change,
    Drop,
    Facts,
    Put,
    Touched,
    concern,
    name_of,
    place_of,
)
from collabkit.access.rules import ANYONE, Confines, Fact, Grant, Membership, Role, Template
from collabkit.errors import InvalidPolicy


def _facts(*facts: Fact) -> Facts:
    return Facts().changed([Put(fact) for fact in facts])[0]


@settings(max_examples=6)
@given(worlds, puts, st.integers(0, 3))
def test_what_is_indexed_is_what_is_there(
    facts: tuple[Fact, ...], put: list[Change], drops: int
) -> None:
    """After changes each index has what a look through all facts finds, and no empty part."""
    now, _ = _facts(*facts).changed(changed(facts, put, drops))
    left = list(now)
    assert sorted(map(repr, left)) == sorted(map(repr, set(left)))
    held: dict[str, dict[str, Grant]] = {}
    members: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    for fact in left:
        assert now.get(*name_of(fact)) == fact
        if isinstance(fact, Grant):
            held.setdefault(fact.subject, {})[fact.id] = fact
        if isinstance(fact, Membership):
            members.setdefault(fact.group, set()).add(fact.member)
            groups.setdefault(fact.member, set()).add(fact.group)
    assert now.held == held
    assert {name: set(part) for name, part in now.members.items()} == members
    assert {name: set(part) for name, part in now.groups.items()} == groups
    assert len(now) == len(left)


@settings(max_examples=6)
@given(worlds, puts, st.integers(0, 3))
def test_changes_make_other_facts_and_leave_these(
    facts: tuple[Fact, ...], put: list[Change], drops: int
) -> None:
    """Facts that were changed are as they were, and what comes out is what was asked for."""
    step = changed(facts, put, drops)
    before = _facts(*facts)
    listed = list(before)
    held = {name: dict(part) for name, part in before.held.items()}
    now, _ = before.changed(step)
    assert list(before) == listed
    assert before.held == held
    assert set(map(repr, now)) == set(map(repr, after(facts, step)))


def test_what_changes_leave_alone_is_shared() -> None:
    """A change of a grant copies the table of grants, and nothing of roles and groups."""
    before = _facts(
        Role("editor"), Membership("group:a", "user:ada"), Grant("1", "user:bob", "editor")
    )
    now, touched = before.changed([Put(Grant("2", "user:ada", "editor"))])
    assert now.roles is before.roles
    assert now.members is before.members
    assert now.held["user:bob"] is before.held["user:bob"]
    assert (touched.grants, touched.holders, touched.roles) == ({"2"}, {"user:ada"}, set())


def test_putting_what_is_there_touches_nothing() -> None:
    """The same fact again is no change."""
    role = Role("editor")
    assert _facts(role).changed([Put(role)])[1] == Touched()


def test_a_grant_that_moves_leaves_its_holder() -> None:
    """A grant to somebody else in its place concerns both."""
    before = _facts(Role("editor"), Grant("1", "user:ada", "editor"))
    now, touched = before.changed([Put(Grant("1", "user:bob", "editor"))])
    assert set(now.held) == {"user:bob"}
    assert touched.holders == {"user:ada", "user:bob"}


@pytest.mark.parametrize(
    ("kind", "key", "reason"),
    [
        ("grant", "1", "there is none"),
        ("role", "editor", "there is none"),
        ("rule", "1", "no such kind"),
    ],
)
def test_what_is_not_there_cannot_be_dropped(kind: str, key: str, reason: str) -> None:
    """Dropping says what is missing, and where."""
    with pytest.raises(InvalidPolicy, match=reason) as refused:
        Facts().changed([Drop(kind, key)])  # type: ignore[arg-type]
    assert refused.value.where == f'{kind} "{key}"'


def test_each_kind_has_its_names() -> None:
    """A fact's name says what it is in the place of."""
    named: list[tuple[Fact, str, str]] = [
        (Role("a"), "role", "a"),
        (Grant("1", "a"), "grant", "1"),
        (Membership("g", "a b"), "membership", "g a b"),
        (Template("t"), "template", "t"),
        (Confines("/s"), "confines", "/s"),
    ]
    for fact, kind, key in named:
        assert name_of(fact) == (kind, key)
    assert len(place_of("grant", "x" * 9999)) < 100


def test_changes_concern_whoever_they_may_change() -> None:
    """A role concerns its heirs' holders and their members; what anyone has, everybody."""
    before = _facts(
        Role("viewer"),
        Role("editor", inherits=("viewer",)),
        Grant("1", "group:staff", "editor"),
        Grant("2", "user:eve", "viewer"),
        Membership("group:staff", "user:ada"),
    )

    def concerned(*step: Change) -> set[str] | None:
        _, touched = before.changed(step)
        subjects = concern(before, touched).subjects
        return None if subjects is None else set(subjects)

    assert concerned(Put(Role("editor"))) == {"group:staff", "user:ada"}
    assert concerned(Drop("role", "viewer")) == {"group:staff", "user:ada", "user:eve"}
    assert concerned(Put(Membership("group:staff", "user:bob"))) == {"user:bob"}
    assert concerned(Drop("grant", "1")) == {"group:staff", "user:ada"}
    assert concerned(Put(Template("t"))) == set()
    assert concerned(Put(Grant("3", ANYONE, "viewer"))) is None
    assert concerned(Put(Confines("/projects/p/sessions/s"))) is None
