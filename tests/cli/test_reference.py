"""The page about the command line is what the command line says of itself."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_the_page_is_current(root: Path) -> None:
    """docs/reference/cli.md is what `python tools/cli_reference.py` writes."""
    written = runpy.run_path(str(root / "tools" / "cli_reference.py"))
    page = (root / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert page == written["reference"]()
