"""A relay in a process of its own, for those who try to end it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.serving import Serving

_rooms = itertools.count(1)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A relay for all tests of a module, which take a room each."""
    with Serving.running(tmp_path_factory.mktemp("hostile") / "relay.db") as serving:
        yield serving


@pytest.fixture
def own_relay(tmp_path: Path) -> Iterator[Serving]:
    """A relay for one test, which may kill it."""
    with Serving.running(tmp_path / "relay.db") as serving:
        yield serving


@pytest.fixture
def room() -> str:
    """Name of a room that no other test of this process uses."""
    return f"room-{next(_rooms)}"
