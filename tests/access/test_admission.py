"""Who comes in: claims of a token and the policy, and who may join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from collabkit.access.admission import JOIN_CODES, Company, admit, join
from collabkit.access.model import Identity, Refusal, Rights
from collabkit.access.policy import Policy
from collabkit.access.rules import CODES, Confines, Decision, Fact, Grant, Permission
from collabkit.ids import RoomName, Subject

ROOM = RoomName.parse("acme~plan/notes")
SESSION = "/projects/acme/sessions/plan"
NOTES = f"{SESSION}/docs/notes"
ADA = Identity(Subject("user:ada"))
READER = Identity(Subject("user:ada"), can_write=False)
NEVER = float("inf")


def judging(subject: Subject, room: RoomName) -> Any:
    def judge(touches: Sequence[Any], *, now: float) -> Sequence[Decision]:
        return []

    return judge


def policy(*permissions: Permission, **limits: Any) -> Policy:
    """Grants of Ada's, one a permission."""
    facts: list[Fact] = [
        Grant(str(number), "user:ada", permission=permission, **limits)
        for number, permission in enumerate(permissions)
    ]
    return Policy.load(facts)


READ = Permission(f"{NOTES}/**", "read")
WRITE = Permission(f"{NOTES}/**", "write")
DELETE = Permission(f"{NOTES}/**", "delete")
SOME = Permission(f"{NOTES}/todo/**", "write")


def ask(
    policy: Policy, identity: Identity = ADA, *, now: float = 100.0, **options: Any
) -> Rights | Refusal:
    return admit(policy, identity, ROOM, now, judging=judging, **options)


@pytest.mark.parametrize("can_write", [True, False])
def test_without_a_policy_claims_decide(can_write: bool) -> None:
    """And they hold until the token ends."""
    identity = Identity(Subject("user:ada"), can_write=can_write, expires_at_ms=150_000)
    rights = ask(policy(), identity)
    assert isinstance(rights, Rights)
    assert (rights.can_read, rights.can_write, rights.judge) == (True, can_write, None)
    assert (rights.until, rights.path) == (150.0, NOTES)


@pytest.mark.parametrize(
    ("permissions", "identity", "expected"),
    [
        ((WRITE,), ADA, None),
        ((READ,), ADA, (False, False)),
        ((READ, WRITE, DELETE), ADA, (True, False)),
        ((READ, WRITE), ADA, (True, True)),
        ((READ, SOME), ADA, (True, True)),
        ((READ, WRITE, DELETE), READER, (False, False)),
        ((), Identity(Subject("user:ada"), is_host=True), (True, False)),
    ],
    ids=["no read", "read", "all", "no delete", "some", "all but the token", "host"],
)
def test_claims_and_policy_must_both_allow(
    permissions: tuple[Permission, ...], identity: Identity, expected: tuple[bool, bool] | None
) -> None:
    """A judge is given for *some* alone; who may not read is refused."""
    others = Grant("other", "user:bob", permission=READ)
    rights = ask(Policy.load([*policy(*permissions).facts(), others]), identity)
    if expected is None:
        assert rights == Refusal(4403, CODES["no-match"])
        return
    assert isinstance(rights, Rights)
    assert (rights.can_write, rights.judge is not None) == expected
    assert bool(rights.reason) is not rights.can_write


def test_what_is_answered_holds_until_something_ends() -> None:
    """The nearest of the token's end and the windows of what was asked."""
    facts = [
        Grant("r", "user:ada", permission=READ),
        Grant("w", "user:ada", permission=WRITE, not_before=200.0, not_after=300.0),
    ]
    short = Identity(Subject("user:ada"), expires_at_ms=120_000)
    told = [ask(Policy.load(facts), who, now=now) for who in (ADA, short) for now in (100.0, 250.0)]
    found = [(r.can_write, r.until) for r in told if isinstance(r, Rights)]
    assert found == [(False, 200.0), (True, 300.0), (False, 120.0), (True, 120.0)]


def test_an_archived_project_is_for_readers() -> None:
    """Whatever was granted, and whoever it is."""
    for identity in (ADA, Identity(Subject("host:x"), is_host=True)):
        rights = ask(policy(READ, WRITE, DELETE), identity, archived=True)
        assert isinstance(rights, Rights)
        assert (rights.can_write, rights.reason) == (False, CODES["archived"])


def test_conditions_see_what_is_known_of_somebody() -> None:
    """Attributes of the identity, and what is told of the connection, which counts more."""
    here = Permission(f"{NOTES}/**", "read", conditions=('context.peer == "10.0.0.1"',))
    known = Identity(Subject("user:ada"), attributes={"peer": "192.0.2.1"})
    assert isinstance(ask(policy(here), known), Refusal)
    assert isinstance(ask(policy(here), known, context={"peer": "10.0.0.1"}), Rights)


ANON = Identity(Subject("anonymous:ada"))


@pytest.mark.parametrize(
    ("confines", "identity", "company", "invited", "code"),
    [
        (None, ADA, Company(9, 9), False, None),
        (Confines(SESSION, join="closed"), ADA, Company(), True, "join-closed"),
        (Confines(SESSION, join="closed"), ADA, Company(0, 1), False, None),
        (Confines(SESSION, join="invited"), ADA, Company(), False, "join-invited"),
        (Confines(SESSION, join="invited"), ADA, Company(), True, None),
        (Confines(SESSION, participants=2), ADA, Company(2), True, "too-many-participants"),
        (Confines(SESSION, participants=2), ADA, Company(2, 1), False, None),
        (Confines(SESSION, connections=2), ADA, Company(1, 2), False, "too-many-connections"),
        (Confines(SESSION, connections=2), ADA, Company(1, 1), False, None),
        (Confines(SESSION, connections=1), ANON, Company(5, 1), False, None),
    ],
)
def test_who_may_join(
    confines: Confines | None, identity: Identity, company: Company, invited: bool, code: str | None
) -> None:
    """Each restriction has its own code; who is there already may come once more."""
    refusal = join(confines, identity, company, invited=invited)
    told = None if refusal is None else (refusal.code, refusal.reason)
    assert told == (None if code is None else (JOIN_CODES[code], CODES[code]))


def test_the_host_joins_whatever_is_closed() -> None:
    """It is nobody's participant."""
    host = Identity(Subject("host:x"), is_host=True)
    closed = Confines(SESSION, join="closed", participants=0)
    assert join(closed, host, Company(1), invited=False) is None
