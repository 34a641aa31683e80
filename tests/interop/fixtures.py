"""A relay, a room and a Node process, for all who attack or use a relay from without."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from interop.serving import Serving
from interop.stock import Driver

__all__ = ["driver", "own_relay", "relay", "room"]

_rooms = itertools.count(1)


@pytest.fixture
async def driver(
    require: Callable[[str], str], packages: Callable[[str], Path]
) -> AsyncIterator[Driver]:
    """A Node process for stock clients."""
    require("node")
    packages("tests/interop/js")
    async with Driver.running() as running:
        yield running


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A relay for all tests of a module, which take a room each."""
    with Serving.running(tmp_path_factory.mktemp("relay") / "relay.db") as serving:
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
