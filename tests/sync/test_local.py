"""A replica's own file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import Corrupt, FileHeld, LocalProtocolError
from collabkit.ids import RoomName, Subject
from collabkit.store.base import Draft
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync.hub import Hub
from collabkit.sync.local import CHECKPOINT_ROWS, KIND, PROJECT, REMOTE, LocalCopy, session_name
from collabkit.sync.tally import NEWBORN, Standing
from sync.network import Network

URL = "ws://localhost/notes"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.db"


@asynccontextmanager
async def opened(file: Path, url: str = URL) -> AsyncIterator[tuple[LocalCopy, Document]]:
    """A copy that keeps what happens to its document."""
    document = Document()
    async with LocalCopy.open(file, url, document) as copy:
        stop = document.on_update(lambda change: copy.keep(change, seen=0))
        yield copy, document
        stop()


async def test_edits_are_there_again(file: Path) -> None:
    """What a document held is there at the next opening, and counts as made here."""
    async with opened(file) as (copy, document):
        assert copy.standing == NEWBORN
        document.text("body").insert(0, "hello")
        document.text("body").append(" world")
    async with opened(file) as (copy, document):
        assert str(document.text("body")) == "hello world"
        assert copy.standing == Standing(made=2)


async def test_what_came_from_the_relay_is_not_made_here(file: Path) -> None:
    """Edits of others are kept, and never sent back."""
    other = Document()
    other.text("body").insert(0, "theirs")
    async with opened(file) as (_, document):
        document.apply(other.update(), origin=REMOTE)
    async with opened(file) as (copy, document):
        assert str(document.text("body")) == "theirs"
        assert copy.standing.made == 0


async def test_standing_counts_on_from_its_record(file: Path) -> None:
    """A record holds for the edits before it; those behind it are counted."""
    async with opened(file) as (copy, document):
        document.text("body").insert(0, "a")
        copy.record(Standing("L1", 7, 1, 1), row=copy.row)
        document.text("body").append("b")
        document.text("body").append("c")
    async with opened(file) as (copy, _):
        assert copy.standing == Standing("L1", 7, 3, 1)


async def test_newest_record_is_written_at_the_end(file: Path) -> None:
    """However many records follow each other, the last one stands."""
    async with opened(file) as (copy, _):
        for cursor in range(100):
            copy.record(Standing("L1", cursor, 0, 0), row=copy.row)
            await asyncio.sleep(0)
    async with opened(file) as (copy, _):
        assert copy.standing.cursor == 99


async def test_one_file_many_replicas(file: Path) -> None:
    """A file has a replica for each URL, apart from each other."""
    for url in (URL, URL + "2"):
        async with opened(file, url) as (_, document):
            document.text("body").insert(0, url)
    async with opened(file) as (_, document):
        assert str(document.text("body")) == URL
    with Reader(str(file)) as reader:
        assert {session.name for session in reader.sessions()} == {
            "localhost:80,notes",
            "localhost:80,notes2",
        }


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ws://h/a%20b", "ws://h:80/a b", True),
        ("ws://h/a", "wss://h/a", False),
        ("ws://h/a/b", "ws://h/a,b", False),
        ("ws://h/a/b", "ws://h/a%2Cb", False),
        ("ws://h:1/a", "ws://h/1/a", False),
        ("ws://h/=2C", "ws://h/,", False),
        ("ws://[::1]:4711/ü~x", "ws://[::1]:4711/%C3%BC~x", True),
        ("channel:", "channel:a", False),
    ],
)
def test_session_names(one: str, other: str, same: bool) -> None:
    """URLs share a session exactly if they mean the same room, and its name is a valid one."""
    assert (session_name(one) == session_name(other)) is same
    for name in (session_name(one), session_name(other)):
        assert RoomName.parse(name) == RoomName("default", name, "main")


async def test_file_that_is_held(file: Path) -> None:
    """Two processes, or two openings, never share a file."""
    async with opened(file):
        with pytest.raises(FileHeld):
            async with opened(file):
                raise AssertionError("unreachable")


async def test_open_store_is_left_open(file: Path) -> None:
    """A store that was handed in is used, and still open afterwards."""
    async with SQLiteStore.open(file) as store:
        document = Document()
        async with LocalCopy.open(store, URL, document):
            pass
        [session] = await store.sessions()
        assert (session.name, session.project, session.kind) == (session_name(URL), PROJECT, KIND)


async def test_damage_is_told(file: Path) -> None:
    """What does not load is never taken for an empty document."""
    async with SQLiteStore.open(file) as store:
        session = await store.create_session(
            session_name(URL), project=PROJECT, kind=KIND, by=Subject("local")
        )
        await store.append(session.id, [Draft("main", Subject("local"), b"\x01\x01", 0)])
    with pytest.raises(Corrupt):
        async with opened(file):
            raise AssertionError("unreachable")


async def test_long_log_gets_a_checkpoint(file: Path) -> None:
    """After many edits the next opening makes a checkpoint, and the one after that starts there."""
    async with opened(file) as (copy, document):
        for _ in range(CHECKPOINT_ROWS):
            document.text("body").append("x")
        await copy.flush()
    async with opened(file) as (copy, _):
        await copy.checkpointed()
    async with SQLiteStore.open(file) as store:
        [session] = await store.sessions()
        loaded = await store.load(session.id, "main")
        assert loaded.checkpoint is not None
        assert loaded.rows == ()
    async with opened(file) as (copy, document):
        assert len(document.text("body")) == CHECKPOINT_ROWS
        assert copy.standing.made == CHECKPOINT_ROWS


async def test_long_log_is_compacted_up_to_the_record(file: Path) -> None:
    """What a checkpoint holds is dropped, but for rows that are still to be counted."""
    async with opened(file) as (copy, document):
        for _ in range(CHECKPOINT_ROWS):
            document.text("body").append("x")
        copy.record(Standing("L1", 7, CHECKPOINT_ROWS, 5, epoch=3), row=copy.row)
        for _ in range(3):
            document.text("body").append("y")
    async with opened(file) as (copy, _):
        await copy.checkpointed()
    async with SQLiteStore.open(file) as store:
        [session] = await store.sessions()
        left = await store.rows(session.id)
        assert [row.seq for row in left] == [CHECKPOINT_ROWS + n for n in (1, 2, 3)]
    async with opened(file) as (copy, document):
        assert str(document.text("body")) == "x" * CHECKPOINT_ROWS + "yyy"
        assert copy.standing == Standing("L1", 7, CHECKPOINT_ROWS + 3, 5, epoch=3)


async def test_forks(file: Path) -> None:
    """A copy that is left to itself stays as it is, and each next one begins empty."""
    names = []
    for content in ("one", "two", "three"):
        async with opened(file) as (copy, document):
            assert str(document.text("body")) == ""
            assert copy.standing == NEWBORN
            document.text("body").insert(0, content)
            names.append(await copy.fork())
            assert await copy.fork() == names[-1]
    assert names == [session_name(URL) + end for end in ("", "=fork1", "=fork2")]
    async with opened(file) as (_, document):
        document.text("body").insert(0, "four")
    async with opened(file) as (_, document):
        assert str(document.text("body")) == "four"


# With a relay


async def test_replica_opens_offline(file: Path, hub: Hub) -> None:
    """What was there is there without a network, and edits of an earlier life are sent later."""
    async with Network(hub) as network:
        async with network.replica(store=file) as replica:
            replica.document.text("body").insert(0, "online. ")
            await replica.saved()
        await network.fail()
        async with network.replica(store=file) as replica:
            assert str(replica.document.text("body")) == "online. "
            assert replica.pending == 0
            replica.document.text("body").append("offline.")
            await replica.kept()
        async with network.replica(store=file) as replica:
            assert replica.pending == 1
            network.recover()
            await replica.saved()
            assert replica.pending == 0
        async with network.replica() as other:
            await other.synced()
            assert str(other.document.text("body")) == "online. offline."


async def test_cursor_is_kept(file: Path, hub: Hub) -> None:
    """What an earlier life has got is not sent again: the file grows by nothing."""
    async with Network(hub) as network, network.replica() as other:
        await other.synced()
        for _ in range(10):
            other.document.text("body").append("x")
        await other.saved()
        for _ in range(3):
            async with network.replica(store=file) as replica:
                await replica.synced()
    with Reader(str(file)) as reader:
        [session] = reader.sessions()
        assert session.last_seq == 10


async def test_without_a_file(hub: Hub) -> None:
    """Who has no file cannot wait for it."""
    async with Network(hub) as network, network.replica() as replica:
        with pytest.raises(LocalProtocolError):
            await replica.kept()
