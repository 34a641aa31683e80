"""The thread that owns a file: group commit, order, and a disk that takes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import cast

import pytest

from collabkit.errors import CannotWrite, LocalProtocolError, SessionNotFound, ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store import writer as writers
from collabkit.store.base import Draft
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.writer import Writer
from collabkit.testing.store_contract import ADA, draft
from store.processes import Start, line
from store.writing import FULL, ROOMY, bodies, pragma, running

# Python tells its auditors of each file it opens; SQLite does not ask Python.
SYNCED = """
import asyncio, sys, threading
from collabkit.store.base import Checkpoint
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, draft
opened = threading.Event()
def audit(event, arguments):
    if event == "open" and str(arguments[0]).endswith("-wal"):
        opened.set()
async def main():
    async with SQLiteStore.open(sys.argv[1], durability=sys.argv[2]) as store:
        session = await store.create_session("notes", project="default", kind="k", by=ADA)
        await store.append(session.id, [draft(b"x")])
        await store.flush()
        while store._writer._sync_at is not None:
            await asyncio.sleep(0.05)
        await store.flush()
        sys.addaudithook(audit)
        if sys.argv[4] == "append":
            await store.append(session.id, [draft(b"x")])
        elif sys.argv[4] == "put":
            await store.put("table", "key", 1)
        elif sys.argv[4] == "checkpoint":
            kept = Checkpoint("main", 1, b"x", "digest", 0)
            await store.put_checkpoint(session.id, kept)
        else:
            await store.create_session("other", project="default", kind="k", by=ADA)
        await asyncio.to_thread(opened.wait, float(sys.argv[3]))
    print(opened.is_set(), flush=True)
