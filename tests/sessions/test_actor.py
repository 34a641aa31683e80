"""As whom a program opens sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from collabkit.access.control import AccessOptions
from collabkit.access.rules import CODES, Decision, Permission, Request
from collabkit.errors import AccessDenied, SessionExists, SessionNotFound
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace

ADA = "user:ada"
PROJECT = "/projects/default"


async def allow(workspace: Workspace, action: str, pattern: str) -> None:
    permission = Permission(pattern, action)  # type: ignore[arg-type]
    await workspace.access.grant(ADA, permission=permission)


async def test_without_a_policy_everybody_is_as_the_host(workspace: Workspace) -> None:
    """But for his name, which is in the log."""
    async with workspace.open("note", create=Kind.COLLABORATIVE, subject=ADA) as note:
        note.document.text("body").append("hello")
        await note.saved()
        assert note.record.created_by == ADA
    [row] = await workspace.store.rows(note.id)
    assert row.subject == ADA
    assert workspace.access.is_empty


async def test_the_host_may_do_everything(workspace: Workspace) -> None:
    """Whatever the policy says of it; and what it makes is nobody's."""
    await workspace.access.grant("anyone", permission=Permission("/**", "write", effect="deny"))
    async with workspace.create("note") as note:
        note.document.text("body").append("hello")
        await note.saved()
    assert len(workspace.access.policy.facts()) == 1


async def test_who_creates_a_session_owns_it(workspace: Workspace) -> None:
    """If he may create one; and then he may do everything in it, and nothing beside it."""
    await allow(workspace, "read", "/projects/none")
    with pytest.raises(AccessDenied, match=f"execute {PROJECT}/ops/create: {CODES['no-match']}"):
        await workspace.create("note", subject=ADA)
    assert await workspace.list() == []
    await allow(workspace, "execute", f"{PROJECT}/ops/create")
    async with workspace.create("note", subject=ADA) as note:
        note.document.text("body").append("hello")
        await note.saved()
        await note.history.save_version("draft")
    with pytest.raises(SessionExists):
        await workspace.create("note", subject=ADA)
    assert workspace.access.check(ADA, "admin", f"{PROJECT}/sessions/note/ops/rm")
    assert not workspace.access.check(ADA, "read", f"{PROJECT}/sessions/notes/docs/main")


async def test_first_use_creates_what_one_may(workspace: Workspace) -> None:
    """``create=`` makes it as one's own; else who may read it is told that it is not there."""
    await allow(workspace, "read", f"{PROJECT}/sessions/mine/**")
    with pytest.raises(SessionNotFound):
        await workspace.open("mine", subject=ADA)
    with pytest.raises(AccessDenied):
        await workspace.open("mine", create=Kind.SINGLE_USER, subject=ADA)
    await allow(workspace, "execute", f"{PROJECT}/ops/create")
    async with workspace.open("mine", create=Kind.SINGLE_USER, subject=ADA) as mine:
        mine.document.text("body").append("hello")


async def test_to_create_uses_a_grant_up(workspace: Workspace) -> None:
    """By whatever way: to open what is not there yet is to call the operation."""
    create = Permission(f"{PROJECT}/ops/create", "execute")
    await workspace.access.grant(ADA, permission=create, uses=2)
    await workspace.create("a", subject=ADA)
    async with workspace.open("b", create=Kind.COLLABORATIVE, subject=ADA):
        pass
    with pytest.raises(AccessDenied, match=CODES["used-up"]):
        await workspace.create("c", subject=ADA)
    with pytest.raises(AccessDenied, match=CODES["used-up"]):
        await workspace.open("c", create=Kind.COLLABORATIVE, subject=ADA)
    assert [one.name for one in await workspace.list()] == ["a", "b"]


async def test_history_is_gone_back_to_as_oneself(workspace: Workspace) -> None:
    """What a session's history changes is an operation, and is permitted as any other."""
    async with workspace.create("note") as note:
        note.document.text("body").append("first")
        await note.saved()
    await allow(workspace, "read", f"{PROJECT}/sessions/note/**")
    await allow(workspace, "write", f"{PROJECT}/sessions/note/docs/main/**")
    async with workspace.open("note", subject=ADA) as note:
        note.document.text("body").append(" and second")
        await note.saved()
        with pytest.raises(AccessDenied, match="delete"):
            await note.history.restore(1)
        await allow(workspace, "delete", f"{PROJECT}/sessions/note/docs/main/**")
        with pytest.raises(AccessDenied, match="execute"):
            await note.history.restore(1)
        await allow(workspace, "execute", f"{PROJECT}/sessions/note/ops/restore")
        await note.history.restore(1)
        assert [one.subject for one in await note.history.changes()]
        assert str(note.document.text("body")) == "first"


async def test_no_past_is_told_of_what_may_not_be_read(workspace: Workspace) -> None:
    """A session's history reaches all its documents; he sees those that he may read."""
    async with workspace.create("note") as note:
        (await note.open_document("secret")).text("body").append("for nobody")
        await note.saved()
    await allow(workspace, "read", f"{PROJECT}/sessions/note/docs/main/**")
    async with workspace.open("note", subject=ADA) as note:
        assert await note.history.to_dict() == {}
        secret = note.history.of("secret")
        for look in (secret.to_dict, secret.changes, secret.versions, secret.blame):
            with pytest.raises(AccessDenied, match="may not read note/secret"):
                await look()


class Scribes:
    """Lets Ada do everything, and nobody else anything."""

    name = "scribes"

    def epoch(self) -> object:
        """Its answers never change."""
        return 0

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer each."""
        return [
            Decision(each.subject == ADA, "allow" if each.subject == ADA else "no-match")
            for each in requests
        ]


@pytest.mark.parametrize("kind", list(Kind))
async def test_another_engine_is_asked_before_somebody_acts(path: Path, kind: Kind) -> None:
    """Who opens, makes, reads or looks back is judged by its answer, not by that it had none."""
    async with Workspace.open(path, access=AccessOptions(engine=Scribes())) as workspace:
        async with workspace.create("note", kind=kind, subject=ADA) as note:
            for document in (note.document, await note.open_document("side")):
                document.text("body").append("hers")
            await note.saved()
            assert await note.history.of("side").to_dict() == {"body": "hers"}
        async with workspace.open("note", subject=ADA) as note:
            assert str(note.document.text("body")) == "hers"
        with pytest.raises(AccessDenied, match=CODES["no-match"]):
            await workspace.open("note", subject="user:ben").found()
        with pytest.raises(AccessDenied, match=CODES["no-match"]):
            await workspace.create("other", kind=kind, subject="user:ben")
