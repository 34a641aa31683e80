"""A session is entered, edited, saved and left; its kind decides who else is there."""

from __future__ import annotations

import asyncio
import gc

import pytest

from collabkit.errors import CannotWrite, Corrupt, InvalidName, LocalProtocolError, SessionBusy
from collabkit.ids import Subject
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import Draft
from sessions.disks import full
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit

KINDS = pytest.mark.parametrize("kind", list(Kind))


@KINDS
async def test_what_is_saved_is_on_disk(workspace: Workspace, on_disk: OnDisk, kind: Kind) -> None:
    """After `saved`, whoever reads the file sees the edit, and whose it is."""
    async with workspace.create("note", kind=kind) as note:
        note.document.text("body").insert(0, "hello")
        await note.saved()
        assert on_disk.text("note") == "hello"
        assert {row.subject for row in on_disk.rows("note")} == {"host:test"}


@KINDS
async def test_leaving_saves(workspace: Workspace, on_disk: OnDisk, kind: Kind) -> None:
    """Leaving a session waits until its edits are on disk, also if the block raises."""

    async def fail() -> None:
        async with workspace.create("note", kind=kind) as note:
            note.document.text("body").insert(0, "hello")
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await fail()
    assert on_disk.text("note") == "hello"


@KINDS
async def test_it_holds_what_it_held(workspace: Workspace, kind: Kind) -> None:
    """A session that is opened again holds all that was written, in all its documents."""
    async with workspace.create("note", kind=kind) as note:
        note.document.text("body").append("one")
        (await note.open_document("side")).map("meta")["n"] = 1
    async with workspace.open("note") as note:
        assert str(note.document.text("body")) == "one"
        side = await note.open_document("side")
        assert side.to_dict() == {"meta": {"n": 1}}
        assert await note.open_document("side") is side
        assert await note.open_document("main") is note.document


@KINDS
async def test_a_document_opened_twice_at_once_is_one(workspace: Workspace, kind: Kind) -> None:
    """Two tasks that open one document of a session share it, and what both write is kept."""
    async with workspace.create("note", kind=kind) as note:
        one, two = await asyncio.gather(note.open_document("x"), note.open_document("x"))
        assert one is two


@KINDS
async def test_a_document_that_was_left_takes_no_edit(workspace: Workspace, kind: Kind) -> None:
    """An edit that could not be stored any more is an error, and changes nothing."""
    async with workspace.create("note", kind=kind) as note:
        document = note.document
        document.text("body").append("a")
    with pytest.raises(LocalProtocolError, match="session 'note' is closed"):
        document.text("body").append("b")
    assert str(document.text("body")) == "a"


@KINDS
async def test_damage_is_told_and_not_opened(workspace: Workspace, kind: Kind) -> None:
    """A session whose document cannot be loaded raises Corrupt, and never shows an empty one."""
    note = await workspace.create("note", kind=kind)
    bad = Draft(document="main", subject=Subject("x"), body=b"\x01\x02nonsense", at_ms=0)
    await workspace.store.append(note.id, [bad])
    with pytest.raises(Corrupt, match="row 1 of note"):
        async with note:
            pytest.fail("it opened")


async def test_one_has_a_single_user_session_for_himself(workspace: Workspace) -> None:
    """While a single-user session is open nobody opens it again; afterwards anybody may."""
    async with workspace.create("mine", kind=Kind.SINGLE_USER):
        with pytest.raises(SessionBusy):
            async with workspace.open("mine"):
                pytest.fail("twice")
    async with workspace.open("mine"):
        pass


async def test_two_parts_of_a_program_meet(workspace: Workspace) -> None:
    """A collaborative session may be opened twice, and each sees what the other does."""
    async with workspace.create("note") as one, workspace.open("note") as other:
        seen = asyncio.Event()
        other.document.on_update(lambda _: seen.set())
        one.document.text("body").append("hello")
        await seen.wait()
        assert str(other.document.text("body")) == "hello"


