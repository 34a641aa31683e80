"""Every operation: what it does, what it refuses, who may call it, and that a key makes it once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import (
    ConnectionRefused,
    InvalidArguments,
    InvalidName,
    MalformedBytes,
    SessionBusy,
    SessionExists,
    SessionNotFound,
    UnknownOperation,
    UpdateRefused,
)
from collabkit.ids import Subject
from collabkit.sessions.operations import call
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit
from sessions.writing import update, write

ADA = Subject("user:ada")


# The way in


async def test_an_unknown_operation_is_answered_with_the_known_ones(workspace: Workspace) -> None:
    """A typo is answered with the names there are."""
    with pytest.raises(UnknownOperation, match="create, checkpoint, import"):
        await call(workspace, "creat", {}, subject=ADA)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "session"),
        ({"session": 1}, "Expected `str`"),
        ({"session": "a", "colour": "red"}, "colour"),
        ({"session": "a", "kind": "public"}, "public"),
    ],
)
async def test_bad_arguments_are_told_with_what_is_allowed(
    workspace: Workspace, arguments: dict[str, Any], says: str
) -> None:
    """Arguments outside the schema are refused before anything happens, and the schema is shown."""
    with pytest.raises(InvalidArguments, match=says) as refused:
        await call(workspace, "create", arguments, subject=ADA)
    assert "create(session, kind=…)" in str(refused.value)
    assert await workspace.list() == []


async def test_results_can_be_written_as_json(workspace: Workspace) -> None:
    """What an operation returns travels: it is JSON."""
    await write(workspace, "note", "a")
    for name, arguments in (
        ("create", {"session": "plan"}),
        ("import", {"session": "note", "updates": [update("b")]}),
        ("checkpoint", {"session": "note"}),
        ("version", {"session": "note", "name": "draft"}),
        ("fork", {"session": "note", "name": "branch"}),
        ("restore", {"session": "note", "at": 1}),
        ("revert", {"session": "note", "change": "1"}),
        ("merge", {"session": "note", "fork": "branch"}),
        ("unversion", {"session": "note", "name": "draft"}),
        ("compact", {"session": "note"}),
        ("rm", {"session": "note"}),
    ):
        result = await call(workspace, name, arguments, subject=ADA)
        assert json.loads(json.dumps(result)) == result


# create


async def test_create_adds_a_session(workspace: Workspace) -> None:
    """A session is created once, by whoever asked, as the kind he asked for."""
    made = await call(
        workspace, "create", {"session": "acme~plan", "kind": "single-user"}, subject=ADA
    )
    assert (made["project"], made["name"], made["created_by"]) == ("acme", "plan", ADA)
    with pytest.raises(SessionExists):
        await call(workspace, "create", {"session": "acme~plan"}, subject=ADA)
    with pytest.raises(InvalidName):
        await call(workspace, "create", {"session": "../plan"}, subject=ADA)
    with pytest.raises(InvalidArguments, match="documents come by use"):
        await call(workspace, "create", {"session": "plan/side"}, subject=ADA)


# rm


async def test_rm_removes_all_there_is(workspace: Workspace, on_disk: OnDisk) -> None:
    """A removed session is nowhere, and its name is free for one that shares nothing with it."""
    await write(workspace, "note", "secret")
    await call(workspace, "rm", {"session": "note"}, subject=ADA)
    with pytest.raises(SessionNotFound):
        await call(workspace, "rm", {"session": "note"}, subject=ADA)
    await write(workspace, "note", "new")
    assert on_disk.text("note") == "new"
    assert on_disk.faults() == []


async def test_rm_takes_no_single_document(workspace: Workspace, on_disk: OnDisk) -> None:
    """The name of one document removes nothing, least of all the documents beside it."""
    await write(workspace, "note", "kept")
    with pytest.raises(InvalidArguments, match="with all its documents"):
        await call(workspace, "rm", {"session": "note/side"}, subject=ADA)
    assert on_disk.text("note") == "kept"


async def test_rm_puts_out_who_is_in(workspace: Workspace) -> None:
    """Whoever is connected to a session that is removed is told so, for good."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub, visit(hub, "note") as replica:
        await replica.synced()
        await call(workspace, "rm", {"session": "note"}, subject=ADA)
        replica.document.text("body").append("late")
        with pytest.raises(ConnectionRefused, match="removed"):
            await replica.saved()


