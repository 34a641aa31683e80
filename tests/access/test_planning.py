"""What a change would change is known before it is made."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from access.worlds import CONTEXTS, GROUPS, USERS, cases, questions
from collabkit.access.paths import matches, parse, pattern
from collabkit.access.planning import Difference, Plan, plan
from collabkit.access.policy import Change, Drop, Policy, Put
from collabkit.access.rules import (
    ANYONE,
    Confines,
    Fact,
    Grant,
    Membership,
    Permission,
    Request,
    Role,
)
from collabkit.errors import InvalidPolicy

NOW = 100.0
PLAN = "/projects/acme/sessions/plan"
DOCS = f"{PLAN}/docs/**"
WRITER = Role("writer", (Permission(DOCS, "write"),))


def planned(facts: list[Fact], *changes: Change) -> Plan:
    """What changes of a policy would change."""
    return plan(Policy.load(facts, epoch=7), changes, NOW)


def grant(subject: str, permission: Permission, **fields: object) -> Grant:
    """One permission, granted to somebody."""
    return Grant("1", subject, permission=permission, **fields)  # type: ignore[arg-type]


def test_a_grant_changes_what_it_names_for_whom_it_is() -> None:
    """Facts, people and answers; what is told reads well."""
    told = planned([WRITER], Put(Grant("1", "user:ada", "writer")))
    assert told.epoch == 7
    assert told.subjects == ("user:ada",)
    assert told.complete
    assert (
        str(told)
        == f"""\
