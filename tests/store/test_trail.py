"""The audit in its table."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from collabkit.errors import Corrupt, ValueNotStorable
from collabkit.ids import Seq, SessionId, Subject
from collabkit.store import annals, audit, trail
from collabkit.store.audit import START
from collabkit.store.base import Deed, Parent, Version
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA
from store.processes import finish

BEN = Subject("user:ben")


def broken(ledger: Ledger, kept: audit.Head | None = None) -> list[str]:
    """What `verify` says of the audit."""
    with Reader(ledger.path) as reader:
        return [one for one in reader.verify(head=kept) if "audit" in one]


@pytest.fixture
def told(ledger: Ledger, session: SessionId) -> SessionId:
    """The making of a session, and three lines about it."""
    for number in range(3):
        annals.tell(ledger.file, session, Deed(BEN, "note", {"number": number}))
    return session


def test_lines_are_read_as_they_were_told(ledger: Ledger, told: SessionId) -> None:
    """In order, a page at a time, of a session or all; and the end of the chain is known."""
    annals.tell(ledger.file, None, Deed(ADA, "file"))
    with Reader(ledger.path) as reader:
        lines = reader.audit()
        assert [line.action for line in lines] == ["create", "note", "note", "note", "file"]
        assert lines[0].data == {"project": "default", "name": "notes", "kind": "single"}
        assert (lines[1].subject, lines[1].session, lines[1].data) == (BEN, told, {"number": 0})
        assert reader.audit(told) == lines[:4]
        assert reader.audit(after=1, limit=2) == lines[1:3]
        assert reader.head() == lines[-1].head
    assert (list(audit.breaks(lines)), broken(ledger, lines[-1].head)) == ([], [])


def test_lines_are_looked_for(ledger: Ledger, told: SessionId) -> None:
    """By who did it, what was done, and when; a name may be the beginning of one."""
    annals.tell(ledger.file, None, Deed(ADA, "noted"))
    with Reader(ledger.path) as reader:
        first, *_, last = lines = reader.audit()

        def numbers(**wanted: Any) -> list[int]:
            return [line.no for line in reader.audit(**wanted)]

        assert numbers(subject=ADA) == [1, 5]
        assert numbers(actions=("note",)) == [2, 3, 4]
        assert numbers(actions=("note*",), after=3) == [4, 5]
        assert numbers(actions=("create", "noted")) == [1, 5]
        assert numbers(session=told, subject=ADA) == [1]
        assert numbers(since_ms=first.at_ms) == [line.no for line in lines]
        assert numbers(since_ms=last.at_ms + 1) == []


def test_a_change_and_its_line_are_one(ledger: Ledger, session: SessionId) -> None:
    """A line that cannot be written takes its change with it, and the other way round."""
    with pytest.raises(ValueNotStorable):
        annals.put_version(
            ledger.file,
            session,
            Version("v", Seq(0), ADA, 0),
            replace=False,
            audit=Deed(ADA, "version", {"no JSON": object()}),
        )
    assert annals.listed(ledger.file, session, None) == []
    with pytest.raises(LookupError):
        annals.drop_version(ledger.file, session, "v", audit=Deed(ADA, "drop"))
    with Reader(ledger.path) as reader:
        assert [line.action for line in reader.audit()] == ["create"]


def test_the_audit_outlives_its_session(ledger: Ledger, session: SessionId) -> None:
    """Who made it, from what, and who removed it."""
    branch = ledger.create_session("branch", "p", "k", BEN, Parent(session, Seq(0))).id
    finish(ledger.delete_session(branch, Deed(ADA, "rm", {"name": "branch"})))
    with Reader(ledger.path) as reader:
        made, removed = reader.audit(branch)
    assert made.data["parent"] == {"session": session, "seq": 0, "document": None}
    assert (removed.subject, removed.action, removed.data) == (ADA, "rm", {"name": "branch"})


@pytest.mark.parametrize("change", ["UPDATE audit SET subject = 'x'", "DELETE FROM audit"])
def test_the_audit_is_only_added_to(ledger: Ledger, told: SessionId, change: str) -> None:
    """SQLite itself refuses anything else."""
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        ledger.file.connection.execute(change)
    assert broken(ledger) == []


CHANGES = {
    "UPDATE audit SET subject = 'user:ada' WHERE no = 3": "line 3 ",
    "UPDATE audit SET at_ms = 0 WHERE no = 3": "line 3 ",
    "UPDATE audit SET data = '{' WHERE no = 3": "line 3 ",
    "UPDATE audit SET data = CAST(x'ff' AS TEXT) WHERE no = 3": "line 3 ",
    "UPDATE audit SET hash = x'00' WHERE no = 4": "line 4 ",
    "UPDATE audit SET no = 9 WHERE no = 4": "line 9 ",
    "DELETE FROM audit WHERE no = 2": "line 3 ",
    "DELETE FROM audit WHERE no = 4": "ends at line 3; there were 4",
    "DELETE FROM audit": "ends at line 0; there were 4",
}


@pytest.mark.parametrize("change", CHANGES)
def test_who_gets_past_that_is_found_out(ledger: Ledger, told: SessionId, change: str) -> None:
    """By `verify`, in one sentence that says where."""
    for guard in ("update", "delete"):
        ledger.file.connection.execute(f"DROP TRIGGER audit_no_{guard}")
    ledger.file.connection.execute(change)
    sentences = broken(ledger)
    assert sentences
    assert CHANGES[change] in sentences[0]


def test_a_line_that_is_none_is_damage(ledger: Ledger, told: SessionId) -> None:
    """Reading says so; the next one is told all the same."""
    ledger.file.connection.execute("DROP TRIGGER audit_no_update")
    ledger.file.connection.execute("UPDATE audit SET data = '[]' WHERE no = 3")
    with Reader(ledger.path) as reader, pytest.raises(Corrupt, match="line 3 of the audit"):
        reader.audit()
    assert annals.tell(ledger.file, told, Deed(ADA, "next")).no == 5
    assert len(broken(ledger)) == 1


def test_a_cut_that_hides_itself_is_told_by_a_head_that_was_kept(
    ledger: Ledger, told: SessionId
) -> None:
    """Whoever can change the file can change all of it."""
    head = trail.head(ledger.file.connection)
    connection = ledger.file.connection
    connection.execute("DROP TRIGGER audit_no_delete")
    connection.execute("DELETE FROM audit WHERE no > 2")
    connection.execute("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'audit'")
    assert broken(ledger) == []
    assert broken(ledger, head) == ["the audit ends at line 2; line 4 was kept"]
    assert broken(ledger, START) == []
