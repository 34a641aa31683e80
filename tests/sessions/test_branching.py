"""Branches: what they begin with, what they know of their parent, and what comes back."""

from __future__ import annotations

from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import (
    InvalidArguments,
    InvalidName,
    MomentNotFound,
    SessionExists,
    SessionNotFound,
    UpdateRefused,
)
from collabkit.ids import Subject
from collabkit.sessions.operations import call
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import Parent
from collabkit.store.reader import Reader
from sessions.authors import Author
from sessions.looking import OnDisk
from sessions.writing import write

ADA = Subject("user:ada")


async def fork(workspace: Workspace, name: str = "branch", **asked: object) -> str:
    """Branch ``note``; returns the id of the branch."""
    done = await call(workspace, "fork", {"session": "note", "name": name, **asked}, subject=ADA)
    return str(done["id"])


async def test_a_fork_has_the_past_of_its_parent(workspace: Workspace, on_disk: OnDisk) -> None:
    """Rows, their numbers, authors and times, owners and versions are those of the parent."""
    await Author(workspace, "user:ada").write("a")
    await Author(workspace, "user:bob", "note/side").write("b")
    await workspace.call("version", session="note", name="draft")
    await Author(workspace, "user:bob").write("c")
    record = await workspace.store.find_session("note", project="default")
    made = await fork(workspace)
    assert on_disk.rows("branch") == on_disk.rows("note")
    branch = await workspace.store.find_session("branch", project="default")
    assert (branch.id, branch.created_by, branch.kind) == (made, ADA, record.kind)
    assert branch.parent == Parent(record.id, record.last_seq)
    for document in ("main", "side"):
        there = await workspace.store.load(branch.id, document)
        here = await workspace.store.load(record.id, document)
        assert there.owners == here.owners
        assert there.lineage != here.lineage
    assert [one.name for one in await workspace.store.versions(branch.id)] == ["draft"]
    with Reader(on_disk.path) as reader:
        last = reader.audit(limit=100)[-1]
    assert (last.session, last.subject, last.action) == (made, ADA, "fork")
    assert on_disk.faults() == []


