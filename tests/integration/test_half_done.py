"""Whatever goes back, branches, merges, comes in or is compacted is done whole, or not at all.

A workspace works through a script of operations. All that reaches the disk is taken down, and the
power is cut at moments drawn from a seed (:mod:`integration.crashes`): some of these disks are
those of a process that was killed, others have lost more. Each is opened again, and every session
in it must be as it was after some whole step, no earlier than the last one that was done.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

from collabkit.ids import RoomName
from collabkit.sessions.moving import export
from collabkit.sessions.solo import document_of
from collabkit.sessions.workspace import Workspace
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.removal import resume
from integration.crashes import Event, Note, Recording, crashes, recording
from sessions.looking import OnDisk
from sessions.writing import update
from store.processes import finish

# In each CI run; soak runs cut more often.
IMAGES = 40
MANY_IMAGES = 1000

# What is done in turn, and the session that it changes.
SCRIPT: list[tuple[str, str, dict[str, Any]]] = [
    ("note", "import", {"session": "note", "updates": [update("one ")], "create": "collaborative"}),
    ("note", "import", {"session": "note", "updates": [update("two ")]}),
    ("note", "version", {"session": "note", "name": "draft"}),
    ("note", "import", {"session": "note", "updates": [update("three ")]}),
    ("branch", "fork", {"session": "note", "name": "branch"}),
    ("branch", "import", {"session": "branch", "updates": [update("four ")]}),
    ("note", "restore", {"session": "note", "at": "draft"}),
    ("note", "revert", {"session": "note", "change": "1"}),
    ("note", "merge", {"session": "note", "fork": "branch"}),
    ("brought", "take-in", {"session": "brought"}),
    ("note", "compact", {"session": "note"}),
    ("late", "fork", {"session": "note", "name": "late"}),
    ("note", "restore", {"session": "note", "at": "now"}),
    ("brought", "restore", {"session": "brought", "at": "draft"}),
]

# Of each session: what its text was, in turn.
States: TypeAlias = dict[str, list[str]]


async def pack(folder: Path) -> Path:
    """Make a container of a session with a past."""
    path, out = folder / "elsewhere.db", folder / "note.collab"
    async with Workspace.open(path) as workspace:
        for _, operation, asked in SCRIPT[:4]:
            await workspace.call(operation, **asked)
    with Reader(path) as reader:
        export(reader, reader.find("note", project="default"), out)
    return out


async def work(path: Path, container: Path, disk: Recording) -> States:
    """Do all there is in the script, and note which step is done."""
    states: States = {}
    on_disk = OnDisk(path)
    async with Workspace.open(path, durability="durable") as workspace:
        for session, operation, asked in SCRIPT:
            brought = {"path": str(container)} if operation == "take-in" else {}
            await workspace.call(operation, **asked, **brought)
            states.setdefault(session, []).append(on_disk.text(session))
            disk.note({"session": session, "state": len(states[session]) - 1})
    return states


def owed(events: Sequence[Event]) -> dict[str, int]:
    """Which state of each session had been reached for certain."""
    notes = [event.what for event in events if isinstance(event, Note)]
    return {note["session"]: note["state"] for note in notes}


def survives(path: Path, events: Sequence[Event], states: States) -> None:
    """Open what is left, and see that no session is between two states."""
    must = owed(events)
    if not path.exists():
        assert must == {}
        return
    with closing(Ledger(str(path), durability="stored", create=False)) as ledger:
        finish(resume(ledger.file))
        there = {record.name: record for record in ledger.sessions(None)}
        assert must.keys() <= there.keys() <= states.keys()
        for name, record in there.items():
            place = RoomName("default", name, "main")
            loaded = finish(ledger.load(record.id, "main"))
            text = str(document_of(loaded, place, path=str(path)).text("body"))
            # Only what is made by its first edit is empty before.
            before = [""] if (name, name in must) == ("note", False) else []
            assert text in [*before, *states[name][must.get(name, 0) :]], (name, text)
            if name in ("branch", "late"):
                assert record.parent is not None
        (hidden,) = ledger.file.connection.execute(
            "SELECT count(*) FROM sessions WHERE project = ''"
        ).fetchone()
        assert hidden == 0
    with Reader(path) as reader:
        assert list(reader.verify()) == []


def cut_often(folder: Path, dice: Random, images: int) -> int:
    """Do the work once, cut its power so many times; returns at how many steps that was."""
    path, container = folder / "team.db", asyncio.run(pack(folder))
    with recording() as disk:
        states = asyncio.run(work(path, container, disk))
    steps = set()
    for number, (moment, image) in enumerate(crashes(disk.events, dice, images)):
        left = folder / f"image-{number}"
        left.mkdir()
        for name, content in image.items():
            (left / Path(name).name).write_bytes(content)
        survives(left / "team.db", disk.events[:moment], states)
        steps.add(sum(isinstance(event, Note) for event in disk.events[:moment]))
        shutil.rmtree(left)
    return len(steps)


def test_nothing_is_half_done(tmp_path: Path, seed: int) -> None:
    """At each of some moments drawn from all steps of the script."""
    assert cut_often(tmp_path, Random(seed), IMAGES) > 5


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_nothing_is_ever_half_done(tmp_path: Path, seed: int) -> None:
    """At a thousand moments."""
    cut_often(tmp_path, Random(seed + 1), MANY_IMAGES)
