"""Loads of our own that have no peer: opening, typing without a network, storing, coming back."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from cases import Figures, read_trace
from deciding import DECIDING
from load import Arrivals, Client, typing
from moments import PAST
from peers import running
from pycrdt import Doc, Text

from collabkit.crdt.document import Document
from collabkit.ids import Subject
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import Draft
from collabkit.store.sqlite import SQLiteStore


def _keystrokes(scale: float) -> list[tuple[int, int, str]]:
    recorded = read_trace("automerge-paper.json.gz")
    patches = [tuple(patch) for txn in recorded["txns"] for patch in txn["patches"]]
    return patches[: max(5_000, int(len(patches) * scale))]


def _type_bare(patches: list[tuple[int, int, str]]) -> float:
    doc: Doc[Any] = Doc()
    doc["t"] = text = Text()
    began = time.process_time()
    for position, deleted, inserted in patches:
        with doc.transaction():
            if deleted:
                del text[position : position + deleted]
            if inserted:
                text.insert(position, inserted)
    return time.process_time() - began


def _type(document: Document, patches: list[tuple[int, int, str]]) -> float:
    text = document.text("t")
    began = time.process_time()
    for position, deleted, inserted in patches:
        text.replace(position, position + deleted, inserted)
    return time.process_time() - began


async def replay(scale: float) -> Figures:
    """A recorded text, keystroke by keystroke: bare engine, Document, session with its log."""
    patches = _keystrokes(scale)
    figures = {"edits": float(len(patches))}
    bare_s = _type_bare(patches)
    facade_s = _type(Document(), patches)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Workspace.open(Path(folder) / "replay.db") as workspace,
            await workspace.create("paper", kind=Kind.SINGLE_USER) as session,
        ):
            began = time.process_time()
            wall = time.perf_counter()
            _type(session.document, patches)
            await session.saved()
            session_s = time.process_time() - began
            wall_s = time.perf_counter() - wall
    return {
        **figures,
        "bare_us_per_edit": bare_s * 1e6 / len(patches),
        "document_ratio": facade_s / bare_s,
        "session_ratio_cpu": session_s / bare_s,
        "session_ratio_wall": wall_s / bare_s,
    }


async def _append_all(path: Path, count: int, durability: Any) -> float:
    async with SQLiteStore.open(path, durability=durability) as store:
        by = Subject("user:bench")
        record = await store.create_session("s", project="default", kind="collaborative", by=by)
        began = time.perf_counter()
        waiting = []
        for clock in range(count):
            draft = Draft("main", by, typing(7, clock), at_ms=0)
            waiting.append(asyncio.ensure_future(store.append(record.id, [draft])))
            if len(waiting) == 64:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        return count / (time.perf_counter() - began)


async def store(scale: float) -> Figures:
    """Appends a second with 64 on their way, and the time from kill -9 to serving again."""
    count = max(500, int(20_000 * scale))
    with tempfile.TemporaryDirectory() as folder:
        stored = await _append_all(Path(folder) / "stored.db", count, "stored")
        durable = await _append_all(Path(folder) / "durable.db", max(200, count // 10), "durable")
        back_s = await _killed_and_back(Path(folder), count)
    return {
        "stored_appends_per_s": stored,
        "durable_appends_per_s": durable,
        "kill_to_synced_s": back_s,
    }


async def _killed_and_back(folder: Path, edits: int) -> float:
    with running("collabkit", folder) as server:
        writer = await Client.join(server, "bench", Arrivals(), reader=False)
        reader = await Client.join(server, "bench", Arrivals())
        await asyncio.gather(writer.synced, reader.synced)
        for clock in range(edits):
            writer.write(typing(7, clock))
            if clock % 64 == 63:
                await asyncio.sleep(0)
        while reader.vector.get(7, 0) < edits:
            reader.got.clear()
            await reader.got.wait()
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    began = time.perf_counter()
    with running("collabkit", folder) as server:
        again = await Client.join(server, "bench", Arrivals())
        await again.synced
        return time.perf_counter() - began


async def cold(scale: float) -> Figures:
    """A large document is opened by the first client after a restart."""
    patches = _keystrokes(scale)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        async with (
            Workspace.open(path) as workspace,
            await workspace.create("paper", kind=Kind.COLLABORATIVE) as session,
        ):
            _type(session.document, patches)
            await session.saved()
        with running("collabkit", Path(folder)) as server:
            began = time.perf_counter()
            reader = await Client.join(server, "paper", Arrivals())
            await reader.synced
            seconds = time.perf_counter() - began
            return {
                "edits": len(patches),
                "open_s": seconds,
                "received_kb": reader.bytes_in / 1024,
                "file_mb": path.stat().st_size / 1e6,
            }


LOCAL = {"cold": cold, "replay": replay, "store": store, **PAST, **DECIDING}
