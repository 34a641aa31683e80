"""Reading documents and logs, in pages, past whatever happens between two of them."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from collabkit.errors import Corrupt, SessionNotFound
from collabkit.ids import Seq, SessionId
from collabkit.store import annals, rows
from collabkit.store.base import Version
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, checkpoint, draft
from store.processes import finish


def test_a_long_document_is_read_in_slices(ledger: Ledger, session: SessionId) -> None:
    """Commits and moves between two pages do no harm, and what came later is left out."""
    count = 2 * rows.PAGE_ROWS + 5
    ledger.write([(session, [draft(b"%d" % n) for n in range(1, count + 1)])])
    slices = ledger.load(session, "main")
    next(slices)
    ledger.file.settle()
    ledger.write([(session, [draft(b"later"), draft(b"later", "other")])])
    next(slices)
    ledger.file.settle()
    loaded = finish(slices)
    assert [row.body for row in loaded.rows] == [b"%d" % n for n in range(1, count + 1)]
    assert loaded.upto == count
    assert len(finish(ledger.load(session, "main")).rows) == count + 1


@pytest.mark.parametrize("at", [None, 950])
def test_opening_costs_the_same_however_long_the_log_is(
    ledger: Ledger, session: SessionId, at: int | None
) -> None:
    """As many steps of SQLite lead to a document, or to a moment, among 1,000 rows and 30,000."""
    counts = []
    for before, more in ((0, 1000), (1000, 29_000)):
        ledger.write([(session, [draft(b"x")] * more)])
        # What a version shows stays near.
        annals.put_version(ledger.file, session, Version("v", Seq(900), ADA, 0), replace=True)
        for seq in (900, before + more - 10, before + more - 10):
            ledger.put_checkpoint(session, checkpoint(seq))
        ledger.file.settle()
        with Reader(ledger.path) as reader:
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += 1

            reader._connection.set_progress_handler(step, 1)
            found = (
                reader.load(session, "main") if at is None else reader.load_at(session, "main", at)
            )
            reader._connection.set_progress_handler(None, 1)
            length = len(found.rows)
            assert length == (10 if at is None else 50)
            counts.append(steps)
    assert counts[1] < counts[0] * 1.2


def test_compaction_in_the_middle_of_a_load_loses_nothing(
    ledger: Ledger, session: SessionId
) -> None:
    """Rows that go while they are read are held by a checkpoint, and that is read instead."""
    count = 2 * rows.PAGE_ROWS
    ledger.write([(session, [draft(b"%d" % n) for n in range(1, count + 1)])])
    slices = ledger.load(session, "main")
    next(slices)
    for _ in range(2):
        ledger.put_checkpoint(session, checkpoint(count - 1))
    finish(ledger.compact(session, "main", Asked(count - 1)))
    loaded = finish(slices)
    assert loaded.checkpoint == checkpoint(count - 1)
    assert [row.seq for row in loaded.rows] == [count]


def test_a_deletion_in_the_middle_of_a_read_is_no_damage(
    ledger: Ledger, session: SessionId
) -> None:
    """Who reads a session that is deleted meanwhile is told that it is not there any more."""
    ledger.write([(session, [draft(b"x")] * 3 * rows.PAGE_ROWS)])
    reads: list[Generator[None, None, object]] = [
        ledger.load(session, "main"),
        ledger.rows(session, after=0, document=None, limit=3 * rows.PAGE_ROWS),
    ]
    for read in reads:
        next(read)
    finish(ledger.delete_session(session))
    for read in reads:
        with pytest.raises(SessionNotFound):
            finish(read)


def test_a_damaged_checkpoint_is_made_up_for(ledger: Ledger, session: SessionId) -> None:
    """The one before it stands in, or else the rows from the beginning."""
    ledger.write([(session, [draft(b"%d" % n) for n in range(1, 6)])])
    for seq in (2, 4):
        ledger.put_checkpoint(session, checkpoint(seq))
    for damaged, base in ((4, 2), (2, 0)):
        ledger.file.connection.execute(
            "UPDATE checkpoints SET body = x'00' WHERE seq = ?", (damaged,)
        )
        loaded = finish(ledger.load(session, "main"))
        assert (loaded.checkpoint.seq if loaded.checkpoint else 0) == base
        assert [row.seq for row in loaded.rows] == list(range(base + 1, 6))


def test_what_no_checkpoint_holds_any_more_is_corrupt(ledger: Ledger, session: SessionId) -> None:
    """A document whose beginning was compacted away is not read as the rest of it."""
    ledger.write([(session, [draft(b"%d" % n) for n in range(1, 6)])])
    for seq in (2, 4):
        ledger.put_checkpoint(session, checkpoint(seq))
    finish(ledger.compact(session, "main", Asked(2)))
    ledger.file.connection.execute("UPDATE checkpoints SET body = x'00' WHERE seq = 4")
    assert finish(ledger.load(session, "main")).checkpoint == checkpoint(2)
    ledger.file.connection.execute("UPDATE checkpoints SET body = x'00' WHERE seq = 2")
    with pytest.raises(Corrupt) as caught:
        finish(ledger.load(session, "main"))
    assert caught.value.where == "default~notes/main"
    assert "no checkpoint verifies, and updates up to 2 were compacted" in caught.value.reason


@pytest.mark.parametrize("missing", [1, 3, 5])
@pytest.mark.parametrize("settled", [False, True])
def test_a_missing_row_is_never_read_over(
    ledger: Ledger, session: SessionId, missing: int, settled: bool
) -> None:
    """First, middle or last, moved or not: a document that lacks a row does not load."""
    ledger.write([(session, [draft(b"%d" % n) for n in range(1, 6)])])
    if settled:
        ledger.file.settle()
        ledger.file.connection.execute("DELETE FROM log WHERE place & 0xffffffff = ?", (missing,))
    else:
        ledger.file.connection.execute("DELETE FROM hot WHERE seq = ?", (missing,))
    with pytest.raises(Corrupt, match="missing"):
        finish(ledger.load(session, "main"))
    with pytest.raises(Corrupt, match="missing"):
        finish(ledger.rows(session, after=0, document=None, limit=100))


def test_a_page_of_sound_rows_is_given_whatever_comes_after(
    ledger: Ledger, session: SessionId
) -> None:
    """Damage is raised where it is, so that a reader gets as far as it can."""
    ledger.write([(session, [draft(b"%d" % n) for n in range(1, 6)])])
    ledger.file.connection.execute("UPDATE hot SET body = x'00' WHERE seq = 4")
    assert len(finish(ledger.rows(session, after=0, document=None, limit=3))) == 3
    with pytest.raises(Corrupt, match="row 4 of default~notes/main: its check sum is wrong"):
        finish(ledger.rows(session, after=3, document=None, limit=3))


def test_documents_are_read_in_one_order(ledger: Ledger, session: SessionId) -> None:
    """A session's log is one log, however many documents and tables it is spread over."""
    names = ["a", "b", "c", "a", "a", "c", "b", "a"]
    for n, name in enumerate(names, start=1):
        ledger.write([(session, [draft(b"%d" % n, name)])])
        if n in (2, 5):
            ledger.file.settle()
    for after in range(len(names)):
        for limit in (1, 2, 100):
            found = finish(ledger.rows(session, after=after, document=None, limit=limit))
            assert [(row.seq, row.document) for row in found] == [
                (n, name) for n, name in enumerate(names, start=1) if n > after
            ][:limit]
