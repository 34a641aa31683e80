"""Nothing outgrows its room: a reader holds a file, a function and a class in mind at once."""

from __future__ import annotations

import ast
from pathlib import Path

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60
MOST_PUBLIC_METHODS = 20


def _above(most: int, sizes: dict[str, int]) -> str:
    return "\n".join(f"{name}: {size}" for name, size in sizes.items() if size > most)


def test_no_file_is_longer_than_400_lines(root: Path, sources: dict[str, ast.Module]) -> None:
    """A file of the package ends within 400 lines."""
    lines = {name: len((root / name).read_text(encoding="utf-8").splitlines()) for name in sources}
    assert _above(MOST_LINES_OF_A_FILE, lines) == ""


def test_no_function_is_longer_than_60_lines(sources: dict[str, ast.Module]) -> None:
    """A function of the package ends within 60 lines, its docstring included."""
    long = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert _above(MOST_LINES_OF_A_FUNCTION, long) == ""


def test_no_class_has_more_than_20_public_methods(sources: dict[str, ast.Module]) -> None:
    """A class of the package is learnt in one sitting."""
    wide = {
        f"{name}:{node.lineno} {node.name}": sum(
            isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            and not child.name.startswith("_")
            for child in node.body
        )
        for name, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    assert _above(MOST_PUBLIC_METHODS, wide) == ""
