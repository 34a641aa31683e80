"""Who comes in by the policy in force, and what the audit is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from access.controls import (
    ADA,
    BEN,
    DOCUMENT,
    HOST,
    PLAN,
    ROOM,
    WRITER,
    Control,
    controlling,
    guarding,
)
from collabkit.access.admission import Company
from collabkit.access.facts import Put
from collabkit.access.model import Identity, Refusal, Rights
from collabkit.access.rules import Confines, Grant, Permission
from collabkit.access.witness import AuditPolicy
from collabkit.crdt.touches import Touch
from collabkit.ids import RoomName


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[Control]:
    """Rules by which ada writes in a project, and ben does so in a part of documents."""
    async with guarding(tmp_path) as access:
        yield access


async def test_who_may_not_come_in_is_told_of(access: Control) -> None:
    """And who may has his rights; without a policy his token alone decides."""
    assert isinstance(access.admit(Identity(ADA), ROOM), Rights)
    refusal = access.admit(Identity(ADA), RoomName.parse("other~plan"))
    assert isinstance(refusal, Refusal)
    assert isinstance(access.admit(Identity(HOST, is_host=True), ROOM), Rights)
    path = "/projects/other/sessions/plan/docs/main"
    assert await access.told() == [(ADA, f"read {path}", "no-match")]


async def test_what_is_refused_inside_a_document_is_told_of(access: Control) -> None:
    """By its place, and never what it was; what the host knows of a connection has a say."""
    rights = access.admit(Identity(BEN), ROOM)
    assert isinstance(rights, Rights)
    assert rights.judge is not None
    touches = [Touch("write", ("todos", None), "insert"), Touch("write", ("title",), "set")]
    decisions = rights.judge(touches, now=access.clock.now)
    assert [bool(one) for one in decisions] == [True, False]
    assert await access.told() == [(BEN, f"write {DOCUMENT}/title", "condition-error")]
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
    assert await access.told() == [(ADA, f"read {PLAN}", "join-closed")]


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
