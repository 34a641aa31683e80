"""The past of a document, as a store and a reader beside it tell it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from collabkit.errors import InvalidName, MomentNotFound
from collabkit.ids import Seq, SessionId
from collabkit.store.base import Deed, Draft, Version
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, checkpoint, draft, new_session

FIRST = Version("first", Seq(2), ADA, 5, authors=(ADA,), note="päth", kind="auto", pinned=True)


@pytest.fixture
async def store(path: str) -> AsyncIterator[SQLiteStore]:
    """An open store."""
    async with SQLiteStore.open(path) as store:
        yield store


@pytest.fixture
async def session(store: SQLiteStore) -> SessionId:
    """Nine rows of two documents in turn, `main` first, with checkpoints of it at 3 and 7."""
    session = await new_session(store)
    drafts = [draft(b"%d" % number, "main" if number % 2 else "other") for number in range(1, 10)]
    await store.append(session, drafts)
    for seq in (3, 7):
        await store.put_checkpoint(session, checkpoint(seq))
    return session


@pytest.mark.parametrize(
    ("seq", "base", "bodies"),
    [(0, 0, ""), (2, 0, "1"), (3, 3, ""), (6, 3, "5"), (7, 7, ""), (8, 7, ""), (9, 7, "9")],
)
async def test_a_moment_is_the_checkpoint_before_it_and_the_rows_up_to_it(
    store: SQLiteStore, session: SessionId, seq: int, base: int, bodies: str
) -> None:
    """Whatever row it is after, of this document or another; a reader is told the same."""
    loaded = await store.load_at(session, "main", seq)
    assert loaded.checkpoint == (checkpoint(base) if base else None)
    assert b"".join(row.body for row in loaded.rows).decode() == bodies
    assert loaded.upto == seq
    with Reader(store.path) as reader:
        assert reader.load_at(session, "main", seq) == loaded


async def test_a_chronicle_has_every_row(store: SQLiteStore, session: SessionId) -> None:
    """Checkpoints shorten nothing; it ends where it is asked to; a reader is told the same."""
    await store.append(session, [Draft("main", ADA, b"event", 0, kind="note", claims=(4,))])
    told = await store.chronicle(session, "main")
    assert [row.body for row in told.rows] == [b"1", b"3", b"5", b"7", b"9", b"event"]
    assert (told.base, told.floor, told.upto, told.owners) == (None, 0, 10, {4: ADA})
    earlier = await store.chronicle(session, "main", upto=6)
    assert ([row.seq for row in earlier.rows], earlier.upto) == ([1, 3, 5], 6)
    assert earlier.lineage == (await store.load(session, "main")).lineage
    with Reader(store.path) as reader:
        assert reader.chronicle(session, "main") == told
        assert reader.chronicle(session, "main", upto=6) == earlier


async def test_after_compaction_history_begins_at_the_floor(
    store: SQLiteStore, session: SessionId
) -> None:
    """What was before is told not to be there; a checkpoint is the base of what was after."""
    await store.compact(session, "main", 3)
    told = await store.chronicle(session, "main")
    assert (told.base, told.floor) == (checkpoint(3), 3)
    assert [row.seq for row in told.rows] == [5, 7, 9]
    assert (await store.load_at(session, "main", 4)).checkpoint == checkpoint(3)
    assert (await store.load_at(session, "other", 2)).upto == 2
    for ask in (store.load_at(session, "main", 2), store.chronicle(session, "main", upto=2)):
        with pytest.raises(MomentNotFound, match="compacted away"):
            await ask
    with pytest.raises(MomentNotFound, match="compacted away"):
        await store.put_version(session, FIRST)
    await store.put_version(session, Version("late", Seq(3), ADA, 5))


@pytest.mark.parametrize("seq", [-1, 10])
async def test_there_is_no_moment_outside_the_log(
    store: SQLiteStore, session: SessionId, seq: int
) -> None:
    """Neither to be read nor to be named."""
    asked = (
        store.load_at(session, "main", seq),
        store.chronicle(session, "main", upto=seq),
        store.put_version(session, Version("v", Seq(seq), ADA, 0)),
    )
    for ask in asked:
        with pytest.raises(MomentNotFound, match="ends at 9"):
            await ask


async def test_a_document_that_never_was_has_no_past(
    store: SQLiteStore, session: SessionId
) -> None:
    """Asking for it does not make it."""
    assert (await store.load_at(session, "none", 5)).rows == ()
    assert (await store.chronicle(session, "none")).rows == ()
    assert (await store.find_session(session, project="default")).documents == ("main", "other")


async def test_what_is_set_aside_is_in_no_past(store: SQLiteStore, session: SessionId) -> None:
    """A moment before it is told whole; later ones lack it, and say so."""
    await store.quarantine(session, "main", subject=ADA, body=b"5", reason="died", seq=Seq(5))
    told = await store.chronicle(session, "main")
    assert (told.aside, [row.seq for row in told.rows]) == ((5,), [1, 3, 7, 9])
    before, after = [await store.load_at(session, "main", seq) for seq in (4, 6)]
    assert (before.aside, before.rows) == ((), ())
    assert (after.aside, after.checkpoint, after.rows) == ((5,), checkpoint(3), ())


async def test_versions_are_kept_until_they_are_dropped(
    store: SQLiteStore, session: SessionId, path: str
) -> None:
    """They read as they were written, in order of their moments, here and beside the holder."""
    late = Version("late", Seq(9), ADA, 1, document="other")
    for version in (late, FIRST):
        await store.put_version(session, version)
    assert await store.versions(session) == [FIRST, late]
    assert await store.versions(session, document="main") == [FIRST]
    assert await store.versions(session, document="other") == [FIRST, late]
    with Reader(path) as reader:
        assert reader.versions(session) == [FIRST, late]
    assert await store.drop_version(session, "first") == FIRST
    assert await store.versions(session) == [late]
    with pytest.raises(MomentNotFound, match="no version of this name"):
        await store.drop_version(session, "first")


async def test_a_name_of_a_version_is_taken_once_in_a_session(
    store: SQLiteStore, session: SessionId
) -> None:
    """Another session may have it; to replace one must be asked for."""
    other = await new_session(store, "other")
    await store.put_version(session, FIRST)
    await store.put_version(other, Version("first", Seq(0), ADA, 0))
    again = Version("first", Seq(3), ADA, 6)
    with pytest.raises(InvalidName, match="another version"):
        await store.put_version(session, again)
    await store.put_version(session, again, replace=True)
    assert await store.versions(session) == [again]


async def test_versions_go_with_their_session(store: SQLiteStore, session: SessionId) -> None:
    """Those of other sessions stay."""
    other = await new_session(store, "other")
    for each in (session, other):
        await store.put_version(each, Version("first", Seq(0), ADA, 0))
    await store.delete_session(session)
    assert len(await store.versions(other)) == 1
    assert list(store.verify()) == []
    with closing(sqlite3.connect(store.path)) as beside:
        assert beside.execute("SELECT count(*) FROM versions").fetchone() == (1,)


async def test_versions_are_thinned_when_asked(store: SQLiteStore, session: SessionId) -> None:
    """A dry run only says which; what was kept by hand stays; the audit tells."""
    kept = [
        Version(f"{kind} {seq}", Seq(seq), ADA, seq, kind=kind)
        for seq, kind in ((3, "auto"), (4, "auto"), (3, "manual"))
    ]
    for version in kept:
        await store.put_version(session, version)
    gone = [kept[1], kept[0]]
    assert await store.thin(session, dry_run=True, audit=Deed(ADA, "thin")) == gone
    assert len(await store.versions(session)) == 3
    assert await store.thin(session, audit=Deed(ADA, "thin")) == gone
    assert await store.versions(session) == [kept[2]]
    assert await store.thin(session, audit=Deed(ADA, "thin")) == []
    with Reader(store.path) as reader:
        assert [line.action for line in reader.audit(session)] == ["create", "thin"]


async def test_a_checkpoint_at_a_version_is_kept_with_it(
    store: SQLiteStore, session: SessionId
) -> None:
    """As long as the version is, however near others are, and whatever it takes."""
    await store.put_version(session, Version("v", Seq(3), ADA, 0, kind="auto"))
    for seq in (8, 9):
        await store.put_checkpoint(session, checkpoint(seq))
    assert (await store.load_at(session, "main", 3)).checkpoint == checkpoint(3)
    await store.thin(session)
    assert (await store.load_at(session, "main", 3)).checkpoint == checkpoint(3)
    await store.put_version(session, Version("w", Seq(4), ADA, 1, kind="auto"))
    await store.thin(session)
    past = await store.load_at(session, "main", 3)
    assert (past.checkpoint, [row.seq for row in past.rows]) == (None, [1, 3])
