"""The guard: what edits touch, asked of a policy."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.access.guard import Guard
from collabkit.access.policy import Policy
from collabkit.access.rules import Decision, Grant, Permission, Request
from collabkit.crdt.touches import Touch
from collabkit.ids import RoomName, Subject
from crdt.crafting import shared, update, values
from crdt.placing import touched

ADA, ROOM = Subject("user:ada"), RoomName.parse("acme~plan/notes")
ONE = b"\x7d\x01"
BASE = "/projects/acme/sessions/plan/docs/notes"


def policy(*rules: tuple[str, str] | tuple[str, str, str], effect: Any = "allow") -> Policy:
    """Ada may do these actions there, under these conditions."""
    return Policy.load(
        Grant(
            id=str(number),
            subject=ADA,
            permission=Permission(BASE + where, action, tuple(conditions), effect),  # type: ignore[arg-type]
        )
        for number, (action, where, *conditions) in enumerate(rules)
    )


def guard(*rules: tuple[str, str] | tuple[str, str, str], **context: object) -> Guard:
    """A guard by these rules."""
    return Guard(policy(*rules), ADA, ROOM, context)


class Counted:
    """A policy that counts how often it decides."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.times = 0

    def decide(self, request: Request, *, now: float) -> Decision:
        """Decide."""
        self.times += 1
        return self.policy.decide(request, now=now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.policy, name)


def write(*steps: str | None, **changed: Any) -> Touch:
    """Something is set."""
    return Touch("write", steps, "set", **changed)


def delete(*steps: str | None, **changed: Any) -> Touch:
    """Something is removed."""
    return Touch("delete", steps, "remove", **changed)


def test_what_is_allowed_is_allowed_where_it_is() -> None:
    """By action and path; elements of sequences have a name that no key can have."""
    judge = guard(("write", "/todos/*/done"), ("delete", "/todos/[]"))
    touches = [write("todos", None, "done"), write("todos", "[]", "done"), write("todos", None)]
    assert [bool(one) for one in judge(touches, now=0)] == [True, True, False]
    exact = guard(("write", "/todos/[]/done"))
    assert [bool(one) for one in exact(touches, now=0)] == [True, False, False]
    told = exact(touches[2:], now=0)[0]
    assert (told.allowed, told.code) == (False, "no-match")


def test_what_is_nowhere_is_refused() -> None:
    """Whatever the rules are."""
    [told] = guard(("write", "/**"), ("delete", "/**"))([write()], now=0)
    assert (told.allowed, told.code) == (False, "bad-path")


@pytest.mark.parametrize(
    ("condition", "touch", "allowed"),
    [
        ("change.own", delete("t", own=True), True),
        ("change.own", delete("t", own=False), False),
        ("change.appends", Touch("write", ("t",), "insert", appends=True), True),
        ("change.appends", Touch("write", ("t",), "insert"), False),
        ('change.kind == "format"', Touch("write", ("t",), "format"), True),
        ('change.kind == "format"', Touch("write", ("t",), "insert"), False),
        ('context.peer == "::1"', write("t"), True),
        ('context.peer == "::2"', write("t"), False),
    ],
)
def test_conditions_see_the_change(condition: str, touch: Touch, allowed: bool) -> None:
    """And what the host told of the connection; each time anew."""
    judge = guard((touch.action, "/t", condition), peer="::1")
    other = Touch(touch.action, touch.steps, touch.kind, own=not touch.own)
    for _ in range(2):
        assert judge([touch], now=0)[0].allowed is allowed
        judge([other], now=0)


def test_a_decision_is_remembered_until_it_may_change() -> None:
    """But not if a condition has a say in it."""
    counted = Counted(policy(("write", "/t"), ("write", "/m/*", "change.own")))
    judge = Guard(counted, ADA, ROOM)
    for own in (True, False, True):
        assert judge([write("t", own=own)], now=0)[0].allowed
    assert counted.times == 1
    assert [judge([write("m", "k", own=own)], now=0)[0].allowed for own in (True, False)] == [
        True,
        False,
    ]
    assert counted.times == 3


def test_a_window_closes_on_what_is_remembered() -> None:
    """To the moment."""
    permission = Permission(f"{BASE}/t", "write")
    judge = Guard(Policy.load([Grant("g", ADA, None, permission, not_after=5.0)]), ADA, ROOM)
    assert [judge([write("t")], now=now)[0].allowed for now in (0, 4.9, 5.0)] == [True, True, False]


BOX = [
    update((1, 0, [
        shared(1, root="m", key="box"),
        values(b"\x7d\x01", parent=(1, 0), key="a"),
        values(b"\x7d\x01", parent=(1, 0), key="locked"),
        values(b"\x7d\x01", root="m", key="other"),
    ]))
]  # fmt: skip


def test_of_what_is_in_something_that_is_refused_nothing_is_asked() -> None:
    """However much that is; of what is deleted beside it, all is."""
    inside = [values(ONE, parent=(1, 0), key=f"{key}") for key in range(1_000)]
    box = [update((1, 0, [shared(1, root="m", key="box"), *inside, values(ONE, root="z")]))]
    touches = touched(box, update(deletes={1: [(0, 1), (1_001, 1)]}))
    counted = Counted(policy(("delete", "/z"), ("delete", "/m/box/*")))
    assert [each.allowed for each in Guard(counted, ADA, ROOM)(touches, now=0)] == [
        *[False] * 1_001,
        True,
    ]
    assert counted.times == 2


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([("delete", "/m/*"), ("delete", "/m/box/a")], [False, False, False, True]),
        ([("delete", "/m/box/*"), ("delete", "/m/other")], [False, False, False, True]),
        ([("delete", "/m/**")], [True, True, True, True]),
        ([("delete", "/m/box"), ("delete", "/m/box/**")], [True, True, True, False]),
    ],
)
def test_a_container_is_deleted_with_all_in_it_or_not_at_all(
    rules: list[tuple[str, str]], allowed: list[bool]
) -> None:
    """So what nobody may delete keeps what it is in, and what is kept keeps what is in it."""
    touches = touched(BOX, update(deletes={1: [(0, 4)]}))
    assert [touch.steps[1:] for touch in touches] == [
        ("box",), ("box", "a"), ("box", "locked"), ("other",)
    ]  # fmt: skip
    assert [one.allowed for one in guard(*rules)(touches, now=0)] == allowed


def test_who_overwrites_a_container_may_write_all_in_it() -> None:
    """Also if his update says nothing of what is in it."""
    touches = touched(BOX, update((2, 0, [values(b"\x7d\x01", origin=(1, 0))])))
    assert not any(guard(("write", "/m/box"), ("write", "/m/box/a"))(touches, now=0))
    assert all(guard(("write", "/m/box/**"))(touches, now=0))


def test_it_says_whom_it_watches() -> None:
    """And where."""
    assert repr(guard()) == f"<Guard of {BASE} against user:ada>"
