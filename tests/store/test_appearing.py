"""New files: whole under their name, or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite
from collabkit.store.appearing import appearing


def test_it_appears_at_the_end(tmp_path: Path) -> None:
    """Nobody sees the file before it is whole, and nobody else may read it then."""
    out = tmp_path / "out"
    with appearing(out) as draft:
        Path(draft).write_text("whole")
        assert not out.exists()
    assert out.read_text() == "whole"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["out"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """Whatever is raised on the way, there is neither file nor draft."""
    with pytest.raises(UnicodeEncodeError), appearing(tmp_path / "out") as draft:
        Path(draft).write_text("half \ud800", encoding="utf-8")
    assert os.listdir(tmp_path) == []


def test_nothing_is_replaced(tmp_path: Path) -> None:
    """Neither what was there before, nor what came meanwhile, nor somebody else's draft."""
    out = tmp_path / "out"
    with pytest.raises(CannotWrite), appearing(out):
        out.write_text("theirs")
    with pytest.raises(CannotWrite, match="it is there already"), appearing(out):
        pass
    assert out.read_text() == "theirs"
    out.rename(f"{out}.partial")
    with pytest.raises(CannotWrite, match=r"out\.partial: File exists"), appearing(out):
        pass
    assert os.listdir(tmp_path) == ["out.partial"]


def test_it_appears_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a memory stick; there too nothing that came meanwhile is replaced."""

    def refused(*_: str) -> None:
        raise PermissionError(1, "no hard links")

    monkeypatch.setattr(os, "link", refused)
    out = tmp_path / "out"
    with appearing(out) as draft:
        Path(draft).write_text("whole")
    assert out.read_text() == "whole"
    with pytest.raises(CannotWrite, match="no hard links"), appearing(tmp_path / "other"):
        (tmp_path / "other").write_text("theirs")
    assert (tmp_path / "other").read_text() == "theirs"
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]
