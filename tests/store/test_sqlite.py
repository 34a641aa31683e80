"""The store in one SQLite file: what every store promises, and what this one adds."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collabkit.errors import Corrupt, FileHeld, NotACollabFile
from collabkit.store.ledger import Ledger
from collabkit.store.lock import holder
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.charter_contract import CharterContract, OpeningChartered
from collabkit.testing.recovery_contract import RecoveryContract
from collabkit.testing.store_contract import ADA, Opening, StoreContract, checkpoint, draft
from store.processes import Process, Start, line

# Writes for ever, in every way there is, and says what was acknowledged.
BUSY = """
import asyncio, os, random, sys
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, checkpoint, draft

dice = random.Random(int(sys.argv[2]))

async def main():
    async with SQLiteStore.open(sys.argv[1]) as store:
        try:
            record = await store.find_session("notes", project="p")
        except LookupError:
            record = await store.create_session("notes", project="p", kind="k", by=ADA)
        session = record.id
        while True:
            names = dice.choices(["a", "b", "c"], k=dice.randrange(1, 400))
            drafts = [draft(os.urandom(dice.randrange(60)), name) for name in names]
            for each in dice.choices(drafts, k=3):
                store.enqueue(session, each)
            seqs = await store.append(session, drafts)
            print(seqs[-1], flush=True)
            name = dice.choice(names)
            if dice.random() < 0.2:
                for _ in range(2):
                    await store.put_checkpoint(session, checkpoint(seqs[-1], name))
                if dice.random() < 0.3:
                    await store.compact(session, name, seqs[-1])
                print(seqs[-1], flush=True)
            if dice.random() < 0.1:
                other = await store.create_session("other", project="p", kind="k", by=ADA)
                await store.append(other.id, drafts)
                await store.delete_session(other.id)

asyncio.run(main())
"""

# A disk that is full at so many bytes, and then is not.
NO_SPACE = """
import asyncio, resource, sys
from collabkit.errors import CannotWrite
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, draft

async def main():
    async with SQLiteStore.open(sys.argv[1]) as store:
        session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        written, failed = 0, 0
        while failed < 3:
            drafts = [draft(b"%d" % (written + 1) + b" " * 5000)]
            waiting = [store.append(session, drafts)]
            if failed:
                waiting.append(store.append(session, [draft(b"x" * 400_000)]))
            results = await asyncio.gather(*waiting, return_exceptions=True)
            if isinstance(results[0], CannotWrite):
                assert all(isinstance(result, CannotWrite) for result in results), results
                failed += 1
            else:
                written += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        (seq,) = await store.append(session, [draft(b"after")])
        assert seq == written + 1, (seq, written)
        loaded = await store.load(session, "main")
        assert [int(row.body) for row in loaded.rows[:-1]] == list(range(1, written + 1))
        assert list(store.verify()) == []
        print("fine", written > 5, flush=True)

