"""Versions that nobody asked for: when one is saved, and when none is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collabkit.ids import Seq, Subject
from collabkit.sessions.versions import Rounds, VersionPolicy, authors_since
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import SessionRecord, Version
from collabkit.store.sqlite import SQLiteStore
from sessions.authors import Author
from sessions.writing import write

HOST = Subject("host:test")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def found(store: SQLiteStore, name: str = "note") -> SessionRecord:
    """A session as it is now."""
    return await store.find_session(name, project="default")


async def kept(store: SQLiteStore, name: str = "note") -> list[tuple[str, int]]:
    """Why and at which row versions of a session were saved."""
    versions = await store.versions((await found(store, name)).id)
    return [(one.kind, one.seq) for one in versions]


async def test_a_session_that_changed_gets_a_version_after_some_time(workspace: Workspace) -> None:
    """And none before, none without an edit, and none of what was there at the start."""
    clock, store = Clock(), workspace.store
    await write(workspace, "old", "x")
    rounds = Rounds(store, VersionPolicy(every_s=30, at_end=False), subject=HOST, clock=clock)
    rounds.begin(await store.sessions())
    await write(workspace, "note", "a")
    await rounds.look()
    clock.now = 29
    await rounds.look()
    assert await kept(store) == []
    clock.now = 30
    await rounds.look()
    assert (await kept(store), await kept(store, "old")) == ([("auto", 1)], [])
    clock.now = 90
    await rounds.look()
    await write(workspace, "note", "b")
    clock.now = 119
    await rounds.look()
    assert await kept(store) == [("auto", 1)]
    clock.now = 121
    await rounds.look()
    assert await kept(store) == [("auto", 1), ("auto", 2)]


async def test_a_session_gets_a_version_after_some_edits(workspace: Workspace) -> None:
    """Counted in rows since the one before, whatever time it is."""
    store = workspace.store
    rounds = Rounds(store, VersionPolicy(every_edits=3), subject=HOST, clock=Clock())
    rounds.begin([])
    for words in ("ab", "c", "de", "f", "g"):
        await write(workspace, "note", *words)
        await rounds.look()
    assert await kept(store) == [("auto", 3), ("auto", 6)]


async def test_a_version_has_its_authors_and_its_name(workspace: Workspace) -> None:
    """Those who wrote since the version before; the name says why and where it was saved."""
    store, policy = workspace.store, VersionPolicy(every_edits=1)
    rounds = Rounds(store, policy, subject=HOST, clock=Clock())
    rounds.begin([])
    for subject in ("user:ada", "user:bob"):
        await Author(workspace, subject).write("a")
        await rounds.look()
    versions = await store.versions((await found(store)).id)
    assert [(one.name, one.authors, one.by) for one in versions] == [
        ("auto #1", ("user:ada",), HOST),
        ("auto #2", ("user:bob",), HOST),
    ]


async def test_a_moment_that_has_a_version_gets_no_other(workspace: Workspace) -> None:
    """One that somebody saved does as well, if it is of the whole session."""
    store = workspace.store
    rounds = Rounds(store, VersionPolicy(every_edits=1), subject=HOST, clock=Clock())
    rounds.begin([])
    await write(workspace, "note", "a")
    await workspace.call("version", session="note", name="mine")
    await rounds.look()
    assert await kept(store) == [("manual", 1)]


@pytest.mark.parametrize("at_end", [True, False])
async def test_what_changed_is_saved_when_the_file_is_closed(path: Path, at_end: bool) -> None:
    """Of each session that was written to while the file was open, unless the policy forbids."""
    policy = VersionPolicy(at_end=at_end)
    async with Workspace.open(path, versions=policy) as workspace:
        await write(workspace, "note", "a")
        await write(workspace, "other", "a")
    async with Workspace.open(path, versions=policy) as workspace:
        await write(workspace, "note", "b")
    async with Workspace.open(path, versions=policy) as workspace:
        of_note, of_other = [("end", 1), ("end", 2)], [("end", 1)]
        assert await kept(workspace.store) == (of_note if at_end else [])
        assert await kept(workspace.store, "other") == (of_other if at_end else [])


async def test_nobody_waits_long_for_versions_at_the_end(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """What there was no time for has none, and that is said."""
    rounds = Rounds(workspace.store, VersionPolicy(), subject=HOST, end_within=0)
    async with rounds.going():
        await write(workspace, "note", "a")
    assert await kept(workspace.store) == []
    assert "1 sessions changed" in caplog.text


async def test_an_open_file_makes_its_rounds(path: Path) -> None:
    """Without anybody asking."""
    policy = VersionPolicy(every_s=0.01)
    async with Workspace.open(path, versions=policy) as workspace:
        await write(workspace, "note", "a")
        async with asyncio.timeout(60):
            while not await kept(workspace.store):
                await asyncio.sleep(0.01)
        assert await kept(workspace.store) == [("auto", 1)]


async def test_a_session_that_is_damaged_does_not_keep_others_from_their_versions(
    workspace: Workspace,
) -> None:
    """One that cannot be saved is told in the log, and the next one is saved."""
    store = workspace.store
    rounds = Rounds(store, VersionPolicy(every_edits=1), subject=HOST, clock=Clock())
    rounds.begin([])
    await write(workspace, "gone", "a")
    await write(workspace, "note", "a")
    listed = await store.sessions()
    await workspace.call("rm", session="gone")
    await rounds.look(listed)
    assert await kept(store) == [("auto", 1)]


async def test_authors_are_those_since_the_version_before(workspace: Workspace) -> None:
    """Of one document or of all, in the order of their names, up to the row that is asked for."""
    store = workspace.store
    for subject, place in (("b", "note"), ("a", "note/side"), ("c", "note"), ("d", "note")):
        await Author(workspace, f"user:{subject}", place).write("x")
    record = await found(store)
    assert await authors_since(store, record, None, Seq(3)) == ("user:a", "user:b", "user:c")
    assert await authors_since(store, record, "main", Seq(3)) == ("user:b", "user:c")
    version = Version("v", Seq(2), HOST, 0)
    await store.put_version(record.id, version)
    assert await authors_since(store, record, None, Seq(4)) == ("user:c", "user:d")
