"""Rows: their check sums, their links, and their way into SQLite and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import Corrupt
from collabkit.ids import SessionId, Subject
from collabkit.store import rows
from collabkit.store.base import Draft
from collabkit.store.ledger import Ledger
from collabkit.testing.store_contract import draft, placed

drafts = st.builds(
    Draft,
    document=st.just("main"),
    subject=st.text(max_size=20).map(Subject),
    body=st.binary(max_size=200),
    at_ms=st.integers(0, 1 << 62),
    kind=st.text(max_size=20),
    clients=st.lists(st.integers(0, (1 << 64) - 1), max_size=5).map(tuple),
    seen=st.integers(0, 1 << 40),
    group=st.none() | st.text(max_size=20),
    origin=st.text(max_size=20),
)


def chain(*, after: int = 0, floor: int = 0) -> rows.Chain:
    """A chain of a document called main."""
    return rows.Chain("test.db", "default~notes/main", "main", after=after, floor=floor)


@given(drafts)
def test_a_sealed_row_reads_as_what_it_was(draft: Draft) -> None:
    """Sealing and reading are each other's inverse."""
    assert chain(after=6).row(rows.seal_row(3, 7, 6, 1, draft)) == placed(draft, 7)


@given(drafts, st.integers(0, 12), st.data())
def test_no_field_can_be_changed_unseen(draft: Draft, field: int, data: st.DataObject) -> None:
    """A check sum covers every field, the number of the document and the place included."""
    sealed = list(rows.seal_row(3, 7, 6, 1, draft))
    match sealed[field]:
        case int(value):
            sealed[field] = value ^ 1 << data.draw(st.integers(0, 30))
        case str(value):
            sealed[field] = value + "x"
        case bytes(value):
            sealed[field] = value + b"x"
        case _:
            sealed[field] = "x"
    with pytest.raises(Corrupt, match="its check sum is wrong"):
        chain(after=6).row(tuple(sealed))


def test_a_missing_row_is_found_by_the_one_after_it() -> None:
    """Links lead from row to row of a document, over the rows of others."""
    links = chain()
    links.row(rows.seal_row(1, 2, 0, 1, draft(b"a")))
    links.row(rows.seal_row(1, 5, 2, 1, draft(b"b")))
    with pytest.raises(Corrupt) as caught:
        links.row(rows.seal_row(1, 9, 7, 1, draft(b"d")))
    assert caught.value.where == "row 9 of default~notes/main"
    assert caught.value.reason == "the row before it, 7, is missing"


def test_a_row_does_not_come_twice() -> None:
    """A row at or before the last one is out of order."""
    links = chain()
    row = rows.seal_row(1, 2, 0, 1, draft(b"a"))
    links.row(row)
    with pytest.raises(Corrupt, match="it stands after row 2"):
        links.row(row)


def test_the_last_row_is_missed() -> None:
    """Who knows how far a document went is told if its end is missing."""
    links = chain()
    links.row(rows.seal_row(1, 2, 0, 1, draft(b"a")))
    links.end(2)
    with pytest.raises(Corrupt, match="row 5 of default~notes/main: it is missing"):
        links.end(5)


def test_what_was_compacted_away_is_not_missed() -> None:
    """A link to a row at or below the floor leads to what was removed on purpose."""
    chain(floor=7).row(rows.seal_row(1, 9, 7, 1, draft(b"d")))
    with pytest.raises(Corrupt):
        chain(floor=6).row(rows.seal_row(1, 9, 7, 1, draft(b"d")))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 511, 512, 513, 1500])
def test_any_number_of_rows_goes_in(ledger: Ledger, count: int) -> None:
    """However many rows a statement takes, all of them arrive, in order."""
    sealed = [rows.seal_row(1, n, n - 1, 1, draft(b"%d" % n)) for n in range(1, count + 1)]
    rows.insert_hot(ledger.file.connection, sealed)
    assert rows.page(ledger.file.connection, 1, after=0, limit=5000) == sealed


def test_rows_read_the_same_wherever_they_are(ledger: Ledger) -> None:
    """Moved or not, or half of them: a page holds the same rows, with the same check sums."""
    sealed = [rows.seal_row(1, n, n - 1, 1, draft(b"%d" % n)) for n in range(1, 11)]
    others = [rows.seal_row(2, n, n - 1, 1, draft(b"x")) for n in range(1, 11)]
    rows.insert_hot(ledger.file.connection, [*sealed[:6], *others])
    rows.settle_hot(ledger.file.connection)
    rows.insert_hot(ledger.file.connection, sealed[6:])
    assert rows.page(ledger.file.connection, 1, after=0, limit=5000) == sealed
    assert rows.page(ledger.file.connection, 1, after=3, limit=5) == sealed[3:8]
    assert rows.page(ledger.file.connection, 1, after=8, limit=5) == sealed[8:]
    assert list(rows.documents_with_rows(ledger.file.connection)) == [1, 2]


def test_the_highest_places_are_found(ledger: Ledger) -> None:
    """A document's last possible row is not taken for its neighbour's."""
    last = rows.seal_row(1, rows.MAX_SEQ, 0, 1, draft(b"last"))
    first = rows.seal_row(2, 1, 0, 1, draft(b"first"))
    rows.insert_hot(ledger.file.connection, [last, first])
    rows.settle_hot(ledger.file.connection)
    assert rows.page(ledger.file.connection, 1, after=0) == [last]
    assert rows.page(ledger.file.connection, 2, after=0) == [first]
    assert rows.last_document(ledger.file.connection) == 2


def test_a_check_sum_fits_into_four_bytes() -> None:
    """SQLite stores integers of 32 bits, with their sign, in four bytes."""
    sums = [rows.crc([number]) for number in range(1000)]
    assert min(sums) >= -(1 << 31)
    assert max(sums) < 1 << 31
    assert len(set(sums)) == 1000


def test_a_row_is_small(ledger: Ledger, session: SessionId) -> None:
    """What is stored beside the body of a typical edit takes less than 80 bytes."""
    edit = msgspec.structs.replace(draft(b"x" * 30), seen=123_456, clients=(1 << 31,))
    ledger.write([(session, [edit] * 1000)])
    (used,) = ledger.file.connection.execute(
        "SELECT sum(pgsize) FROM dbstat WHERE name = 'hot'"
    ).fetchone()
    assert used / 1000 < 30 + 80
