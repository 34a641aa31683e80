"""With a policy, it says who may call which operation from a room."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from collabkit.access.model import Identity
from collabkit.access.rules import CODES, Permission
from collabkit.errors import AccessDenied, InvalidArguments, SessionNotFound
from collabkit.ids import RoomName, Subject
from collabkit.sessions.operations import TABLE, call, call_from_room
from collabkit.sessions.workspace import Workspace
from collabkit.store.reader import Reader
from sessions.writing import update

ADA = Subject("user:ada")
WRITER, READER = Identity(ADA), Identity(ADA, can_write=False)
ROOM = RoomName.parse("note")
PROJECT, SESSION = "/projects/default", "/projects/default/sessions/note"

# What each operation is asked beside the session, by names that are there.
ASKED: dict[str, dict[str, Any]] = {
    "import": {"updates": [update("c")]},
    "take-in": {"path": "none.collab"},
    "version": {"name": "draft"},
    "pin": {"name": "kept"},
    "unversion": {"name": "kept"},
    "restore": {"at": "start"},
    "revert": {"author": ADA},
    "fork": {"name": "forked"},
    "merge": {"fork": "branch"},
    "release": {"id": 1},
    "access": {"changes": [], "dry_run": True},
    "project-archive": {"undo": True},
    "project-create": {},
}


async def ask(
    workspace: Workspace, name: str, /, *, identity: Identity = WRITER, **more: Any
) -> Any:
    """Call an operation from the document ``note``."""
    named = (
        {} if name.startswith("project-") else {"session": "new" if name == "create" else "note"}
    )
    asked = {**named, **ASKED.get(name, {}), **more}
    return await call_from_room(workspace, ROOM, identity, name, asked, unlocked=False)


async def allow(workspace: Workspace, rules: Sequence[tuple[str, str]]) -> None:
    """Let Ada do these things, and nothing else."""
    async with workspace.access.transaction() as changes:
        changes.revoke_where(subject=ADA)
        changes.grant("user:other", permission=Permission("/**", "read"))
        for action, pattern in rules:
            changes.grant(ADA, permission=Permission(pattern, action))  # type: ignore[arg-type]


async def prepare(workspace: Workspace) -> None:
    """A session with a version and a fork, each with a document of their own."""
    for place, text in (("note", "a"), ("note/side", "s")):
        asked = {"session": place, "updates": [update(text)], "create": "collaborative"}
        await call(workspace, "import", asked, subject=ADA)
    await call(workspace, "fork", {"session": "note", "name": "branch"}, subject=ADA)
    await call(workspace, "version", {"session": "note", "name": "kept"}, subject=ADA)


def needed(name: str) -> list[tuple[str, str]]:
    """The rules that let somebody call an operation, each of which it takes."""
    needs = TABLE[name].needs
    of = PROJECT if needs.of == "project" else SESSION
    rules: list[tuple[str, str]] = [(needs.action, f"{of}/ops/{name}")]
    documents = f"{SESSION}/docs/*/**"
    if needs.documents in ("read", "all of it"):
        rules.append(("read", documents))
    if needs.documents == "all of it":
        rules += [("write", documents), ("delete", documents)]
    if needs.reads:
        rules.append(("read", f"{PROJECT}/sessions/branch/docs/*/**"))
    return rules


# In the order of the table, but for the one that leaves nothing for others.
CALLABLE = [name for name, row in TABLE.items() if row.needs.documents != "host's file"]
CALLABLE.append(CALLABLE.pop(CALLABLE.index("rm")))


async def test_each_operation_takes_what_the_table_says(workspace: Workspace) -> None:
    """Without any one of it he is refused; with all of it he is let, unless his token says no."""
    await prepare(workspace)
    for name in CALLABLE:
        rules = needed(name)
        for left_out in range(len(rules)):
            await allow(workspace, rules[:left_out] + rules[left_out + 1 :])
            with pytest.raises(AccessDenied):
                await ask(workspace, name)
        await allow(workspace, rules)
        with pytest.raises(AccessDenied, match=CODES["token"]):
            await ask(workspace, name, identity=READER)
        # Nothing is in quarantine, which is told to who might release it.
        expected = pytest.raises(InvalidArguments) if name == "release" else nullcontext()
        with expected:
            await ask(workspace, name)


async def test_what_reads_the_hosts_files_is_the_hosts(workspace: Workspace) -> None:
    """Whatever a policy says."""
    await prepare(workspace)
    await allow(workspace, [(action, "/**") for action in ("read", "write", "execute", "admin")])
    for name in set(TABLE) - set(CALLABLE):
        with pytest.raises(AccessDenied, match="it is for the host"):
            await ask(workspace, name)


async def test_a_call_is_about_where_one_is_connected(workspace: Workspace) -> None:
    """His token was read for that session; by its id it is the same one."""
    await prepare(workspace)
    everything = ("read", "write", "execute", "delete", "admin")
    await allow(workspace, [(action, "/**") for action in everything])
    for elsewhere in ("branch", "nothing", "acme~note"):
        with pytest.raises(AccessDenied, match="this connection is to note"):
            await ask(workspace, "compact", session=elsewhere)
        with pytest.raises(AccessDenied, match="this connection is to note"):
            await ask(workspace, "checkpoint", session=elsewhere)
    with pytest.raises(AccessDenied, match="this connection is to note"):
        await ask(workspace, "checkpoint", session="note/side")
    with pytest.raises(AccessDenied, match="this connection is to the project default"):
        await ask(workspace, "fork", name="acme~branch")
    with pytest.raises(AccessDenied, match="this connection is to note"):
        await ask(workspace, "create", session="acme~new")
    record = await workspace.store.find_session("note", project="default")
    assert (await ask(workspace, "checkpoint", session=record.id))["id"] == record.id


async def test_a_fork_that_may_not_be_read_looks_like_none(workspace: Workspace) -> None:
    """Merging tells nobody what sessions there are."""
    await prepare(workspace)
    await allow(workspace, [rule for rule in needed("merge") if "branch" not in rule[1]])
    told = set()
    for fork in ("branch", "nothing"):
        with pytest.raises(AccessDenied) as denied:
            await ask(workspace, "merge", fork=fork)
        told.add(str(denied.value).replace(fork, "FORK").partition("/docs/")[0])
    assert len(told) == 1


async def test_what_one_creates_is_ones_own(workspace: Workspace) -> None:
    """By the operation and by a fork: the rights of an owner come with it."""
    await prepare(workspace)
    await allow(workspace, [*needed("create"), *needed("fork")])
    access = workspace.access
    for name, session in (("create", "new"), ("fork", "forked")):
        made = f"{PROJECT}/sessions/{session}"
        assert not access.check(ADA, "admin", f"{made}/ops/rm")
        await ask(workspace, name)
        assert access.check(ADA, "admin", f"{made}/ops/rm")
        assert access.check(ADA, "write", f"{made}/docs/main/x")


async def test_uses_are_counted_when_all_is_permitted(workspace: Workspace) -> None:
    """A call that is refused for something else costs none."""
    await prepare(workspace)
    checkpoint = Permission(f"{SESSION}/ops/version", "execute")
    grant = await workspace.access.grant(ADA, permission=checkpoint, uses=1)
    for name in ("first", "second"):
        with pytest.raises(AccessDenied, match=CODES["no-match"]):
            await ask(workspace, "version", name=name)
    reads = Permission(f"{SESSION}/docs/**", "read")
    await workspace.access.grant(ADA, permission=reads)
    await ask(workspace, "version", name="first")
    left = workspace.access.policy.fact("grant", grant.id)
    assert getattr(left, "uses", None) == 0
    with pytest.raises(AccessDenied, match=CODES["used-up"]):
        await ask(workspace, "version", name="second")


async def test_in_an_archived_project_nothing_is_called(workspace: Workspace) -> None:
    """But what opens it again, and what says who may."""
    await prepare(workspace)
    await allow(workspace, [*needed("checkpoint"), *needed("access"), *needed("project-archive")])
    await workspace.access.archive_project("default", by=workspace.subject)
    with pytest.raises(AccessDenied, match=CODES["archived"]):
        await ask(workspace, "checkpoint")
    await ask(workspace, "access")
    await ask(workspace, "project-archive", undo=True)
    await ask(workspace, "checkpoint")


async def test_the_audit_is_told(workspace: Workspace) -> None:
    """Of each denial, and of each use of admin; never of what was asked."""
    await prepare(workspace)
    await allow(workspace, needed("compact"))
    with pytest.raises(AccessDenied):
        await ask(workspace, "restore")
    await ask(workspace, "compact")
    await workspace.access.flush()
    with Reader(workspace.path) as reader:
        lines = [(line.action, line.subject, line.data.get("path")) for line in reader.audit()]
    assert ("access-denied", ADA, f"{SESSION}/docs/main") in lines
    assert ("access-admin", ADA, f"{SESSION}/ops/compact") in lines


async def test_a_session_that_is_gone_is_told_by_name(workspace: Workspace) -> None:
    """Without a policy as before: the table alone decides."""
    with pytest.raises(SessionNotFound):
        await call_from_room(
            workspace, ROOM, WRITER, "checkpoint", {"session": "note"}, unlocked=False
        )
