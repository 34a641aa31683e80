"""A copy of a file that is being written."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, Corrupt, NotACollabFile
from collabkit.ids import SessionId
from collabkit.store.backup import backup
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, draft


async def test_a_backup_is_what_one_moment_was(path: str, tmp_path: Path) -> None:
    """Taken while rows are written, it is sound, and holds all that was acknowledged before."""
    async with SQLiteStore.open(path) as store:
        session = (await store.create_session("notes", project="p", kind="k", by=ADA)).id
        acknowledged = 0
        done = asyncio.Event()

        async def write() -> None:
            nonlocal acknowledged
            while not done.is_set():
                acknowledged = (await store.append(session, [draft(b"x" * 500)] * 50))[-1]

        writing = asyncio.create_task(write())
        for number in range(3):
            while acknowledged < 1000 * (number + 1):
                await asyncio.sleep(0)
            before, out = acknowledged, tmp_path / f"copy-{number}.db"
            size = await asyncio.to_thread(backup, path, out)
            assert size == out.stat().st_size
            with Reader(out) as reader:
                copied = reader.find("notes", project="p").last_seq
                assert copied >= before
                assert copied % 50 == 0
                assert list(reader.verify()) == []
        done.set()
        await writing


def test_a_backup_is_one_private_file(path: str, ledger: Ledger, tmp_path: Path) -> None:
    """Nothing beside it, and only its owner may read it."""
    out = tmp_path / "out" / "copy.db"
    out.parent.mkdir()
    backup(path, out)
    assert os.listdir(out.parent) == ["copy.db"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert ledger.file.epoch == 1


def test_a_backup_can_be_opened(path: str, ledger: Ledger, session: SessionId) -> None:
    """It is a file as any other: another holder may go on from it."""
    ledger.write([(session, [draft(b"x")])])
    backup(path, f"{path}.copy")
    copy = Ledger(f"{path}.copy", durability="stored", create=False)
    assert copy.write([(session, [draft(b"y")])]) == [[2]]
    copy.close()
    assert ledger.find_session("notes", "default").last_seq == 1


def test_nothing_is_written_over(path: str, ledger: Ledger, tmp_path: Path) -> None:
    """A backup never takes the place of a file, nor of a link."""
    out = tmp_path / "there"
    out.write_text("mine")
    with pytest.raises(CannotWrite, match="it is there already"):
        backup(path, out)
    assert out.read_text() == "mine"
    with pytest.raises(CannotWrite, match="it is there already"):
        backup(path, path)
    assert ledger.file.epoch == 1


def test_a_backup_needs_a_folder(path: str, ledger: Ledger, tmp_path: Path) -> None:
    """Where nothing can be written, the error says why, and nothing is left."""
    with pytest.raises(CannotWrite, match="No such file or directory"):
        backup(path, tmp_path / "none" / "copy.db")
    assert ledger.file.epoch == 1


def test_only_a_collabkit_file_is_backed_up(path: str, tmp_path: Path) -> None:
    """What is no file of ours is refused, and no copy of it is left."""
    Path(path).write_text("hello " * 1000)
    with pytest.raises(NotACollabFile):
        backup(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_a_file_that_cannot_be_read_has_no_backup(path: str, tmp_path: Path) -> None:
    """A truncated file is an error, not a smaller copy."""
    ledger = Ledger(path, durability="stored", create=True)
    session = ledger.create_session("notes", "default", "single", ADA).id
    ledger.write([(session, [draft(b"x" * 1000)] * 100)])
    ledger.close()
    os.truncate(path, os.path.getsize(path) - 8192)
    with pytest.raises(Corrupt):
        backup(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))
