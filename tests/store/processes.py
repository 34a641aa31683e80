"""Other processes, as the tests of the store start them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TypeAlias

Process: TypeAlias = subprocess.Popen[str]
Start: TypeAlias = Callable[..., Process]


def line(process: Process) -> str:
    """The next line that a process prints; empty once it prints no more."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
