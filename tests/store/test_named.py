"""Small named values, and what is done about damaged ones."""

from __future__ import annotations

import pytest

from collabkit.errors import Conflict, Corrupt, ValueNotStorable
from collabkit.store import named
from collabkit.store.ledger import Ledger


@pytest.fixture
def values(ledger: Ledger) -> Ledger:
    """A file with a few values."""
    for key in ("a", "b", "c"):
        ledger.put("t", key, {"key": key}, None)
    return ledger


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "ä\0", [1, [2]], {"a": {"b": []}}, 1 << 60])
def test_whatever_is_json_comes_back(ledger: Ledger, value: object) -> None:
    """Strings, numbers, lists and objects are read as they were written."""
    assert ledger.put("t", "k", value, None) == 1
    assert ledger.get("t", "k") == (value, 1)


@pytest.mark.parametrize("value", [object(), {1: object()}, "\ud800"])
def test_what_is_no_json_is_refused(ledger: Ledger, value: object) -> None:
    """It fails where it is written, and changes nothing."""
    ledger.put("t", "k", 1, None)
    with pytest.raises(ValueNotStorable):
        ledger.put("t", "k", value, None)
    assert ledger.get("t", "k") == (1, 1)


def test_a_conflict_says_what_is_there(values: Ledger) -> None:
    """Whoever lost can see by how much, and reads again."""
    with pytest.raises(Conflict, match="t/a has version 1, expected 0: read it again"):
        values.put("t", "a", 2, 0)
    with pytest.raises(Conflict, match="t/x has version 0, expected 3"):
        values.put("t", "x", 2, 3)


@pytest.mark.parametrize(
    "change", ["value = '{}'", "version = 9", "bucket = 'u'", "value = CAST(x'ff' AS TEXT)"]
)
def test_a_changed_value_is_damage(values: Ledger, change: str) -> None:
    """A value that does not verify is never read; the others are."""
    values.file.connection.execute(f"UPDATE named SET {change} WHERE key = 'b'")
    bucket = "u" if "bucket" in change else "t"
    with pytest.raises(Corrupt):
        values.get(bucket, "b")
    with pytest.raises(Corrupt):
        values.entries(bucket, "")
    assert values.get("t", "a") == ({"key": "a"}, 1)


def test_a_damaged_index_loses_nothing(values: Ledger) -> None:
    """A value that the index does not find is found in the table, and written there."""
    connection = values.file.connection
    connection.execute("PRAGMA writable_schema = ON")
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'named'").fetchone()
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_named_1'"
    ).fetchone()
    connection.execute("CREATE TABLE empty (a, b, PRIMARY KEY (a, b))")
    # The index's tree is exchanged for an empty one, as if it had lost all its entries.
    connection.execute(
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = "
        "'sqlite_autoindex_empty_1') WHERE name = 'sqlite_autoindex_named_1'"
    )
    connection.execute(
        "UPDATE sqlite_schema SET rootpage = ? WHERE name = 'sqlite_autoindex_empty_1'", (root,)
    )
    connection.execute("PRAGMA writable_schema = RESET")
    assert "PRIMARY KEY" in sql
    assert values.get("t", "a") == ({"key": "a"}, 1)
    assert [key for key, _, _ in values.entries("t", "")] == ["a", "b", "c"]


def test_a_session_takes_its_values_with_it(ledger: Ledger) -> None:
    """Its own are those under its id; a longer id is another's."""
    for key in ("s", "s/a", "s/a/b", "sx", "x/s"):
        ledger.put("t", key, 1, None)
    named.drop_owned(ledger.file.connection, "s")
    assert [key for key, _, _ in ledger.entries("t", "")] == ["sx", "x/s"]
