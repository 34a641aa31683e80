"""Long work beside the loop: in a thread or in a process, with the same outcome."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from collabkit.errors import MomentNotFound, OperationFailed
from collabkit.ids import Seq
from collabkit.sessions import beside
from collabkit.sessions.beside import SMALL_BYTES, Beside, Order
from collabkit.sessions.planning import Restoring, Reverting, Task
from collabkit.sessions.workspace import Workspace
from sessions.writing import write

LARGE = SMALL_BYTES + 1

# Programs that stand in for the one that works out an edit.
PROGRAMS = {
    "dies_once": """
    if not os.path.exists("died"):
        open("died", "x")
        os.abort()
    importlib.import_module("collabkit.sessions.beside").main()""",
    "hangs": """
    with open("pids", "a") as pids:
        print(os.getpid(), file=pids)
    time.sleep(600)""",
    "babbles": """
    sys.stdin.buffer.read()
    sys.stdout.buffer.write(bytes([1]))""",
    "lies": """
    sys.stdin.buffer.read()
    said = {"type": "_Failed", "kind": "Banana", "fields": {}}
    msgpack = importlib.import_module("msgspec.msgpack")
    sys.stdout.buffer.write(msgpack.encode(said))""",
}
MAIN = """
import importlib, os, sys, time
def main():{}
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make them modules that a process finds."""
    for name, body in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(MAIN.format(body))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


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


@pytest.mark.usefixtures("programs")
async def test_a_process_that_dies_is_told_and_the_next_one_is_whole(workspace: Workspace) -> None:
    """Whoever asked is told; nothing is left of it."""
    asked = await order(workspace, Restoring(Seq(1)))
    mortal = Beside(workspace.store, program="dies_once")
    with pytest.raises(OperationFailed, match="died"):
        await mortal.work_out(asked, size_bytes=LARGE)
    assert (await mortal.work_out(asked, size_bytes=LARGE)).updates


@pytest.mark.usefixtures("programs")
async def test_what_takes_too_long_is_ended(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With its process; so it is when whoever asked goes away."""
    asked = await order(workspace, Restoring(Seq(1)))
    hanging, pids = Beside(workspace.store, program="hangs"), tmp_path / "pids"
    monkeypatch.setattr(beside, "PATIENCE_S", 0.5)
    with pytest.raises(OperationFailed, match="more than"):
        await hanging.work_out(asked, size_bytes=LARGE)
    monkeypatch.setattr(beside, "PATIENCE_S", 600)
    working = asyncio.create_task(hanging.work_out(asked, size_bytes=LARGE))
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


@pytest.mark.usefixtures("programs")
async def test_an_answer_is_not_believed(workspace: Workspace) -> None:
    """Bytes that are no plan, and an error that is none of ours, end in one sentence."""
    asked = await order(workspace, Restoring(Seq(1)))
    for program in ("babbles", "lies"):
        with pytest.raises(OperationFailed, match="could not be worked out"):
            await Beside(workspace.store, program=program).work_out(asked, size_bytes=LARGE)
