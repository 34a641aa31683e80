"""The store in one SQLite file: what every store promises, and what this one adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import Opening, StoreContract


class TestSQLiteStore(StoreContract):
    """A store that survives its process."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> Opening:
        """One file, opened as often as needed."""
        return lambda: SQLiteStore.open(tmp_path / "store.db")


class TestDurableSQLiteStore(StoreContract):
    """A store that survives power loss, commit by commit."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> Opening:
        """One file, opened as often as needed."""
        return lambda: SQLiteStore.open(tmp_path / "store.db", durability="durable")
