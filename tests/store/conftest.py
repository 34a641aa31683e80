"""What the tests of the store share: files, ledgers, and other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
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
