"""Versions, and going back: what changes, what does not, what is told, and who may."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.errors import (
    InvalidArguments,
    InvalidName,
    MomentNotFound,
    SessionBusy,
    SessionNotFound,
)
from collabkit.ids import Subject
from collabkit.sessions import rewinding
from collabkit.sessions.operations import call
from collabkit.sessions.session import Kind
from collabkit.sessions.versions import VersionPolicy
from collabkit.sessions.workspace import Workspace
from collabkit.store.reader import Reader
from sessions.authors import Author
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit
from sessions.writing import write

ADA = Subject("user:ada")


def told(on_disk: OnDisk) -> list[tuple[str, str]]:
    """What the audit tells of who went back, and when versions were saved by hand."""
    with Reader(on_disk.path) as reader:
        lines = reader.audit(limit=100)
    return [(one.subject, one.action) for one in lines if one.action not in {"create", "import"}]


# Versions


async def test_a_version_says_who_saved_it_and_who_had_written(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """By whom, when, with which note, and by whom the document was edited since the last one."""
    await Author(workspace, "user:ada").write("a")
    await call(workspace, "version", {"session": "note", "name": "one"}, subject=ADA)
    await Author(workspace, "user:bob").write("b")
    asked = {"session": "note/main", "name": "two", "note": "now with b", "pinned": False}
    two = await call(workspace, "version", asked, subject=ADA)
    assert (two["seq"], two["by"], two["authors"], two["note"]) == (
        2,
        ADA,
        ["user:bob"],
        "now with b",
    )
    assert (two["document"], two["kind"], two["pinned"]) == ("main", "manual", False)
    record = await workspace.store.find_session("note", project="default")
    assert [one.name for one in await workspace.store.versions(record.id)] == ["one", "two"]
    assert told(on_disk) == [(ADA, "version"), (ADA, "version")]


async def test_a_version_can_be_of_any_moment(workspace: Workspace) -> None:
    """A name can be given to what was, by a row or by another name."""
    await write(workspace, "note", "a", "b", "c")
    for name, at in (("first", 1), ("again", "first"), ("last", "now"), ("none", "start")):
        await workspace.call("version", session="note", name=name, at=at)
    record = await workspace.store.find_session("note", project="default")
    found = {one.name: one.seq for one in await workspace.store.versions(record.id)}
    assert found == {"first": 1, "again": 1, "last": 3, "none": 0}


async def test_a_version_says_why_it_was_saved(workspace: Workspace) -> None:
    """By hand, before a program edits by itself, or because work pauses; and nothing else."""
    await write(workspace, "note", "a")
    for kind in ("manual", "agent", "pause"):
        made = await workspace.call("version", session="note", name=f"of {kind}", kind=kind)
        assert made["kind"] == kind
    with pytest.raises(InvalidArguments):
        await workspace.call("version", session="note", name="end", kind="end")


async def test_a_name_is_given_once(workspace: Workspace) -> None:
    """A name that is taken, or that reads as a row or a time, is refused."""
    await write(workspace, "note", "a")
    await workspace.call("version", session="note", name="draft")
    for name in ("draft", "12", "yesterday", ""):
        with pytest.raises(InvalidName):
            await workspace.call("version", session="note", name=name)


async def test_a_repeated_call_saves_one_version(workspace: Workspace) -> None:
    """With a key, saving and dropping happen once."""
    await write(workspace, "note", "a")
    saved = [
        await workspace.call("version", session="note", name="draft", key="s") for _ in range(2)
    ]
    dropped = [
        await workspace.call("unversion", session="note", name="draft", key="d") for _ in range(2)
    ]
    assert saved[0] == saved[1]
    assert dropped[0] == dropped[1]


async def test_there_is_an_end_to_versions_and_to_notes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write cannot fill a file with them."""
    await write(workspace, "note", "a")
    with pytest.raises(InvalidArguments, match="note"):
        await workspace.call("version", session="note", name="a", note="x" * 10_001)
    monkeypatch.setattr(rewinding, "MAX_VERSIONS", 2)
    for name in "ab":
        await workspace.call("version", session="note", name=name, note="x" * 10_000)
    with pytest.raises(InvalidArguments, match="drop some"):
        await workspace.call("version", session="note", name="c")


async def test_a_version_is_dropped_by_name(workspace: Workspace, on_disk: OnDisk) -> None:
    """It is gone, the audit tells of it, and one that is not there is told."""
    await write(workspace, "note", "a")
    await workspace.call("version", session="note", name="draft")
    await workspace.call("unversion", session="note", name="draft")
    with pytest.raises(MomentNotFound):
        await workspace.call("unversion", session="note", name="draft")
    assert told(on_disk)[-1] == (workspace.subject, "unversion")


