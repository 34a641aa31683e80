"""Which sessions and documents a file has, and what its directory does about damage."""

from __future__ import annotations

from contextlib import closing

import pytest

from collabkit.errors import Corrupt, SessionExists, SessionNotFound
from collabkit.ids import SessionId
from collabkit.store import database
from collabkit.store.directory import Directory
from collabkit.store.ledger import Ledger
from collabkit.testing.store_contract import ADA, checkpoint, draft


def read(path: str) -> Directory:
    """The directory as a reader finds it."""
    with closing(database.connect_readonly(path)) as connection:
        return Directory.read(connection, path)


def test_what_is_read_is_what_is_known(path: str, ledger: Ledger, session: SessionId) -> None:
    """Rows that are still in `hot` count as those in `log` do."""
    ledger.write([(session, [draft(b"12345", "a"), draft(b"123", "b")])])
    ledger.file.settle()
    ledger.write([(session, [draft(b"1", "b"), draft(b"1", "c")])])
    ledger.put_checkpoint(session, checkpoint(2, "a"))
    for directory in (ledger.file.directory, read(path)):
        found = directory.get(session)
        assert found.record() == ledger.find_session("notes", "default")
        assert [
            (it.name, it.last_seq, it.rows, it.size_bytes, it.checkpoint_bytes)
            for it in sorted(found.documents.values(), key=lambda it: it.name)
        ] == [("a", 1, 1, 5, 11), ("b", 3, 2, 4, 0), ("c", 4, 1, 1, 0)]
        assert (directory.hot_rows, directory.hot_bytes) == (2, 2)
        assert sorted(directory.unsettled) == [2, 3]
        assert directory.damage == []


def test_a_damaged_session_makes_absence_unprovable(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """Others are served; what is not found might be the damaged one, so it is Corrupt."""
    ledger.create_session("other", "default", "single", ADA)
    ledger.file.connection.execute("UPDATE sessions SET name = 'nites' WHERE name = 'notes'")
    directory = read(path)
    assert directory.find("other", "default").name == "other"
    for missing in (
        lambda: directory.find("notes", "default"),
        lambda: directory.get(session),
        lambda: directory.new_session("default", "new", "single", ADA, 0),
        directory.all,
    ):
        with pytest.raises(Corrupt, match="session 'nites': its check sum is wrong"):
            missing()


def test_a_session_that_lacks_a_document_is_not_served(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """Where its log ends is unknown: a new row would get a place that is taken."""
    ledger.write([(session, [draft(b"1", "a"), draft(b"2", "b")])])
    other = ledger.create_session("other", "default", "single", ADA).id
    ledger.file.connection.execute("UPDATE documents SET name = 'c' WHERE name = 'b'")
    directory = read(path)
    assert directory.get(other).name == "other"
    with pytest.raises(SessionNotFound):
        directory.find("none", "default")
    with pytest.raises(Corrupt, match="default~notes: 2 documents, 1 found"):
        directory.get(session)
    with pytest.raises(Corrupt):
        directory.all()


def test_a_document_that_lost_its_session_is_told(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """Each consequence of a lost row is a sentence."""
    ledger.write([(session, [draft(b"1", "a")])])
    ledger.file.connection.execute("UPDATE sessions SET kind = 'x'")
    assert read(path).damage == [
        "session 'notes': its check sum is wrong",
        "document 'a': its session is missing",
    ]


@pytest.mark.parametrize("settled", [False, True])
def test_the_number_of_a_lost_document_is_not_given_again(
    path: str, ledger: Ledger, session: SessionId, settled: bool
) -> None:
    """A new document must not inherit the rows of one whose own row is gone."""
    ledger.write([(session, [draft(b"1", "a"), draft(b"2", "b")])])
    if settled:
        ledger.file.settle()
    ledger.file.connection.execute("DELETE FROM documents WHERE name = 'b'")
    directory = read(path)
    assert "document number 2 has rows, but is not listed" in directory.damage
    assert directory.new_document(next(iter(directory)), "c").no == 3


def test_text_that_is_no_text_is_one_rows_damage(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """Bytes that are no UTF-8 spoil their own session, and no other."""
    other = ledger.create_session("other", "default", "single", ADA).id
    ledger.file.connection.execute(
        "UPDATE sessions SET created_by = CAST(x'ff' AS TEXT) WHERE id = ?", (session,)
    )
    directory = read(path)
    assert directory.get(other).name == "other"
    assert directory.damage == ["session 'notes': its check sum is wrong"]


def test_a_session_being_deleted_is_in_no_list(
    path: str, ledger: Ledger, session: SessionId
) -> None:
    """Its deletion has begun; what is left of it is waiting to go."""
    ledger.write([(session, [draft(b"1", "a")])])
    next(ledger.delete_session(session))
    directory = read(path)
    assert directory.all() == []
    assert [one.id for one in directory.leaving] == [session]
    with pytest.raises(SessionNotFound):
        directory.find(session, "")


def test_a_name_is_taken_once(ledger: Ledger, session: SessionId) -> None:
    """Two sessions of one project never have one name."""
    with pytest.raises(SessionExists):
        ledger.file.directory.new_session("default", "notes", "single", ADA, 0)
    assert ledger.file.directory.new_session("acme", "notes", "single", ADA, 0).no == 2
    assert session in repr(ledger.file.directory.all())


def test_an_id_is_no_name_of_another_session(ledger: Ledger, session: SessionId) -> None:
    """Who asks for a session by its id gets that one, whatever others are called."""
    with pytest.raises(SessionExists):
        ledger.create_session(session, "default", "single", ADA)
    elsewhere = ledger.create_session(session, "acme", "single", ADA)
    assert ledger.find_session(session, "default").id == session
    assert ledger.find_session(session, "acme").id == elsewhere.id
