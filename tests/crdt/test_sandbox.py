"""The engine in child processes keeps the contract of engines, and outlives its children."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from collabkit.crdt.sandbox import SandboxEngine
from collabkit.testing.contracts import EngineContract


class TestSandboxEngine(EngineContract):
    """Every promise of an engine, kept by this one."""

    @pytest.fixture
    async def engine(self) -> AsyncIterator[SandboxEngine]:
        """The engine under test."""
        async with SandboxEngine() as engine:
            yield engine
