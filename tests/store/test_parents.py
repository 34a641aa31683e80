"""The table of what sessions were branched from."""

from __future__ import annotations

from contextlib import closing

import pytest

from collabkit.ids import Seq, SessionId
from collabkit.store.base import Parent
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA
from store.processes import finish


@pytest.mark.parametrize("document", ["main", None])
def test_a_parent_is_remembered(path: str, document: str | None) -> None:
    """By who opens the file again, and by a reader beside; also when it is gone itself."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        first = ledger.create_session("first", "p", "k", ADA)
        parent = Parent(first.id, Seq(0), document)
        branch = ledger.create_session("branch", "p", "k", ADA, parent)
        assert (first.parent, branch.parent) == (None, parent)
        finish(ledger.delete_session(first.id))
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        assert ledger.sessions(None) == [branch]
        finish(ledger.delete_session(branch.id))
        assert ledger.create_session("third", "p", "k", ADA).parent is None
        assert ledger.file.connection.execute("SELECT * FROM parents").fetchall() == []


@pytest.mark.parametrize("change", ["session = 1", "parent = 'x'", "seq = 1", "document = 'x'"])
def test_no_parent_can_be_changed_unseen(ledger: Ledger, session: SessionId, change: str) -> None:
    """The session is served all the same, and `verify` tells."""
    ledger.create_session("branch", "default", "k", ADA, Parent(session, Seq(0)))
    ledger.file.connection.execute(f"UPDATE parents SET {change}")
    with Reader(ledger.path) as reader:
        assert [one.parent for one in reader.sessions()] == [None, None]
        assert [one for one in reader.verify() if one.startswith("the parent of session")]
