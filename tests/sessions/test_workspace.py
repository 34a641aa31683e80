"""A workspace holds its file, lets in whom it should, and closes well."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import assert_type

import pytest

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.crdt.sandbox import SandboxEngine
from collabkit.errors import (
    ConnectionRefused,
    FileHeld,
    InvalidName,
    LocalProtocolError,
    NotACollabFile,
    SchemaTooNew,
    SessionExists,
    SessionNotFound,
)
from collabkit.ids import Subject
from collabkit.sessions.holder import Answer, Request, command, socket_path
from collabkit.sessions.session import Kind, Session
from collabkit.sessions.shelter import Children
from collabkit.sessions.workspace import Workspace, open_file
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit

# Opening


def test_open_is_two_things() -> None:
    """The class opens files and an instance opens sessions, and a type checker knows which."""
    workspace = Workspace.open("a.db")
    assert_type(workspace, Workspace)
    assert Workspace.open is open_file
    assert workspace.open.__doc__ is not None
    assert "session" in workspace.open.__doc__.lower()


async def test_a_file_is_made_and_found_again(path: Path) -> None:
    """Opening makes a file that only its user may read; opening again finds what was in it."""
    async with Workspace.open(path) as workspace:
        await workspace.create("note")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with Workspace.open(path) as workspace:
        assert [record.name for record in await workspace.list()] == ["note"]


async def test_nothing_is_left_beside_a_closed_file(path: Path) -> None:
    """A workspace that was closed leaves its file, and no socket, lock or log beside it."""
    async with Workspace.open(path) as workspace:
        assert os.path.exists(socket_path(path))
        assert repr(workspace).endswith("open>")
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_one_holds_a_file(workspace: Workspace, path: Path) -> None:
    """A second workspace on a file is told who has it, in this process as in any other."""
    with pytest.raises(FileHeld, match=str(os.getpid())):
        async with Workspace.open(path):
            pytest.fail("it opened")
    second = (
        "import asyncio, sys; from collabkit.sessions.workspace import Workspace\n"
        "async def main():\n async with Workspace.open(sys.argv[1]): pass\n"
        "asyncio.run(main())"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", second, str(path), stderr=subprocess.PIPE
    )
    _, said = await other.communicate()
    assert f"FileHeld: {path} is held by process {os.getpid()}" in said.decode()


async def test_what_is_not_ours_is_refused(path: Path) -> None:
    """A database of somebody else's, and one of a later version, are not touched."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(NotACollabFile):
        async with Workspace.open(path):
            pytest.fail("it opened")
    assert path.read_bytes() == before
    path.unlink()
    async with Workspace.open(path):
        pass
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(SchemaTooNew):
        async with Workspace.open(path):
            pytest.fail("it opened")


async def test_a_closed_workspace_says_so(path: Path) -> None:
    """What needs an open file says that it is not open, and how to open it."""
    workspace = Workspace.open(path)
    for use in (lambda: workspace.store, lambda: workspace.hub, lambda: workspace.attendance):
        with pytest.raises(LocalProtocolError, match="async with"):
            use()


async def test_it_tells_whether_it_is_open(path: Path) -> None:
    """Who is handed a workspace can ask before he opens it."""
    workspace = Workspace.open(path)
    told = [workspace.is_open]
    async with workspace:
        told.append(workspace.is_open)
    told.append(workspace.is_open)
    assert told == [False, True, False]


async def test_it_can_be_opened_again_after_a_failure(path: Path) -> None:
    """A workspace whose opening failed holds nothing, and opens once the reason is gone."""
    workspace = Workspace.open(path)
    path.write_bytes(b"")
    with pytest.raises(NotACollabFile):
        await workspace.__aenter__()
    path.unlink()
    async with workspace:
        with pytest.raises(LocalProtocolError, match="already"):
            await workspace.__aenter__()


async def test_a_workspace_starts_no_process(workspace: Workspace) -> None:
    """A program that opens sessions and edits them has no child process."""
    async with workspace.create("alone", kind=Kind.SINGLE_USER) as alone:
        alone.document.text("body").append("a")
        await alone.saved()
    async with workspace.create("together") as together:
        together.document.text("body").append("b")
        await together.saved()
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        assert not children.exists() or children.read_text() == ""


# Sessions


async def test_sessions_are_created_found_and_listed(workspace: Workspace) -> None:
    """A session is found by name, by full name and by id, and listed in its project."""
    note = await workspace.create("note", project="acme", kind=Kind.SINGLE_USER)
    await workspace.create("plan")
    for name, project in (("note", "acme"), ("acme~note", "default"), (note.id, "acme")):
        found = await workspace.open(name, project=project)
        assert (found.id, found.name, found.project) == (note.id, "note", "acme")
        assert found.kind is Kind.SINGLE_USER
    assert [r.name for r in await workspace.list()] == ["note", "plan"]
    assert [r.name for r in await workspace.list(project="acme")] == ["note"]
    assert note.record.created_by == "host:test"


async def test_what_is_not_there_is_not_made_by_accident(workspace: Workspace) -> None:
    """Opening an unknown session fails, unless it was asked for with the kind to make it as."""
    with pytest.raises(SessionNotFound):
        await workspace.open("note")
    made = await workspace.open("note", create=Kind.SINGLE_USER)
    again = await workspace.open("note", create=Kind.COLLABORATIVE)
    assert (again.id, again.kind) == (made.id, Kind.SINGLE_USER)
    with pytest.raises(SessionExists):
        await workspace.create("note")


