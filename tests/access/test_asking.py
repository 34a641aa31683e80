"""What may be asked of the policy in force, and who is told of the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from access.controls import ACME, ADA, BEN, HOST, PLAN, WRITER, Control, controlling
from collabkit.access.admission import Company
from collabkit.access.facts import Drop, Put
from collabkit.access.model import Identity, Refusal, Rights
from collabkit.access.rules import Confines, Grant, Permission, Request, Role
from collabkit.access.witness import AuditPolicy
from collabkit.crdt.touches import Touch
from collabkit.errors import AccessDenied
from collabkit.ids import RoomName

ROOM = RoomName.parse("acme~plan")
DOCUMENT = f"{PLAN}/docs/main"
GUARDED = Role(
    "guarded",
    (
        Permission("/**", "read"),
        Permission("/projects/*/sessions/*/docs/*/todos/**", "write"),
        Permission("/**", "write", ("context.department == 'law'",)),
    ),
)


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Control]:
    """Rules by which ada writes in a project, and ben does so in a part of documents."""
    declared = {"context.department": "string"}
    async with controlling(tmp_path, attributes=declared) as access:
        async with access.transaction() as changes:
            changes.put(WRITER, GUARDED)
            changes.grant(ADA, "writer", scope=ACME)
            changes.grant(BEN, "guarded", scope=ACME)
        yield access


async def told(access: Control) -> list[tuple[str, str, Any]]:
    """What the audit says of what was done and refused: who, what, and where."""
    await access.flush()
    lines = access.lines("access-*")
    return [
        (one.subject, f"{one.data['action']} {one.data['path']}", one.data.get("code"))
        for one in lines
    ]


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
    assert await told(access) == []


async def test_who_acts_on_an_answer_tells_of_it(access: Control) -> None:
    """What is required and not allowed is refused, with the reason, and the audit knows."""
    assert access.require(ADA, "write", PLAN).allowed
    with pytest.raises(AccessDenied, match=r"may not admin .*plan: no rule allows it"):
        access.require(ADA, "admin", ("projects", "acme", "sessions", "plan"))
    assert await told(access) == [(ADA, f"admin {PLAN}", "no-match")]


async def test_who_may_not_come_in_is_told_of(access: Control) -> None:
    """And who may has his rights; without a policy his token alone decides."""
    assert isinstance(access.admit(Identity(ADA), ROOM), Rights)
    refusal = access.admit(Identity(ADA), RoomName.parse("other~plan"))
    assert isinstance(refusal, Refusal)
    assert isinstance(access.admit(Identity(HOST, is_host=True), ROOM), Rights)
    path = "/projects/other/sessions/plan/docs/main"
    assert await told(access) == [(ADA, f"read {path}", "no-match")]


async def test_what_is_refused_inside_a_document_is_told_of(access: Control) -> None:
    """By its place, and never what it was; what the host knows of a connection has a say."""
    rights = access.admit(Identity(BEN), ROOM)
    assert isinstance(rights, Rights)
    assert rights.judge is not None
    touches = [Touch("write", ("todos", None), "insert"), Touch("write", ("title",), "set")]
    decisions = rights.judge(touches, now=access.clock.now)
    assert [bool(one) for one in decisions] == [True, False]
    assert await told(access) == [(BEN, f"write {DOCUMENT}/title", "condition-error")]
    lawyer = access.admit(Identity(BEN, attributes={"department": "law"}), ROOM)
    assert isinstance(lawyer, Rights)
    assert lawyer.judge is not None
    assert all(lawyer.judge(touches, now=access.clock.now))


async def test_who_may_not_join_is_told_of(access: Control) -> None:
    """A session may be closed to those who may read it."""
    assert access.join(Identity(ADA), ROOM, Company()) is None
    await access.change([Put(Confines(PLAN, join="closed"))])
    refusal = access.join(Identity(ADA), ROOM, Company())
    assert refusal is not None
    assert await told(access) == [(ADA, f"read {PLAN}", "join-closed")]


async def test_who_may_create(access: Control, tmp_path: Path) -> None:
    """Whom the policy lets, or who may write while there is none; nobody in what is archived."""
    reader = Identity(ADA, can_write=False)
    assert not access.may_create(Identity(ADA), ROOM)
    await access.grant(
        ADA, permission=Permission("/projects/*/ops/create", "execute"), scope="/projects/acme"
    )
    assert access.may_create(Identity(ADA), ROOM)
    assert not access.may_create(reader, ROOM)
    assert not access.may_create(Identity(ADA), RoomName.parse("other~plan"))
    assert access.may_create(Identity(HOST, is_host=True), ROOM)
    await access.file.create_project("acme", by=ADA)
    await access.archive_project("acme", by=ADA)
    assert not access.may_create(Identity(ADA), ROOM)
    rights = access.admit(Identity(ADA), ROOM)
    assert isinstance(rights, Rights)
    assert not rights.can_write
    (tmp_path / "empty").mkdir()
    async with controlling(tmp_path / "empty") as empty:
        assert empty.may_create(Identity(ADA), ROOM)
        assert not empty.may_create(reader, ROOM)


async def test_reads_and_writes_are_counted_if_asked_for(tmp_path: Path) -> None:
    """A line a minute says how often who did what in which document."""
    async with controlling(tmp_path, audit=AuditPolicy(reads=True, writes=True)) as access:
        await access.change([Put(WRITER), Put(Grant("1", ADA, "writer"))])
        for _ in range(3):
            access.admit(Identity(ADA), ROOM)
            access.require(ADA, "write", f"{DOCUMENT}/title")
        await access.flush()
        reads, writes = access.lines("access-*")
        assert (reads.action, reads.data["again"], reads.data["path"]) == (
            "access-read",
            3,
            DOCUMENT,
        )
        assert (writes.action, writes.data["again"]) == ("access-write", 3)
        assert writes.data["path"] == DOCUMENT
