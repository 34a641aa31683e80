"""What may be asked of a file, and what a full disk changes about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest

from collabkit.errors import CannotWrite, ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store.base import Loaded
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import draft
from store.processes import finish


def load(ledger: Ledger, session: SessionId, document: str = "main") -> Loaded:
    """Load a document in one go."""
    return finish(ledger.load(session, document))


@pytest.fixture
def full(ledger: Ledger, session: SessionId) -> Iterator[Ledger]:
    """A ledger whose disk takes no further page."""
    ledger.write([(session, [draft(b"before")])])
    ledger.file.connection.execute("PRAGMA max_page_count = 1")
    yield ledger
    ledger.file.connection.execute("PRAGMA max_page_count = 1000000")


def test_a_full_disk_takes_nothing_and_forgets_nothing(full: Ledger, session: SessionId) -> None:
    """A transaction that fails gives its places back; the next one goes on as if it never was."""
    big = draft(b"x" * 10_000)
    for _ in range(3):
        with pytest.raises(CannotWrite, match="database or disk is full"):
            full.write([(session, [draft(b"a", "new")]), (session, [big])])
    assert [row.body for row in load(full, session).rows] == [b"before"]
    full.file.connection.execute("PRAGMA max_page_count = 1000000")
    assert full.write([(session, [draft(b"a", "new")]), (session, [big])]) == [[2], [3]]
    with Reader(full.path) as reader:
        assert list(reader.verify()) == []


def test_a_full_disk_is_no_empty_document(full: Ledger, session: SessionId) -> None:
    """A document that was never opened cannot be, while its lineage cannot be kept."""
    for number in range(1000):
        with suppress(CannotWrite):
            load(full, session, f"filler-{number}")
    with pytest.raises(CannotWrite):
        load(full, session, "new")
    assert "new" not in full.find_session("notes", "default").documents


def test_a_full_disk_does_not_move_rows(full: Ledger, session: SessionId) -> None:
    """Rows that cannot be settled are as well where they are."""
    full.file.connection.execute("PRAGMA max_page_count = 1000000")
    full.write([(session, [draft(b"x" * 1000)] * 200)])
    full.file.connection.execute("PRAGMA max_page_count = 1")
    before = load(full, session)
    with pytest.raises(CannotWrite):
        full.file.settle()
    assert load(full, session) == before
    assert full.file.directory.hot_rows == 201


@pytest.mark.parametrize("field", ["name", "project", "kind", "by"])
@pytest.mark.parametrize("value", [5, b"x", "\ud800"])
def test_a_session_is_described_by_text(ledger: Ledger, field: str, value: object) -> None:
    """What would read back as something else makes no session, and no damage."""
    fields: dict[str, Any] = {"name": "new", "project": "p", "kind": "k", "by": "u", field: value}
    with pytest.raises(ValueNotStorable):
        ledger.create_session(**fields)
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []


def test_a_document_is_named_by_text(ledger: Ledger, session: SessionId) -> None:
    """Opening one by a number makes none."""
    with pytest.raises(ValueNotStorable):
        load(ledger, session, cast("str", 5))
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
