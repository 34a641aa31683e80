"""Whoever asks why is told what was decided, and what would have been needed."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from access.worlds import USERS, cases, questions
from collabkit.access.explaining import Explanation, Miss, explain
from collabkit.access.facts import Put
from collabkit.access.planning import plan
from collabkit.access.policy import Policy
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

NOW = 1_000_000.0
DAY = 86_400.0
PLAN = "/projects/acme/sessions/plan"
MAIN = f"{PLAN}/docs/main"
WRITE = Permission(f"{PLAN}/docs/**", "write")
EDITOR = Role("editor", (WRITE, Permission(f"{PLAN}/docs/**", "delete", ("change.own",))))


def ask(
    *facts: Fact, action: str = "write", path: str = MAIN, context: dict[str, object] | None = None
) -> Explanation:
    """Why Ada may do something, or may not, by some facts."""
    request = Request("user:ada", action, path, context or {})
    return explain(Policy.load(facts), request, NOW)


def alone(permission: Permission = WRITE, **fields: object) -> Grant:
    """One permission, granted to Ada."""
    return Grant("1", "user:ada", permission=permission, **fields)  # type: ignore[arg-type]


def test_an_explanation_tells_the_whole_way_of_each_rule() -> None:
    """Through which groups and roles it came, by whom, why, and how long it stays."""
    told = ask(
        EDITOR,
        Role("lead", inherits=("editor",)),
        Membership("group:crew", "user:ada"),
        Membership("group:staff", "group:crew"),
        Grant(
            "7",
            "group:staff",
            "lead",
            scope="/projects/acme",
            not_after=NOW + 3 * DAY,
            granted_by="user:root",
            reason="spring",
        ),
        action="delete",
        context={"change": {"own": True}},
    )
    assert told
    assert (
        str(told)
        == f"""\
user:ada may delete {MAIN}: a rule allows it, and none denies it (allow), for 3 days
  grant 7, role editor, permission 2 allows it, for 3 days more
    delete on {PLAN}/docs/**, of the role lead > editor, through group:crew > group:staff, \
granted in /projects/acme by user:root, since 'spring'
    if change.own: true"""
    )
    (reason,) = told.rules
    assert reason.groups == ("group:crew", "group:staff")
    assert reason.roles == ("lead", "editor")
    assert told.deciding == (reason.rule,)


def test_a_denial_tells_what_its_conditions_came_to() -> None:
    """Part by part, with what was missing, and what would have been needed instead."""
    condition = "subject.id == 'user:bob' || change.own"
    told = ask(alone(Permission(MAIN, "write", (condition, "now < 5.0"))))
    assert (
        str(told)
        == f"""\
user:ada may not write {MAIN}: a rule would allow it, but a condition of it is false \
(condition-false), for 1 s
  grant 1 would allow it, but a condition is false
    write on {MAIN}, granted in /**
    if {condition}: it failed
      subject.id: 'user:ada'
      subject.id == 'user:bob': false
      change.own: change.own is missing
    if now < 5.0: false
      now: 1000000.0
  nearest: grant 1, but its condition `{condition}` failed; its condition `now < 5.0` is false"""
    )


@pytest.mark.parametrize(
    ("facts", "miss"),
    [
        ([alone(not_after=NOW - 7200)], ("grant 1", "its time was over 2 h ago")),
        ([alone(not_before=NOW + 90)], ("grant 1", "its time comes in 2 min")),
        ([alone(uses=0)], ("grant 1", "it was used as often as it may be")),
        (
            [alone(Permission(MAIN, "write", ("change.own",)))],
            ("grant 1", "its condition `change.own` failed"),
        ),
        ([alone(Permission(MAIN, "read"))], ("grant 1", "it is to read, not to write")),
        (
            [alone(Permission(f"{PLAN}/docs/*/x", "write"))],
            ("grant 1", "it is for `x` beneath that"),
        ),
        (
            [alone(Permission(PLAN, "write"))],
            ("grant 1", f"it is not for what is beneath `{PLAN}`"),
        ),
        (
            [alone(Permission("/projects/acme/sessions/draft/**", "write"))],
            ("grant 1", "it is for `draft`, not for `plan`"),
        ),
        ([EDITOR], ("role editor", "user:ada does not have it there")),
        ([alone(Permission("/projects/beta/sessions/s/**", "write"))], None),
        ([], None),
    ],
)
def test_the_nearest_miss_says_what_is_missing(
    facts: list[Fact], miss: tuple[str, str] | None
) -> None:
    """Time, uses, a condition, the action, a segment, or a role; beyond that nothing was near."""
    nearest = ask(*facts).nearest
    assert nearest == (None if miss is None else Miss(miss[0], miss[1:]))


