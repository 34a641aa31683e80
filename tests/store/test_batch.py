"""Giving places to drafts, and taking them back."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from collabkit.errors import SessionNotFound, ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store import rows
from collabkit.store.batch import Batch
from collabkit.store.ledger import Ledger
from collabkit.testing.store_contract import draft


def state(ledger: Ledger, session: SessionId) -> tuple[int, dict[str, int]]:
    """How far a session and its documents have got."""
    found = ledger.file.directory.get(session)
    return found.last_seq, {name: it.last_seq for name, it in found.documents.items()}


def test_places_go_on_from_the_last(ledger: Ledger, session: SessionId) -> None:
    """Writes of one batch follow each other, each linked to the row before in its document."""
    ledger.write([(session, [draft(b"1", "a")])])
    batch = Batch(ledger.file.directory, epoch=1)
    assert batch.place(session, [draft(b"2", "b"), draft(b"3", "a")]) == [2, 3]
    assert batch.place(session, []) == []
    assert batch.place(session, [draft(b"4", "b")]) == [4]
    assert [row[:4] for row in batch.rows] == [(2, 2, 0, 1), (1, 3, 1, 1), (2, 4, 2, 1)]
    assert [document.name for document in batch.documents] == ["b"]


def test_undone_it_leaves_no_trace(ledger: Ledger, session: SessionId) -> None:
    """Places and new documents of a batch that failed are free again."""
    ledger.write([(session, [draft(b"1", "a")])])
    before = state(ledger, session)
    batch = Batch(ledger.file.directory, epoch=1)
    batch.place(session, [draft(b"2", "b"), draft(b"3", "a"), draft(b"4", "b")])
    assert state(ledger, session) != before
    batch.undo()
    assert state(ledger, session) == before


def test_a_write_that_cannot_be_stored_fails_alone(ledger: Ledger, session: SessionId) -> None:
    """Those before it and after it have their places without a hole."""
    wrong = msgspec.structs.replace(draft(b"x", "new"), clients=(-1,))
    surrogate = msgspec.structs.replace(draft(b"x", "new"), origin="\ud800")
    batch = Batch(ledger.file.directory, epoch=1)
    assert batch.place(session, [draft(b"1")]) == [1]
    for drafts in ([draft(b"2", "new"), wrong], [surrogate]):
        assert isinstance(batch.place(session, drafts), ValueNotStorable)
    assert isinstance(batch.place(SessionId("none"), [draft(b"x")]), SessionNotFound)
    assert batch.place(session, [draft(b"2")]) == [2]
    assert [row[:3] for row in batch.rows] == [(1, 1, 0), (1, 2, 1)]
    assert state(ledger, session) == (2, {"main": 2})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *itertools.product(
            ("document", "subject", "kind", "group", "origin"), (5, True, 1.5, b"x", "\ud800")
        ),
        *itertools.product(("at_ms", "seen"), (True, 5.0, "5", 1 << 63)),
        ("body", "text"),
        ("clients", (1.5,)),
        ("clients", 5),
    ],
)
def test_what_would_not_read_back_is_refused(
    ledger: Ledger, session: SessionId, field: str, value: object
) -> None:
    """SQLite turns some values into others: those never reach it, and the log stays sound."""
    wrong = msgspec.structs.replace(draft(b"x"), **{field: value})
    (outcome,) = ledger.write([(session, [draft(b"before"), wrong])])
    assert isinstance(outcome, ValueNotStorable)
    assert ledger.write([(session, [draft(b"1")])]) == [[1]]


def test_a_body_has_a_limit(ledger: Ledger, session: SessionId) -> None:
    """What SQLite cannot hold is refused before a transaction begins."""
    huge = bytes(rows.MAX_BODY_BYTES + 1)
    outcome = Batch(ledger.file.directory, epoch=1).place(session, [draft(huge)])
    assert isinstance(outcome, ValueNotStorable)
    assert "bytes in one row" in outcome.reason


def test_kept_it_counts(ledger: Ledger, session: SessionId) -> None:
    """Rows and bytes of a batch are counted once it is committed."""
    batch = Batch(ledger.file.directory, epoch=1)
    batch.place(session, [draft(b"12"), draft(b"345")])
    assert ledger.file.directory.hot_rows == 0
    batch.keep()
    document = ledger.file.directory.get(session).documents["main"]
    assert (document.rows, document.size_bytes, ledger.file.directory.hot_rows) == (2, 5, 2)
