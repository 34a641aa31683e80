"""A relay and its children end together, and not before what was received is stored."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from collabkit.sync.client import connect
from crdt.processes import gone, until
from integration.test_kill9 import on_disk
from interop.serving import Serving

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the children of a process are looked up in /proc"
)


def children_of(pid: int) -> list[int]:
    """Its children, their children, and so on."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, thread.read_text().split()):
                found += [child, *children_of(child)]
    return found


async def born(relay: Serving, count: int) -> list[int]:
    """Wait until a relay has so many children at least."""
    await until(lambda: len(children_of(relay.pid)) >= count)
    return children_of(relay.pid)


async def test_a_relay_that_is_told_to_end_with_its_children_finishes(tmp_path: Path) -> None:
    """As systemd does it, and Ctrl-C: what was received is stored, and then they all are gone."""
    database = tmp_path / "team.db"
    with Serving.running(database) as relay:
        async with connect(f"{relay.url}/plan") as replica:
            await replica.synced()
            pids = [relay.pid, *await born(relay, 4)]
            replica.document.text("body").append("the last words")
            await replica.saved()
            for pid in pids[1:]:
                os.kill(pid, signal.SIGTERM)
            assert await asyncio.to_thread(relay.terminate) == 0
        await until(lambda: gone(pids))
    assert on_disk(database, "plan").to_dict() == {"body": "the last words"}
