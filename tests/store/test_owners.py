"""The table of whose client ids are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from collabkit.errors import Corrupt, ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.recovery_contract import BEN, claim
from collabkit.testing.store_contract import ADA, draft
from store.processes import finish


@pytest.mark.parametrize("change", ["subject = 'user:ben'", "client = 2", "document = 2"])
def test_no_owner_can_be_changed_unseen(ledger: Ledger, session: SessionId, change: str) -> None:
    """Damage is an error of the load and of `verify`, and gives an id to nobody."""
    ledger.write([(session, [claim(ADA, 1), draft(b"2", "other")])])
    ledger.file.connection.execute(f"UPDATE owners SET {change}")
    damaged = "other" if "document" in change else "main"
    with pytest.raises(Corrupt, match="the owner of client"):
        finish(ledger.load(session, damaged))
    with Reader(ledger.path) as reader:
        assert [one for one in reader.verify() if "the owner of client" in one]


@pytest.mark.parametrize("wrong", [1 << 63, -(1 << 64), "1", None])
def test_a_claim_that_is_no_number_is_refused(
    ledger: Ledger, session: SessionId, wrong: int
) -> None:
    """Alone, and without a row."""
    bad = replace(draft(b"1"), claims=(wrong,))
    outcomes = ledger.write([(session, [claim(ADA, 5), bad]), (session, [claim(BEN, 5)])])
    assert isinstance(outcomes[0], ValueNotStorable)
    assert outcomes[1] == [1]
    assert finish(ledger.load(session, "main")).owners == {5: BEN}


def test_owners_go_with_their_session(ledger: Ledger, session: SessionId) -> None:
    """Nothing of a deleted document is left to be another's."""
    ledger.write([(session, [claim(ADA, 1)])])
    finish(ledger.delete_session(session))
    for table in ("owners", "quarantined", "recoveries"):
        assert ledger.file.connection.execute(f"SELECT * FROM {table}").fetchall() == []


def test_a_failed_transaction_claims_nothing(ledger: Ledger, session: SessionId) -> None:
    """The id is as free as the place in the log."""
    ledger.file.epoch -= 1
    with pytest.raises(Exception, match="opened again"):
        ledger.write([(session, [claim(ADA, 1)])])
    ledger.file.epoch += 1
    ledger.write([(session, [claim(BEN, 1)])])
    assert finish(ledger.load(session, "main")).owners == {1: BEN}
