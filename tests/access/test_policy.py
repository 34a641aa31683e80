"""The laws of access, as properties of random policies, judged by :mod:`.oracle`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access import oracle
from access.policies import (
    ACTIONS,
    CONTEXT,
    PATHS,
    SUBJECTS,
    TIMES,
    after,
    changed,
    grants,
    permissions,
    puts,
    worlds,
)
from collabkit.access.paths import parse
from collabkit.access.policy import Change, Drop, Policy, Put
from collabkit.access.rules import (
    ANYONE,
    CODES,
    Confines,
    Fact,
    Grant,
    Membership,
    Permission,
    Request,
    Role,
)
from collabkit.errors import InvalidPolicy
from collabkit.ids import RoomName

PATH = "/projects/p/sessions/s/docs/d"
WRITE = Permission("/projects/p/**", "write")

Question = tuple[str, str, str, float]
QUESTIONS: list[Question] = list(itertools.product(SUBJECTS, ACTIONS, PATHS, TIMES))
AT_ONE: list[Question] = list(itertools.product(SUBJECTS, ACTIONS, PATHS, (1.0,)))

few = settings(max_examples=7)


def _answers(policy: Policy, questions: list[Question] = QUESTIONS) -> list[bool]:
    return [policy.check(s, action, path, CONTEXT, now=now) for s, action, path, now in questions]


def agree_with_the_laws(policy: Policy, facts: tuple[Fact, ...], now: float) -> None:
    for subject, action, path in itertools.product(SUBJECTS, ACTIONS, PATHS):
        code = oracle.code(facts, subject, action, path, context=CONTEXT, now=now)
        decision = policy.decide(Request(subject, action, path, CONTEXT), now=now)
        assert decision.code == code
        for _ in "twice":
            assert policy.check(subject, action, path, CONTEXT, now=now) == (code == "allow")


@settings(max_examples=18)
@given(worlds, st.sampled_from(TIMES))
def test_a_policy_answers_as_the_laws_say(facts: tuple[Fact, ...], now: float) -> None:
    """Each answer, and its code, is that of the definition; asked again, it is the same."""
    agree_with_the_laws(Policy.load(facts), facts, now)


@few
@given(worlds, st.lists(st.tuples(puts, st.integers(0, 2)), max_size=3))
def test_what_is_remembered_is_what_is_true(
    facts: tuple[Fact, ...], steps: list[tuple[list[Change], int]]
) -> None:
    """After any changes a policy that was asked before answers as one that was not."""
    policy = Policy.load(facts)
    for number, (put, drops) in enumerate(steps):
        step = changed(facts, put, drops)
        before = policy
        answers = _answers(before)
        affected = before.affected(step)
        facts = after(facts, step)
        policy = before.changed(step, epoch=number)
        assert _answers(policy) == _answers(Policy.load(facts))
        assert _answers(before) == answers
        assert set(policy.facts()) == set(facts)
        differing = {
            question[0]
            for question, old, new in zip(QUESTIONS, answers, _answers(policy), strict=True)
            if old != new
        }
        assert affected is None or differing <= affected


@few
@given(worlds, st.sampled_from(TIMES), st.sampled_from(ACTIONS), st.booleans())
def test_all_ways_to_ask_agree(
    facts: tuple[Fact, ...], now: float, action: str, asked_before: bool
) -> None:
    """check, check_many, filter, actions, who_can and decide give one answer."""
    policy = Policy.load(facts)
    if asked_before:
        _answers(policy)
    for subject in SUBJECTS:
        true = [policy.check(subject, action, path, CONTEXT, now=now) for path in PATHS]
        asked = [Request(subject, action, path, CONTEXT) for path in PATHS]
        allowed = [path for path, answer in zip(PATHS, true, strict=True) if answer]
        segments = [parse(path) for path in PATHS]
        assert policy.check_many(asked, now=now) == true
        assert policy.filter(subject, action, PATHS, CONTEXT, now=now) == allowed
        assert policy.filter(subject, action, segments, CONTEXT, now=now) == list(
            map(parse, allowed)
        )
        assert [bool(policy.decide(each, now=now)) for each in asked] == true
        for path, answer in zip(PATHS, true, strict=True):
            assert (action in policy.actions(subject, path, CONTEXT, now=now)) == answer
    for path in PATHS:
        holders = policy.who_can(action, path, CONTEXT, now=now)
        assert holders.anyone == policy.check(ANYONE, action, path, CONTEXT, now=now)
        for subject in _known(facts):
            able = policy.check(subject, action, path, CONTEXT, now=now)
            assert (subject in holders) == able
            assert able or subject not in holders.subjects


def _known(facts: tuple[Fact, ...]) -> set[str]:
    names = {fact.subject for fact in facts if isinstance(fact, Grant)}
    names |= {fact.member for fact in facts if isinstance(fact, Membership)}
    return names & set(SUBJECTS)


@few
@given(worlds, st.randoms(use_true_random=False))
def test_order_is_nothing(facts: tuple[Fact, ...], dice: object) -> None:
    """The same facts in another order are the same policy."""
    shuffled = list(facts)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _answers(Policy.load(shuffled), AT_ONE) == _answers(Policy.load(facts), AT_ONE)


@few
@given(worlds, grants(), permissions)
def test_allowing_never_takes_and_denying_never_gives(
    facts: tuple[Fact, ...], grant: Grant, permission: Permission
) -> None:
    """One more allowance removes no right, one more denial adds none, and the denial wins."""
    policy = Policy.load(facts)
    before = _answers(policy, AT_ONE)
    allow, deny = (
        Permission(permission.resource, permission.action, permission.conditions, effect)
        for effect in ("allow", "deny")
    )
    for each, grows in ((allow, True), (deny, False)):
        more = Grant("more", grant.subject, permission=each, scope=grant.scope)
        now_so = _answers(policy.changed([Put(more)], epoch=1), AT_ONE)
        assert all(
            (new or not old) if grows else (old or not new)
            for old, new in zip(before, now_so, strict=True)
        )


def test_a_window_begins_and_ends_without_a_write() -> None:
    """A grant holds from not_before, and until not_after, exactly; time may also go back."""
    policy = Policy.load([Grant("1", "user:ada", permission=WRITE, not_before=10, not_after=20)])
    for now, code in ((9.999, "not-yet-valid"), (10, "allow"), (19.999, "allow"), (20, "expired")):
        for moment in (now, 15, now):
            expected = "allow" if moment == 15 else code
            assert policy.check("user:ada", "write", PATH, now=moment) == (expected == "allow")
            assert policy.decide(Request("user:ada", "write", PATH), now=moment).code == expected
    until = [
        policy.decide(Request("user:ada", "write", PATH), now=now).valid_until
        for now in (0, 10, 20)
    ]
    assert until == [10, 20, float("inf")]


@few
@given(worlds, st.sampled_from(SUBJECTS), st.sampled_from(PATHS))
def test_a_decision_holds_until_it_says(facts: tuple[Fact, ...], subject: str, path: str) -> None:
    """Before ``valid_until`` no other answer is given."""
    policy = Policy.load(facts)
    moments = [0.0, 0.5, 1.0, 1.5, 1.999, 2.0, 3.0]
    for action in ACTIONS:
        for place, now in enumerate(moments):
            decision = policy.decide(Request(subject, action, path, CONTEXT), now=now)
            for later in moments[place:]:
                if later < decision.valid_until:
                    again = policy.decide(Request(subject, action, path, CONTEXT), now=later)
                    assert again.code == decision.code


def test_what_is_unknown_is_denied_with_a_code() -> None:
    """No action, path or subject is an error; it is a no that says why."""
    policy = Policy.load([Grant("1", "user:ada", permission=WRITE)], epoch=7)
    for subject, action, path, code in (
        ("user:ada", "fly", PATH, "unknown-action"),
        ("user:ada", "write", "projects", "bad-path"),
        ("user:ada", "write", "/projects/*", "bad-path"),
        ("user:ada", "write", "/projects/%41", "bad-path"),
        ("", "write", PATH, "no-match"),
        ("user:eve", "write", PATH, "no-match"),
        ("user:ada", "delete", PATH, "no-match"),
    ):
        decision = policy.decide(Request(subject, action, path), now=0)
        assert (decision.allowed, decision.code, decision.epoch) == (False, code, 7)
        assert code in CODES
        assert not policy.check(subject, action, path, now=0)
        assert policy.filter(subject, action, [path], now=0) == []
        assert subject not in policy.who_can(action, path, now=0)
    assert policy.actions("user:ada", "nowhere", now=0) == ()


def test_a_decision_names_the_rules_that_made_it() -> None:
    """Grants, roles and sessions are named, so that somebody can look them up."""
    role = Role("writer", (Permission("/other", "read"), WRITE))
    heir = Role("chief", inherits=("writer",))
    session = "/projects/p/sessions/s"
    facts: list[Fact] = [
        role,
        heir,
        Grant("1", "user:ada", "chief"),
        Grant("2", ANYONE, permission=WRITE),
    ]
    policy = Policy.load(facts)
    request = Request("user:ada", "write", PATH)
    assert policy.decide(request, now=0).rules == ("grant 1, role writer, permission 2", "grant 2")
    confined = Confines(session, (Permission("/**", "read"),))
    after_it = policy.changed([Put(confined)], epoch=1)
    decision = after_it.decide(request, now=0)
    assert (decision.code, decision.rules) == ("confined", (f"confines {session}",))
    assert after_it.check("user:ada", "write", "/projects/p/sessions/t", now=0)
    denial = Permission(f"{PATH}/x", "write", effect="deny")
    denied = policy.changed([Put(Confines(session, (WRITE, denial)))], epoch=1)
    assert denied.decide(Request("user:ada", "write", f"{PATH}/x"), now=0).rules == (
        f"confines {session}, permission 2",
    )
    assert denied.check("user:ada", "write", PATH, now=0)


def test_the_grant_that_is_used_up_by_something_is_named() -> None:
    """One use is spent where nothing else allows it; of several, of the grant that ends first."""
    once = Grant("once", "user:ada", permission=WRITE, uses=1)
    soon = Grant("soon", "user:ada", permission=WRITE, uses=1, not_after=5)
    policy = Policy.load([once, soon])
    request = Request("user:ada", "write", PATH)
    assert policy.spends(request, now=0) == "soon"
    assert policy.spends(request, now=5) == "once"
    assert policy.spends(Request("user:bob", "write", PATH), now=0) is None
    always = policy.changed([Put(Grant("always", ANYONE, permission=WRITE))], epoch=1)
    assert always.spends(request, now=0) is None


def test_who_proved_nothing_has_what_anyone_has() -> None:
    """A name that somebody calls himself gives him nothing."""
    policy = Policy.load(
        [
            Grant("1", ANYONE, permission=Permission("/**", "read")),
            Grant("2", "user:ada", permission=WRITE),
        ]
    )
    assert policy.actions("anonymous:user:ada", PATH, now=0) == ("read",)
    assert policy.values(Request("anonymous:ada", "read", PATH), now=0)["subject"]["groups"] == []  # type: ignore[index]


def test_a_change_is_taken_whole_or_not_at_all() -> None:
    """A policy stays as it was when a change of it is refused."""
    policy = Policy.load([Grant("1", "user:ada", permission=WRITE)], epoch=3)
    with pytest.raises(InvalidPolicy, match="there is no role 'missing'"):
        policy.changed([Drop("grant", "1"), Put(Grant("2", "user:ada", "missing"))], epoch=4)
    assert policy.check("user:ada", "write", PATH, now=0)
    assert policy.epoch == 3


def test_no_fact_is_loaded_twice() -> None:
    """Two facts of one name are refused when a policy is loaded; a change replaces."""
    with pytest.raises(InvalidPolicy, match='grant "1": it is there twice'):
        Policy.load(
            [Grant("1", "user:ada", permission=WRITE), Grant("1", "user:bob", permission=WRITE)]
        )
    policy = Policy.load([Grant("1", "user:ada", permission=WRITE)])
    other = policy.changed([Put(Grant("1", "user:bob", permission=WRITE))], epoch=1)
    assert not other.check("user:ada", "write", PATH, now=0)
    assert other.check("user:bob", "write", PATH, now=0)


def test_a_policy_without_facts_says_so() -> None:
    """Nothing written down is told apart from nothing allowed."""
    assert Policy.load([]).is_empty
    assert not Policy.load([Role("editor")]).is_empty
    assert "0 facts" in repr(Policy.load([]))


def test_facts_are_found_by_name() -> None:
    """What is written down can be read again, one by one and all together."""
    staff = Membership("group:staff", "user:ada")
    confines = Confines("/projects/p/sessions/s", join="closed")
    policy = Policy.load([staff, confines])
    assert policy.fact("membership", "group:staff user:ada") == staff
    assert policy.fact("role", "editor") is None
    assert policy.confines(RoomName("p", "s", "d")) == confines
    assert set(policy.facts()) == {staff, confines}


def _batches(count: int) -> Iterator[list[Change]]:
    for batch in range(10):
        numbers = range(batch, count, 10)
        yield [
            Put(Grant(str(n), f"user:{n}", "editor", scope=f"/projects/{n % 50}")) for n in numbers
        ]


def test_thousands_of_grants_change_at_once() -> None:
    """Bulk changes are one change each, however much was asked in between."""
    policy = Policy.load([Role("editor", (Permission("/**", "write"),))])
    for epoch, batch in enumerate(_batches(2000)):
        policy = policy.changed(batch, epoch=epoch)
        assert policy.check(f"user:{epoch}", "write", f"/projects/{epoch}/x", now=0)
    holders = policy.who_can("write", "/projects/7/x", now=0)
    assert holders.subjects == tuple(sorted(f"user:{n}" for n in range(7, 2000, 50)))
    dropped = policy.changed([Drop("grant", str(n)) for n in range(2000)], epoch=99)
    assert dropped.who_can("write", "/projects/7/x", now=0).subjects == ()


@pytest.mark.fuzz
def test_policies_answer_as_the_laws_say_for_long(seed: int, for_s: float) -> None:
    """The same for many more policies, and changes of them."""

    @settings(max_examples=50, database=None)
    @given(worlds, puts, st.integers(0, 2), st.sampled_from(TIMES))
    def agree(facts: tuple[Fact, ...], put: list[Change], drops: int, now: float) -> None:
        step = changed(facts, put, drops)
        policy = Policy.load(facts)
        agree_with_the_laws(policy, facts, now)
        agree_with_the_laws(policy.changed(step, epoch=1), after(facts, step), now)

    ends = time.monotonic() + for_s
    while time.monotonic() < ends:
        seed += 1
        hypothesis.seed(seed)(agree)()
