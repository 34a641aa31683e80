"""The tables of a file and their numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from collabkit.store.schema import APPLICATION_ID, SUPPORTED, TABLES, migrate


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    """A database with nothing in it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """A number that SQLite keeps."""
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def test_a_new_file_says_what_it_is(empty: sqlite3.Connection) -> None:
    """It has our mark, the newest number, and every table, all of them strict."""
    migrate(empty, 0)
    assert pragma(empty, "application_id") == APPLICATION_ID
    assert pragma(empty, "user_version") == SUPPORTED
    tables = empty.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    strict = {name: is_strict for name, is_strict in tables if not name.startswith("sqlite_")}
    assert strict == dict.fromkeys(TABLES, 1)


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
