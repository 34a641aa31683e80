"""The past of a session's document: told, shown, and as it is seen by who edits it."""

from __future__ import annotations

import pytest

from collabkit.errors import (
    InvalidArguments,
    LocalProtocolError,
    MomentNotFound,
    ReadOnlyDocument,
)
from collabkit.history.timeline import Change, Part
from collabkit.history.tree import plain_tree, text_of
from collabkit.sessions.history import History
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from sessions.authors import Author
from sessions.writing import write


async def addresses(history: History, **asked: object) -> list[str]:
    """What changes are called."""
    return [one.address for one in await history.changes(**asked)]  # type: ignore[arg-type]


async def work(workspace: Workspace) -> History:
    """A session in which three worked: rows 1 and 4 by ada, 2 by bob, 3 in another document."""
    await Author(workspace, "user:ada").write("hello")
    await Author(workspace, "user:bob").write(" title", "title")
    await Author(workspace, "user:eve", "note/side").write("aside")
    await Author(workspace, "user:ada").write(" world")
    return (await workspace.open("note")).history


# What happened


@pytest.mark.parametrize("parts", [False, True])
async def test_changes_are_told_newest_first_by_who_and_where(
    workspace: Workspace, parts: bool
) -> None:
    """With or without the parts that they changed; of this document alone."""
    history = await work(workspace)
    assert await addresses(history, parts=parts) == ["1-4", "2"]
    assert await addresses(history.of("side"), parts=parts) == ["3"]
    assert await addresses(history.of("none"), parts=parts) == []
    ada, bob = await history.changes(parts=parts)
    assert (ada.subject, ada.rows, ada.inserted) == ("user:ada", 2, 11)
    assert ada.parts == ((Part(("body",), 11, 0),) if parts else ())
    assert bob.parts == ((Part(("title",), 6, 0),) if parts else ())


async def test_changes_are_asked_for_by_author_place_and_time(workspace: Workspace) -> None:
    """Each alone, and together; a moment that is none is told."""
    history = await work(workspace)
    await history.save_version("draft", at=2)
    assert await addresses(history) == ["4", "2", "1"]
    assert await addresses(history, author="user:ada") == ["4", "1"]
    assert await addresses(history, path=("title",)) == ["2"]
    assert await addresses(history, path=("title",), author="user:ada") == []
    assert await addresses(history, since="draft") == ["4"]
    assert await addresses(history, until="draft") == ["2", "1"]
    assert await addresses(history, since=1, until=3, path=("title",)) == ["2"]
    assert await addresses(history, since="-1d") == ["4", "2", "1"]
    with pytest.raises(MomentNotFound):
        await history.changes(since="final")


@pytest.mark.parametrize("parts", [False, True])
async def test_a_long_log_is_told_page_by_page(workspace: Workspace, parts: bool) -> None:
    """All pages together are the whole, whatever their size."""
    author = Author(workspace, "user:ada")
    for number in range(12):
        seq = await author.edit(lambda document, n=number: document.array("a").append(n))  # type: ignore[misc]
        if number % 2:
            await workspace.call("version", session="note", name=f"v{number}", at=seq)
    history = (await workspace.open("note")).history
    whole = await addresses(history, parts=parts)
    assert whole == ["11-12", "9-10", "7-8", "5-6", "3-4", "1-2"]
    for limit in (1, 2, 5):
        found: list[Change] = []
        while page := await history.changes(
            before=found[-1].first if found else None, limit=limit, parts=parts
        ):
            found += page
            assert len(page) <= limit
        assert [one.address for one in found] == whole


@pytest.mark.parametrize("parts", [False, True])
async def test_what_was_compacted_away_is_one_change(workspace: Workspace, parts: bool) -> None:
    """At the end of the list, of nobody, up to the row where history begins now."""
    await write(workspace, "note", "a", "b")
    await workspace.call("compact", session="note")
    await write(workspace, "note", "c")
    history = (await workspace.open("note")).history
    told = await history.changes(parts=parts)
    assert [(one.address, one.compacted) for one in told] == [("3", False), ("1-2", True)]
    assert await addresses(history, parts=parts, since=2) == ["3"]
    assert await addresses(history, parts=parts, before=3) == ["1-2"]
    assert await addresses(history, parts=parts, before=1) == []
    with pytest.raises(MomentNotFound, match="compacted"):
        await history.checkout(1)
    assert await history.text("body", 2) == "ab"


# As it was


