"""Programs apart: how they are started, and what they may have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from collabkit.sessions.apart import NICENESS, command

PROGRAM = """
import os, resource
from collabkit.sessions.apart import give_way
def main(*words):
    give_way(1 << 30)
    print(*words, os.nice(0), *resource.getrlimit(resource.RLIMIT_AS))
"""
LEAST_PRIORITY = 19


def test_a_program_has_its_words_and_gives_way(tmp_path: Path) -> None:
    """It runs wherever it is started, later than others, and within its memory."""
    (tmp_path / "program.py").write_text(PROGRAM)
    said = subprocess.run(
        command("program", "one", "two words"),
        env={"PYTHONPATH": str(tmp_path)},
        cwd="/",
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    nice = min(os.nice(0) + NICENESS, LEAST_PRIORITY)
    assert said == f"one two words {nice} {1 << 30} {1 << 30}\n"
