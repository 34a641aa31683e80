"""The project's own text, as the tests of its form read it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BUILT = {"node_modules", "dist", "__pycache__", "_build"}


def _sources(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*.py") if not BUILT & set(path.relative_to(folder).parts)
    )


@pytest.fixture(scope="session")
def sources(root: Path) -> dict[str, ast.Module]:
    """The syntax tree of each module of the package, by its path from the checkout."""
    return {
        path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in _sources(root / "collabkit")
    }


@pytest.fixture(scope="session")
def tests(root: Path) -> dict[str, ast.Module]:
    """The syntax tree of each file under tests/, by its path from the checkout."""
    return {
        path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in _sources(root / "tests")
    }
