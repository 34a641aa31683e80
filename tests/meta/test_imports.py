"""What import contracts cannot see: where in a file an import stands, and what it is of."""

from __future__ import annotations

import ast


def _functions(tree: ast.Module) -> list[ast.AST]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_function_imports(sources: dict[str, ast.Module]) -> None:
    """An import inside a function hides a cycle; all imports stand at the head of a file."""
    late = [
        f"{name}:{node.lineno}"
        for name, tree in sources.items()
        for function in _functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert "\n".join(late) == ""


def test_nothing_inside_imports_the_root(sources: dict[str, ast.Module]) -> None:
    """Modules import each other relatively and by module: never `collabkit` itself."""
    rooted = [
        f"{name}:{node.lineno}"
        for name, tree in sources.items()
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.Import)
            and any(a.name.split(".")[0] == "collabkit" for a in node.names)
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and (node.module or "").split(".")[0] == "collabkit"
        )
    ]
    assert "\n".join(rooted) == ""