@pytest.mark.parametrize("name", ["", "../x", "a\0b", "x" * 10_000, "a~b~c", "a/b", "a?b"])
async def test_a_bad_name_is_refused_at_once(workspace: Workspace, name: str) -> None:
    """What cannot name a session is refused before anything is looked up."""
    with pytest.raises(InvalidName):
        workspace.open(name)
    with pytest.raises(InvalidName):
        workspace.create(name)


# Letting others in


async def test_nobody_comes_in_before_somebody_serves(workspace: Workspace) -> None:
    """Whoever knocks at a workspace that nobody serves is refused, whatever he shows."""
    await workspace.create("note")
    with pytest.raises(ConnectionRefused, match="nobody is let in"):
        async with visit(workspace.hub, "note", token="guess") as replica:
            await replica.synced()


async def test_serving_lets_others_in_and_ends(workspace: Workspace) -> None:
    """Others come in while it is being served, by the one who serves, and then no more."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub:
        assert hub is workspace.hub
        with pytest.raises(LocalProtocolError, match="already"):
            async with workspace.serving(anybody):
                pytest.fail("twice")
        async with visit(hub, "note") as replica:
            await replica.synced()
    with pytest.raises(ConnectionRefused):
        async with visit(workspace.hub, "note") as replica:
            await replica.synced()


async def test_what_others_send_is_applied_elsewhere(workspace: Workspace, path: Path) -> None:
    """What was open here moves there, on its own; and nothing is left of it in the end."""
    async with workspace.create("note") as note:
        here = note.document.text("body")
        here.append("before ")
        await note.saved()
        async with workspace.serving(anybody, children=Children(2)) as hub:
            sandbox = workspace.engine
            assert isinstance(sandbox, SandboxEngine)
            assert hub.engine is sandbox
            async with visit(hub, "note") as replica:
                await replica.synced()
                replica.document.text("body").append("and ")
                await replica.saved()
            here.append("after")
            await note.saved()
            assert (sandbox.stats().children, sandbox.stats().documents) == (2, 1)
    async with workspace.serving(anybody):
        assert workspace.engine is sandbox
    await workspace.__aexit__(None, None, None)
    assert sandbox.stats().children == 0
    async with open_file(path) as again, again.open("note") as note:
        assert not isinstance(again.engine, SandboxEngine)
        assert str(note.document.text("body")) == "before and after"


@pytest.mark.parametrize(
    "options",
    [{"count": 0}, {"memory_bytes": 1 << 20}, {"patience": 0.1}, {"patience": 60}],
    ids=lambda options: next(iter(options)),
)
def test_children_need_what_they_need(options: dict[str, float]) -> None:
    """Somebody, memory and time; but a child's own alarm must not be earlier."""
    with pytest.raises(ValueError, match="child"):
        Children(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("unlocked", [True, False])
async def test_a_name_becomes_a_session_only_where_nobody_is_asked(
    workspace: Workspace, unlocked: bool
) -> None:
    """An unlocked workspace makes a session of each name that is opened; a locked one none."""
    async with workspace.serving(anybody, unlocked=unlocked) as hub:
        if unlocked:
            async with visit(hub, "new") as replica:
                await replica.synced()
        else:
            with pytest.raises(ConnectionRefused, match="no session"):
                async with visit(hub, "new") as replica:
                    await replica.synced()
    assert [r.name for r in await workspace.list()] == ["new"] * unlocked


async def test_a_single_user_session_takes_no_socket(workspace: Workspace) -> None:
    """Whoever knocks at a single-user session is refused, also while nobody is in it."""
    await workspace.create("mine", kind=Kind.SINGLE_USER)
    async with workspace.serving(anybody, unlocked=True) as hub:
        with pytest.raises(ConnectionRefused, match="single-user"):
            async with visit(hub, "mine") as replica:
                await replica.synced()


async def test_who_serves_decides(workspace: Workspace) -> None:
    """The function that was given is asked about each one who knocks, and its word counts."""
    await workspace.create("note")

    async def only_ada(knock: Knock) -> Identity | Refusal:
        if knock.token == "ada":
            return Identity(Subject("user:ada"))
        return Refusal(4401, "not ada")

    async with workspace.serving(only_ada) as hub:
        async with visit(hub, "note", token="ada") as replica:
            await replica.synced()
        with pytest.raises(ConnectionRefused, match="not ada"):
            async with visit(hub, "note", token="bob") as replica:
                await replica.synced()


# Operations


async def test_a_program_calls_operations(workspace: Workspace, on_disk: OnDisk) -> None:
    """`call` runs a row of the table as this workspace's subject."""
    made = await workspace.call("create", session="plan", kind="single-user")
    assert (made["name"], made["created_by"]) == ("plan", "host:test")
    await workspace.call("rm", session="plan")
    assert await workspace.list() == []
    assert on_disk.faults() == []


async def test_other_processes_command_the_holder(workspace: Workspace, path: Path) -> None:
    """What arrives at the file's socket is run, as whoever asks says he is."""
    asked = Request("create", {"session": "plan"}, subject="cli:ada")
    answer = await asyncio.to_thread(command, path, asked)
    assert isinstance(answer, Answer)
    assert answer.result["created_by"] == "cli:ada"
    session: Session = await workspace.open("plan")
    assert session.id == answer.result["id"]
    assert_type(session, Session)


async def test_a_replica_calls_operations(workspace: Workspace) -> None:
    """Whoever is connected to a session may call what the table lets him, about that session."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub, visit(hub, "note") as replica:
        replica.document.text("body").append("hello")
        await replica.saved()
        done = await replica.call("checkpoint")
    assert done["documents"] == {"main": 1}
