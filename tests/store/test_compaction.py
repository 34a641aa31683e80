"""Letting the beginning of a log go, a slice at a time."""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from collabkit.errors import LocalProtocolError
from collabkit.ids import Seq, SessionId
from collabkit.store import annals, checkpoints, removal, rows
from collabkit.store.base import Checkpoint, Compacted, Deed, Draft, Version
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, checkpoint, draft
from store.processes import finish

MANY = 2 * rows.PAGE_ROWS + 10
UPTO = MANY - 5

COMPACT = Deed(ADA, "compact", {"upto": UPTO})


def fill(ledger: Ledger, session: SessionId) -> None:
    """Write many rows, and two checkpoints near the end."""
    ledger.write([(session, [draft(b"x" * 200)] * MANY)])
    for _ in range(2):
        ledger.put_checkpoint(session, checkpoint(UPTO))


def size(ledger: Ledger) -> int:
    """Of the file, once all is in it."""
    ledger.file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return os.path.getsize(ledger.path)


def test_compaction_gives_space_back(ledger: Ledger, session: SessionId) -> None:
    """The file itself shrinks, and the record of the session says so too."""
    fill(ledger, session)
    ledger.file.settle()
    before, record = size(ledger), ledger.find_session("notes", "default")
    assert finish(ledger.compact(session, "main", Asked(UPTO))).rows == UPTO
    assert size(ledger) < before / 5
    assert ledger.find_session("notes", "default").size_bytes < record.size_bytes / 100
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
        assert reader.info().free_bytes == 0