async def test_the_host_and_a_visitor_meet(workspace: Workspace) -> None:
    """The host's edits reach a visitor and a visitor's the host, each under its own name."""
    async with workspace.create("note") as note, workspace.serving(anybody) as hub:
        async with visit(hub, "note", name="ada") as ada:
            await ada.synced()
            there, here = asyncio.Event(), asyncio.Event()
            ada.document.on_update(lambda change: there.set() if not change.local else None)
            note.document.on_update(lambda change: here.set() if not change.local else None)
            note.document.text("body").append("host ")
            await there.wait()
            ada.document.text("body").append("ada")
            await here.wait()
            assert str(note.document.text("body")) == "host ada"
            await ada.saved()
        await note.saved()
        rows = await workspace.store.rows(note.id)
    assert [row.subject for row in rows] == ["host:test", "anonymous:ada"]


async def test_presence_is_seen_and_gone(workspace: Workspace) -> None:
    """What the host shows of itself reaches a visitor, and ends with the session."""
    async with (
        workspace.serving(anybody) as hub,
        workspace.create("note") as note,
        visit(hub, "note") as ada,
    ):
        await ada.synced()
        came, went = asyncio.Event(), asyncio.Event()

        def look(_: object) -> None:
            (came if ada.presence.others else went).set()

        ada.presence.observe(look)
        note.presence.set({"name": "host"})
        await came.wait()
        assert list(ada.presence.others.values()) == [{"name": "host"}]
        went.clear()
        note.presence.set(None)
        await went.wait()


async def test_nobody_else_is_in_a_single_user_session(workspace: Workspace) -> None:
    """Presence of a single-user session is a mistake, and says so."""
    async with workspace.create("mine", kind=Kind.SINGLE_USER) as mine:
        with pytest.raises(LocalProtocolError, match="nobody else"):
            mine.presence.set({})


async def test_a_session_says_what_it_is(workspace: Workspace) -> None:
    """Its identity is there once it was found, and its repr shows where it is in its life."""
    note = workspace.create("note", project="acme")
    assert repr(note) == "<Session 'note', not entered>"
    with pytest.raises(LocalProtocolError, match="async with"):
        note.id  # noqa: B018
    await note
    assert (len(note.id), note.name, note.project) == (32, "note", "acme")
    assert repr(note) == "<Session acme~note collaborative, closed>"
    with pytest.raises(LocalProtocolError, match="not open"):
        note.document  # noqa: B018
    async with note:
        assert repr(note) == "<Session acme~note collaborative, open>"
        with pytest.raises(LocalProtocolError, match="already"):
            await note.__aenter__()
        with pytest.raises(InvalidName):
            await note.open_document("a//b")


async def test_a_session_that_is_never_entered_warns(workspace: Workspace) -> None:
    """`create` without `await` does nothing, and Python says so."""

    def forget() -> None:
        workspace.create("note")
        gc.collect()

    with pytest.warns(RuntimeWarning, match="never awaited"):
        forget()
    assert await workspace.list() == []


async def test_it_can_be_left_from_another_task(workspace: Workspace, on_disk: OnDisk) -> None:
    """A session that one task entered may be left by another, as test fixtures do."""
    note = workspace.create("note")
    await asyncio.create_task(note.__aenter__())
    note.document.text("body").append("hello")
    await asyncio.create_task(note.__aexit__(None, None, None))
    assert on_disk.text("note") == "hello"


@KINDS
async def test_a_full_disk_is_told_and_heals(
    workspace: Workspace, on_disk: OnDisk, kind: Kind
) -> None:
    """While the disk takes nothing `saved` raises and does not wait; then the edits get there."""
    async with workspace.create("note", kind=kind) as note:
        async with full(workspace.store):
            note.document.text("body").append("b" * 100_000)
            with pytest.raises(CannotWrite):
                await note.saved()
        while True:
            try:
                await note.saved()
            except CannotWrite:
                continue
            break
    assert on_disk.text("note") == "b" * 100_000
