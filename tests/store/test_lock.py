"""The lock of the one holder, with real processes."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, FileHeld
from collabkit.store.lock import FileLock, Holder, holder
from store.processes import Process, Start, line

HOLD = """
import sys
from collabkit.store.lock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""

# The parent is gone at once; its child lives on until its input ends.
HOLD_AND_FORK = """
import os, sys
from collabkit.store.lock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
os._exit(0)
"""


def state_becomes(process: Process, letter: str) -> None:
    """Wait until the kernel says so of a process."""
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != letter:
        os.sched_yield()


def test_the_second_is_told_who_is_first(path: str) -> None:
    """Also inside one process: who holds, where, and in what state."""
    first = FileLock(path)
    first.acquire()
    with pytest.raises(FileHeld) as caught:
        FileLock(path).acquire()
    assert (caught.value.pid, caught.value.host) == (os.getpid(), socket.gethostname())
    assert caught.value.state == "running"
    first.release()


def test_what_was_released_can_be_taken(path: str) -> None:
    """A release leaves nothing behind, and may come twice."""
    for _ in range(3):
        lock = FileLock(path)
        lock.acquire()
        assert holder(path) is not None
        lock.release()
        lock.release()
        assert holder(path) is None
        assert os.listdir(Path(path).parent) == []


def test_a_killed_holder_holds_no_more(path: str, start: Start) -> None:
    """The kernel gives the lock back, whatever the sidecar says."""
    process = start(HOLD, path)
    assert line(process) == "held"
    assert holder(path) == Holder(process.pid, socket.gethostname(), "running")
    process.kill()
    process.wait()
    assert Path(f"{path}.lock").exists()
    assert holder(path) is None
    lock = FileLock(path)
    lock.acquire()
    lock.release()


def test_a_stopped_holder_still_holds(path: str, start: Start) -> None:
    """Nobody takes over from a process that may wake up and write."""
    process = start(HOLD, path)
    assert line(process) == "held"
    os.kill(process.pid, signal.SIGSTOP)
    state_becomes(process, "T")
    with pytest.raises(FileHeld, match=rf"process {process.pid} on .* \(stopped\)") as caught:
        FileLock(path).acquire()
    assert caught.value.state == "stopped"


def test_a_child_of_the_holder_holds_nothing(path: str, start: Start) -> None:
    """A forked child that outlives the holder keeps nobody out."""
    process = start(HOLD_AND_FORK, path)
    assert line(process) == "forked"
    process.wait()
    lock = FileLock(path)
    lock.acquire()
    lock.release()


def test_one_of_many_gets_it(path: str) -> None:
    """Those who try at one time while others release never hold together."""
    inside: list[int] = []
    most: list[int] = []

    def contend(number: int) -> None:
        taken = 0
        while taken < 20:
            lock = FileLock(path)
            try:
                lock.acquire()
            except FileHeld:
                continue
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)
            lock.release()
            taken += 1

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 80
    assert set(most) == {1}


def test_a_holder_of_another_host_has_no_state(path: str) -> None:
    """What a process elsewhere does cannot be told from here."""
    lock = FileLock(path)
    lock.acquire()
    Path(f"{path}.lock").write_text('{"pid": 1, "host": "elsewhere.example"}')
    assert holder(path) == Holder(1, "elsewhere.example", None)
    lock.release()


def test_an_unreadable_sidecar_still_locks(path: str) -> None:
    """Whoever comes second is refused, though nobody can say by whom."""
    lock = FileLock(path)
    lock.acquire()
    Path(f"{path}.lock").write_text("{")
    with pytest.raises(FileHeld, match="held by another process") as caught:
        FileLock(path).acquire()
    assert caught.value.pid is None
    lock.release()


def test_a_full_disk_is_told_and_holds_nothing(
    path: str, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    """A sidecar that cannot be written is no lock, and in nobody's way once there is space."""
    with full_disk(), pytest.raises(CannotWrite, match=r"test\.db\.lock cannot be written"):
        FileLock(path).acquire()
    lock = FileLock(path)
    lock.acquire()
    lock.release()


def test_who_looks_is_not_seen_as_the_holder(path: str) -> None:
    """Two may look at one time at the sidecar that a killed holder left behind."""
    Path(f"{path}.lock").write_text(f'{{"pid": 1, "host": "{socket.gethostname()}"}}')
    seen: list[Holder | None] = []

    def look() -> None:
        seen.extend(holder(path) for _ in range(2000))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {None}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A lock cannot be where there is no folder."""
    with pytest.raises(CannotWrite, match=r"the folder .*/none does not exist"):
        FileLock(str(tmp_path / "none" / "a.db")).acquire()