@pytest.mark.parametrize("slices", range(1, 12))
def test_a_compaction_that_was_interrupted_is_none_or_is_finished(path: str, slices: int) -> None:
    """The first transaction decides; what is left of the rows then, the next holder removes."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        fill(ledger, session)
        work = ledger.compact(session, "main", Asked(UPTO, audit=COMPACT))
        for _ in range(slices):
            next(work, None)
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        begun = ledger.file.directory.get(session).documents["main"].floor == UPTO
        assert begun == (slices > 3)
        for _ in range(2):
            assert len(finish(ledger.load(session, "main")).rows) == 5
            told = finish(annals.chronicle(ledger.file, session, "main", None))
            assert (told.floor, len(told.rows)) == ((UPTO, 5) if begun else (0, MANY))
            with Reader(path) as reader:
                assert list(reader.verify()) == []
                assert len(reader.audit()) == 1 + begun
            finish(removal.resume(ledger.file))
        assert ledger.find_session("notes", "default").last_seq == MANY
        left = finish(ledger.rows(session, after=0, document=None, limit=MANY))
        assert len(left) == (5 if begun else MANY)


def test_a_damaged_checkpoint_stops_compaction(ledger: Ledger, session: SessionId) -> None:
    """What it should hold cannot go, though another one holds it too."""
    fill(ledger, session)
    ledger.file.connection.execute("UPDATE checkpoints SET body = x'00' WHERE no = 1")
    with pytest.raises(LocalProtocolError, match="2 sound checkpoints hold them; there are 1"):
        finish(ledger.compact(session, "main", Asked(1)))


def test_compacting_nothing_is_fine(ledger: Ledger, session: SessionId) -> None:
    """A document that is not there has nothing to remove."""
    assert finish(ledger.compact(session, "none", Asked(5))).rows == 0


def based(upto: int) -> tuple[Checkpoint, checkpoints.Packed]:
    """A checkpoint at a row, and how its body is stored."""
    base = checkpoint(upto)
    return base, checkpoints.pack(base.body)


def test_history_begins_at_its_base(ledger: Ledger, session: SessionId) -> None:
    """No moment from there on changes; the base stays when newer checkpoints come."""
    ledger.write([(session, [draft(b"%d" % number) for number in range(1, 10)])])
    ledger.put_checkpoint(session, checkpoint(9))
    gone = finish(ledger.compact(session, "main", Asked(4, base=based(4), audit=COMPACT)))
    assert gone == Compacted(4, 4, Seq(4))
    for _ in range(3):
        ledger.put_checkpoint(session, checkpoint(9))
        told = finish(annals.chronicle(ledger.file, session, "main", None))
        assert (told.base, [row.seq for row in told.rows]) == (checkpoint(4), [5, 6, 7, 8, 9])
        past = finish(annals.load_at(ledger.file, session, "main", 6))
        assert (past.checkpoint, [row.body for row in past.rows]) == (checkpoint(4), [b"5", b"6"])
    finish(ledger.compact(session, "main", Asked(7, base=based(7))))
    assert finish(annals.chronicle(ledger.file, session, "main", None)).base == checkpoint(7)
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
        assert [line.action for line in reader.audit()] == ["create", "compact"]


def test_a_base_that_is_damaged_costs_history_and_no_content(
    ledger: Ledger, session: SessionId
) -> None:
    """The next checkpoint stands in; `verify` tells."""
    ledger.write([(session, [draft(b"%d" % number) for number in range(1, 10)])])
    for seq in (6, 9):
        ledger.put_checkpoint(session, checkpoint(seq))
    finish(ledger.compact(session, "main", Asked(4, base=based(4))))
    ledger.file.connection.execute("UPDATE checkpoints SET body = x'00' WHERE seq = 4")
    told = finish(annals.chronicle(ledger.file, session, "main", None))
    assert (told.base, told.floor) == (checkpoint(6), 6)
    assert finish(ledger.load(session, "main")).checkpoint == checkpoint(9)
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == [
            "checkpoint 4 of default~notes/main: its check sum is wrong"
        ]


def test_nothing_goes_that_a_version_shows(ledger: Ledger, session: SessionId) -> None:
    """Of this document or of all, unless it goes too; one of another document is no matter."""
    drafts = [draft(b"%d" % number) for number in range(1, 10)]
    ledger.write([(session, [*drafts, draft(b"x", "other")])])
    for _ in range(2):
        ledger.put_checkpoint(session, checkpoint(9))
    for document, refused in (("other", False), ("main", True), (None, True)):
        version = Version("v", Seq(4), ADA, 0, document=document)
        annals.put_version(ledger.file, session, version, replace=True)
        for asked in (Asked(5, base=based(5)), Asked(5, dry_run=True)):
            if refused:
                with pytest.raises(LocalProtocolError, match="shows row 4"):
                    finish(ledger.compact(session, "main", asked))
            elif asked.dry_run:
                assert finish(ledger.compact(session, "main", asked)).rows == 5
    with_it = Asked(5, ("v",), based(5))
    assert finish(ledger.compact(session, "main", with_it)).rows == 5
    assert annals.listed(ledger.file, session, None) == []


def test_a_dry_run_says_what_would_go(ledger: Ledger, session: SessionId) -> None:
    """Rows and bytes, with those of checkpoints from before; and nothing is changed."""
    event = Draft("main", ADA, b"event", 0, kind="note")
    ledger.write([(session, [draft(b"12"), draft(b"345"), event, draft(b"6"), draft(b"7")])])
    for seq in (2, 5):
        ledger.put_checkpoint(session, checkpoint(seq))
    ledger.file.settle()
    before = ledger.file.connection.total_changes
    expected = Compacted(3, 6 + len(checkpoint(2).body), Seq(4))
    assert finish(ledger.compact(session, "main", Asked(4, dry_run=True))) == expected
    assert ledger.file.connection.total_changes == before
    size = ledger.find_session("notes", "default").size_bytes + len(checkpoint(4).body)
    assert finish(ledger.compact(session, "main", Asked(4, base=based(4)))) == expected
    assert ledger.find_session("notes", "default").size_bytes == size - expected.size_bytes


@pytest.mark.parametrize("asked", [Asked(-1), Asked(MANY + 1), Asked(3, base=based(4))])
def test_what_cannot_be_is_refused(ledger: Ledger, session: SessionId, asked: Asked) -> None:
    """A row that is not there; a base that is of another moment."""
    fill(ledger, session)
    with pytest.raises(LocalProtocolError):
        finish(ledger.compact(session, "main", asked))
