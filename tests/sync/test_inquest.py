"""Who killed an engine is found in the log and among suspects, and kept apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collabkit.crdt.engine import Death
from collabkit.crdt.sandbox import SandboxEngine
from collabkit.errors import EngineLost
from collabkit.ids import Seq, SessionId, Subject
from collabkit.store.base import Checkpoint, Draft, Store
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync.effects import Quarantine
from collabkit.sync.inquest import Inquest, updates_of
from crdt.unguarded import FINE, KILLER

MALLORY = Subject("user:mallory")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with SQLiteStore.open(tmp_path / "notes.db") as opened:
        yield opened


@pytest.fixture
async def engine() -> AsyncIterator[SandboxEngine]:
    """One that applies whatever it is given."""
    async with SandboxEngine(entry="crdt.unguarded") as running:
        yield running


async def session_with(store: Store, *bodies: bytes) -> SessionId:
    made = await store.create_session("notes", project="default", kind="collaborative", by=MALLORY)
    await store.append(made.id, [Draft("main", MALLORY, body, 1000) for body in bodies])
    return made.id


def letter(client: int) -> bytes:
    """FINE, by somebody else."""
    return FINE[:2] + bytes([client]) + FINE[3:]


async def test_a_row_that_kills_is_set_aside(store: Store, engine: SandboxEngine) -> None:
    """The document opens without it, and with all others; who wrote it is known."""
    session = await session_with(store, letter(5), KILLER, letter(6))
    loaded, _ = await Inquest(session, "main", store).opened(engine)
    assert updates_of(loaded) == [letter(5), letter(6)]
    assert loaded.quarantined == (KILLER,)
    [kept] = await store.quarantined(session)
    assert (kept.subject, kept.seq, kept.reason, kept.body) == (MALLORY, 2, "SIGSEGV", KILLER)


async def test_a_checkpoint_that_kills_is_set_aside(store: Store, engine: SandboxEngine) -> None:
    """What it was made of is still there."""
    session = await session_with(store, letter(5), letter(6))
    await store.put_checkpoint(session, Checkpoint("main", Seq(2), KILLER, "digest", 1000))
    loaded, _ = await Inquest(session, "main", store).opened(engine)
    assert updates_of(loaded) == [letter(5), letter(6)]


async def test_suspects_are_tried_on_what_the_log_has(store: Store, engine: SandboxEngine) -> None:
    """The guilty are named, nothing is set aside, and the document stays where it is."""
    session = await session_with(store, letter(5))
    inquest = Inquest(session, "main", store)
    await inquest.opened(engine)
    assert await inquest.try_suspects(engine, [letter(6), KILLER]) == [Death(1, "SIGSEGV")]
    assert await store.quarantined(session) == []
    assert await engine.diff((session, "main"), b"\0")


async def test_a_log_that_kills_acquits_the_suspects(store: Store, engine: SandboxEngine) -> None:
    """Then the log is tried, and the engine forgets the document: it is opened without."""
    session = await session_with(store, letter(5), KILLER)
    inquest = Inquest(session, "main", store)
    assert await inquest.try_suspects(engine, [letter(6)]) == []
    assert [one.seq for one in await store.quarantined(session)] == [2]
    with pytest.raises(EngineLost):
        await engine.diff((session, "main"), b"\0")
    loaded, _ = await inquest.opened(engine)
    assert updates_of(loaded) == [letter(5)]


async def test_what_never_was_stored_is_kept_with_its_author(store: Store) -> None:
    """It has no row, and is banned from the document."""
    session = await session_with(store, letter(5))
    inquest = Inquest(session, "main", store)
    await inquest.keep(Quarantine(MALLORY, KILLER, "SIGSEGV"))
    [kept] = await store.quarantined(session)
    assert (kept.subject, kept.seq, kept.body) == (MALLORY, None, KILLER)
    assert (await inquest.load()).quarantined == (KILLER,)
