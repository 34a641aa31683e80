"""Moments and versions of an open file; the rest of it is in test_archive.py."""

from __future__ import annotations

import pytest

from collabkit.errors import Corrupt
from collabkit.ids import SessionId
from collabkit.store import annals, rows
from collabkit.store.ledger import Ledger
from collabkit.testing.store_contract import draft
from store.processes import finish

MANY = 2 * rows.PAGE_ROWS + 10


def test_a_long_past_is_read_a_page_a_slice(ledger: Ledger, session: SessionId) -> None:
    """Commits go on between pages, and what they bring is not in it."""
    ledger.write([(session, [draft(b"x")] * MANY)])
    work = annals.chronicle(ledger.file, session, "main", None)
    for _ in range(2):
        next(work)
        ledger.write([(session, [draft(b"meanwhile")])])
    assert len(finish(work).rows) == MANY
    assert len(finish(annals.load_at(ledger.file, session, "main", MANY - 3)).rows) == MANY - 3


@pytest.mark.parametrize("at", [4, 5])
def test_a_row_that_is_missing_is_missed(ledger: Ledger, session: SessionId, at: int) -> None:
    """Also the last one before a moment: the one behind it tells."""
    ledger.write([(session, [draft(b"%d" % number) for number in range(9)])])
    ledger.file.settle()
    ledger.file.connection.execute("DELETE FROM log WHERE place & 15 = 4")
    with pytest.raises(Corrupt, match="4, is missing"):
        finish(annals.load_at(ledger.file, session, "main", at))
    assert len(finish(annals.load_at(ledger.file, session, "main", 2)).rows) == 2
