"""What every command has in common: sentences, exit codes, help."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.text import Text

from cli.saying import Run
from collabkit import errors
from collabkit.cli import sessions
from collabkit.cli.app import app, exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SessionNotFound("x"), 1),
        (errors.SessionExists("x"), 1),
        (errors.FileHeld("a.db", 1, "box"), 1),
        (errors.CannotWrite("a.db", "full"), 1),
        (errors.InvalidName("", "it is empty"), 2),
        (errors.NotACollabFile("a.db", "it is a folder"), 2),
        (errors.SchemaTooNew("a.db", 9, 1), 2),
        (errors.Corrupt("a.db", "row 1", "crc"), 3),
        (errors.MalformedBytes("update", 0), 3),
        (errors.OperationFailed("rm", "SessionNotFound", "no session"), 1),
        (errors.OperationFailed("rm", "Corrupt", "damaged"), 3),
        (errors.OperationFailed("rm", "InvalidName", "bad"), 2),
        (errors.OperationFailed("rm", "ZeroDivisionError", "bug"), 1),
        (FileNotFoundError(2, "No such file", "x"), 2),
        (PermissionError(13, "Permission denied", "x"), 1),
        (RuntimeError("bug"), 1),
    ],
)
def test_an_exit_code_says_what_kind_of_no(error: Exception, code: int) -> None:
    """1 the answer is no, 2 wrong usage, 3 damaged data, wherever the error was raised."""
    assert exit_code(error) == code


def test_no_argument_is_a_wish_for_help(run: Run) -> None:
    """Without a command the commands are listed."""
    said = run()
    assert said.code == 2
    for name in ("serve", "ls", "show", "inspect", "log", "verify", "compact", "backup", "token"):
        assert name in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lss"], "no such command 'lss'. Did you mean 'ls'"),
        (["show", "a.db"], "missing argument 'NAME'"),
        (["ls", "--colour"], "no such option: --colour"),
        (["serve", "--port", "99999"], "invalid value for '--port'"),
        (["log", "a.db", "n", "--limit", "x"], "invalid value for '--limit'"),
        (
            ["access", "confine", "a.db", "n", "--join", "x"],
            "for '--join': 'x' is not one of 'open'",
        ),
    ],
)
def test_wrong_usage_is_one_sentence(run: Run, arguments: list[str], says: str) -> None:
    """A usage error is one line on stderr: what is wrong, and where help is."""
    said = run(*arguments)
    assert said.code == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert says in line
    assert "--help` says more" in line


def test_it_says_its_version(run: Run) -> None:
    """`--version` is the version that is installed, and nothing else."""
    said = run("--version")
    assert (said.code, said.out) == (0, f"collabkit {version('collabkit')}\n")


def test_an_error_is_one_sentence(run: Run, db: Path) -> None:
    """What a command cannot do it says in one line on stderr."""
    said = run("show", db, "nothing")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: no session 'nothing'; `collabkit ls` lists those there are\n"


def test_a_bug_is_one_sentence_and_a_traceback_for_who_asks(
    run: Run, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unforeseen is told in a sentence, and shown whole to whoever sets the variable."""
    monkeypatch.setattr(sessions, "Reader", lambda path: 1 // 0)
    said = run("ls", db)
    assert said.code == 1
    assert "unexpected ZeroDivisionError" in said.err
    assert len(said.err.splitlines()) == 1
    monkeypatch.setenv("COLLABKIT_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("ls", db)


def test_a_reader_that_stops_reading_is_no_error(db: Path) -> None:
    """`collabkit log | head` ends without a complaint, though the pipe breaks."""
    command = f"{sys.executable} -m collabkit log {db} plan | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_is_the_command(db: Path) -> None:
    """`python -m collabkit` and `collabkit` are the same."""
    done = subprocess.run(
        [sys.executable, "-m", "collabkit", "ls", str(db)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "plan" in done.stdout


def test_every_command_says_what_it_does() -> None:
    """Each command and each of its options has a sentence of help."""
    group = typer.main.get_command(app)
    silent = [
        f"{name} {parameter.name}"
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        for parameter in [command, *getattr(command, "params", ())]
        if not getattr(parameter, "help", None)
    ]
    assert silent == []


def test_every_help_can_be_shown() -> None:
    """No word of a command's help is taken for markup, which would end `--help` with an error."""

    def texts(command: Any) -> Iterator[str]:
        for each in (command, *command.params):
            yield getattr(each, "help", None) or ""
        for inner in getattr(command, "commands", {}).values():
            yield from texts(inner)

    for text in texts(typer.main.get_command(app)):
        assert Text.from_markup(text).plain == text
