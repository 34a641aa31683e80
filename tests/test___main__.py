"""The package runs as a program."""

from __future__ import annotations

import runpy
import sys

import pytest


def test_the_package_is_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m collabkit` runs the command line with the arguments it was given."""
    monkeypatch.setattr(sys, "argv", ["collabkit", "ls", "nowhere.db"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("collabkit", run_name="__main__")
    assert ended.value.code == 2
    assert "nowhere.db" in capsys.readouterr().err
