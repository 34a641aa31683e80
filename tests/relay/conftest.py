"""A relay over a real file, and the two event loops that a server may find itself on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from relay.peers import Raw

# Those whose sockets are the loop's own business.
ON_BOTH_LOOPS = {
    "test_gate.py",
    "test_hindsight.py",
    "test_limits.py",
    "test_parser.py",
    "test_porch.py",
    "test_server.py",
    "test_ward.py",
    "test_wire.py",
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The server is tested on uvloop, where it is meant to run, and on asyncio's loop."""
    if item.path.name in ON_BOTH_LOOPS:
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A file of sessions, open."""
    async with Workspace.open(tmp_path / "rooms.db") as opened:
        yield opened


@pytest.fixture
async def relay(workspace: Workspace) -> AsyncIterator[Relay]:
    """A relay that asks nobody who he is, at a free port of this machine."""
    async with Relay(workspace, port=0) as serving:
        yield serving


Metric: TypeAlias = Callable[..., Awaitable[float]]


@pytest.fixture
def metric() -> Metric:
    """Reads one metric as a scraper does: ``await metric(relay, "name_total", code="4403")``."""

    async def read(relay: Relay, name: str, **labels: str) -> float:
        async with Raw.connect(relay.url, "/metrics", upgrade=False) as request:
            text = (await request.body()).decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if (sample.name, sample.labels) == (name, labels):
                    return sample.value
        return 0.0

    return read
