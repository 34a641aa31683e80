"""What the tests of the store share: files, ledgers, and other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from collabkit.ids import SessionId, Subject
from collabkit.store.ledger import Ledger
from store.processes import Process, Start


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a test's file is, or will be."""
    return str(tmp_path / "test.db")


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    """A new file, open in this thread."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        yield ledger


@pytest.fixture
def session(ledger: Ledger) -> SessionId:
    """A session in it."""
    return ledger.create_session("notes", "default", "single", Subject("user:ada")).id


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """While inside, no file of this process can grow, as on a full disk."""

    @contextmanager
    def full() -> Iterator[None]:
        resource = pytest.importorskip("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return full


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python process that runs a source text; it is killed at the end if it still runs."""
    running: list[Process] = []

    def start(source: str, *arguments: str) -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", source, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
