"""Access control as a host uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from access.controls import ACME, ADA, ADMIN, BEN, PLAN, WRITER, controlling
from collabkit.access.control import AccessControl
from collabkit.access.facts import Put
from collabkit.access.rules import Confines, Grant, Permission, Request
from collabkit.access.templates import ROLES
from collabkit.errors import (
    AccessDenied,
    CannotWrite,
    InvalidPolicy,
    ProjectArchived,
    SessionExists,
    SessionNotFound,
)
from collabkit.ids import RoomName, Subject
from collabkit.store.base import SessionRecord
from collabkit.store.charter import Amendment
from sessions.disks import full

READ = Request(ADA, "read", PLAN)
WRITE = Request(ADA, "write", PLAN)


async def test_a_grant_is_given_and_taken(tmp_path: Path) -> None:
    """It says who gave it and why; what was given in error is an error."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER)])
        made = await access.grant(ADA, "writer", scope=ACME, reason="she asked")
        assert (made.granted_by, made.reason) == ("host:test", "she asked")
        assert access.check(ADA, "write", PLAN)
        assert await access.revoke(made.id, reason="she left") == 3
        assert not access.check(ADA, "write", PLAN)
        only = Permission("/**", "read")
        assert (await access.grant(ADA, permission=only, uses=1)).permission == only
        with pytest.raises(InvalidPolicy):
            await access.grant(ADA)


@pytest.mark.parametrize("for_", [60, 60.0, timedelta(minutes=1)])
async def test_a_grant_for_a_time_ends_with_it(tmp_path: Path, for_: float | timedelta) -> None:
    """To the second, and without anybody doing anything; in a session, nowhere else."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER)])
        await access.grant_temporary(ADA, "writer", for_=for_, scope=PLAN)
        await access.elevate(BEN, "writer", session="acme~plan", for_=for_)
        access.clock.now += 59.999
        assert access.check(ADA, "write", PLAN)
        assert access.check(BEN, "write", f"{PLAN}/docs/main")
        assert not access.check(BEN, "write", f"{ACME}/sessions/other")
        assert access.decide(WRITE).valid_until == access.clock.now + 0.001
        access.clock.now = 1_000_060.0
        assert access.decide(WRITE).code == "expired"
        assert not access.check(BEN, "write", PLAN)


@pytest.mark.parametrize("for_", [0, -1.0, timedelta(0), float("nan")])
async def test_nothing_is_granted_for_no_time(tmp_path: Path, for_: float | timedelta) -> None:
    """It would be over before it began, which nobody means."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER)])
        with pytest.raises(InvalidPolicy, match="would hold for"):
            await access.grant_temporary(ADA, "writer", for_=for_)
        assert access.policy.epoch == 1


async def test_a_session_confines(tmp_path: Path) -> None:
    """Whatever was granted, until it does not any more."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER), Put(Grant("1", ADA, role="writer"))])
        room = RoomName.parse("acme~plan")
        made = await access.confine(
            room, Permission("/**", "read"), join="invited", participants=3, connections=2
        )
        assert made == Confines(PLAN, (Permission("/**", "read"),), "invited", 3, 2)
        assert access.decide(WRITE).code == "confined"
        assert access.policy.confines(room) == made
        await access.unconfine("acme~plan")
        assert access.check(ADA, "write", PLAN)


async def test_each_use_is_counted_before_it_counts(tmp_path: Path) -> None:
    """Many at a time use a grant no more often than it says; what is for ever costs nothing."""
    async with controlling(tmp_path) as access:
        three = Grant("3", ADA, role="writer", uses=3)
        await access.change([Put(WRITER), Put(three), Put(Grant("x", BEN, role="writer"))])
        assert await access.use("x") is None
        results = await asyncio.gather(
            *(access.spend(WRITE) for _ in range(5)), return_exceptions=True
        )
        assert [isinstance(one, AccessDenied) for one in results].count(True) == 2
        left = access.policy.fact("grant", "3")
        assert isinstance(left, Grant)
        assert left.uses == 0
        assert access.decide(WRITE).code == "used-up"
        for gone in ("3", "none"):
            with pytest.raises(AccessDenied):
                await access.use(gone)
        await access.flush()
        (denial, *more) = access.lines("access-denied")
        assert (denial.data["code"], [one.data["again"] for one in more]) == ("used-up", [1])
    async with controlling(tmp_path) as access:
        assert access.decide(WRITE).code == "used-up"


async def test_who_makes_something_owns_it(tmp_path: Path) -> None:
    """In one transaction with it, once there are rules at all; nobody who proved nothing does."""
    async with controlling(tmp_path) as access:

        def making(name: str) -> Callable[[Amendment | None], asyncio.Future[SessionRecord]]:
            return lambda amendment: asyncio.ensure_future(
                access.file.create_session(
                    name, project="acme", kind="single", by=ADA, amendment=amendment
                )
            )

        async def found(name: str, owner: Subject | None) -> SessionRecord:
            scope = f"{ACME}/sessions/{name}"
            return await access.founding(scope, making(name), owner=owner)

        await found("early", ADA)
        assert access.policy.is_empty
        await access.change([Put(WRITER)])
        record = await found("plan", ADA)
        assert (record.name, access.policy.epoch) == ("plan", 2)
        assert access.policy.fact("role", "owner") == ROLES["owner"]
        assert access.check(ADA, "admin", PLAN)
        assert not access.check(ADA, "admin", f"{ACME}/sessions/early")
        for nobody in (None, Subject("anonymous:eve")):
            await found(f"of-{nobody is None}", nobody)
        assert access.policy.epoch == 2
        with pytest.raises(SessionExists):
            await found("plan", BEN)
        assert not access.check(BEN, "admin", PLAN)
        assert (await access.file.facts())[0] == access.policy.epoch == 2


async def test_nothing_is_made_without_its_owner(tmp_path: Path) -> None:
    """If somebody else changed the rules meanwhile, both are tried again, and made once."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER)])
        other = AccessControl(access.file, clock=access.clock)
        await other.load()
        tries: list[int] = []

        async def make(amendment: Amendment | None) -> SessionRecord:
            assert amendment is not None
            tries.append(amendment.expected)
            if len(tries) == 1:
                await other.grant(BEN, "writer")
                with pytest.raises(SessionNotFound):
                    await access.file.find_session("plan", project="acme")
            return await access.file.create_session(
                "plan", project="acme", kind="single", by=ADA, amendment=amendment
            )

        await access.founding(PLAN, make, owner=ADA)
        assert (tries, access.policy.epoch) == ([1, 2], 3)
        assert access.check(ADA, "admin", PLAN)
        assert access.check(BEN, "write", PLAN)