asyncio.run(main())
"""


class TestSQLiteStore(StoreContract, RecoveryContract, CharterContract):
    """A store that survives its process."""

    @pytest.fixture
    def opening(self, path: str) -> OpeningChartered:
        """One file, opened as often as needed."""
        return lambda: SQLiteStore.open(path)


class TestDurableSQLiteStore(StoreContract):
    """A store that survives power loss, commit by commit."""

    @pytest.fixture
    def opening(self, path: str) -> Opening:
        """One file, opened as often as needed."""
        return lambda: SQLiteStore.open(path, durability="durable")


async def test_a_second_holder_is_told_of_the_first(path: str) -> None:
    """In the same process too; and reading is not holding."""
    async with SQLiteStore.open(path) as store:
        with pytest.raises(FileHeld) as caught:
            async with SQLiteStore.open(path):
                raise AssertionError("never")
        assert caught.value.pid == os.getpid()
        with Reader(path) as reader:
            assert reader.sessions() == await store.sessions()
    assert holder(path) is None


async def test_a_link_is_the_file(path: str, tmp_path: Path) -> None:
    """Two names of one file have one holder."""
    link = tmp_path / "link.db"
    async with SQLiteStore.open(path):
        link.symlink_to(path)
        with pytest.raises(FileHeld):
            async with SQLiteStore.open(link):
                raise AssertionError("never")


async def test_a_closed_store_leaves_one_file(path: str) -> None:
    """No log, no lock, no draft beside it."""
    async with SQLiteStore.open(path) as store:
        session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
        await store.append(session, [draft(b"x")])
        assert len(os.listdir(Path(path).parent)) == 4
    assert os.listdir(Path(path).parent) == ["test.db"]


async def test_what_cannot_be_opened_is_not_held(path: str) -> None:
    """A failed opening gives the lock back, and creates nothing."""
    with pytest.raises(NotACollabFile):
        async with SQLiteStore.open(path, create=False):
            raise AssertionError("never")
    assert os.listdir(Path(path).parent) == []


async def test_an_error_inside_the_block_still_saves(path: str) -> None:
    """Whatever ends the block, what was queued in it is written, and the file is free."""

    async def fail() -> None:
        async with SQLiteStore.open(path) as store:
            session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
            store.enqueue(session, draft(b"x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with Reader(path) as reader:
        assert reader.find("notes", project="p").last_seq == 1
    assert holder(path) is None


async def test_a_cancelled_block_still_saves(path: str) -> None:
    """Also when the task that holds it is cancelled."""
    inside = asyncio.Event()

    async def hold() -> None:
        async with SQLiteStore.open(path) as store:
            session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
            store.enqueue(session, draft(b"x"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert holder(path) is None
    with Reader(path) as reader:
        assert reader.find("notes", project="p").last_seq == 1


async def test_a_damaged_document_is_corrupt_and_others_are_served(path: str) -> None:
    """One bad row closes one document, not the file."""
    async with SQLiteStore.open(path) as store:
        session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
        await store.append(session, [draft(b"1", "a"), draft(b"2", "b")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE log SET body = x'00' WHERE place >> 32 = 1")
    async with SQLiteStore.open(path) as store:
        with pytest.raises(Corrupt, match="row 1 of p~notes/a"):
            await store.load(session, "a")
        assert len((await store.load(session, "b")).rows) == 1
        assert await store.append(session, [draft(b"3", "b")]) == [3]
        assert list(store.verify()) == ["row 1 of p~notes/a: its check sum is wrong"]


async def test_a_deletion_goes_on_after_a_crash(path: str) -> None:
    """What a killed holder had begun to delete, the next one deletes."""
    async with SQLiteStore.open(path) as store:
        session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
        await store.append(session, [draft(b"x")] * 3000)
    with closing(Ledger(path, durability="stored", create=False)) as killed:
        next(killed.delete_session(session))
    async with SQLiteStore.open(path) as store:
        await store.create_session("notes", project="p", kind="k", by=ADA)
        with Reader(path) as reader:
            while reader.info().rows:
                await asyncio.sleep(0.01)


def test_a_full_disk_is_an_error_and_passes(path: str, start: Start) -> None:
    """All appends of a transaction fail together, none half; with space again, work goes on."""
    assert line(start(NO_SPACE, path)) == "fine True"


def acknowledged(process: Process) -> int:
    """The last row that a process said was written, once it is dead."""
    assert process.stdout is not None
    return int(["0", *process.stdout.read().split()][-1])


async def test_what_was_acknowledged_survives_being_killed(path: str, start: Start) -> None:
    """Killed again and again at any moment, a file has all it said it had, and no damage."""
    dice, kept = random.Random(1), 0
    for number in range(8):
        process = start(BUSY, path, str(number))
        first = int(line(process))
        assert first > kept
        await asyncio.sleep(dice.random() / 2)  # the moment of its death, not a condition
        process.kill()
        kept = max(first, acknowledged(process))
        async with SQLiteStore.open(path, create=False) as store:
            record = await store.find_session("notes", project="p")
            assert record.last_seq >= kept
            for document in record.documents:
                loaded = await store.load(record.id, document)
                held = loaded.checkpoint.seq if loaded.checkpoint else 0
                assert loaded.checkpoint in (None, checkpoint(held, document))
            assert list(store.verify()) == []
