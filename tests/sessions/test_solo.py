"""A document that one program edits alone is in its log, whole, whatever happens."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.crdt.document import Document
from collabkit.crdt.scan import scan
from collabkit.errors import CannotWrite, Corrupt
from collabkit.ids import RoomName, Subject
from collabkit.sessions import solo as module
from collabkit.sessions.solo import Solo, document_of
from collabkit.store.base import Draft, Row, SessionRecord
from collabkit.store.sqlite import SQLiteStore
from sessions.disks import full

HOST = Subject("host:test")
PLACE = RoomName.parse("note")
# Of a trace of 259,778: enough to be merged, stored and loaded in every way there is.
KEYSTROKES = 20_000


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    """An open file."""
    async with SQLiteStore.open(path) as opened:
        yield opened


@pytest.fixture
async def record(store: SQLiteStore) -> SessionRecord:
    """A session in it."""
    return await store.create_session("note", project="default", kind="single-user", by=HOST)


async def rows(store: SQLiteStore, record: SessionRecord) -> list[Row]:
    """The whole log."""
    return await store.rows(record.id, limit=1_000_000)


async def reopened(store: SQLiteStore, record: SessionRecord, name: str = "main") -> Document:
    """The document as the log has it."""
    return document_of(await store.load(record.id, name), PLACE, path=store.path)


async def test_what_was_saved_is_there(store: SQLiteStore, record: SessionRecord) -> None:
    """After `saved` an edit is in the log, with its author, its place and its client."""
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        solo.document.text("body").insert(0, "hello")
        await solo.saved()
        (row,) = await rows(store, record)
    assert (row.document, row.subject, row.origin, row.kind) == ("main", HOST, "local", "update")
    assert row.clients == (solo.document.client_id,)
    assert str((await reopened(store, record)).text("body")) == "hello"


async def test_leaving_saves(store: SQLiteStore, record: SessionRecord) -> None:
    """The end of the block waits for every edit, and what raises in it loses none."""

    async def fail() -> None:
        async with Solo.open(store, record, "main", subject=HOST) as solo:
            solo.document.map("meta")["a"] = 1
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await fail()
    assert (await reopened(store, record)).to_dict() == {"meta": {"a": 1}}


async def test_it_goes_on_where_it_ended(store: SQLiteStore, record: SessionRecord) -> None:
    """Opened again, a document holds what it held, and takes edits behind that."""
    for word in ("one ", "two ", "three"):
        async with Solo.open(store, record, "main", subject=HOST) as solo:
            solo.document.text("body").append(word)
    assert str((await reopened(store, record)).text("body")) == "one two three"


async def test_a_burst_shares_rows_and_groups_do_not(
    store: SQLiteStore, record: SessionRecord
) -> None:
    """Edits made at once are few rows, but never one row for two groups."""
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        text = solo.document.text("body")
        for _ in range(100):
            text.append("x")
        with solo.document.edit(group="title"):
            solo.document.map("meta")["title"] = "Plan"
        await solo.saved()
        written = await rows(store, record)
    assert len(written) < 20
    assert [row.group for row in written if row.group] == ["title"]
    assert str((await reopened(store, record)).text("body")) == "x" * 100


async def test_an_update_from_elsewhere_keeps_its_bytes_and_its_authors(
    store: SQLiteStore, record: SessionRecord
) -> None:
    """What was applied, not made here, is one row with the bytes and the clients it came with."""
    other = Document()
    other.text("body").insert(0, "theirs")
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        solo.document.apply(other.update(), origin="import")
        await solo.saved()
        (row,) = await rows(store, record)
    assert (row.body, row.origin, row.clients) == (other.update(), "import", (other.client_id,))


async def test_edits_of_many_threads_are_all_kept(
    store: SQLiteStore, record: SessionRecord
) -> None:
    """Threads that edit one document at a time lose nothing between them."""
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        words = solo.document.array("words")

        def write(name: int) -> None:
            for number in range(200):
                words.append(f"{name}.{number}")

        threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        content = solo.document.to_dict()
    assert len(content["words"]) == 800
    assert (await reopened(store, record)).to_dict() == content


async def test_a_long_log_gets_a_checkpoint_when_it_is_closed(
    store: SQLiteStore, record: SessionRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing leaves a checkpoint that holds all, and the next opening needs no row."""
    monkeypatch.setattr(module, "CHECKPOINT_ROWS", 2)
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        for number in range(3):
            solo.document.text("body").append(str(number))
            await solo.saved()
        digest = solo.document.digest()
    loaded = await store.load(record.id, "main")
    assert loaded.checkpoint is not None
    assert (loaded.checkpoint.digest, loaded.rows) == (digest, ())
    assert (await reopened(store, record)).digest() == digest