async def test_any_moment_can_be_looked_at(workspace: Workspace) -> None:
    """As a document, as plain values, as text, as an update and as a tree with its authors."""
    history = await work(workspace)
    for at, words, title in ((0, "", ""), (1, "hello", ""), (2, "hello", " title")):
        plain = {key: value for key, value in (("body", words), ("title", title)) if value}
        document = await history.checkout(at)
        assert document.to_dict() == await history.to_dict(at) == plain
        assert await history.text("body", at) == words
        assert await history.update(at) == document.update()
        assert plain_tree(await history.tree(at)) == plain
    tree = await history.tree("now")
    body = tree["body"]
    assert text_of(body) == "hello world"  # type: ignore[arg-type]
    assert [run.by.seq for run in body.runs if run.by] == [1, 4]  # type: ignore[union-attr]


async def test_what_is_shown_of_the_past_only_shows(workspace: Workspace) -> None:
    """An edit of it would go nowhere, and is refused."""
    history = await work(workspace)
    document = await history.checkout(1)
    with pytest.raises(ReadOnlyDocument):
        document.text("body").append("!")
    assert await history.text("body", 1) == "hello"


async def test_two_moments_are_compared(workspace: Workspace) -> None:
    """In either direction; a moment with itself is no difference."""
    history = await work(workspace)
    assert [part.path for part in (await history.diff(1)).parts] == [("body",), ("title",)]
    assert [part.path for part in (await history.diff(2, 1)).parts] == [("title",)]
    assert not await history.diff("now")


async def test_what_a_restore_brought_back_is_still_whose_it_was(workspace: Workspace) -> None:
    """Blame looks behind the restore, at any moment."""
    history = await work(workspace)
    before = await history.blame()
    await history.restore(1)
    await history.restore(4)
    after = await history.blame()
    assert str(after) == str(before)
    assert [by.seq for run in after.texts["body",].runs if (by := run.by)] == [1, 4]
    assert [by.seq for run in (await history.blame(1)).texts["body",].runs if (by := run.by)] == [1]


# As who edits sees it


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_session_sees_its_own_past(workspace: Workspace, kind: Kind) -> None:
    """What was edited a moment ago is in it; what an operation changed is in the document."""
    async with workspace.create("note", kind=kind) as note:
        body = note.document.text("body")
        body.append("hello")
        version = await note.history.save_version("draft", note="first")
        assert (version.kind, version.note, version.document) == ("manual", "first", "main")
        body.append(" world")
        assert await note.history.to_dict() == {"body": "hello world"}
        planned = await note.history.restore("draft", dry_run=True)
        assert (str(body), planned.seq) == ("hello world", None)
        done = await note.history.restore("draft")
        assert str(body) == "hello"
        undone = await note.history.revert(done.seq)
        assert (str(body), undone.kept) == ("hello world", ())
        assert [one.name for one in await note.history.versions()] == [
            "draft",
            done.version,
            undone.version,
        ]
        await note.history.drop_version("draft")
        assert len(await note.history.versions()) == 2


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_session_forks_and_merges(workspace: Workspace, kind: Kind) -> None:
    """What was written in the branch is in the session's own document afterwards."""
    async with workspace.create("note", kind=kind) as note:
        side = await note.open_document("side")
        side.text("body").append("one ")
        history = note.history.of("side")
        fork = await history.fork("branch")
        whole = await workspace.open(await history.fork("all", whole=True))
        assert (await workspace.open(fork)).record.documents == ("side",)
        assert "side" in whole.record.documents
        async with workspace.open(fork) as branch:
            (await branch.open_document("side")).text("body").append("two ")
        side.text("body").insert(0, "zero ")
        assert (await history.merge("branch", dry_run=True)).difference
        assert str(side.text("body")) == "zero one "
        done = await history.merge("branch")
        assert str(side.text("body")) == "zero one two "
        assert (done.document, done.version) == ("side", f"before merge #{(done.seq or 0) - 1}")


async def test_a_document_that_only_a_fork_has_is_merged_by_its_name(workspace: Workspace) -> None:
    """It begins with the merge; one that neither has is said to be none."""
    async with workspace.create("note") as note:
        async with workspace.open(await note.history.fork("branch")) as branch:
            (await branch.open_document("fresh")).text("body").append("new")
        done = await note.history.of("fresh").merge("branch")
        assert (done.document, bool(done.difference)) == ("fresh", True)
        assert str((await note.open_document("fresh")).text("body")) == "new"
        with pytest.raises(InvalidArguments, match="no document 'other'"):
            await note.history.of("other").merge("branch")


async def test_the_past_of_a_session_that_is_not_open_can_be_asked_for(
    workspace: Workspace,
) -> None:
    """To find the session is enough; before that, there is none to ask of."""
    await write(workspace, "note", "a", "b")
    session = workspace.open("note")
    with pytest.raises(LocalProtocolError, match="not entered"):
        await session.history.versions()
    found = await session
    assert await found.history.seq("now") == 2
    await found.history.restore(1)
    assert await found.history.to_dict() == {"body": "a"}
