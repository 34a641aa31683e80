"""Operations on projects, and on who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collabkit.access.control import AccessOptions
from collabkit.access.model import Identity
from collabkit.access.rules import Confines, Grant, Permission, Role
from collabkit.access.witness import AuditPolicy
from collabkit.errors import (
    AccessDenied,
    Conflict,
    InvalidArguments,
    InvalidPolicy,
    ProjectArchived,
    ProjectExists,
    ProjectNotFound,
)
from collabkit.ids import RoomName, Subject
from collabkit.sessions.operations import call_from_room
from collabkit.sessions.workspace import Workspace
from collabkit.store.reader import Reader
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit

ADA, BEN = Subject("user:ada"), Subject("user:ben")
PLAN = "/projects/acme/sessions/plan"

ADMIN = {
    "name": "admin",
    "permissions": [
        {"resource": "/**", "action": action, "conditions": [], "effect": "allow"}
        for action in ("read", "write", "delete", "admin")
    ],
    "inherits": [],
}


def put(kind: str, **fact: Any) -> dict[str, Any]:
    """A change that writes a fact down."""
    return {"kind": kind, "put": fact}


def drop(kind: str, key: str) -> dict[str, Any]:
    """A change that strikes one out."""
    return {"kind": kind, "drop": key}


async def from_room(workspace: Workspace, who: Subject, name: str, **asked: Any) -> Any:
    """Call an operation from a document of the session `acme~plan`."""
    room = RoomName.parse("acme~plan")
    return await call_from_room(workspace, room, Identity(who), name, asked, unlocked=False)


async def governed(workspace: Workspace) -> Workspace:
    """A session that somebody may administer."""
    await workspace.create("acme~plan")
    grant = put("grant", id="1", subject=ADA, role="admin", scope=PLAN)
    await workspace.call("access", changes=[put("role", **ADMIN), grant], reason="to begin with")
    return workspace


async def test_rules_are_changed_by_an_operation(workspace: Workspace) -> None:
    """All of them or none, of every kind, by the host without being asked."""
    changes = [
        put("role", **ADMIN),
        put("grant", id="1", subject=ADA, role="admin", scope=PLAN, not_after=1.5),
        put("membership", group="group:staff", member=BEN),
        put("confines", session=PLAN, join="invited", participants=3),
        put("template", name="t", roles=[{"name": "r"}]),
    ]
    assert await workspace.call("access", changes=changes, reason="begin") == {"epoch": 1}
    policy = workspace.access.policy
    assert policy.fact("role", "admin") == Role(
        "admin",
        tuple(Permission("/**", action) for action in ("read", "write", "delete", "admin")),
    )
    assert policy.fact("grant", "1") == Grant("1", ADA, "admin", scope=PLAN, not_after=1.5)
    assert policy.fact("confines", PLAN) == Confines(PLAN, (), "invited", 3)
    gone = [drop("grant", "1"), drop("membership", f"group:staff {BEN}")]
    assert await workspace.call("access", changes=gone, expected=1) == {"epoch": 2}
    with pytest.raises(Conflict):
        await workspace.call("access", changes=[drop("role", "admin")], expected=1)
    assert workspace.access.policy.epoch == 2


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (put("role", name="r", colour="red"), "colour"),
        (put("role", name="r", permissions=[{"resource": "/**", "action": "fly"}]), "fly"),
        (put("grant", id="1", subject=ADA, role="none"), "none"),
        (put("grant", subject=ADA), "id"),
        ({"kind": "role"}, "one of both"),
        ({"kind": "role", "put": {"name": "r"}, "drop": "r"}, "one of both"),
        (drop("role", "none"), "none"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused_whole(
    workspace: Workspace, change: dict[str, Any], where: str
) -> None:
    """With what is wrong; the policy is as it was."""
    with pytest.raises(InvalidPolicy, match=where):
        await workspace.call("access", changes=[put("role", **ADMIN), change])
    assert workspace.access.policy.is_empty


async def test_a_change_is_shown_before_it_is_made(workspace: Workspace) -> None:
    """What it would add, and for whom the answers would differ."""
    changes = [put("role", **ADMIN), put("grant", id="1", subject=ADA, role="admin")]
    plan = await workspace.call("access", changes=changes, dry_run=True)
    assert plan["subjects"] == [ADA]
    assert workspace.access.policy.is_empty


async def test_who_may_not_make_a_change_is_not_shown_it(workspace: Workspace) -> None:
    """A plan tells who may do what elsewhere: only to whoever could change it."""
    await governed(workspace)
    secret = put("grant", id="9", subject="user:cy", role="admin", scope="/projects/secret")
    await workspace.call("access", changes=[secret])
    for change in (drop("grant", "9"), put("grant", id="8", subject=ADA, role="admin")):
        with pytest.raises(AccessDenied):
            await from_room(workspace, ADA, "access", changes=[change], dry_run=True)
    mine = put("grant", id="2", subject=BEN, role="admin", scope=f"{PLAN}/docs/main")
    plan = await from_room(workspace, ADA, "access", changes=[mine], dry_run=True)
    assert plan["subjects"] == [BEN]


async def test_a_call_that_was_cut_off_finds_its_changes_made(workspace: Workspace) -> None:
    """Repeated after the process ended between the work and its note, it is content."""
    await workspace.call("access", changes=[put("role", **ADMIN)])
    gone = [drop("role", "admin")]
    note = workspace.calls._note

    async def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    workspace.calls._note = fail  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await workspace.call("access", changes=gone, expected=1, key="one")
    workspace.calls._note = note  # type: ignore[method-assign]
    assert await workspace.call("access", changes=gone, expected=1, key="one") == {"epoch": 2}


async def test_who_administers_a_session_changes_what_he_may(workspace: Workspace) -> None:
    """From a room, in its scope, with nothing that he has not; nobody else does."""
    await governed(workspace)
    mine = put("grant", id="2", subject=BEN, role="admin", scope=f"{PLAN}/docs/main")
    assert await from_room(workspace, ADA, "access", changes=[mine]) == {"epoch": 2}
    wide = put("grant", id="3", subject=BEN, role="admin", scope="/projects/acme")
    with pytest.raises(AccessDenied):
        await from_room(workspace, ADA, "access", changes=[wide])
    with pytest.raises(AccessDenied):
        await from_room(workspace, BEN, "access", changes=[mine])
    with pytest.raises(AccessDenied):
        await from_room(workspace, ADA, "project-archive")
    assert workspace.access.policy.epoch == 2


async def test_a_host_declares_what_its_rules_ask_for(path: Path, on_disk: OnDisk) -> None:
    """And what the audit is told beside; whoever opens the file later understands them."""
    reads = AuditPolicy(reads=True)
    options = AccessOptions(attributes={"context.department": "string"}, audit=reads)
    rule = Permission("/**", "read", ("context.department == 'law'",))
    async with Workspace.open(path, subject="host:test", access=options) as workspace:
        await workspace.access.grant(ADA, permission=rule)
        workspace.access.require(ADA, "read", PLAN, {"context": {"department": "law"}})
    async with Workspace.open(path) as workspace:
        assert not workspace.access.check(ADA, "read", PLAN)
    with Reader(path) as reader:
        (line,) = reader.audit(actions=("access-*",))
    assert (line.action, line.subject) == ("access-read", ADA)
    assert on_disk.faults() == []


async def test_who_writes_is_counted_if_asked_for(path: Path) -> None:
    """By the document, and by who was let in to write, as often as there were rows."""
    counted = AccessOptions(audit=AuditPolicy(writes=True))
    async with Workspace.open(path, subject="host:test", access=counted) as workspace:
        await workspace.create("note")
        async with workspace.serving(anybody) as hub, visit(hub, "note") as replica:
            for word in ("one", "two"):
                replica.document.text("body").append(word)
                await replica.saved()
    with Reader(path) as reader:
        (line,) = reader.audit(actions=("access-write",))
        assert line.data["path"] == "/projects/default/sessions/note/docs/main"
        assert line.data["again"] == len(reader.rows(reader.sessions()[0].id)) == 2


async def test_a_project_is_created_and_archived(workspace: Workspace) -> None:
    """By its name or by that of a session in it; nothing comes into it until that is undone."""
    made = await workspace.call("project-create", project="acme")
    assert (made["name"], made["archived_at_ms"]) == ("acme", None)
    with pytest.raises(ProjectExists):
        await workspace.call("project-create", project="acme")
    await workspace.create("acme~plan")
    archived = await workspace.call("project-archive", session="acme~plan")
    assert archived["archived_at_ms"] is not None
    assert workspace.access.is_archived("acme")
    with pytest.raises(ProjectArchived):
        await workspace.create("acme~other")
    await workspace.call("project-archive", project="acme", undo=True)
    await workspace.create("acme~other")
    with pytest.raises(ProjectNotFound):
        await workspace.call("project-archive", project="none")


@pytest.mark.parametrize("asked", [{}, {"project": "other", "session": "acme~plan"}])
async def test_one_project_is_meant(workspace: Workspace, asked: dict[str, str]) -> None:
    """Who was asked about one project can do nothing to another."""
    for operation in ("project-create", "project-archive"):
        with pytest.raises(InvalidArguments):
            await workspace.call(operation, **asked)


async def test_what_was_granted_in_a_session_goes_with_it(workspace: Workspace) -> None:
    """Who owned one of this name before has nothing in the next."""
    await governed(workspace)
    assert workspace.access.check(ADA, "write", PLAN)
    await workspace.call("rm", session="acme~plan")
    await workspace.create("acme~plan")
    assert not workspace.access.check(ADA, "write", PLAN)
    assert workspace.access.policy.fact("role", "admin") is not None


async def test_a_project_has_an_owner(workspace: Workspace) -> None:
    """Whom the host says, once there are rules; he administers all of it, and nothing else."""
    await governed(workspace)
    await workspace.call("project-create", project="late", owner=BEN)
    assert workspace.access.check(BEN, "admin", "/projects/late/sessions/any")
    assert not workspace.access.check(BEN, "admin", "/projects/acme")