def test_of_several_misses_the_nearest_is_told() -> None:
    """What lacks less is nearer; of what lacks as much, time before the action, before a role."""
    late = alone(not_after=NOW)
    failing = Grant("2", "user:ada", permission=Permission(MAIN, "write", ("change.own",)))
    assert ask(failing, late).code == "condition-error"
    assert ask(failing, late).nearest == Miss("grant 1", ("its time was over 0 s ago",))
    reads = Grant("0", "user:ada", permission=Permission(MAIN, "read"))
    both = Grant("00", "user:ada", permission=Permission(MAIN, "read"), not_after=NOW)
    assert ask(EDITOR, both, reads, late).nearest == Miss("grant 1", ("its time was over 0 s ago",))
    assert ask(EDITOR, both, reads).nearest == Miss("grant 0", ("it is to read, not to write",))
    assert ask(EDITOR, both).nearest == Miss("role editor", ("user:ada does not have it there",))


def test_what_denies_is_missing_as_well() -> None:
    """An allowance that applies lacks only that nothing denies it, or confines the session."""
    deny = Grant("no", ANYONE, permission=Permission("/**", "write", effect="deny"))
    assert ask(alone(), deny).nearest == Miss("grant 1", ("grant no denies it",))
    failing = Permission("/**", "write", ("change.own",), "deny")
    denied = ask(alone(), Grant("no", ANYONE, permission=failing))
    assert denied.code == "condition-error"
    assert denied.nearest == Miss("grant 1", ("grant no denies it",))
    assert [reason.outcome for reason in denied.rules] == ["", ""]
    confined = ask(alone(), Confines(PLAN, (Permission("/**", "read"),)))
    assert confined.nearest == Miss("grant 1", ("the session lets nobody do it",))


def test_what_cannot_be_asked_is_told_so() -> None:
    """No such action, no such path: nothing is near that."""
    assert ask(alone(), action="fly").code == "unknown-action"
    told = ask(alone(), path="/projects/*")
    assert (told.code, told.rules, told.nearest) == ("bad-path", (), None)


def test_an_explanation_is_json() -> None:
    """All that it tells has a form for programs."""
    told = ask(alone(Permission(MAIN, "write", ("size(subject.groups) > 0",))))
    read = msgspec.json.decode(msgspec.json.encode(told))
    assert read["rules"][0]["conditions"][0]["parts"][0] == {
        "text": "subject.groups",
        "value": [],
        "error": "",
    }
    assert read["valid_until"] is None
    assert read["nearest"]["rule"] == "grant 1"


def test_what_is_told_is_what_was_decided(seed: int) -> None:
    """By the rules that are told, and by how each came out, anybody decides the same."""
    asked = allowed = 0
    dice = Random(seed)
    for policy, _, _ in cases(dice, 40):
        for action, path, context, now in dice.sample(list(questions()), 12):
            request = Request(dice.choice(USERS), action, path, context)
            told = explain(policy, request, now)
            decision = policy.decide(request, now=now)
            assert (told.allowed, told.code, told.deciding) == (
                decision.allowed,
                decision.code,
                decision.rules,
            )
            sides = [{each.effect for each in told.rules if not each.outcome}]
            if policy.confining("/projects/p/sessions/s") and path.startswith("/projects/p/s"):
                sides.append({each.effect for each in told.confining if not each.outcome})
            assert told.allowed == all(side == {"allow"} for side in sides), str(told)
            assert told.nearest is None or told.nearest.lacks
            asked, allowed = asked + 1, allowed + told.allowed
    assert asked > allowed > 30


def test_nobody_writes_lines_of_an_explanation() -> None:
    """What is in a path, a condition or a name stays in the line that tells it."""
    path = "/projects/a\u2028yes: she may"
    forging = Permission(f"{path}/**", "write", ("1 == 1\n|| 1 == 2",))
    policy = Policy.load([Grant("1", "user:eve", permission=forging, granted_by="x\nyes")])
    lines = str(explain(policy, Request("user:eve", "write", f"{path}/x"), 0.0)).splitlines()
    assert len(lines) == 4
    planned = str(plan(Policy.load([]), [Put(policy.facts()[0])], 0.0)).splitlines()
    assert [line.partition(" ")[0] for line in planned] == ["+", "user:eve"]