async def test_what_was_granted_in_something_goes_with_it(tmp_path: Path) -> None:
    """Whoever makes one of its name later has nobody in it whom he did not let in."""
    async with controlling(tmp_path) as access:
        record = await access.file.create_session("plan", project="acme", kind="single", by=ADA)

        async def remove(amendment: Amendment | None) -> None:
            await access.file.delete_session(record.id, amendment=amendment)

        kept = Grant("kept", ADA, role="writer", scope="/projects/*/sessions/plan")
        async with access.transaction() as changes:
            changes.put(WRITER, kept, Confines(PLAN, join="closed"))
            changes.grant(BEN, "writer", scope=PLAN)
            changes.grant(BEN, "writer", scope=f"{PLAN}/docs/*")
        await access.removing(PLAN, remove, by=ADA)
        assert set(access.policy.facts()) == {WRITER, kept}
        assert await access.file.sessions() == []
        epoch = access.policy.epoch
        record = await access.file.create_session("plan", project="acme", kind="single", by=ADA)
        await access.removing(PLAN, remove, by=ADA)
        assert (await access.file.sessions(), access.policy.epoch) == ([], epoch)
        assert access.faults() == []


async def test_an_archived_project_is_known_at_once(tmp_path: Path) -> None:
    """And when the file is opened again; who listens is told."""
    async with controlling(tmp_path) as access:
        heard: list[object] = []
        await access.file.create_project("acme", by=ADA)
        access.subscribe(lambda changed: heard.append(changed.subjects))
        await access.archive_project("acme", by=ADA)
        assert (access.is_archived("acme"), heard) == (True, [None])
        with pytest.raises(ProjectArchived):
            await access.file.create_session("plan", project="acme", kind="single", by=ADA)
    async with controlling(tmp_path) as access:
        assert access.is_archived("acme")
        await access.archive_project("acme", by=ADA, undo=True)
        assert not access.is_archived("acme")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that another task does."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_denial_is_told_at_once_and_the_rest_at_the_end(tmp_path: Path) -> None:
    """Nothing that somebody was refused is lost when the file is closed."""
    async with controlling(tmp_path) as access:
        await access.change([Put(ADMIN), Put(Grant("1", BEN, role="admin"))])
        for _ in range(3):
            with pytest.raises(AccessDenied, match=f"may not write {PLAN}: no rule allows it"):
                access.require(ADA, "write", PLAN)
        access.require(BEN, "admin", PLAN)
        await until(lambda: len(access.lines("access-*")) == 2)
    async with controlling(tmp_path) as access:
        first, admin, rest = access.lines("access-*")
        assert (first.action, first.subject, first.data["path"]) == ("access-denied", ADA, PLAN)
        assert (admin.action, admin.subject) == ("access-admin", BEN)
        assert (rest.action, rest.data["again"], rest.data["code"]) == (
            "access-denied",
            2,
            "no-match",
        )
        assert access.faults() == []


async def test_a_denial_survives_a_full_disk(tmp_path: Path) -> None:
    """It is kept, and told when the disk takes it."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER)])
        async with full(access.file):
            for number in range(50):
                with pytest.raises(AccessDenied):
                    access.require(ADA, "write", f"{PLAN}/docs/{number:0470}")
            with pytest.raises(CannotWrite):
                await access.flush()
        await access.flush()
        assert [line.subject for line in access.lines("access-denied")] == [ADA] * 50
