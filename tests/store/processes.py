"""Other processes, and work in slices, as the tests of the store need them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Process: TypeAlias = subprocess.Popen[str]
Start: TypeAlias = Callable[..., Process]


def line(process: Process) -> str:
    """The next line that a process prints; empty once it prints no more."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(slices: Generator[None, None, T]) -> T:
    """Do all slices of some work; returns its result."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: T = end.value
            return result
