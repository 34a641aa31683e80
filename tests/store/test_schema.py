"""The tables of a file and their numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collabkit.store import annals, facts
from collabkit.store.backup import backup
from collabkit.store.charter import Project
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.schema import APPLICATION_ID, SUPPORTED, migrate, tables
from collabkit.testing.store_contract import ADA, checkpoint
from store.processes import finish


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    """A database with nothing in it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


@pytest.fixture(params=[1, 2, 3])
def version(request: pytest.FixtureRequest) -> int:
    """Each number that a file had once."""
    number: int = request.param
    return number


@pytest.fixture
def old(path: str, version: int) -> str:
    """A file of that version: four updates, checkpoints, a value, and all that it could have."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(Path(__file__).with_name(f"version_{version}.sql").read_text())
    return path


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """A number that SQLite keeps."""
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def test_a_new_file_says_what_it_is(empty: sqlite3.Connection) -> None:
    """It has our mark, the newest number, and every table, all of them strict."""
    migrate(empty, 0)
    assert pragma(empty, "application_id") == APPLICATION_ID
    assert pragma(empty, "user_version") == SUPPORTED
    listed = empty.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    strict = {name: is_strict for name, is_strict in listed if not name.startswith("sqlite_")}
    assert strict == dict.fromkeys(tables(SUPPORTED), 1)


def test_the_hot_log_has_no_second_index(empty: sqlite3.Connection) -> None:
    """An index beside `hot` or `log` would cost several times the writes of the row itself."""
    migrate(empty, 0)
    for table in ("hot", "log"):
        assert empty.execute(f"PRAGMA index_list({table})").fetchall() == []


def test_a_file_of_this_version_is_left_alone(empty: sqlite3.Connection) -> None:
    """Migrating what is new already changes nothing."""
    migrate(empty, 0)
    before = pragma(empty, "schema_version")
    migrate(empty, SUPPORTED)
    assert pragma(empty, "schema_version") == before


def test_a_step_that_fails_never_began(empty: sqlite3.Connection) -> None:
    """Half a migration leaves no table and no number behind."""
    empty.execute("CREATE TABLE log (mine)")
    with pytest.raises(sqlite3.Error):
        migrate(empty, 0)
    assert pragma(empty, "user_version") == 0
    assert empty.execute("SELECT name FROM sqlite_schema").fetchall() == [("log",)]


# What there is in each, from the number on that tells it: owners of client ids, what was set aside,
# and versions.
OWNERS = {1: {}, 2: {1: ADA}, 3: {1: ADA}}
ASIDE = {1: [], 2: [b"x"], 3: [b"x"]}
VERSIONS = {1: [], 2: [], 3: ["kept"]}

# A session that is there proves that its project is.
MADE = {1: 1795580866313, 2: 1795597871839, 3: 1795597871839}


def test_an_older_file_is_brought_up_to_date(old: str, version: int) -> None:
    """All that was in it is there, and nothing is to be recovered."""
    with closing(Ledger(old, durability="stored", create=False)) as ledger:
        assert pragma(ledger.file.connection, "user_version") == SUPPORTED
        session = ledger.find_session("notes", "default").id
        loaded = finish(ledger.load(session, "main"))
        assert loaded.checkpoint == checkpoint(3)
        assert [row.body for row in loaded.rows] == [b"4"]
        assert (loaded.owners, loaded.quarantined) == (OWNERS[version], tuple(ASIDE[version]))
        kept = [one.name for one in annals.listed(ledger.file, session, None)]
        assert (loaded.epoch, kept) == (0, VERSIONS[version])
        assert ledger.file.directory.all_projects() == [Project("default", MADE[version], ADA)]
        assert finish(facts.read(ledger.file.connection, old, at=None)) == (0, [])
        assert ledger.get("state", session) == ("active", 1)
        ledger.quarantine(session, "main", subject=ADA, body=b"3", reason="x", seq=3)
        assert finish(ledger.load(session, "main")).checkpoint == checkpoint(1)
    with Reader(old) as reader:
        assert list(reader.verify()) == []


def test_an_older_file_is_read_as_it_is(old: str, version: int) -> None:
    """Reading one is no reason to change it, and it looks as a new one does."""
    before = Path(old).read_bytes()
    with Reader(old) as reader:
        (record,) = reader.sessions()
        loaded = reader.load(record.id, "main")
        assert loaded.checkpoint == checkpoint(3)
        assert (loaded.owners, loaded.epoch) == (OWNERS[version], 0)
        assert [one.body for one in reader.quarantined()] == ASIDE[version]
        kept = [one.name for one in reader.versions(record.id)]
        assert (kept, record.parent) == (VERSIONS[version], None)
        assert reader.projects() == [Project("default", MADE[version], ADA)]
        assert (reader.facts(), reader.epochs()) == ((0, []), [])
        assert [row.seq for row in reader.chronicle(record.id, "main").rows] == [1, 3, 4]
        assert list(reader.verify()) == []
        assert reader.info().schema == version
    assert Path(old).read_bytes() == before


def test_a_backup_of_an_older_file_is_a_new_one(old: str) -> None:
    """Only so it can carry the mark of a copy."""
    backup(old, f"{old}.copy")
    with Reader(f"{old}.copy") as reader:
        assert reader.info().schema == SUPPORTED
        assert list(reader.verify()) == []
