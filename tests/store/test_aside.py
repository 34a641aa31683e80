"""Setting rows and checkpoints aside, and letting them back."""

from __future__ import annotations

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import Corrupt, LocalProtocolError
from collabkit.ids import Seq, SessionId
from collabkit.store import checkpoints
from collabkit.store.base import Draft, Loaded
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, checkpoint, draft, new_session
from store.processes import finish


@pytest.fixture
def rows(ledger: Ledger, session: SessionId) -> SessionId:
    """A session of six updates."""
    ledger.write([(session, [draft(b"%d" % number) for number in range(1, 7)])])
    return session


def put(ledger: Ledger, session: SessionId, seq: int, body: bytes | None = None) -> int:
    """Set a row aside; with an empty body, a checkpoint."""
    body = b"%d" % seq if body is None else body
    return ledger.quarantine(session, "main", subject=ADA, body=body, reason="it died", seq=seq)


def load(ledger: Ledger, session: SessionId) -> Loaded:
    """What the document is, for the holder and for a reader beside it."""
    found = finish(ledger.load(session, "main"))
    with Reader(ledger.path) as reader:
        assert reader.load(session, "main") == found
    return found


def test_checkpoints_from_before_outlive_those_from_after(ledger: Ledger, rows: SessionId) -> None:
    """However many are made without a row, letting it back finds one that may build on."""
    for seq in (1, 2):
        ledger.put_checkpoint(rows, checkpoint(seq))
    number = put(ledger, rows, 3)
    for seq in (4, 5, 6):
        ledger.put_checkpoint(rows, checkpoint(seq))
    held = checkpoints.kept(ledger.file.connection, 1, "main")
    assert [seq for seq, _ in held] == [6, 5, 2, 1]
    assert load(ledger, rows).rows == ()
    ledger.release(number)
    assert [row.body for row in load(ledger, rows).rows] == [b"3", b"4", b"5", b"6"]
    assert ledger.find_session("notes", "default").size_bytes == 6 + 2 * len(checkpoint(1).body)


def test_a_compacted_document_keeps_what_it_stands_on(ledger: Ledger, rows: SessionId) -> None:
    """A row is not set aside if that leaves nothing to load the document from."""
    for _ in range(2):
        ledger.put_checkpoint(rows, checkpoint(2))
    assert finish(ledger.compact(rows, "main", Asked(2))).rows == 2
    for seq in (5, 6):
        ledger.put_checkpoint(rows, checkpoint(seq))
    # As in a file of before, when nothing but the newest was kept.
    ledger.file.connection.execute("DELETE FROM checkpoints WHERE seq = 2")
    before = load(ledger, rows)
    with pytest.raises(LocalProtocolError, match="in each checkpoint that is left"):
        put(ledger, rows, 4)
    assert load(ledger, rows) == before
    assert ledger.quarantined(None) == []


def test_a_checkpoint_that_stood_for_rows_is_missed(ledger: Ledger, rows: SessionId) -> None:
    """Without it the document is damaged, never empty; and whole once it is let back."""
    for _ in range(2):
        ledger.put_checkpoint(rows, checkpoint(4))
    finish(ledger.compact(rows, "main", Asked(4)))
    number = put(ledger, rows, 4, b"")
    with pytest.raises(Corrupt, match="were compacted away"):
        load(ledger, rows)
    ledger.release(number)
    assert [row.body for row in load(ledger, rows).rows] == [b"5", b"6"]


def test_a_row_that_was_compacted_away_is_evidence_only(ledger: Ledger, rows: SessionId) -> None:
    """Its update is told, and no later checkpoint is given up for it."""
    for _ in range(2):
        ledger.put_checkpoint(rows, checkpoint(4))
    finish(ledger.compact(rows, "main", Asked(4)))
    put(ledger, rows, 2)
    assert [one.seq for one in ledger.quarantined(None)] == [None]
    assert load(ledger, rows).checkpoint == checkpoint(4)
    assert load(ledger, rows).quarantined == (b"2",)


def test_only_updates_are_set_aside(ledger: Ledger, session: SessionId) -> None:
    """What no engine reads cannot have killed one."""
    ledger.write([(session, [Draft("main", ADA, b"event", 0, kind="version.named")])])
    put(ledger, session, 1, b"event")
    assert len(load(ledger, session).rows) == 1


def test_the_holder_who_comes_next_knows(ledger: Ledger, rows: SessionId) -> None:
    """What is set aside stays so, through settling, closing and opening."""
    number = put(ledger, rows, 3)
    ledger.file.settle()
    ledger.close()
    again = Ledger(ledger.path, durability="stored", create=False)
    try:
        assert [row.seq for row in load(again, rows).rows] == [1, 2, 4, 5, 6]
        again.release(number)
        assert len(load(again, rows).rows) == 6
    finally:
        again.close()


async def test_what_builds_on_a_row_is_left_out_with_it(path: str) -> None:
    """The rest stays a document that any engine takes; released, all of it is there again."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    document.text("body").insert(0, "one")
    document.text("body").insert(3, " two")
    document.text("body").delete(5, 6)
    other = Document()
    other.text("free").insert(0, "kept")
    updates.append(other.update())
    async with SQLiteStore.open(path) as store:
        session = await new_session(store)
        await store.append(session, [draft(body) for body in updates])
        number = await store.quarantine(
            session, "main", subject=ADA, body=updates[1], reason="it died", seq=Seq(2)
        )
        loaded = await store.load(session, "main")
        assert ([row.seq for row in loaded.rows], loaded.aside) == ([1, 4], (2,))
        with Reader(path) as reader:
            assert reader.load(session, "main") == loaded
        await store.release(number)
        assert len((await store.load(session, "main")).rows) == 4


async def test_damage_before_a_row_that_is_set_aside_is_not_hidden(path: str) -> None:
    """What lacks something else is told by whoever builds the document."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    for letter in "abc":
        document.text("body").insert(0, letter)
    async with SQLiteStore.open(path) as store:
        session = await new_session(store)
        await store.append(session, [draft(updates[2]), draft(updates[0])])
        await store.quarantine(
            session, "main", subject=ADA, body=updates[0], reason="it died", seq=Seq(2)
        )
        assert [row.seq for row in (await store.load(session, "main")).rows] == [1]