asyncio.run(main())
"""


async def test_what_waits_together_is_committed_together(path: str) -> None:
    """Appends of one moment share a transaction: if one page is wanting, none of them is kept."""
    async with running(path) as (writer, session):
        await pragma(writer, FULL)
        small, large = [draft(b"small")], [draft(b"x" * 50_000)]
        results = await asyncio.gather(
            *(writer.append(session, drafts) for drafts in (small, large, small)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [CannotWrite] * 3
        await pragma(writer, ROOMY)
        assert await writer.append(session, small) == [1]
        assert await bodies(writer, session) == [b"small"]


async def test_an_append_that_failed_is_gone(path: str) -> None:
    """Whoever was told that it failed may send it again, and it is there once."""
    async with running(path) as (writer, session):
        await pragma(writer, FULL)
        for _ in range(3):
            with pytest.raises(CannotWrite, match="database or disk is full"):
                await writer.append(session, [draft(b"x" * 50_000)])
        await pragma(writer, ROOMY)
        assert await writer.append(session, [draft(b"again")]) == [1]
        assert await bodies(writer, session) == [b"again"]


async def test_a_row_that_nobody_awaits_is_never_lost(path: str) -> None:
    """It stays in line, and its writer is told, until the disk takes it; in its order."""
    async with running(path) as (writer, session):
        await pragma(writer, FULL)
        large = b"x" * 50_000
        writer.enqueue(session, draft(large))
        with pytest.raises(CannotWrite, match="database or disk is full; 1 rows wait in memory"):
            await writer.flush()
        with pytest.raises(CannotWrite, match="the row waits in memory"):
            writer.enqueue(session, draft(b"second"))
        with pytest.raises(CannotWrite):
            await writer.append(session, [draft(b"awaited")])
        await pragma(writer, ROOMY)
        await writer.flush()
        writer.enqueue(session, draft(b"third"))
        await writer.flush()
        assert await bodies(writer, session) == [large, b"second", b"third"]


async def test_another_session_is_not_told_of_it(path: str) -> None:
    """Only those whose rows wait are told that they wait."""
    async with running(path) as (writer, session):
        other = await writer.submit(lambda it: it.create_session("other", "p", "k", ADA))
        await pragma(writer, FULL)
        writer.enqueue(session, draft(b"x" * 50_000))
        with pytest.raises(CannotWrite):
            await writer.flush()
        writer.enqueue(other.id, draft(b"fine"))
        await pragma(writer, ROOMY)
        await writer.flush()
        assert await bodies(writer, other.id) == [b"fine"]


async def test_a_disk_with_space_again_is_found_by_itself(path: str) -> None:
    """Rows in line are tried again each second, though nobody asks."""
    async with running(path) as (writer, session):
        await pragma(writer, FULL)
        writer.enqueue(session, draft(b"x" * 50_000))
        with pytest.raises(CannotWrite):
            await writer.flush()
        await pragma(writer, ROOMY)
        with Reader(path) as reader:
            while not reader.rows(session):
                await asyncio.sleep(0.05)


async def test_closing_tells_what_is_lost(path: str) -> None:
    """The end of a store whose disk takes nothing is an error, not a silence."""
    writer = Writer(lambda: Ledger(path, durability="stored", create=True), path=path, sync=True)
    await writer.start()
    session = (await writer.submit(lambda it: it.create_session("notes", "p", "k", ADA))).id
    await pragma(writer, FULL)
    writer.enqueue(session, draft(b"x" * 50_000))
    writer.enqueue(session, draft(b"y"))
    with pytest.raises(CannotWrite, match="2 rows that waited could not be written"):
        await writer.stop()


async def test_rows_are_gathered_when_they_are_written(path: str) -> None:
    """A function in line is called once, and gives what rows there are by then."""
    async with running(path) as (writer, session):
        gathered: list[Draft] = []

        def gather() -> list[Draft]:
            rows, gathered[:] = list(gathered), []
            return rows

        writer.enqueue(session, draft(b"first"))
        writer.enqueue(session, gather)
        gathered.extend(draft(b"%d" % number) for number in range(3))
        await writer.flush()
        assert await bodies(writer, session) == [b"first", b"0", b"1", b"2"]


async def test_a_gathering_that_fails_is_told_by_flush(path: str) -> None:
    """Somebody else's function ends neither the thread nor anybody's rows."""
    async with running(path) as (writer, session):

        def broken() -> list[Draft]:
            raise ZeroDivisionError("broken")

        writer.enqueue(session, broken)
        writer.enqueue(session, draft(b"next"))
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await writer.flush(session)
        with pytest.raises(CannotWrite, match="an earlier row was refused: broken"):
            writer.enqueue(session, draft(b"later"))
        # It may build on what is missing: a log with a gap cannot be opened.
        assert await bodies(writer, session) == []
        assert await writer.append(session, [draft(b"awaited")]) == [1]


@pytest.mark.parametrize(
    ("where", "what", "error"),
    [
        (SessionId("none"), draft(b"x"), SessionNotFound),
        (None, Draft("main", ADA, b"x", at_ms=1 << 70), ValueNotStorable),
        (None, Draft("main", ADA, b"x", 0, clients=(-1,)), ValueNotStorable),
        (None, Draft("main", ADA, b"x", 0, group="\ud800"), ValueNotStorable),
    ],
)
async def test_what_can_never_be_stored_is_told_to_its_session(
    path: str, where: SessionId | None, what: Draft, error: type[Exception]
) -> None:
    """Each time it asks, for nothing it writes since is kept; and no other session is told."""
    async with running(path) as (writer, session):
        other = (await writer.submit(lambda it: it.create_session("other", "p", "k", ADA))).id
        wrong = where or session
        writer.enqueue(wrong, what)
        for number in range(2):
            writer.enqueue(other, draft(b"%d" % number))
            await writer.flush(other)
            with pytest.raises(error):
                await writer.flush(wrong)
            with pytest.raises(error):
                await writer.flush()
            with pytest.raises(CannotWrite, match="refused"):
                writer.enqueue(wrong, draft(b"behind it"))
        assert await bodies(writer, other) == [b"0", b"1"]
        assert await bodies(writer, session) == []


async def test_every_thread_may_write(path: str) -> None:
    """Threads with a loop await their rows, those without one queue theirs; each in its order."""
    async with running(path) as (writer, session):

        def type_away(name: bytes) -> None:
            for number in range(500):
                writer.enqueue(session, draft(b"%s%d" % (name, number)))

        async def relay(name: bytes) -> None:
            for number in range(50):
                await writer.append(session, [draft(b"%s%d" % (name, number))])

        threads = [threading.Thread(target=type_away, args=(name,)) for name in (b"a", b"b")]
        threads.append(threading.Thread(target=lambda: asyncio.run(relay(b"c"))))
        for thread in threads:
            thread.start()
        await relay(b"d")
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await writer.flush()
        found = await bodies(writer, session)
        assert len(found) == 1100
        for name, count in ((b"a", 500), (b"b", 500), (b"c", 50), (b"d", 50)):
            own = [body for body in found if body.startswith(name)]
            assert own == [b"%s%d" % (name, number) for number in range(count)]


async def test_a_long_line_makes_its_writer_wait(path: str) -> None:
    """Whoever never lets go of the processor does not fill the memory with rows in line."""
    async with running(path) as (writer, session):
        longest = 0
        for _ in range(3 * writers.BACKLOG_WRITES):
            writer.enqueue(session, draft(b""))
            longest = max(longest, len(writer._writes))
        assert longest <= writers.BACKLOG_WRITES + 1
        await writer.flush()
        record = await writer.submit(lambda it: it.find_session("notes", "p"))
        assert record.last_seq == 3 * writers.BACKLOG_WRITES


async def test_work_in_slices_lets_others_through(path: str) -> None:
    """Between two slices of long work, rows are committed and other work is done."""
    async with running(path) as (writer, session):
        seen: list[int] = []

        def watch(ledger: Ledger) -> Generator[None, None, str]:
            # How many slices fit between two commits is the machine's affair: go on until
            # commits were seen. Were none let through, this would not end.
            while len(set(seen)) < 5:
                seen.append(ledger.file.directory.get(session).last_seq)
                yield
            return "done"

        long = [writer.submit_slices(watch), writer.submit_slices(watch)]
        while not all(work.done() for work in long):
            await writer.append(session, [draft(b"x")])
        assert [await work for work in long] == ["done", "done"]
        assert seen == sorted(seen)


async def test_work_sees_what_was_queued_before_it(path: str) -> None:
    """Awaited or not, rows are there when something that was asked later is answered."""
    async with running(path) as (writer, session):
        for number in range(50):
            writer.enqueue(session, draft(b"a"))
            waiting = writer.append(session, [draft(b"b")])
            record = await writer.submit(lambda it: it.find_session("notes", "p"))
            assert record.last_seq == 2 * number + 2
            assert waiting.done()


async def test_work_that_fails_fails_alone(path: str) -> None:
    """An error in somebody's work, whatever it is, is theirs."""
    async with running(path) as (writer, session):

        def slices(ledger: Ledger) -> Generator[None, None, None]:
            yield
            raise ZeroDivisionError(str(ledger.file.epoch))

        with pytest.raises(ZeroDivisionError):
            await writer.submit_slices(slices)
        with pytest.raises(ZeroDivisionError):
            await writer.submit(lambda it: 1 // (it.file.epoch - 1))
        assert await writer.append(session, [draft(b"x")]) == [1]


async def test_a_fault_of_ours_ends_no_thread(path: str) -> None:
    """What nobody thought of fails the transaction it happens in, and is logged."""
    async with running(path) as (writer, session):
        # A draft that is none: nothing checks the types of a typed program.
        with pytest.raises(CannotWrite, match="AttributeError"):
            await writer.append(session, cast("list[Draft]", [None]))
        assert await writer.append(session, [draft(b"x")]) == [1]


async def test_who_no_longer_waits_is_not_missed(path: str) -> None:
    """A cancelled append is written all the same, and nobody minds the answer."""
    async with running(path) as (writer, session):
        waiting = writer.append(session, [draft(b"x")])
        waiting.cancel()
        await writer.flush()
        assert await bodies(writer, session) == [b"x"]


async def test_a_closed_store_takes_nothing(path: str) -> None:
    """Calls after the end raise at once; nobody waits for an answer that never comes."""
    async with running(path) as (writer, session):
        endless = writer.submit_slices(lambda _: iter_forever())
    for call in (
        lambda: writer.append(session, [draft(b"x")]),
        lambda: writer.enqueue(session, draft(b"x")),
        writer.flush,
    ):
        with pytest.raises(LocalProtocolError, match="is closed"):
            call()
    with pytest.raises(LocalProtocolError, match="is closed"):
        await endless


def iter_forever() -> Generator[None, None, None]:
    """Work that never ends."""
    while True:
        yield


async def test_what_was_queued_last_is_written(path: str) -> None:
    """Closing commits everything that waits, awaited or not."""
    async with running(path) as (writer, session):
        for _ in range(5000):
            writer.enqueue(session, draft(b"x"))
        last = writer.append(session, [draft(b"last")])
    assert await last == [5001]
    with Reader(path) as reader:
        assert reader.find("notes", project="p").last_seq == 5001
        assert list(reader.verify()) == []


async def test_an_error_while_opening_is_raised_by_start(path: str) -> None:
    """And the thread is gone."""

    def fail() -> Ledger:
        raise CannotWrite(path, "no")

    writer = Writer(fail, path=path, sync=True)
    with pytest.raises(CannotWrite):
        await writer.start()
    await writer.stop()
    assert "collabkit-store" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("durability", "seconds", "what", "synced"),
    [
        ("stored", 60, "append", "True"),
        ("stored", 60, "put", "True"),
        ("stored", 60, "checkpoint", "True"),
        ("stored", 60, "session", "True"),
        ("durable", 1.5, "append", "False"),
    ],
)
def test_a_second_with_a_commit_ends_with_a_sync(
    path: str, start: Start, durability: str, seconds: float, what: str, synced: str
) -> None:
    """``stored`` syncs the log by itself; ``durable`` leaves it to SQLite, commit by commit."""
    process = start(SYNCED, path, durability, str(seconds), what)
    assert line(process) == synced
