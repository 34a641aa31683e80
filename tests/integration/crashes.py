"""Disks that power was cut from, built from what was written and what was synced.

Rules of the disk, which are what POSIX and SQLite's own documentation let it do:

1. What a sync followed is kept. Of the writes and truncations of a file after its last sync any
   may be kept and any lost, in any combination, and a write may be torn between sectors.
2. Names (made, deleted, renamed) are kept in order up to some point, which is no earlier than the
   last sync of the folder. SQLite syncs that itself: with the first sync of a journal or
   write-ahead log, and where it deletes with its flag for that.
3. Shared memory (``-shm``) and locks are gone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple, TypeAlias

import pytest

from collabkit.store import database
from integration.vfs import Call, tapped

__all__ = ["Event", "Image", "Note", "Recording", "crashes", "recording"]

# The unit in which disks write, at the least: https://sqlite.org/atomiccommit.html §2.0.
_SECTOR_BYTES = 512


class Renamed(NamedTuple):
    """A file got another name."""

    old: str
    new: str


class FolderSynced(NamedTuple):
    """Every name up to here is kept."""


class Note(NamedTuple):
    """Something that the test wants to know the place of."""

    what: Any


Event: TypeAlias = Call | Renamed | FolderSynced | Note


class Recording:
    """All that was done to the files of a folder, in order, and notes among it."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __repr__(self) -> str:
        return f"<Recording of {len(self.events)} events>"

    def before(self, call: Call) -> int:
        """Let every call happen."""
        return 0

    def after(self, call: Call) -> None:
        """Take it down."""
        self.events.append(call)

    def note(self, what: Any) -> None:
        """Take something of the test's own down."""
        self.events.append(Note(what))


@contextmanager
def recording() -> Iterator[Recording]:
    """Take down what is done to databases that are opened in the block.

    What the store does beside SQLite goes through two functions. They are watched, and still run.
    """
    made = Recording()
    sync, rename = database._fdatasync, os.rename

    def watched_sync(descriptor: int) -> None:
        sync(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            made.events.append(FolderSynced())
        else:
            made.events.append(Call("sync", os.readlink(f"/proc/self/fd/{descriptor}")))

    def watched_rename(old: str, new: str) -> None:
        rename(old, new)
        made.events.append(Renamed(old, new))

    with pytest.MonkeyPatch.context() as patch, tapped(made):
        patch.setattr(database, "_fdatasync", watched_sync)
        patch.setattr(os, "rename", watched_rename)
        yield made


class _File:
    """A file: what is safely in it, and what may be."""

    def __init__(self) -> None:
        self.safe = bytearray()
        self.pending: list[Call] = []

    def sync(self) -> None:
        for call in self.pending:
            _apply(self.safe, call.kind, call.at, call.data)
        self.pending.clear()

    def cut(self, dice: Random) -> bytes:
        """What is left of it when the power is cut."""
        left = bytearray(self.safe)
        # Often all or nothing or all but one: those are the images in which mistakes show.
        chance = dice.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        for call in self.pending:
            if dice.random() >= chance:
                continue
            if call.kind == "write" and dice.random() < 0.3:
                for at in range(0, len(call.data), _SECTOR_BYTES):
                    if dice.random() < 0.5:
                        _apply(left, "write", call.at + at, call.data[at : at + _SECTOR_BYTES])
            else:
                _apply(left, call.kind, call.at, call.data)
        return bytes(left)


def _apply(content: bytearray, kind: str, at: int, data: bytes) -> None:
    if kind == "truncate":
        del content[at:]
        content.extend(bytes(at - len(content)))
    else:
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data


Image: TypeAlias = dict[str, bytes]
Names: TypeAlias = dict[str, _File]
Change: TypeAlias = Callable[[Names], object]


class _Disk:
    def __init__(self) -> None:
        self.names: Names = {}
        self._safe: Names = {}
        self._pending: list[Change] = []

    def play(self, event: Event) -> None:
        match event:
            case Call("open", path):
                if path and path not in self.names:
                    file = _File()
                    self._change(lambda names: names.update({path: file}))
            case Call("write" | "truncate", path):
                # A file without a name is a temporary one.
                if path in self.names:
                    self.names[path].pending.append(event)
            case Call("sync", path):
                self.names[path].sync()
                if path.endswith(("-wal", "-journal")):
                    self._sync_names()
            case Call("delete", path, synced):
                self._change(lambda names: names.pop(path, None))
                if synced:
                    self._sync_names()
            case Renamed(old, new):
                self._change(lambda names: names.update({new: names.pop(old)}))
            case FolderSynced():
                self._sync_names()

    def _change(self, change: Change) -> None:
        change(self.names)
        self._pending.append(change)

    def _sync_names(self) -> None:
        self._safe = dict(self.names)
        self._pending.clear()

    def cut(self, dice: Random) -> Image:
        names = dict(self._safe)
        for change in self._pending[: dice.randint(0, len(self._pending))]:
            change(names)
        return {path: file.cut(dice) for path, file in names.items()}


def crashes(events: Sequence[Event], dice: Random, count: int) -> Iterator[tuple[int, Image]]:
    """Cut the power at so many moments, earlier ones first.

    Yields:
        After how many events it was, and what each file may hold then, by path.
    """
    disk, done = _Disk(), 0
    for moment in sorted(dice.randint(0, len(events)) for _ in range(count)):
        for event in events[done:moment]:
            disk.play(event)
        done = moment
        yield moment, disk.cut(dice)
