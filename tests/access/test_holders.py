"""Who may do something, found without asking everybody."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from access.policies import ACTIONS, CONTEXT, PATHS, SUBJECTS, after, changed, puts, worlds
from collabkit.access.holders import Holders, Index
from collabkit.access.policy import Change, Drop, Policy, Put
from collabkit.access.rules import ANYONE, Effect, Fact, Grant, Membership, Permission

PATH = "/projects/p"


def _grant(id: str, subject: str, effect: Effect = "allow", *conditions: str) -> Grant:
    return Grant(id, subject, permission=Permission("/**", "write", conditions, effect))


@settings(max_examples=5)
@given(worlds, st.lists(puts, max_size=3))
def test_an_index_goes_on_with_a_policy(facts: tuple[Fact, ...], steps: list[list[Change]]) -> None:
    """Whoever was found before, those who may are found after any changes."""
    policy = Policy.load(facts)
    for epoch, put in enumerate(steps):
        step = changed(facts, put, epoch)
        policy.who_can("write", PATHS[0], now=1)
        facts = after(facts, step)
        policy = policy.changed(step, epoch=epoch)
        fresh = Policy.load(facts)
        for action in ACTIONS:
            for path in PATHS:
                found = policy.who_can(action, path, CONTEXT, now=1)
                assert found == fresh.who_can(action, path, CONTEXT, now=1)


def test_members_are_found_and_groups_are_not() -> None:
    """Who has it through groups is named, the groups are not, and who is denied is not."""
    policy = Policy.load(
        [
            _grant("1", "group:all"),
            _grant("2", "user:eve", "deny"),
            Membership("group:all", "group:staff"),
            Membership("group:staff", "user:ada"),
            Membership("group:staff", "user:eve"),
        ]
    )
    assert policy.who_can("write", PATH, now=0) == Holders(("user:ada",))
    assert policy.who_can("delete", PATH, now=0) == Holders()
    assert policy.who_can("write", "nowhere", now=0) == Holders()


def test_anyone_is_shown_as_such_and_who_is_denied_beside() -> None:
    """What everybody may is not a list of all; exceptions are."""
    policy = Policy.load(
        [_grant("1", ANYONE), _grant("2", "user:eve", "deny"), _grant("3", "user:ada")]
    )
    found = policy.who_can("write", PATH, now=0)
    assert found == Holders(("user:ada",), anyone=True, but=("user:eve",))
    assert [name in found for name in ("user:new", "user:eve", "user:ada")] == [True, False, True]


def test_a_condition_on_who_it_is_is_asked_about_all_that_are_known() -> None:
    """What anyone has if he is the right one is found for those who were heard of."""
    known = [Membership("group:staff", subject) for subject in SUBJECTS[:3]]
    policy = Policy.load([_grant("1", ANYONE, "allow", "subject.name == 'ada'"), *known])
    assert policy.who_can("write", PATH, now=0) == Holders(("user:ada",))


def test_an_index_is_made_anew_when_much_has_changed() -> None:
    """A few changes are looked at beside it; thousands are not."""
    index = Index([_grant(str(n), f"user:{n}") for n in range(100)])
    few = index.changed({"1", "2"})
    assert few is not None
    assert "2 beside" in repr(few)
    assert index.changed({str(n) for n in range(2000)}) is None


def test_a_grant_that_was_replaced_is_found_as_it_is() -> None:
    """A grant that went elsewhere, or went, is not found where it was."""
    everybody = _grant("3", ANYONE)
    policy = Policy.load([_grant("1", "user:ada"), _grant("2", "user:bob"), everybody])
    assert policy.who_can("write", PATH, now=0).subjects == ("user:ada", "user:bob")
    moved = policy.changed([Put(_grant("1", "user:cyd")), Drop("grant", "2")], epoch=1)
    assert moved.who_can("write", PATH, now=0).subjects == ("user:cyd",)