async def test_a_fork_begins_at_its_moment_and_goes_its_own_way(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """What came later is not in it; edits of either are not in the other."""
    await write(workspace, "note", "one ", "two ")
    await fork(workspace, at=1)
    await write(workspace, "branch", "other ")
    await write(workspace, "note", "three ")
    assert (on_disk.text("note"), on_disk.text("branch")) == ("one two three ", "one other ")


async def test_a_fork_can_be_of_one_document(workspace: Workspace, on_disk: OnDisk) -> None:
    """The others are not in it; one that had no row by then is not either."""
    await write(workspace, "note", "a")
    await Author(workspace, "user:bob", "note/side").write("b")
    await fork(workspace, session="note/side")
    await fork(workspace, "early", at=1)
    found = {one.name: one.documents for one in await workspace.list()}
    assert found == {"note": ("main", "side"), "branch": ("side",), "early": ("main",)}


async def test_a_compacted_session_can_be_forked(workspace: Workspace, on_disk: OnDisk) -> None:
    """The branch begins where the parent does, and its rows go on behind that."""
    await write(workspace, "note", "a", "b")
    await workspace.call("compact", session="note")
    await fork(workspace, "bare")
    await write(workspace, "note", "c")
    await fork(workspace)
    for name, text in (("bare", "ab"), ("branch", "abc")):
        await write(workspace, name, "!")
        assert on_disk.text(name) == f"{text}!"
    with pytest.raises(MomentNotFound, match="compacted"):
        await fork(workspace, "early", at=1)
    assert on_disk.faults() == []


async def test_a_checkpoint_of_the_parent_does_not_hide_edits_of_the_fork(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """A document that ends long before its checkpoint does goes on from its own last row."""
    await write(workspace, "note", "a")
    for word in "bcd":
        await Author(workspace, "user:bob", "note/side").write(word)
    await workspace.call("checkpoint", session="note")
    await fork(workspace, session="note/main")
    await write(workspace, "branch", "e")
    assert on_disk.text("branch") == "ae"


async def test_a_fork_that_cannot_be_made_leaves_nothing(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """A name that is taken or none, a moment that is not there, and a dry run."""
    await write(workspace, "note", "a")
    for dry_run in (False, True):
        with pytest.raises(SessionExists):
            await fork(workspace, "note", dry_run=dry_run)
    with pytest.raises(InvalidName):
        await fork(workspace, "branch/main")
    with pytest.raises(MomentNotFound):
        await fork(workspace, at=7)
    planned = await workspace.call("fork", session="note", name="branch", dry_run=True)
    assert (planned["rows"], planned["size_bytes"] > 0) == (1, True)
    assert [one.name for one in await workspace.list()] == ["note"]


async def test_a_repeated_fork_is_made_once(workspace: Workspace) -> None:
    """Also if the first call was cut off after its work was done."""
    await write(workspace, "note", "a")
    made = [
        await workspace.call("fork", session="note", name="branch", at=1, key="f") for _ in range(2)
    ]
    assert made[0] == made[1]
    for _, past, _ in await workspace.store.entries("calls"):
        place = str(past["number"])
        await workspace.store.put("calls", place, {**past, "state": "started", "result": None})
    await workspace.__aexit__(None, None, None)
    async with workspace:
        again = await workspace.call("fork", session="note", name="branch", at=1, key="f")
    assert again["id"] == made[0]["id"]


# Merge


async def test_a_merge_is_one_edit_that_says_whence_it_came(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """One row, of who asked; a version of before; a line of the audit; the fork as it was."""
    await write(workspace, "note", "one ")
    made = await fork(workspace)
    await write(workspace, "branch", "two ")
    await write(workspace, "branch", "three ")
    branch = on_disk.rows("branch")
    planned = await workspace.call("merge", session="note", fork="branch", dry_run=True)
    assert planned["documents"]["main"]["difference"]
    assert len(on_disk.rows("note")) == 1
    done = await call(workspace, "merge", {"session": "note", "fork": "branch"}, subject=ADA)
    assert on_disk.text("note") == "one two three "
    row = on_disk.rows("note")[-1]
    assert (row.seq, row.subject, row.origin) == (2, ADA, f"merge:{made}")
    assert done["documents"]["main"]["seq"] == 2
    record = await workspace.store.find_session("note", project="default")
    versions = await workspace.store.versions(record.id)
    assert [(one.kind, one.seq, one.name) for one in versions] == [
        ("merge", 1, done["documents"]["main"]["version"])
    ]
    with Reader(on_disk.path) as reader:
        assert reader.audit(limit=100)[-1].action == "merge"
    assert on_disk.rows("branch") == branch
    again = await workspace.call("merge", session="note", fork="branch")
    assert again["documents"]["main"]["seq"] is None


def _edit(document: Document, dice: Random) -> None:
    """Do something to a document of many kinds of content."""
    body, items, meta = document.text("body"), document.array("items"), document.map("meta")
    match dice.randrange(6):
        case 0 | 1:
            body.insert(dice.randint(0, len(body)), dice.choice(["ab", "ü", "🦊", "line\n"]))
        case 2 if len(body):
            at = dice.randrange(len(body))
            body.delete(at, min(at + dice.randint(1, 3), len(body)))
        case 3:
            items.insert(dice.randint(0, len(items)), [dice.randrange(100), {"k": dice.random()}])
        case 4 if len(items):
            del items[dice.randrange(len(items))]
        case _:
            meta.update({dice.choice("abc"): dice.choice([1, "x", None, [1, 2]])})


@pytest.mark.parametrize("number", range(2))
async def test_a_merge_equals_having_edited_one_document(
    workspace: Workspace, on_disk: OnDisk, seed: int, number: int
) -> None:
    """Whatever is edited on either side, and however often it is merged on the way."""
    dice = Random(f"{seed}.{number}")
    one = Document()
    authors = {name: Author(workspace, f"user:{name}") for name in ("ada", "bob")}
    for _ in range(6):
        await authors["ada"].edit(lambda document: _edit(document, dice))
    await fork(workspace)
    authors["bob"].place = "branch"
    await authors["bob"].catch_up()
    for _ in range(12):
        await authors[dice.choice(("ada", "bob"))].edit(lambda document: _edit(document, dice))
        if dice.random() < 0.2:
            await workspace.call("merge", session="note", fork="branch")
    for author in authors.values():
        one.apply(author.document.update())
    planned = await workspace.call("merge", session="note", fork="branch", dry_run=True)
    before = on_disk.document("note").digest()
    await workspace.call("merge", session="note", fork="branch")
    assert on_disk.document("note").digest() == one.digest()
    assert bool(planned["documents"]["main"]["difference"]) == (before != one.digest())


async def test_what_is_new_in_a_fork_comes_with_it(workspace: Workspace, on_disk: OnDisk) -> None:
    """A document that the parent never had, and one document alone if it is named."""
    await write(workspace, "note", "a")
    await fork(workspace)
    await Author(workspace, "user:bob", "branch/side").write("new")
    await write(workspace, "branch", "b")
    await workspace.call("merge", session="note/main", fork="branch")
    assert on_disk.text("note") == "ab"
    done = await workspace.call("merge", session="note", fork="branch")
    assert (done["documents"]["main"]["seq"], on_disk.text("note/side")) == (None, "new")


async def test_only_a_fork_is_merged(workspace: Workspace, on_disk: OnDisk) -> None:
    """Another session, one that is not there, and a document that it has not."""
    await write(workspace, "note", "a")
    await write(workspace, "other", "b")
    await fork(workspace)
    with pytest.raises(InvalidArguments, match="no fork of"):
        await workspace.call("merge", session="note", fork="other")
    with pytest.raises(InvalidArguments, match="no fork of"):
        await workspace.call("merge", session="branch", fork="note")
    with pytest.raises(SessionNotFound):
        await workspace.call("merge", session="note", fork="none")
    await Author(workspace, "user:bob", "note/side").write("c")
    with pytest.raises(InvalidArguments, match="no document"):
        await workspace.call("merge", session="note/side", fork="branch")


async def test_a_fork_that_nobody_wrote_to_yet_has_nothing_to_merge(workspace: Workspace) -> None:
    """Every session has a ``main``, also before anything is in it."""
    async with workspace.create("note") as note:
        await note.history.fork("branch")
        done = await note.history.merge("branch")
    assert (done.seq, done.difference) == (None, "")


async def test_one_copy_that_wrote_on_both_sides_cannot_be_merged(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """Its clocks would mean two things; it is told, and nothing changes."""
    ada = Author(workspace, "user:ada")
    await ada.write("a")
    await fork(workspace)
    twin = Document(client_id=ada.document.client_id)
    twin.apply(ada.document.update())
    await ada.edit(lambda document: document.text("body").append("here"))
    ada.document, ada.place = twin, "branch"
    await ada.edit(lambda document: document.text("body").append("there"))
    with pytest.raises(UpdateRefused, match="both sides"):
        await workspace.call("merge", session="note", fork="branch")
    assert on_disk.text("note") == "ahere"
