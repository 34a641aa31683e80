"""Long work beside the loop: in a thread or in a process, with the same outcome."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from collabkit.errors import MomentNotFound, OperationFailed
from collabkit.ids import Seq
from collabkit.sessions import beside
from collabkit.sessions.beside import SMALL_BYTES, Order
from collabkit.sessions.planning import Restoring, Reverting, Task
from collabkit.sessions.workspace import Workspace
from sessions.writing import write

LARGE = SMALL_BYTES + 1


async def order(workspace: Workspace, task: Task) -> Order:
    """An order about a note of two rows."""
    await write(workspace, "note", "hello", " world")
    record = await workspace.store.find_session("note", project="default")
    return Order(workspace.path, record.id, "main", record.last_seq, task)


async def test_a_large_past_is_worked_out_like_a_small_one(workspace: Workspace) -> None:
    """Plans of the two are the same, but for the client that a plan is an edit of."""
    asked = await order(workspace, Reverting("2", None, Seq(0), Seq(2)))
    small = await workspace.beside.work_out(asked, size_bytes=SMALL_BYTES)
    large = await workspace.beside.work_out(asked, size_bytes=LARGE)
    assert small == large  # a deletion has no client of its own
    assert large.updates


async def test_what_is_wrong_is_told_as_it_is(workspace: Workspace) -> None:
    """An error of ours crosses the pipe with its fields."""
    asked = await order(workspace, Reverting("7", None, Seq(0), Seq(2)))
    for size_bytes in (SMALL_BYTES, LARGE):
        with pytest.raises(MomentNotFound, match="no such rows") as raised:
            await workspace.beside.work_out(asked, size_bytes=size_bytes)
        assert raised.value.moment == "7"


async def test_a_process_that_dies_is_told_and_the_next_one_is_whole(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked is told; nothing is left of it."""
    asked = await order(workspace, Restoring(Seq(1)))
    with monkeypatch.context() as patch:
        patch.setattr(beside, "_BOOT", "import os; os.abort()")
        with pytest.raises(OperationFailed, match="died"):
            await workspace.beside.work_out(asked, size_bytes=LARGE)
    assert (await workspace.beside.work_out(asked, size_bytes=LARGE)).updates


async def test_what_takes_too_long_is_ended(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With its process; so it is when whoever asked goes away."""
    asked = await order(workspace, Restoring(Seq(1)))
    pids = tmp_path / "pids"
    boot = (
        f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    )
    monkeypatch.setattr(beside, "_BOOT", boot)
    monkeypatch.setattr(beside, "PATIENCE_S", 0.5)
    with pytest.raises(OperationFailed, match="more than"):
        await workspace.beside.work_out(asked, size_bytes=LARGE)
    monkeypatch.setattr(beside, "PATIENCE_S", 600)
    working = asyncio.create_task(workspace.beside.work_out(asked, size_bytes=LARGE))
    begun = len(pids.read_text().split()) if pids.exists() else 0
    async with asyncio.timeout(60):
        while not (pids.exists() and len(pids.read_text().split()) > begun):
            await asyncio.sleep(0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    for pid in map(int, pids.read_text().split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_an_answer_is_not_believed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are no plan, and an error that is none of ours, end in one sentence."""
    asked = await order(workspace, Restoring(Seq(1)))
    for said in (b"\x01", b"\x83\xa4type\xa7_Failed\xa4kind\xa6Banana\xa6fields\x80"):
        boot = f"import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write({said!r})"
        monkeypatch.setattr(beside, "_BOOT", boot)
        with pytest.raises(OperationFailed, match="could not be worked out"):
            await workspace.beside.work_out(asked, size_bytes=LARGE)
