"""Checkpoints: which are kept, and what is done about damaged ones."""

from __future__ import annotations

import pytest

from collabkit.ids import SessionId
from collabkit.store import checkpoints
from collabkit.store.ledger import Ledger
from collabkit.testing.store_contract import checkpoint, draft


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
