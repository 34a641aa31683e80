"""Letting back what was quarantined, and what an import does to a document's epoch."""

from __future__ import annotations

import pytest

from collabkit.access.model import Identity
from collabkit.errors import AccessDenied, InvalidArguments, SessionBusy
from collabkit.ids import RoomName, Subject
from collabkit.sessions.operations import call, call_from_room
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit
from sessions.writing import update, write

ADA = Subject("user:ada")
WRITER = Identity(ADA)


async def set_aside(workspace: Workspace, name: str) -> int:
    """Quarantine the second row of a session."""
    record = await workspace.store.find_session(name, project="default")
    row = (await workspace.store.rows(record.id))[1]
    return await workspace.store.quarantine(
        record.id, "main", subject=ADA, body=row.body, reason="SIGSEGV", seq=row.seq
    )


async def epoch(workspace: Workspace, name: str) -> int:
    """The epoch of a session's main document."""
    record = await workspace.store.find_session(name, project="default")
    return (await workspace.store.load(record.id, "main")).epoch


async def test_release_lets_a_row_back(workspace: Workspace, on_disk: OnDisk) -> None:
    """The document is whole again, and the file sound."""
    await write(workspace, "note", "one ", "two ", "three")
    number = await set_aside(workspace, "note")
    assert on_disk.text("note") == "one "
    done = await call(workspace, "release", {"session": "note", "id": number}, subject=ADA)
    assert done == {"id": number, "released": True, "document": "main"}
    assert on_disk.text("note") == "one two three"
    assert on_disk.faults() == []


async def test_release_reaches_those_who_are_connected(workspace: Workspace) -> None:
    """The room is opened again, and who was in it returns to a document that has the row."""
    await write(workspace, "note", "one ", "two")
    number = await set_aside(workspace, "note")
    async with workspace.serving(anybody) as hub, visit(hub, "note") as replica:
        await replica.synced()
        assert str(replica.document.text("body")) == "one "
        await call(workspace, "release", {"session": "note", "id": number}, subject=ADA)
        replica.document.text("body").insert(0, "zero ")
        await replica.saved()
        await replica.synced()
        assert str(replica.document.text("body")) == "zero one two"


async def test_only_what_is_there_is_released(workspace: Workspace) -> None:
    """A number is one of its session; a repetition under a key is content to find it done."""
    await write(workspace, "note", "one ", "two")
    await workspace.create("other")
    number = await set_aside(workspace, "note")
    for wrong in ({"session": "other", "id": number}, {"session": "note", "id": number + 1}):
        with pytest.raises(InvalidArguments, match="is quarantined under"):
            await call(workspace, "release", wrong, subject=ADA)
    asked = {"session": "note", "id": number}
    first = await call(workspace, "release", asked, subject=ADA, key="k")
    assert await call(workspace, "release", asked, subject=ADA, key="k") == first


async def test_nothing_is_released_under_the_feet_of_who_writes_alone(
    workspace: Workspace,
) -> None:
    """A single-user session is opened by one who holds all of it in memory."""
    async with workspace.open("mine", create=Kind.SINGLE_USER) as session:
        for word in ("one ", "two"):
            session.document.text("body").append(word)
            await session.saved()
        number = await set_aside(workspace, "mine")
        with pytest.raises(SessionBusy):
            await call(workspace, "release", {"session": "mine", "id": number}, subject=ADA)


async def test_release_is_for_the_host(workspace: Workspace) -> None:
    """Nobody lets his own update back from a room."""
    await write(workspace, "note", "one ", "two")
    asked = {"id": await set_aside(workspace, "note")}
    with pytest.raises(AccessDenied, match="it is for the host"):
        await call_from_room(
            workspace, RoomName.parse("note"), WRITER, "release", asked, unlocked=True
        )


async def test_an_import_by_the_host_begins_a_recovery(workspace: Workspace) -> None:
    """What is imported may be older than what people have; theirs may come back."""
    await write(workspace, "note", "one")
    assert await epoch(workspace, "note") == 0
    asked = {"session": "note", "updates": [update("two")]}
    await call(workspace, "import", asked, subject=ADA)
    assert await epoch(workspace, "note") > 0


@pytest.mark.parametrize("unlocked", [True, False])
async def test_an_import_from_a_room_begins_none_behind_a_lock(
    workspace: Workspace, unlocked: bool
) -> None:
    """Whoever may write could take the words of others for anybody's that way."""
    await write(workspace, "note", "one")
    await call_from_room(
        workspace,
        RoomName.parse("note"),
        WRITER,
        "import",
        {"updates": [update("two")]},
        unlocked=unlocked,
    )
    assert (await epoch(workspace, "note") > 0) is unlocked
