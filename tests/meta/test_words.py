"""The project's text holds for every machine, and its examples are whole."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

# Folders that only one person's machine has.
MACHINE = re.compile(r"(?<![\w./~$-])/(?:home|root|work|Users|mnt)/\w+")


def _texts(root: Path) -> dict[str, str]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    texts = {}
    for name in filter(None, names):
        try:
            texts[name] = (root / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # a picture; removed and not yet committed
            continue
    return texts


def test_no_path_of_one_machine_is_written_down(root: Path) -> None:
    """No file of the project names a folder that others do not have."""
    found = {
        f"{name}: {match.group()}"
        for name, text in _texts(root).items()
        for match in MACHINE.finditer(text)
    }
    assert found == set()


def test_nothing_installed_or_built_is_tracked(root: Path) -> None:
    """What npm installs and a build makes is made again from what is tracked."""
    made = [name for name in _texts(root) if {"node_modules", "dist"} & set(Path(name).parts)]
    assert "\n".join(made) == ""


def test_npm_locks_name_no_host(root: Path) -> None:
    """A package lock pins versions and hashes; the registry is the reader's choice."""
    found = [
        f"{name}: {path}"
        for name, text in _texts(root).items()
        if Path(name).name == "package-lock.json"
        for path, package in json.loads(text)["packages"].items()
        if "resolved" in package
    ]
    assert found == []


def test_the_python_lock_names_no_host(root: Path) -> None:
    """The lock has names and versions alone: no index, no path, no editable."""
    lock = (root / "requirements-dev.lock").read_text(encoding="utf-8")
    lines = [line for line in lock.splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if not re.match(r"[a-z0-9.\[\]_-]+==\S+( ; .+)?$", line)] == []
