"""The command line, run in this process and in its own, on a file with something in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.saying import Run, Said
from collabkit.cli.app import app
from collabkit.sessions import blocking
from collabkit.sessions.session import Kind


@pytest.fixture
def run() -> Run:
    """Run a command in this process: ``run("ls", db)``."""

    def run(*arguments: object, stdin: str | None = None) -> Said:
        result = CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command in a process of its own, which is gone when the test is over."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "collabkit", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A file with three sessions: ``plan`` of two documents, ``acme~note``, and an empty one."""
    path = tmp_path / "team.db"
    with blocking.open(path, subject="user:ada") as workspace:
        with workspace.create("plan") as plan:
            plan.document.text("body").insert(0, "Hello, wörld")
            plan.saved()
            with plan.document.edit(group="meta"):
                plan.document.map("meta")["due"] = 2027
                plan.document.map("meta")["tags"] = ["a", "b"]
            plan.saved()
            plan.open_document("side").array("list").extend([1, "two", None])
        with workspace.create("note", project="acme", kind=Kind.SINGLE_USER) as note:
            note.document.text("body").insert(0, "mine")
        workspace.create("empty")
    return path
