"""A program that acts as somebody is held to what he may do, before anything happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from collabkit.access.rules import CODES, Permission
from collabkit.crdt.document import Document
from collabkit.errors import AccessDenied
from collabkit.sessions import blocking
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from sessions.looking import OnDisk

SESSION = "/projects/default/sessions/note"
MAIN = f"{SESSION}/docs/main"
ADA = "user:ada"
KINDS = pytest.mark.parametrize("kind", list(Kind))


async def rule(workspace: Workspace, **patterns: str) -> None:
    """Let Ada read the session, and do what is named to what the patterns name."""
    async with workspace.access.transaction() as changes:
        changes.grant(ADA, permission=Permission(f"{SESSION}/**", "read"))
        for action, pattern in patterns.items():
            changes.grant(ADA, permission=Permission(pattern, action))  # type: ignore[arg-type]


async def begun(workspace: Workspace, kind: Kind) -> None:
    """A note that the host has written into."""
    async with workspace.create("note", kind=kind) as note:
        note.document.map("meta")["title"] = "Plan"
        note.document.map("todo")["a"] = {"done": False}
        note.document.text("body").append("the host's words")
        await note.saved()


def set_title(document: Document) -> None:
    document.map("meta")["title"] = "mine"


def delete_todo(document: Document) -> None:
    del document.map("todo")["a"]


def write_text(document: Document) -> None:
    document.text("body").insert(0, "mine")


def both(document: Document) -> None:
    with document.edit():
        document.map("todo")["b"] = 1
        document.map("meta")["title"] = "mine"


def new_root(document: Document) -> None:
    document.array("elsewhere").append(1)


EDITS: list[tuple[Callable[[Document], None], str, str]] = [
    (set_title, "write", "/meta/title"),
    (delete_todo, "delete", "/todo/a"),
    (write_text, "write", "/body"),
    (both, "write", "/meta/title"),
    (new_root, "write", "/elsewhere"),
]


@KINDS
async def test_what_is_denied_does_not_happen(
    workspace: Workspace, on_disk: OnDisk, kind: Kind
) -> None:
    """It raises with the place and the rule; the document is as it was, and nothing is sent."""
    await begun(workspace, kind)
    await rule(workspace, write=f"{MAIN}/todo/**")
    async with workspace.open("note", subject=ADA) as note:
        heard: list[Any] = []
        document = note.document
        document.on_update(heard.append)
        before, state = document.to_dict(), document.update()
        for edit, action, place in EDITS:
            with pytest.raises(AccessDenied) as denied:
                edit(document)
            error = denied.value
            assert (error.subject, error.action, error.path) == (ADA, action, MAIN + place)
            assert error.reason.startswith(CODES["no-match"])
        assert (document.to_dict(), document.update(), heard) == (before, state, [])
        document.map("todo")["b"] = 1
        await note.saved()
    async with workspace.open("note") as note:
        assert note.document.to_dict() == {**before, "todo": {"a": {"done": False}, "b": 1}}


@KINDS
async def test_what_is_applied_is_no_way_round(
    workspace: Workspace, on_disk: OnDisk, kind: Kind
) -> None:
    """Updates from elsewhere too are held to it: here where one is alone, or else by the room."""
    await begun(workspace, kind)
    await rule(workspace, write=f"{MAIN}/todo/**")
    elsewhere = Document()
    elsewhere.text("body").append("forged")
    allowed = Document()
    allowed.map("todo")["b"] = 1
    async with workspace.open_alone("note", subject=ADA) as note:
        with pytest.raises(AccessDenied, match=f"write {MAIN}/body"):
            note.document.apply(elsewhere.update())
        with pytest.raises(AccessDenied, match=f"write {MAIN}/body"):
            note.document.apply(elsewhere.update(), trusted=True)
        assert "forged" not in str(note.document.text("body"))
        note.document.apply(allowed.update())
    async with workspace.open("note", subject=ADA) as note:
        with suppress(AccessDenied):
            note.document.apply(elsewhere.update())
        await note.saved()
    assert on_disk.text("note") == "the host's words"
    async with workspace.open("note") as note:
        assert note.document.map("todo")["b"] == 1


@KINDS
async def test_a_reader_changes_nothing(workspace: Workspace, kind: Kind) -> None:
    """Not even what is empty."""
    await begun(workspace, kind)
    await rule(workspace)
    async with workspace.open("note", subject=ADA) as note:
        with pytest.raises(AccessDenied, match=CODES["no-match"]):
            note.document.text("new").append("x")
        assert "new" not in note.document.to_dict()


@KINDS
async def test_who_may_not_read_does_not_come_in(workspace: Workspace, kind: Kind) -> None:
    """Whether there is such a session or not."""
    await begun(workspace, kind)
    await rule(workspace)
    for name in ("note", "nothing"):
        with pytest.raises(AccessDenied, match=f"user:eve may not read {name}"):
            await workspace.open(name, subject="user:eve")


@KINDS
async def test_each_document_is_read_by_who_may(workspace: Workspace, kind: Kind) -> None:
    """Another document of an open session is as closed as the session would be."""
    await begun(workspace, kind)
    async with workspace.access.transaction() as changes:
        changes.grant(ADA, permission=Permission(f"{MAIN}/**", "read"))
    async with workspace.open("note", subject=ADA) as note:
        with pytest.raises(AccessDenied, match="may not read note/secret"):
            await note.open_document("secret")
        assert note.document.to_dict()["meta"] == {"title": "Plan"}


@KINDS
async def test_rights_are_those_of_the_moment(workspace: Workspace, kind: Kind) -> None:
    """What is granted or taken while a session is open counts for the next edit."""
    await begun(workspace, kind)
    await rule(workspace, write=f"{MAIN}/todo/**")
    async with workspace.open("note", subject=ADA) as note:
        todo = note.document.map("todo")
        todo["b"] = 1
        with pytest.raises(AccessDenied):
            del todo["b"]
        grant = await workspace.access.grant(ADA, permission=Permission(f"{MAIN}/**", "delete"))
        del todo["b"]
        await workspace.access.revoke(grant.id)
        with pytest.raises(AccessDenied):
            del todo["a"]
        await note.saved()
        assert note.document.to_dict()["todo"] == {"a": {"done": False}}


async def test_what_others_write_meanwhile_is_known(workspace: Workspace) -> None:
    """An edit beside what somebody has just made is judged by where that is."""
    await begun(workspace, Kind.COLLABORATIVE)
    await rule(workspace, write=f"{MAIN}/todo/*/done")
    async with workspace.open("note", subject=ADA) as ada, workspace.open("note") as host:
        ada.document.map("todo")["a"]["done"] = True
        await ada.saved()
        host.document.map("todo")["new"] = {"done": False, "text": "x"}
        await host.saved()
        seq = (await workspace.list())[0].last_seq
        await ada.reached("main", seq)
        new: Any = ada.document.map("todo")["new"]
        new["done"] = True
        with pytest.raises(AccessDenied, match="/todo/new/text"):
            new["text"] = "y"
        await ada.saved()


@KINDS
async def test_own_words_are_known_again(workspace: Workspace, kind: Kind) -> None:
    """A condition on what one wrote oneself holds also of what was written at another time."""
    await begun(workspace, kind)
    await rule(workspace, write=f"{MAIN}/**")
    async with workspace.access.transaction() as changes:
        own = Permission(f"{MAIN}/**", "delete", conditions=("change.own",))
        changes.grant(ADA, permission=own)
    async with workspace.open("note", subject=ADA) as note:
        note.document.map("todo")["mine"] = 1
    async with workspace.open("note", subject=ADA) as note:
        del note.document.map("todo")["mine"]
        with pytest.raises(AccessDenied):
            del note.document.map("todo")["a"]
        note.document.map("todo")["again"] = 1
        assert note.document.undo()
        assert note.document.to_dict()["todo"] == {"a": {"done": False}}


async def test_an_archived_project_can_only_be_read(workspace: Workspace, on_disk: OnDisk) -> None:
    """By the host as well, in either kind of session."""
    for name, kind in (("one", Kind.SINGLE_USER), ("many", Kind.COLLABORATIVE)):
        async with workspace.create(name, kind=kind) as note:
            note.document.text("body").append("as it was")
            await note.saved()
    await workspace.access.archive_project("default", by=workspace.subject)
    for name in ("one", "many"):
        async with workspace.open(name) as note:
            with pytest.raises(AccessDenied, match=CODES["archived"]):
                note.document.text("body").append("!")
        assert on_disk.text(name) == "as it was"


def test_the_same_holds_without_a_loop(path: Path) -> None:
    """Code without an event loop acts as somebody in the same way, and owns what it creates."""
    with blocking.open(path, subject="host:test") as workspace:
        with workspace.create("note") as note:
            note.document.map("meta")["title"] = "Plan"
        grants = (Permission(f"{SESSION}/**", "read"), Permission(f"{MAIN}/todo/**", "write"))
        changes = [
            {
                "kind": "grant",
                "put": {
                    "id": str(number),
                    "subject": ADA,
                    "permission": {"resource": one.resource, "action": one.action},
                },
            }
            for number, one in enumerate(grants)
        ]
        workspace.call("access", session="note", changes=changes)
        with workspace.open("note", subject=ADA) as note:
            note.document.map("todo")["a"] = 1
            with pytest.raises(AccessDenied, match="/meta/title"):
                note.document.map("meta")["title"] = "mine"
            assert note.document.to_dict() == {"meta": {"title": "Plan"}, "todo": {"a": 1}}
        with pytest.raises(AccessDenied, match="may not execute"):
            workspace.create("other", subject=ADA)
