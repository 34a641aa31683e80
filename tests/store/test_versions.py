"""The table of named moments."""

from __future__ import annotations

import pytest

from collabkit.errors import Corrupt, ValueNotStorable
from collabkit.ids import Seq, SessionId, Subject
from collabkit.store import annals
from collabkit.store.base import Version
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft

FIRST = Version("first", Seq(1), ADA, 5, document="main", authors=(ADA,), note="a note")


@pytest.mark.parametrize(
    "change",
    [
        "name = 'second'",
        "seq = 0",
        "document = NULL",
        "made_by = 'user:ben'",
        "authors = '[]'",
        "note = ''",
        "at_ms = 6",
        "kind = 'auto'",
        "pinned = 1",
        "note = CAST(x'ff' AS TEXT)",
    ],
)
def test_no_version_can_be_changed_unseen(ledger: Ledger, session: SessionId, change: str) -> None:
    """Damage is an error of the list and of `verify`: what it protects must not go."""
    ledger.write([(session, [draft(b"1")])])
    annals.put_version(ledger.file, session, FIRST, replace=False)
    ledger.file.connection.execute(f"UPDATE versions SET {change}")
    with pytest.raises(Corrupt, match=r"version|row"):
        annals.listed(ledger.file, session, None)
    with Reader(ledger.path) as reader:
        assert [one for one in reader.verify() if one.startswith("version ")]


@pytest.mark.parametrize(
    "version",
    [
        Version("\ud800", Seq(0), ADA, 0),
        Version("v", Seq(0), ADA, 0, note="\ud800"),
        Version("v", Seq(0), ADA, 0, authors=(Subject("\ud800"),)),
        Version("v", Seq(0), ADA, 0, document="\ud800"),
        Version("v", Seq(0), ADA, 1 << 70),
    ],
)
def test_what_cannot_be_stored_is_no_version(
    ledger: Ledger, session: SessionId, version: Version
) -> None:
    """It is refused as a value, and nothing is kept of it."""
    with pytest.raises(ValueNotStorable):
        annals.put_version(ledger.file, session, version, replace=False)
    assert annals.listed(ledger.file, session, None) == []