async def test_rm_does_not_take_a_session_from_under_the_program(workspace: Workspace) -> None:
    """A session that the holder's own code has open is not removed."""
    async with workspace.create("note"):
        for asked in ({}, {"dry_run": True}):
            with pytest.raises(SessionBusy):
                await call(workspace, "rm", {"session": "note", **asked}, subject=ADA)
    await call(workspace, "rm", {"session": "note"}, subject=ADA)


# import


@pytest.mark.parametrize("kind", list(Kind))
async def test_import_is_an_edit(workspace: Workspace, on_disk: OnDisk, kind: Kind) -> None:
    """An imported update is in the document and in the log, under who imported it."""
    await call(
        workspace,
        "import",
        {"session": "note/side", "updates": [update("hello")], "create": kind.value},
        subject=ADA,
    )
    assert on_disk.text("note/side") == "hello"
    (row,) = on_disk.rows("note")
    assert (row.document, row.subject) == ("side", ADA)


async def test_import_reaches_who_is_there(workspace: Workspace) -> None:
    """Whoever is at the document sees what is imported into it."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub, visit(hub, "note") as replica:
        await replica.synced()
        changed = asyncio.Event()
        replica.document.on_update(lambda _: changed.set())
        await call(
            workspace, "import", {"session": "note", "updates": [update("hello")]}, subject=ADA
        )
        await changed.wait()
        assert str(replica.document.text("body")) == "hello"


async def test_import_twice_is_import_once(workspace: Workspace, on_disk: OnDisk) -> None:
    """The same bytes again change nothing."""
    asked = {"session": "note", "updates": [update("hello")], "create": "collaborative"}
    await call(workspace, "import", asked, subject=ADA)
    await call(workspace, "import", asked, subject=ADA)
    assert on_disk.text("note") == "hello"
    assert len(on_disk.rows("note")) == 1


async def test_import_wants_a_session_and_can_want_an_empty_document(workspace: Workspace) -> None:
    """Nothing is created unless it was asked for, and fresh content meets no other."""
    asked = {"session": "note", "updates": [update("hello")]}
    with pytest.raises(SessionNotFound):
        await call(workspace, "import", asked, subject=ADA)
    await call(workspace, "import", {**asked, "create": "collaborative"}, subject=ADA)
    with pytest.raises(InvalidArguments, match="holds something already"):
        await call(workspace, "import", {**asked, "fresh": True}, subject=ADA)


@pytest.mark.parametrize("kind", list(Kind))
async def test_import_takes_no_nonsense(workspace: Workspace, on_disk: OnDisk, kind: Kind) -> None:
    """Bytes that are no update, or build on what is not there, leave no row."""
    await workspace.create("note", kind=kind)
    document = Document()
    document.text("body").insert(0, "a")
    before = document.state_vector
    document.text("body").insert(1, "b")
    for bad in (b"\xff\xff", b"", document.update(before)):
        with pytest.raises((UpdateRefused, MalformedBytes)):
            await call(workspace, "import", {"session": "note", "updates": [bad]}, subject=ADA)
    assert on_disk.rows("note") == []


async def test_a_failed_import_makes_no_session(workspace: Workspace) -> None:
    """If one of the updates cannot be taken, there is no new session to look into for the rest."""
    asked = {"session": "note", "updates": [update("a"), b"\xff\xff"], "create": "collaborative"}
    with pytest.raises((UpdateRefused, MalformedBytes)):
        await call(workspace, "import", asked, subject=ADA)
    assert await workspace.list() == []


async def test_import_does_not_write_beside_a_program(workspace: Workspace) -> None:
    """A single-user session that is open takes edits from its program alone."""
    async with workspace.create("mine", kind=Kind.SINGLE_USER):
        with pytest.raises(SessionBusy):
            await call(
                workspace, "import", {"session": "mine", "updates": [update("x")]}, subject=ADA
            )


# One document or all


async def test_one_document_can_be_meant(workspace: Workspace) -> None:
    """A name that goes on to a document means that one, and it has to be there."""
    await write(workspace, "note", "a")
    with pytest.raises(SessionNotFound):
        await call(workspace, "compact", {"session": "note/side"}, subject=ADA)
    done = await call(workspace, "checkpoint", {"session": "note/main"}, subject=ADA)
    assert done["documents"] == {"main": 1}


# Keys


async def test_a_key_makes_a_call_once(workspace: Workspace) -> None:
    """A repetition gets the first one's result, also after the workspace was opened again."""
    first = await call(workspace, "create", {"session": "plan"}, subject=ADA, key="k")
    assert await call(workspace, "create", {"session": "plan"}, subject=ADA, key="k") == first
    await workspace.__aexit__(None, None, None)
    await workspace.__aenter__()
    assert await call(workspace, "create", {"session": "plan"}, subject=ADA, key="k") == first


