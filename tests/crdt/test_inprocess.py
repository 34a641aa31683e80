"""The engine in this process keeps the contract of engines."""

from __future__ import annotations

import pytest

from collabkit.crdt.inprocess import InProcessEngine
from collabkit.testing.contracts import EngineContract


class TestInProcessEngine(EngineContract):
    """Every promise of an engine, kept by this one."""

    @pytest.fixture
    def engine(self) -> InProcessEngine:
        """The engine under test."""
        return InProcessEngine()