+ grant 1
user:ada write {DOCS}: no -> yes"""
    )


def test_a_change_that_changes_no_fact_is_nothing() -> None:
    """Putting what is there is no change, and a plan of none is false."""
    told = planned([WRITER], Put(WRITER))
    assert not told
    assert str(told) == ""


def test_answers_differ_where_rules_do() -> None:
    """A denial amid an allowance takes that place alone, from whoever is in the group."""
    held = grant("group:crew", Permission(DOCS, "write"))
    inside = Permission(f"{PLAN}/docs/*/x/**", "write", effect="deny")
    told = planned(
        [held, Membership("group:crew", "user:ada")],
        Put(Grant("2", "group:crew", permission=inside)),
    )
    assert told.decisions_changed == (
        Difference("user:ada", "write", f"{PLAN}/docs/*/x/**", "yes", "no"),
    )


def test_conditions_are_told_and_not_guessed() -> None:
    """The answer is `if`, however they would turn out; other conditions are another answer."""
    own = grant("user:ada", Permission(PLAN, "delete", ("change.own",)))
    told = planned([], Put(own))
    assert told.decisions_changed == (
        Difference("user:ada", "delete", PLAN, "no", "if", ("change.own",)),
    )
    assert str(told).endswith("no -> if change.own")
    assert str(planned([own], Drop("grant", "1"))).endswith("if change.own -> no")
    later = grant("user:ada", Permission(PLAN, "delete", ("now < 5.0",)))
    (changed,) = planned([own], Put(later)).decisions_changed
    assert (changed.before, changed.after) == ("if", "if")
    assert changed.conditions == ("change.own", "now < 5.0")
    assert str(planned([own], Put(later))).endswith("if -> if, if change.own and now < 5.0")


def test_what_holds_at_another_time_changes_no_answer_now() -> None:
    """The fact is told all the same."""
    told = planned([WRITER], Put(Grant("1", "user:ada", "writer", not_before=NOW + 1)))
    assert [type(fact) for fact in told.added] == [Grant]
    assert told.decisions_changed == ()
    renamed: list[Change] = [Drop("grant", "1"), Put(Grant("2", "user:ada", "writer"))]
    told = planned([WRITER, Grant("1", "user:ada", "writer")], *renamed)
    assert (len(told.added), len(told.removed), told.subjects) == (1, 1, ())


def test_a_change_for_everybody_is_told_of_each_and_of_who_is_not_named() -> None:
    """`anyone` stands for whoever the policy does not know."""
    told = planned(
        [WRITER, Grant("1", "user:ada", "writer"), Membership("group:crew", "user:bob")],
        Put(Grant("2", ANYONE, "writer")),
    )
    assert told.subjects == (ANYONE, "user:bob")


def test_to_confine_a_session_changes_the_answers_in_it() -> None:
    """And in no other one."""
    writes = grant("user:ada", Permission("/projects/acme/**", "write"))
    told = planned([writes], Put(Confines(PLAN, (Permission(f"{PLAN}/docs/a", "write"),))))
    assert [each.resource for each in told.decisions_changed] == [
        PLAN,
        f"{PLAN}/*/**",
        f"{PLAN}/docs",
        f"{PLAN}/docs/*/**",
        f"{PLAN}/docs/a/*/**",
    ]
    assert {(each.before, each.after) for each in told.decisions_changed} == {("yes", "no")}


def test_a_plan_that_is_cut_says_so() -> None:
    """What it tells is true; that it is not all is told as well."""
    changes = [Put(Grant(str(n), f"user:{n}", "writer")) for n in range(20)]
    policy = Policy.load([WRITER])
    whole, part = plan(policy, changes, NOW), plan(policy, changes, NOW, most=200)
    assert whole.complete
    assert not part.complete
    assert str(part).endswith("and more: not all could be asked")
    assert 0 < len(part.decisions_changed) < len(whole.decisions_changed)
    assert set(part.decisions_changed) < set(whole.decisions_changed)


def test_questions_of_ones_own_are_asked_as_they_are() -> None:
    """With their context; the codes of the decisions are told."""
    own = grant("user:ada", Permission(PLAN, "delete", ("change.own",)))
    questions = [
        Request("user:ada", "delete", PLAN, {"change": {"own": own}}) for own in (True, False)
    ] + [Request("user:bob", "delete", PLAN)]
    told = plan(Policy.load([]), [Put(own)], NOW, questions)
    assert [(each.before, each.after) for each in told.decisions_changed] == [
        ("no-match", "allow"),
        ("no-match", "condition-false"),
    ]
    assert told.subjects == ("user:ada",)


def test_what_would_be_refused_is_refused() -> None:
    """A plan of what contradicts itself says so, as the change would."""
    with pytest.raises(InvalidPolicy):
        planned([], Put(Grant("1", "user:ada", "writer")))


def test_a_plan_is_json() -> None:
    """All that it tells has a form for programs."""
    told = planned([WRITER], Put(Grant("1", "user:ada", "writer")))
    read = msgspec.json.decode(msgspec.json.encode(told))
    assert read["added"][0]["subject"] == "user:ada"
    assert read["decisions_changed"][0]["after"] == "yes"


MEANS = {"yes": {True}, "no": {False}, "if": {True, False}}


def test_whatever_becomes_different_is_told(seed: int) -> None:
    """Whoever is asked anything before and after, and answers differ: the plan says so."""
    dice = Random(seed)
    differing = 0
    for policy, _, changes in cases(dice, 100):
        told = plan(policy, changes, NOW).decisions_changed
        after = policy.changed(changes, epoch=1)
        said = {(each.subject, each.action, pattern(each.resource)) for each in told}
        named = {
            each.subject if isinstance(each, Grant) else each.member
            for each in (*policy.facts(), *after.facts())
            if isinstance(each, Grant | Membership)
        }
        for subject in USERS:
            stands_as = subject if subject in named else ANYONE
            for action, path, context, now in questions():
                asked = (subject, action, path, context)
                if now == NOW and policy.check(*asked, now=now) != after.check(*asked, now=now):
                    differing += 1
                    assert any(
                        (who, what) == (stands_as, action) and matches(where, parse(path))
                        for who, what, where in said
                    ), (policy.facts(), changes, asked)
    assert differing > 100


def test_whatever_is_told_becomes_true(seed: int) -> None:
    """A name that no rule has stands for the wildcards of what is told: the answers are those."""
    dice = Random(seed)
    told_of = 0
    for policy, _, changes in cases(dice, 100):
        told = plan(policy, changes, NOW)
        assert told.complete
        assert not set(told.subjects) & set(GROUPS)
        after = policy.changed(changes, epoch=1)
        for each in told.decisions_changed:
            told_of += 1
            below = each.resource.replace("*", "zz").replace("zzzz", "zz/zz")
            for path in {below, each.resource.removesuffix("/**").replace("*", "zz") or "/"}:
                for context in CONTEXTS:
                    asked = (each.subject, each.action, path, context)
                    assert policy.check(*asked, now=NOW) in MEANS[each.before], (asked, str(told))
                    assert after.check(*asked, now=NOW) in MEANS[each.after], (asked, str(told))
    assert told_of > 100
