"""The table of projects."""

from __future__ import annotations

import pytest

from collabkit.errors import Corrupt
from collabkit.ids import SessionId
from collabkit.store import founding, projects
from collabkit.store.charter import Project
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA
from store.charters import faults


@pytest.mark.parametrize(
    "change",
    [
        "name = 'b'",
        "created_at_ms = 0",
        "created_by = 'user:ben'",
        "archived_at_ms = 1",
        "archived_at_ms = NULL",
    ],
)
def test_no_project_can_be_changed_unseen(ledger: Ledger, change: str) -> None:
    """An archived one that looks open would be written to: damage is no answer."""
    archived = "NULL" in change
    founding.create_project(ledger.file, "a", by=ADA)
    if archived:
        founding.archive_project(ledger.file, "a", by=ADA, undo=False)
    ledger.file.connection.execute(f"UPDATE projects SET {change} WHERE name = 'a'")
    with Reader(ledger.path) as reader, pytest.raises(Corrupt, match="project"):
        reader.projects()
    assert [one for one in faults(ledger) if one.startswith("project ")]


def test_a_project_that_is_lost_is_missed(ledger: Ledger, session: SessionId) -> None:
    """A session in it proves that there was one; what else it was, nobody can say."""
    ledger.file.connection.execute("DELETE FROM projects")
    with Reader(ledger.path) as reader:
        assert [one.id for one in reader.sessions()] == [session]
        with pytest.raises(Corrupt):
            reader.projects()
    assert faults(ledger) == ["project 'default': it is not listed"]


def test_sessions_imply_their_projects() -> None:
    """Each was made with its first session; the one of plain names is always there."""
    made = projects.implied([("b", 1, ADA), ("a", 2, ADA), ("b", 3, ADA)], at_ms=9)
    assert list(made) == ["b", "a", "default"]
    assert (made["b"], made["default"].created_at_ms) == (Project("b", 1, ADA), 9)
