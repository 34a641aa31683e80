"""Who is connected to a document may call what the table lets him, about that document alone."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from pycrdt import Doc, Text

from collabkit.access.model import Identity
from collabkit.access.rules import CODES
from collabkit.errors import AccessDenied, OperationFailed, SessionNotFound, UpdateRefused
from collabkit.ids import RoomName, Subject
from collabkit.sessions import operations
from collabkit.sessions.operations import TABLE, call, call_from_room
from collabkit.sessions.workspace import Workspace
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit
from sessions.writing import update, write

ADA = Subject("user:ada")
WRITER = Identity(ADA)
READER = Identity(ADA, can_write=False)


def test_the_table_is_the_one_in_the_docs() -> None:
    """The head of the module says of each operation what the table says."""
    assert operations.__doc__ is not None
    lines = operations.__doc__.splitlines()
    for row in TABLE.values():
        (line,) = [each for each in lines if each.startswith(f"{row.name} ")]
        told = [part.strip() for part in (line[16:32], line[33:44])]
        assert told == [f"{row.needs.action} {row.needs.of}", row.needs.documents]


PLACES = ("note/side", "note", "note/secret", "other/side")

# What each operation is asked beside the session.
ASKED: dict[str, dict[str, Any]] = {
    "import": {"updates": [update("c")]},
    "take-in": {"path": "none.collab"},
    "version": {"name": "draft"},
    "pin": {"name": "draft"},
    "unversion": {"name": "draft"},
    "restore": {"at": "start"},
    "revert": {"author": ADA},
    "fork": {"name": "branch"},
    "merge": {"fork": "branch"},
    "release": {"id": 1},
    "access": {"changes": []},
}


@pytest.mark.parametrize("name", list(TABLE))
@pytest.mark.parametrize("unlocked", [True, False], ids=["unlocked", "locked"])
async def test_who_may_call_what_from_a_room(
    workspace: Workspace, name: str, unlocked: bool
) -> None:
    """While there is no policy, the table decides for every operation, right and place."""
    for place in PLACES:
        asked = {"session": place, "updates": [update("a")], "create": "collaborative"}
        await call(workspace, "import", asked, subject=ADA)
    needs, room = TABLE[name].needs, RoomName.parse("note/side")
    for target in PLACES:
        arguments = {"session": "new" if name == "create" else target, **ASKED.get(name, {})}
        if name == "merge":
            await call(workspace, "fork", {"session": target, "name": "branch"}, subject=ADA)
        for identity in (READER, WRITER):
            allowed = identity.can_write and needs.action == "execute"
            allowed = allowed and (unlocked if needs.of == "project" else target == "note/side")
            called = call_from_room(workspace, room, identity, name, arguments, unlocked=unlocked)
            if allowed:
                assert await called
            else:
                with pytest.raises(AccessDenied, match=f"{ADA} may not {name}"):
                    await called
        for made in ("new", "branch"):
            with contextlib.suppress(SessionNotFound):
                await call(workspace, "rm", {"session": made}, subject=ADA)


async def test_a_call_from_a_room_is_about_its_document(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """Who names no session means the document that he is connected to, and no other beside it."""
    await write(workspace, "note", "a")
    room, asked = RoomName.parse("note/side"), {"updates": [update("b")]}
    await call_from_room(workspace, room, WRITER, "import", asked, unlocked=False)
    assert (on_disk.text("note"), on_disk.text("note/side")) == ("a", "b")
    for place, seqs in (("note/side", {"side": 2}), ("note", {"main": 2})):
        done = await call_from_room(
            workspace, RoomName.parse(place), WRITER, "checkpoint", {}, unlocked=False
        )
        assert done["documents"] == seqs


async def test_an_import_from_a_room_brings_nothing_under_the_ids_of_others(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """Behind a lock: who imports can use up no clock that somebody else's next words need."""
    await workspace.create("note")
    async with workspace.open("note", subject=ADA) as note:
        note.document.text("body").insert(0, "hello")
        await note.saved()
        forged: Doc[Any] = Doc(client_id=note.document.client_id)
        forged.apply_update(note.document.update())
    forged.get("body", type=Text).insert(5, ", says Ada")
    asked = {"updates": [forged.get_update()]}
    room, eve = RoomName.parse("note"), Identity(Subject("user:eve"))
    with pytest.raises(UpdateRefused, match="somebody else"):
        await call_from_room(workspace, room, eve, "import", asked, unlocked=False)
    assert on_disk.text("note") == "hello"


async def test_without_a_policy_nothing_is_called_in_an_archived_project(
    workspace: Workspace,
) -> None:
    """Whoever might write there could fill it with versions otherwise."""
    await write(workspace, "note", "a")
    await workspace.call("project-archive", session="note")
    room = RoomName.parse("note")
    for name, asked in (("version", {"name": "late"}), ("checkpoint", {}), ("fork", {"name": "f"})):
        with pytest.raises(AccessDenied, match=CODES["archived"]):
            await call_from_room(workspace, room, WRITER, name, asked, unlocked=True)
    assert await workspace.store.versions((await workspace.store.sessions())[0].id) == []


async def test_a_session_may_be_called_by_its_id(workspace: Workspace) -> None:
    """By whoever is connected to it under its name, or under that id."""
    await write(workspace, "note", "a")
    record = await workspace.store.find_session("note", project="default")
    for session in (record.id, "note", f"default~{record.id}/main"):
        done = await call_from_room(
            *(workspace, RoomName.parse("note"), WRITER, "checkpoint", {"session": session}),
            unlocked=False,
        )
        assert done["documents"] == {"main": 1}


async def test_a_refusal_reaches_a_replica(workspace: Workspace) -> None:
    """A replica that calls what it may not is told why, by class and by sentence."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub, visit(hub, "note") as replica:
        with pytest.raises(OperationFailed, match="it is for the host") as refused:
            await replica.call("rm", session="note")
    assert refused.value.kind == "AccessDenied"


async def test_a_key_of_a_replica_is_its_subjects(workspace: Workspace) -> None:
    """The key that a client sends makes its call happen once."""
    await workspace.create("note")
    room, asked = RoomName.parse("note"), {"session": "new"}
    first, second = [
        await call_from_room(workspace, room, WRITER, "create", asked, key="k", unlocked=True)
        for _ in range(2)
    ]
    assert first == second
