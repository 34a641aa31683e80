"""The program is in a session in one way at a time, and others make room where they must."""

from __future__ import annotations

import pytest

from collabkit.errors import ConnectionClosed, SessionBusy
from collabkit.ids import Subject
from collabkit.sessions.attendance import host_identity
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit

HOST = Subject("host:test")


async def test_a_collaborative_session_can_be_had_alone(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """One who has it for himself writes without a room, and finds what the room had."""
    async with workspace.create("note") as note:
        note.document.text("body").append("room ")
    async with workspace.open_alone("note") as note:
        note.document.text("body").append("alone")
        await note.saved()
        assert workspace.hub.stats().rooms == 0
    assert on_disk.text("note") == "room alone"
    async with workspace.open("note") as note:
        assert str(note.document.text("body")) == "room alone"


async def test_alone_and_among_others_exclude_each_other(workspace: Workspace) -> None:
    """Whoever is in a session among others keeps out one who wants it alone, and the reverse."""
    async with workspace.create("note"):
        with pytest.raises(SessionBusy):
            async with workspace.open_alone("note"):
                pytest.fail("beside a room")
    async with workspace.open_alone("note"):
        with pytest.raises(SessionBusy):
            async with workspace.open("note"):
                pytest.fail("beside one alone")


async def test_visitors_make_room_and_come_back(workspace: Workspace) -> None:
    """Visitors are put out of a session that the program takes, and their edits are kept."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub, visit(hub, "note") as ada:
        ada.document.map("was")["ada"] = True
        await ada.saved()
        async with workspace.open_alone("note") as note:
            note.document.map("was")["host"] = True
        ada.document.map("was")["ada again"] = True
        await ada.saved()
    async with workspace.open_alone("note") as note:
        assert sorted(note.document.map("was")) == ["ada", "ada again", "host"]


async def test_a_token_of_the_program_opens_nothing_afterwards(workspace: Workspace) -> None:
    """The token with which the program enters a room is nobody's once it has left."""
    attendance = workspace.attendance
    async with workspace.create("note"):
        (token,) = attendance._tokens
        assert attendance.identity(token) is not None
    assert attendance.identity(token) is None
    assert attendance.identity(None) is None


async def test_nobody_is_counted_who_could_not_enter(workspace: Workspace) -> None:
    """A failed entry leaves a session free."""
    record = (await workspace.create("mine", kind=Kind.SINGLE_USER)).record
    with pytest.raises(ZeroDivisionError):
        async with workspace.attendance.stay(record, host_identity(HOST)):
            1 // 0  # noqa: B018
    async with workspace.attendance.vacated(record):
        with pytest.raises((SessionBusy, ConnectionClosed)):
            async with workspace.serving(anybody) as hub, visit(hub, "mine") as visitor:
                await visitor.synced()
