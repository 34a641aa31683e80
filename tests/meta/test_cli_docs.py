"""The reference of the command line is whole: each command and each option is on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from collabkit.cli.app import app


def _commands(group: Any, path: str = "collabkit") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.fixture(scope="module")
def sections(root: Path) -> dict[str, str]:
    """The page's text under each heading that names a command."""
    page = (root / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    parts = re.split(r"^##+ `?(collabkit [a-z -]+?)`?$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented(name: str, sections: dict[str, str]) -> None:
    """A command has a heading of its name, and under it each of its options."""
    assert name in sections
    options = {
        option
        for parameter in COMMANDS[name].params
        if not getattr(parameter, "hidden", False)
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }
    assert {option for option in options if option not in sections[name]} == set()


def test_no_command_is_documented_that_is_not_there(sections: dict[str, str]) -> None:
    """A heading that names a command names one that exists."""
    assert set(sections) - set(COMMANDS) == set()