async def test_a_version_is_pinned_and_let_go(workspace: Workspace, on_disk: OnDisk) -> None:
    """Nothing else of it changes; one that is not there is told."""
    await write(workspace, "note", "a")
    saved = await workspace.call("version", session="note", name="draft", pinned=False)
    assert await workspace.call("pin", session="note", name="draft") == {**saved, "pinned": True}
    assert await workspace.call("pin", session="note", name="draft", pinned=False) == saved
    assert told(on_disk)[-1] == (workspace.subject, "pin")
    with pytest.raises(MomentNotFound):
        await workspace.call("pin", session="note", name="other")


# Restore


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_restore_is_one_edit_that_says_what_it_is(
    workspace: Workspace, on_disk: OnDisk, kind: Kind
) -> None:
    """The document is what it was; the log has one row more, of who asked, with its origin."""
    async with workspace.create("note", kind=kind) as note:
        note.document.map("meta")["title"] = "Plan"
        note.document.text("body").append("hello")
    before, first = on_disk.document("note").digest(), on_disk.rows("note")[-1].seq
    async with workspace.open("note") as note:
        note.document.map("meta")["title"] = "Other"
        note.document.text("body").replace(0, 5, "bye")
    at = on_disk.rows("note")[-1].seq
    done = await call(workspace, "restore", {"session": "note", "at": first}, subject=ADA)
    assert on_disk.document("note").digest() == before
    last = on_disk.rows("note")[-1]
    assert (last.seq, last.subject, last.origin) == (done["seq"], ADA, f"restore:{first}")
    assert done["version"] == f"before restore #{at}"
    assert told(on_disk) == [(ADA, "restore")]


async def test_what_was_before_a_restore_has_a_name(workspace: Workspace, on_disk: OnDisk) -> None:
    """A restore can be taken back by restoring the version that was saved before it."""
    await write(workspace, "note", "a", "b")
    done = await workspace.call("restore", session="note", at="start")
    assert on_disk.text("note") == ""
    await workspace.call("restore", session="note", at=done["version"])
    assert on_disk.text("note") == "ab"


async def test_a_dry_run_changes_nothing(workspace: Workspace, on_disk: OnDisk) -> None:
    """It tells what would change, and leaves no row, version or line of the audit."""
    await write(workspace, "note", "a", "b")
    rows = on_disk.rows("note")
    for session in ("note", "note/main"):
        done = await workspace.call("restore", session=session, at=1, dry_run=True)
        assert (done["seq"], done["version"]) == (None, None)
        assert done["difference"]
    done = await workspace.call("revert", session="note", change="2", dry_run=True)
    assert done["seq"] is None
    assert on_disk.rows("note") == rows
    assert told(on_disk) == []


async def test_to_go_back_to_now_is_to_do_nothing(workspace: Workspace, on_disk: OnDisk) -> None:
    """Where nothing differs, nothing is written, and nothing saved."""
    await write(workspace, "note", "a")
    done = await workspace.call("restore", session="note", at="now")
    assert (done["seq"], done["version"], done["difference"]) == (None, None, "")
    assert (len(on_disk.rows("note")), told(on_disk)) == (1, [])


