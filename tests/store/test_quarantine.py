"""The table of what killed an engine."""

from __future__ import annotations

import pytest

from collabkit.errors import Corrupt, ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store import quarantine
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft
from store.processes import finish


def put(ledger: Ledger, session: SessionId, body: bytes, seq: int | None = None) -> int:
    """Keep an update apart."""
    return ledger.quarantine(session, "main", subject=ADA, body=body, reason="it died", seq=seq)


def test_evidence_does_not_fill_the_disk(ledger: Ledger, session: SessionId) -> None:
    """The newest are kept, up to a number; a row that is set aside is never forgotten."""
    ledger.write([(session, [draft(b"row")])])
    first = put(ledger, session, b"row", 1)
    for number in range(quarantine.KEPT + 5):
        put(ledger, session, b"%d" % number)
    kept = ledger.quarantined(session)
    assert len(kept) == quarantine.KEPT + 1
    assert kept[0].id == first
    assert kept[1].body == b"5"


def test_large_evidence_is_kept_up_to_a_size(ledger: Ledger, session: SessionId) -> None:
    """The last one stays, however large; with it those that fit beside it."""
    put(ledger, session, b"small")
    put(ledger, session, bytes(quarantine.KEPT_BYTES // 2))
    put(ledger, session, b"x" * (quarantine.KEPT_BYTES // 2))
    assert [len(one.body) for one in ledger.quarantined(None)] == [quarantine.KEPT_BYTES // 2] * 2
    put(ledger, session, bytes(quarantine.KEPT_BYTES + 1))
    assert [len(one.body) for one in ledger.quarantined(None)] == [quarantine.KEPT_BYTES + 1]


def test_a_number_is_never_given_again(ledger: Ledger, session: SessionId) -> None:
    """Whoever noted one does not find another under it."""
    first = put(ledger, session, b"1")
    ledger.release(first)
    assert put(ledger, session, b"2") > first


@pytest.mark.parametrize(
    "change", ["body = x'00'", "subject = 'user:ben'", "seq = 1", "digest = 'x'", "reason = ''"]
)
def test_no_entry_can_be_changed_unseen(ledger: Ledger, session: SessionId, change: str) -> None:
    """A damaged one fails the load: what it kept out of it is not known any more."""
    put(ledger, session, b"1")
    ledger.file.connection.execute(f"UPDATE quarantined SET {change}")
    with pytest.raises(Corrupt, match="number 1 of the quarantine"):
        finish(ledger.load(session, "main"))
    with Reader(ledger.path) as reader:
        with pytest.raises(Corrupt):
            reader.quarantined()
        assert "number 1 of the quarantine: its check sum is wrong" in list(reader.verify())


def test_what_is_no_text_is_refused(ledger: Ledger, session: SessionId) -> None:
    """A reason that cannot be kept is no entry."""
    with pytest.raises(ValueNotStorable):
        ledger.quarantine(session, "main", subject=ADA, body=b"1", reason="\ud800", seq=None)
    assert ledger.quarantined(None) == []