async def test_a_log_that_was_left_long_gets_checkpoints_when_it_is_opened(
    store: SQLiteStore, record: SessionRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is near for the next opening, and so is each moment of its past."""
    monkeypatch.setattr(module, "CHECKPOINT_ROWS", 600)
    monkeypatch.setattr(module, "ROW_CHANGES", 1)
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        for _ in range(599):
            solo.document.text("body").append("x")
    assert (await store.load(record.id, "main")).checkpoint is None
    row = Draft(document="main", subject=HOST, body=b"\0\0", at_ms=0)
    await store.append(record.id, [row])
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        assert str(solo.document.text("body")) == "x" * 599
        assert (await store.load(record.id, "main")).rows == ()
    for seq in (100, 200, 350, 400, 599):
        past = await store.load_at(record.id, "main", seq)
        assert len(past.rows) <= 250
        assert str(document_of(past, PLACE, path=store.path).text("body")) == "x" * seq


async def test_damage_is_never_an_empty_document(store: SQLiteStore, record: SessionRecord) -> None:
    """A row that the engine cannot apply makes the opening fail, and says which row."""
    row = Draft(document="main", subject=HOST, body=b"\x01\x02nonsense", at_ms=0)
    await store.append(record.id, [row])
    with pytest.raises(Corrupt, match="row 1 of note"):
        async with Solo.open(store, record, "main", subject=HOST):
            pytest.fail("it opened")


async def test_a_log_with_a_hole_is_damage(store: SQLiteStore, record: SessionRecord) -> None:
    """A row that builds on edits that are not in the log makes the opening fail, and is named."""
    whole = Document()
    whole.text("body").append("a")
    before = whole.state_vector
    whole.text("body").append("b")
    row = Draft(document="main", subject=HOST, body=whole.update(before), at_ms=0)
    await store.append(record.id, [row])
    with pytest.raises(Corrupt, match=r"row 1 of note.*it builds on edits that are not there"):
        await reopened(store, record)


async def test_a_checkpoint_stands_for_no_row_it_lacks(
    store: SQLiteStore, record: SessionRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody else wrote into the log meanwhile is there after a document was closed."""
    monkeypatch.setattr(module, "CHECKPOINT_ROWS", 1)
    other = Document()
    other.text("theirs").append("kept")
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        solo.document.text("ours").append("a")
        await solo.saved()
        row = Draft(document="main", subject=HOST, body=other.update(), at_ms=0)
        await store.append(record.id, [row])
    assert (await reopened(store, record)).to_dict() == {"ours": "a", "theirs": "kept"}


async def test_documents_of_a_session_are_apart(store: SQLiteStore, record: SessionRecord) -> None:
    """Two documents of one session share its numbering and nothing else."""
    async with (
        Solo.open(store, record, "main", subject=HOST) as one,
        Solo.open(store, record, "side", subject=HOST) as other,
    ):
        one.document.text("body").append("one")
        other.document.text("body").append("other")
    assert str((await reopened(store, record)).text("body")) == "one"
    assert str((await reopened(store, record, "side")).text("body")) == "other"
    assert [row.seq for row in await rows(store, record)] == [1, 2]


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("insert"), st.integers(0, 50), st.text(max_size=5)),
            st.tuples(st.just("delete"), st.integers(0, 50), st.integers(1, 5)),
            st.tuples(st.just("set"), st.sampled_from("abc"), st.integers() | st.text(max_size=3)),
            st.tuples(st.just("undo"), st.none(), st.none()),
            st.tuples(st.just("save"), st.none(), st.none()),
        ),
        max_size=40,
    )
)
async def test_the_log_is_the_document(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any, Any]]
) -> None:
    """However edits and savings follow each other, the log builds what the program saw."""
    path = tmp_path_factory.mktemp("solo") / "a.db"
    async with SQLiteStore.open(path) as store:
        record = await store.create_session("n", project="default", kind="single-user", by=HOST)
        async with Solo.open(store, record, "main", subject=HOST) as solo:
            await _follow(solo, steps)
            content, digest = solo.document.to_dict(), solo.document.digest()
        again = await reopened(store, record)
    assert again.to_dict() == content
    assert again.digest() == digest


async def _follow(solo: Solo, steps: list[tuple[str, Any, Any]]) -> None:
    text, document = solo.document.text("body"), solo.document
    for what, where, value in steps:
        match what:
            case "insert":
                text.insert(min(where, len(text)), value)
            case "delete":
                start = min(where, len(text))
                text.delete(start, min(start + value, len(text)))
            case "set" if not isinstance(value, int) or abs(value) < 1 << 53:
                document.map("meta")[where] = value
            case "undo":
                document.undo()
            case "save":
                await solo.saved()


async def test_a_written_paper_is_in_the_log(
    store: SQLiteStore, record: SessionRecord, data: Callable[[str], Path]
) -> None:
    """Real keystrokes come out of the log as the paper that was written."""
    trace = json.loads(gzip.decompress(data("automerge-paper.json.gz").read_bytes()))
    patches = [
        patch for transaction in trace["txns"][:KEYSTROKES] for patch in transaction["patches"]
    ]
    written = ""
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        text = solo.document.text("body")
        for position, deleted, inserted in patches:
            with solo.document.edit():
                text.delete(position, position + deleted)
                text.insert(position, inserted)
            written = written[:position] + inserted + written[position + deleted :]
    again = await reopened(store, record)
    assert str(again.text("body")) == written
    log = await rows(store, record)
    assert len(log) < len(patches)
    for row in log:
        scan(row.body)


async def test_a_full_disk_is_told_and_nothing_is_dropped(
    store: SQLiteStore, record: SessionRecord
) -> None:
    """While the disk is full `saved` and edits raise; once there is room, all edits get there."""
    async with Solo.open(store, record, "main", subject=HOST) as solo:
        text = solo.document.text("body")
        text.append("a")
        await solo.saved()
        async with full(store):
            text.append("b" * 100_000)
            with pytest.raises(CannotWrite):
                await solo.saved()
            with pytest.raises(CannotWrite):
                text.append("c")
        await solo.saved()
    assert str((await reopened(store, record)).text("body")) == "a" + "b" * 100_000 + "c"
