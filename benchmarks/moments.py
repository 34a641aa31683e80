"""Loads on the past of a document: looking at any moment of it, going back, and opening it.

What is measured is the processor time of this program, all its threads together: others on the
machine change little in it. Where child processes work too it is the clock.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cases import Figures, read_trace

from collabkit.crdt.document import Document
from collabkit.history.past import Past
from collabkit.ids import DEFAULT_PROJECT, Seq
from collabkit.sessions.session import Kind, Session
from collabkit.sessions.workspace import Workspace
from collabkit.store.reader import Reader

EDITS = 100_000
MOMENTS = 40
OPENED = (1_000, 10_000, 100_000, 1_000_000)

MANY_FIELDS = 100_000

# A session of several people keeps a row for each edit. Now and then all has to be on disk, or what
# waits grows without bound; asking takes up to 50 ms each time.
PAUSE = 2_000


async def _timed(work: Awaitable[Any]) -> float:
    began = time.process_time()
    await work
    return time.process_time() - began


async def _waited(work: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def _replay(workspace: Workspace, session: Session) -> Past:
    """Begin anew, with nothing but the rows of the log."""
    past = Past("main", await workspace.store.chronicle(session.id, "main"))
    past.now()
    return past


async def history(scale: float) -> Figures:
    """A paper typed by one person, 100,000 rows: any moment, differences, blame, going back."""
    edits = max(2_000, int(EDITS * scale))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        async with (
            Workspace.open(path) as workspace,
            await workspace.create("paper", kind=Kind.COLLABORATIVE) as session,
        ):
            empty = _size(path)
            log = await _type(session, edits)
            figures = {"edits": float(edits), "log_bytes_per_edit": log / edits}
            figures["file_bytes_per_edit"] = (_size(path) - empty) / edits
            return {**figures, **await _look(workspace, session, edits)}


async def _look(workspace: Workspace, session: Session, edits: int) -> Figures:
    dice, past = random.Random(1), session.history
    read = await _replay(workspace, session)
    assert len(read.chronicle.rows) == edits
    replay = statistics.median([await _timed(_replay(workspace, session)) for _ in range(3)])
    moments = [dice.randrange(1, edits + 1) for _ in range(MOMENTS)]
    checkouts = [await _timed(past.checkout(moment)) for moment in moments]
    steps: dict[str, Callable[[], object]] = {
        "weave_s": lambda: read.weave,
        "blame_woven_s": read.blame,
        "diff_woven_s": lambda: read.difference(Seq(moments[0]), None),
    }
    return {
        "replay_s": replay,
        "checkout_ms": statistics.median(checkouts) * 1e3,
        "checkout_share_of_replay": statistics.median(checkouts) / replay,
        "dearest_checkout_share": max(checkouts) / replay,
        **{name: await _timed(asyncio.to_thread(step)) for name, step in steps.items()},
        "diff_s": await _timed(past.diff(moments[0])),
        "blame_s": await _timed(past.blame()),
        "restore_waited_s": await _waited(past.restore(moments[0])),
        "revert_waited_s": await _waited(past.revert(change=edits // 2)),
    }


async def opening(scale: float) -> Figures:
    """A document is opened after 1,000 to 1,000,000 edits, of two kinds.

    Lines that are typed and taken back leave nothing in a document. A field that is overwritten
    leaves a tombstone of some ten bytes in every copy of a Yjs document, if the one before it was
    another: that is not the history, and it is shown for comparison.
    """
    most = max(10_000, OPENED[-1] * scale)
    lines = [count for count in OPENED if count <= most]
    return {
        **await _opened("lines", _line, lines),
        **await _opened("fields", _field, [count for count in lines if count <= MANY_FIELDS]),
    }


async def _opened(name: str, edit: Callable[[Document, int], None], counts: list[int]) -> Figures:
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        path, done = Path(folder) / "opening.db", 0
        for count in counts:
            async with _session(path) as session:
                for number in range(done, count):
                    edit(session.document, number)
                    await _breathe(session, number)
                await session.saved()
            done = count
            figures[f"{name}_{count}_open_ms"] = 1e3 * min([await _open(path) for _ in range(5)])
            figures[f"{name}_{count}_rows_read"] = _rows_read(path)
            figures[f"{name}_{count}_file_mb"] = _size(path) / 1e6
    return figures


@asynccontextmanager
async def _session(path: Path) -> AsyncIterator[Session]:
    async with (
        Workspace.open(path) as workspace,
        workspace.open("opened", create=Kind.COLLABORATIVE) as session,
    ):
        yield session


async def _open(path: Path) -> float:
    began = time.perf_counter()
    async with _session(path) as session:
        assert session.document.to_dict()
        return time.perf_counter() - began


def _rows_read(path: Path) -> int:
    """How many rows there are behind the last checkpoint: some thousands, however many in all."""
    with Reader(path) as reader:
        return len(reader.load(reader.find("opened", project=DEFAULT_PROJECT).id, "main").rows)


def _line(document: Document, number: int) -> None:
    """Type a line of 50 characters, and take them back one by one, behind what is always there."""
    text, step = document.text("t"), number % 100
    end = len(text)
    if number == 0:
        text.append("A line that stays.\n")
    elif step < 50:
        text.append("x")
    else:
        text.delete(end - 1, end)


def _field(document: Document, number: int) -> None:
    document.map("form")[f"field {number % 100}"] = number


async def _breathe(session: Session, number: int) -> None:
    await (asyncio.sleep(0) if number % PAUSE else session.saved())


async def _type(session: Session, edits: int) -> int:
    """Type the first of a paper; returns how many bytes of updates that were."""
    sizes: list[int] = []
    stop = session.document.on_update(lambda change: sizes.append(len(change.update)))
    text = session.document.text("t")
    typed = read_trace("automerge-paper.json.gz")["txns"]
    patches = [patch for transaction in typed for patch in transaction["patches"]]
    for number, (position, deleted, inserted) in enumerate(patches[:edits]):
        text.replace(position, position + deleted, inserted)
        await _breathe(session, number)
    await session.saved()
    stop()
    return sum(sizes)


def _size(path: Path) -> int:
    """What a file takes, with what is not in its place yet."""
    both = (path, path.with_name(path.name + "-wal"))
    return sum(os.path.getsize(one) for one in both if one.exists())


PAST = {"history": history, "opening": opening}
