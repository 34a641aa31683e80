"""Programs of ours in processes apart, which give way to the rooms.

Rules:

1. A program is a module with a ``main``. Its process has our package from wherever this one has
   it.
2. It runs at a low priority and with bounded memory: what it dies of, it dies of alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

__all__ = ["NICENESS", "command", "give_way"]

NICENESS = 10

_BOOT = """
import importlib, sys
sys.path.append(sys.argv[1])
importlib.import_module(sys.argv[2]).main(*sys.argv[3:])
"""
_ROOT = str(Path(__file__).parents[2])


def command(program: str, *words: str) -> tuple[str, ...]:
    """What starts a program with some words: an interpreter like this one, and its arguments."""
    return (sys.executable, "-P", "-c", _BOOT, _ROOT, program, *words)


def give_way(memory_bytes: int) -> None:
    """Let this process come after others, and have no more memory than that."""
    if sys.platform != "win32":
        os.nice(NICENESS)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
