"""A disk that fills, or fails, at the n-th thing that is asked of it, for every n.

The same script runs again and again, and each time the disk gives way one call later: full until
there is space again, failing once, or failing until it is repaired. Whatever that hits, nothing
that was acknowledged is missing, nothing that was refused is there, what was queued unawaited is
written in the end, a document is never blank, and the store works once the disk does.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from collabkit.errors import CannotWrite, LocalProtocolError
from collabkit.ids import Seq, SessionId, Subject
from collabkit.store import database
from collabkit.store.base import Deed, Draft, Version
from collabkit.store.database import Durability
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, checkpoint, draft
from integration.vfs import Call, tapped

Failure: TypeAlias = Literal["full", "once", "broken"]

# https://sqlite.org/rescode.html
_FULL = 13
_FAILED = {"write": 10 | 3 << 8, "sync": 10 | 4 << 8, "truncate": 10 | 6 << 8}


OLD, REWRITTEN = b"old", b"rewritten"

BEN, NOBODY = Subject("user:ben"), Subject("nobody")


class FailingDisk:
    """A disk whose n-th call fails; also those after it, unless it is to fail ``once``."""

    def __init__(self, failure: Failure, n: int | None) -> None:
        self.calls = 0
        self.hits = 0
        self._failure = failure
        self._n = n

    def __repr__(self) -> str:
        return f"<FailingDisk {self._failure} at {self._n}: {self.hits} of {self.calls} failed>"

    def before(self, call: Call) -> int:
        """Fail a call, if its time has come."""
        if call.kind not in _FAILED or (self._failure == "full" and call.kind != "write"):
            return 0
        return self.fail(_FULL if self._failure == "full" else _FAILED[call.kind])

    def after(self, call: Call) -> None:
        """Nothing to do."""

    def fail(self, code: int) -> int:
        """Count a call; says the code if it is to fail."""
        self.calls += 1
        if self._n is None or self.calls < self._n or (self._failure == "once" and self.hits):
            return 0
        self.hits += 1
        return code

    def repair(self) -> None:
        """Let everything work again."""
        self._n = None


@contextmanager
def failing(failure: Failure, n: int | None) -> Iterator[FailingDisk]:
    """Have the disk of each database in the block give way."""
    disk = FailingDisk(failure, n)
    sync = database._fdatasync

    def sync_or_fail(descriptor: int) -> None:
        a_file = not stat.S_ISDIR(os.fstat(descriptor).st_mode)
        if failure != "full" and a_file and disk.fail(errno.EIO):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch, tapped(disk):
        patch.setattr(database, "_fdatasync", sync_or_fail)
        yield disk


class Script:
    """What is done to a store, and what must be in it afterwards."""

    def __init__(self) -> None:
        self.acknowledged: list[bytes] = []
        self.refused: list[bytes] = []
        self.queued: list[bytes] = []

    async def run(self, store: SQLiteStore, session: SessionId) -> None:
        """Write in every way, settle, keep checkpoints, compact, erase; go on whatever fails."""
        for step in range(3):
            await self._append(store, session, draft(b"append %d" % step))
            self._enqueue(store, session, draft(b"queued %d" % step))
            await self._append(store, session, draft(b"large %d" % step + bytes(5000)))
        await tried(store.quarantine(session, "main", subject=ADA, body=b"x", reason="died"))
        await tried(store.delete_session((await store.sessions())[-1].id))
        for _ in range(2):
            await tried(store.put_checkpoint(session, checkpoint(2)))
        # Without the checkpoints that the disk did not take it refuses.
        with suppress(LocalProtocolError):
            await tried(store.compact(session, "main", 2, audit=Deed(ADA, "compact")))
        version = Version("v", Seq(4), ADA, 0)
        await tried(store.put_version(session, version, audit=Deed(ADA, "version")))
        await tried(
            store.rewrite(
                session,
                "side",
                {3: REWRITTEN, 4: REWRITTEN},
                checkpoints=[],
                subject_from=BEN,
                subject_to=NOBODY,
                upto=4,
                audit=Deed(ADA, "erase"),
            )
        )

    async def _append(self, store: SQLiteStore, session: SessionId, one: Draft) -> None:
        done = await tried(store.append(session, [one]))
        (self.acknowledged if done else self.refused).append(one.body)
        # The first to read a document has it made; who reads on needs nothing of the disk.
        if self.acknowledged:
            there = {row.body for row in (await store.load(session, "main")).rows}
            assert there >= set(self.acknowledged)

    def _enqueue(self, store: SQLiteStore, session: SessionId, one: Draft) -> None:
        self.queued.append(one.body)
        # Told or not, it waits in memory.
        with suppress(CannotWrite):
            store.enqueue(session, one)

    async def settle(self, store: SQLiteStore, session: SessionId) -> None:
        """With a disk that works again, the store does."""
        # What was to fail once may not have failed yet.
        if not await tried(store.flush()):
            await store.flush()
        if not await tried(store.append(session, [draft(b"afterwards")])):
            await store.append(session, [draft(b"afterwards")])
        self.acknowledged.append(b"afterwards")

    def holds(self, path: Path) -> None:
        """Look into the closed file."""
        with Reader(path) as reader:
            assert list(reader.verify()) == []
            record = reader.find("notes", project="default")
            done = {line.action for line in reader.audit(record.id)}
            side = reader.chronicle(record.id, "side")
            expected = (REWRITTEN, NOBODY) if "erase" in done else (OLD, BEN)
            assert [(row.body, row.subject) for row in side.rows] == [expected] * 2
            assert side.owners == {9: expected[1]}
            assert reader.chronicle(record.id, "main").floor == (2 if "compact" in done else 0)
            assert len(reader.versions(record.id)) == ("version" in done)
            found = [row.body for row in reader.rows(record.id)]
        new = [body for body in found if body not in {OLD, REWRITTEN}]
        assert sorted(new) == sorted(self.acknowledged + self.queued)


async def tried(doing: Awaitable[Any]) -> bool:
    """Whether something could be written; nothing else may go wrong."""
    try:
        await doing
    except CannotWrite:
        return False
    return True


async def life(path: Path, durability: Durability, failure: Failure, n: int | None) -> int:
    """Run the script on a file whose disk gives way at the n-th call; returns how many it has."""
    script = Script()
    with failing(failure, n) as disk:
        opened = False
        try:
            async with SQLiteStore.open(path, durability=durability) as store:
                opened = True
                session = (await store.find_session("notes", project="default")).id
                await script.run(store, session)
                if failure != "once":
                    disk.repair()
                await script.settle(store, session)
        except CannotWrite:
            # At opening, and then nothing has been promised to anybody.
            if opened:
                raise
        else:
            script.holds(path)
        calls = disk.calls
        disk.repair()
        async with SQLiteStore.open(path) as store:
            session = (await store.find_session("notes", project="default")).id
            await script.settle(store, session)
    script.holds(path)
    return calls


async def make(path: Path) -> None:
    """A file with a session whose first rows may be compacted, and one that is deleted."""
    async with SQLiteStore.open(path) as store:
        for name in ("notes", "other"):
            record = await store.create_session(name, project="default", kind="k", by=ADA)
            bens = Draft("side", BEN, OLD, 0, claims=(9,))
            await store.append(record.id, [draft(OLD), draft(OLD), bens, bens])


@pytest.mark.parametrize("durability", ["durable", "stored"])
@pytest.mark.parametrize("failure", ["full", "once", "broken"])
async def test_whatever_call_fails_nothing_is_lost(
    folder: Path, durability: Durability, failure: Failure
) -> None:
    """For every call of the script: what is acknowledged is there, and the store recovers."""
    made = folder / "made.db"
    await make(made)

    async def run(n: int | None) -> int:
        path = folder / f"{n}.db"
        shutil.copy(made, path)
        return await life(path, durability, failure, n)

    calls = await run(None)
    assert calls > 10
    for n in range(1, calls + 1):
        await run(n)


@pytest.mark.parametrize("failure", ["full", "once", "broken"])
async def test_whatever_call_fails_a_file_is_made_whole_or_not_at_all(
    folder: Path, failure: Failure
) -> None:
    """For every call of its making: there is no half-made file, and the next try succeeds."""
    n, calls = 0, 10
    while n <= calls:
        path = folder / f"{n}.db"
        with failing(failure, n or None) as disk:
            whole = await tried(make(path))
            calls = disk.calls if whole and not disk.hits else calls
            disk.repair()
            if path.exists():
                with Reader(path) as reader:
                    assert list(reader.verify()) == []
            async with SQLiteStore.open(path) as store:
                there = [one.name for one in await store.sessions()]
                assert there == ["notes", "other"][: len(there)]
                assert not whole or len(there) == 2
        n += 1
