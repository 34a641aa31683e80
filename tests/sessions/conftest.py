"""A workspace in a file of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collabkit.sessions.workspace import Workspace
from sessions.looking import OnDisk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "team.db"


@pytest.fixture
async def workspace(path: Path) -> AsyncIterator[Workspace]:
    """An open workspace."""
    async with Workspace.open(path, subject="host:test") as opened:
        yield opened


@pytest.fixture
def on_disk(path: Path) -> OnDisk:
    """The file as others see it."""
    return OnDisk(path)