async def test_a_dry_run_is_not_remembered(workspace: Workspace) -> None:
    """Its answer may be long, and is true of one moment."""
    await write(workspace, "plan", "a")
    for text, rows in (("b", 1), ("c", 2)):
        asked = {"session": "plan", "dry_run": True}
        told = await call(workspace, "rm", asked, subject=ADA, key="k")
        assert told["rows"] == rows
        await write(workspace, "plan", text)
    assert await workspace.store.entries("calls") == []


async def test_keyed_calls_at_one_time_are_one(workspace: Workspace) -> None:
    """Two that race with one key both get the result of the one that ran."""
    asked = {"session": "plan"}
    calls = (call(workspace, "create", asked, subject=ADA, key="k") for _ in range(5))
    results = await asyncio.gather(*calls)
    assert all(result == results[0] for result in results)


async def test_a_key_names_one_call(workspace: Workspace) -> None:
    """A key that was used for something else is refused; another subject's key is another."""
    await call(workspace, "create", {"session": "a"}, subject=ADA, key="k")
    with pytest.raises(InvalidArguments, match="used for another call"):
        await call(workspace, "create", {"session": "b"}, subject=ADA, key="k")
    await call(workspace, "create", {"session": "b"}, subject=Subject("user:bob"), key="k")


async def test_a_call_that_failed_may_be_repeated(workspace: Workspace) -> None:
    """Failure does not use a key up."""
    with pytest.raises(SessionNotFound):
        await call(workspace, "rm", {"session": "plan"}, subject=ADA, key="k")
    await workspace.create("plan")
    await call(workspace, "rm", {"session": "plan"}, subject=ADA, key="k")


@pytest.mark.parametrize("name", ["create", "rm"])
async def test_a_call_that_was_cut_off_finds_its_work_done(workspace: Workspace, name: str) -> None:
    """If the process ended between the work and its note, a repetition is content with the work."""
    if name == "rm":
        await workspace.create("plan")
    note = workspace.calls._note

    async def die_at_the_end(past: Any, state: str, result: Any = None) -> None:
        if state != "started":
            raise RuntimeError("killed")
        await note(past, state, result)

    workspace.calls._note = die_at_the_end  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="killed"):
        await call(workspace, name, {"session": "plan"}, subject=ADA, key="k")
    await workspace.__aexit__(None, None, None)
    await workspace.__aenter__()
    await call(workspace, name, {"session": "plan"}, subject=ADA, key="k")
    assert [record.name for record in await workspace.list()] == ["plan"] * (name == "create")


async def test_the_file_says_nothing_of_what_was_refused(workspace: Workspace) -> None:
    """A call that was refused leaves no trace in the file."""
    with pytest.raises(InvalidArguments):
        await call(workspace, "create", {"session": "a", "x": 1}, subject=ADA, key="k")
    assert await workspace.store.entries("calls") == []
