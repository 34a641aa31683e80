"""Checkpoints: which are kept, and what is done about damaged ones."""

from __future__ import annotations

import sqlite3
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collabkit.errors import Corrupt
from collabkit.ids import SessionId
from collabkit.store import checkpoints
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import checkpoint, draft
from store.processes import finish


def test_a_damaged_checkpoint_is_passed_over(ledger: Ledger, session: SessionId) -> None:
    """Its place is told, and None stands for it."""
    ledger.write([(session, [draft(b"1"), draft(b"2")])])
    for seq in (1, 2):
        ledger.put_checkpoint(session, checkpoint(seq))
    ledger.file.connection.execute("UPDATE checkpoints SET digest = 'x' WHERE seq = 2")
    found = list(checkpoints.kept(ledger.file.connection, 1, "main"))
    assert found == [(2, None), (1, checkpoint(1))]


def test_the_newest_checkpoints_are_kept(ledger: Ledger, session: SessionId) -> None:
    """Two of each document, whatever the order in which they come."""
    ledger.write([(session, [draft(b"%d" % number) for number in range(5)])])
    for seq in (2, 4, 3, 1, 4):
        ledger.put_checkpoint(session, checkpoint(seq))
    assert [seq for seq, _ in checkpoints.kept(ledger.file.connection, 1, "main")] == [4, 4]
    size = len(checkpoint(4).body)
    assert checkpoints.sizes(ledger.file.connection) == [(1, 2 * size)]


@pytest.mark.parametrize(
    "change",
    [
        "body = x'00'",
        "digest = 'x'",
        "at_ms = 1",
        "seq = 1",
        "digest = CAST(x'ff' AS TEXT)",
        "inflated_bytes = 11",
    ],
)
def test_no_field_of_a_checkpoint_can_be_changed_unseen(
    ledger: Ledger, session: SessionId, change: str
) -> None:
    """What does not verify is no checkpoint, whichever part of it was changed."""
    ledger.write([(session, [draft(b"1"), draft(b"2")])])
    ledger.put_checkpoint(session, checkpoint(2))
    ledger.file.connection.execute(f"UPDATE checkpoints SET {change}")
    ((_, found),) = checkpoints.kept(ledger.file.connection, 1, "main")
    assert found is None


def test_a_checkpoint_of_another_document_is_none(ledger: Ledger, session: SessionId) -> None:
    """An index that leads to a neighbour's row does not make its content ours."""
    ledger.write([(session, [draft(b"1"), draft(b"2", "other")])])
    ledger.put_checkpoint(session, checkpoint(1))
    connection = ledger.file.connection
    assert checkpoints._read(connection, 1, 1, "main") == checkpoint(1)
    assert checkpoints._read(connection, 1, 2, "other") is None


def test_all_of_a_document_can_be_dropped(ledger: Ledger, session: SessionId) -> None:
    """Those of other documents stay."""
    ledger.write([(session, [draft(b"1"), draft(b"2", "other")])])
    ledger.put_checkpoint(session, checkpoint(1))
    ledger.put_checkpoint(session, checkpoint(2, "other"))
    checkpoints.delete(ledger.file.connection, 1, first=0)
    assert checkpoints.size(ledger.file.connection, 1) == 0
    assert list(checkpoints.kept(ledger.file.connection, 1, "main")) == []
    assert list(checkpoints.kept(ledger.file.connection, 2, "other")) == [
        (2, checkpoint(2, "other"))
    ]


LARGE = replace(checkpoint(1), body=b"all of it " * 10_000)


def test_a_body_is_compressed_if_that_helps(ledger: Ledger, session: SessionId) -> None:
    """It is read as it was given, and its size is what it takes."""
    ledger.write([(session, [draft(b"1")])])
    ledger.put_checkpoint(session, LARGE)
    assert finish(ledger.load(session, "main")).checkpoint == LARGE
    assert ledger.file.directory.get(session).record().size_bytes < len(LARGE.body) // 50
    with Reader(ledger.path) as reader:
        assert reader.load(session, "main").checkpoint == LARGE
        assert list(reader.verify()) == []


@given(st.binary(min_size=1, max_size=99), st.sampled_from([1, 2, 99]))
def test_packing_never_makes_larger(part: bytes, times: int) -> None:
    """What does not shrink is stored as it is; what does, inflates to what it was."""
    body = part * times
    packed, inflated_bytes = checkpoints.pack(body)
    assert len(packed) <= len(body)
    if inflated_bytes is None:
        assert packed == body
    else:
        assert checkpoints._inflate(packed, inflated_bytes) == body


def claims_more(connection: sqlite3.Connection, body: bytes, inflated_bytes: int) -> None:
    """Make every checkpoint one that is sealed well, and is not what it says."""
    for no, *fields in connection.execute(
        "SELECT no, document, seq, ?, digest, at_ms FROM checkpoints", (len(body),)
    ).fetchall():
        crc = checkpoints._crc(fields, inflated_bytes, body)
        connection.execute(
            "UPDATE checkpoints SET size_bytes = ?, inflated_bytes = ?, body = ?, crc = ? "
            "WHERE no = ?",
            (len(body), inflated_bytes, body, crc, no),
        )


BOMB = zlib.compress(bytes(50 << 20))

BAD_BODIES = {
    "more than it says": (BOMB, 1000),
    "less than it says": (zlib.compress(b"x"), 1000),
    "cut off": (BOMB[:-5], 50 << 20),
    "with something behind": (zlib.compress(b"x" * 100) + b"x", 100),
    "no zlib": (b"hello", 100),
    "nothing": (zlib.compress(b""), 0),
    "less than nothing": (zlib.compress(b"x"), -1),
    "more than a body may be": (BOMB, 513 << 20),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_not_what_it_says_is_damage(
    ledger: Ledger, session: SessionId, name: str
) -> None:
    """It is passed over; where nothing else holds what is compacted away, that is Corrupt."""
    ledger.write([(session, [draft(b"1")])])
    for _ in range(2):
        ledger.put_checkpoint(session, LARGE)
    claims_more(ledger.file.connection, *BAD_BODIES[name])
    loaded = finish(ledger.load(session, "main"))
    assert (loaded.checkpoint, [row.body for row in loaded.rows]) == (None, [b"1"])
    with Reader(ledger.path) as reader:
        assert "checkpoint 1 of default~notes/main: its check sum is wrong" in list(reader.verify())
    ledger.file.connection.execute("DELETE FROM checkpoints")
    for _ in range(2):
        ledger.put_checkpoint(session, LARGE)
    finish(ledger.compact(session, "main", Asked(1)))
    claims_more(ledger.file.connection, *BAD_BODIES[name])
    with pytest.raises(Corrupt, match="no checkpoint verifies"):
        finish(ledger.load(session, "main"))


def test_a_bomb_is_not_inflated(ledger: Ledger, session: SessionId) -> None:
    """No more memory is taken for a body than its row says, or than any may take."""
    ledger.write([(session, [draft(b"1")])])
    ledger.put_checkpoint(session, LARGE)
    for said_bytes in (1000, 513 << 20):
        claims_more(ledger.file.connection, BOMB, said_bytes)
        tracemalloc.start()
        try:
            assert finish(ledger.load(session, "main")).checkpoint is None
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()