async def test_others_go_on_while_a_document_is_restored(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """Who is in the room sees an ordinary edit; what he writes meanwhile stays."""
    await write(workspace, "note", "hello", " world")
    async with workspace.serving(anybody) as hub, visit(hub, "note", name="ada") as ada:
        await ada.synced()
        ada.document.map("meta")["seen"] = True
        restoring = asyncio.create_task(workspace.call("restore", session="note", at=1))
        ada.document.text("notes").append("meanwhile")
        done = await restoring
        await ada.reached(done["seq"])
        await ada.saved()
        assert ada.document.to_dict()["body"] == "hello"
        assert ada.document.to_dict()["notes"] == "meanwhile"
    assert on_disk.document("note").to_dict() == ada.document.to_dict()


async def test_two_restores_at_once_bring_nothing_back_twice(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """They take turns: the second one finds nothing to do."""
    await write(workspace, "note", "hello")
    await workspace.call("restore", session="note", at="start")
    done = await asyncio.gather(
        *(workspace.call("restore", session="note", at=1) for _ in range(3))
    )
    assert sorted(one["seq"] is None for one in done) == [False, True, True]
    assert on_disk.text("note") == "hello"


async def test_what_the_program_has_alone_is_restored_where_it_is(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """Its own open document changes, and its next edit builds on that; others are refused."""
    async with workspace.open_alone("note", create=Kind.COLLABORATIVE) as note:
        note.document.text("body").append("a")
        await note.saved()
        note.document.text("body").append("b")
        await note.saved()
        with pytest.raises(SessionBusy):
            await call(workspace, "restore", {"session": "note", "at": 1}, subject=ADA)
        await workspace.call("restore", session="note", at=1)
        note.document.text("body").append("c")
    assert on_disk.text("note") == "ac"


async def test_a_moment_that_is_not_there_changes_nothing(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """A name nobody gave, a row not yet written, a document that is not there."""
    await write(workspace, "note", "a")
    for at in ("draft", 9, "2026-02-30"):
        with pytest.raises(MomentNotFound):
            await workspace.call("restore", session="note", at=at)
    with pytest.raises(SessionNotFound):
        await workspace.call("restore", session="note/side", at=1)
    with pytest.raises(SessionNotFound):
        await workspace.call("restore", session="other", at=1)
    assert len(on_disk.rows("note")) == 1


async def test_a_policy_can_do_without_versions(on_disk: OnDisk) -> None:
    """Then a restore saves none, and is told to the audit all the same."""
    policy = VersionPolicy(before_rewinding=False)
    async with Workspace.open(on_disk.path, versions=policy) as workspace:
        await write(workspace, "note", "a", "b")
        done = await call(workspace, "restore", {"session": "note", "at": 1}, subject=ADA)
        assert done["version"] is None
        record = await workspace.store.find_session("note", project="default")
        assert await workspace.store.versions(record.id) == []
    assert told(on_disk) == [(ADA, "restore")]


# Revert


async def test_a_change_is_taken_back_by_its_address(workspace: Workspace, on_disk: OnDisk) -> None:
    """What others wrote before and after stays, and the row says what was taken back."""
    ada, bob = Author(workspace, "user:ada"), Author(workspace, "user:bob")
    await ada.write("one ")
    change = await bob.write("two ")
    await ada.write("three ")
    done = await call(workspace, "revert", {"session": "note", "change": f"#{change}"}, subject=ADA)
    assert on_disk.text("note") == "one three "
    assert on_disk.rows("note")[-1].origin == done["origin"] == f"revert:{change}-{change}"
    assert done["version"].startswith("before revert #")
    assert told(on_disk) == [(ADA, "revert")]


async def test_what_somebody_wrote_in_a_span_is_taken_back(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """All of his rows between two moments, and none outside."""
    ada, bob = Author(workspace, "user:ada"), Author(workspace, "user:bob")
    for author, words in ((bob, "1 "), (ada, "2 "), (bob, "3 "), (ada, "4 "), (bob, "5 ")):
        await author.write(words)
    asked = {"session": "note", "author": "user:bob", "since": 1, "until": 4}
    done = await call(workspace, "revert", asked, subject=ADA)
    assert on_disk.text("note") == "1 2 4 5 "
    assert done["origin"] == "revert:3-3"
    again = await call(workspace, "revert", asked, subject=ADA)
    assert again["seq"] is None


async def test_what_a_later_edit_owns_is_told_and_stays(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """A value that somebody has set since is left alone."""
    ada, bob = Author(workspace, "user:ada"), Author(workspace, "user:bob")
    first = await ada.edit(lambda document: document.map("meta").update({"title": "Plan"}))
    await bob.catch_up()
    last = await bob.edit(lambda document: document.map("meta").update({"title": "Other"}))
    done = await call(workspace, "revert", {"session": "note", "change": str(first)}, subject=ADA)
    assert on_disk.document("note").to_dict() == {"meta": {"title": "Other"}}
    assert [(one["path"], one["by"]["seq"]) for one in done["kept"]] == [(["meta", "title"], last)]


@pytest.mark.parametrize("asked", [{}, {"change": "1", "author": "user:ada"}])
async def test_either_a_change_or_an_author_is_taken_back(
    workspace: Workspace, asked: dict[str, str]
) -> None:
    """Neither and both say nothing."""
    await write(workspace, "note", "a")
    with pytest.raises(InvalidArguments, match="either"):
        await workspace.call("revert", session="note", **asked)


async def test_a_change_that_is_not_there_changes_nothing(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """An address of no rows, and one of two authors, are told."""
    await Author(workspace, "user:ada").write("a")
    await Author(workspace, "user:bob").write("b")
    for change, why in (("7", "no such rows"), ("1-2", "two changes"), ("b", "first and last")):
        with pytest.raises(MomentNotFound, match=why):
            await workspace.call("revert", session="note", change=change)
    assert len(on_disk.rows("note")) == 2
