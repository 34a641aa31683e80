"""The cores of `.importlinter`: all modules that could be held pure are, and none makes an id."""

from __future__ import annotations

import ast
from configparser import ConfigParser
from pathlib import Path

import grimp
import pytest

CONTRACT = "importlinter:contract:cores"

# The makers in collabkit.ids read the clock and roll dice; the types beside them do not.
MAKERS = {"new_id", "new_client_id"}


@pytest.fixture(scope="module")
def contract(root: Path) -> dict[str, list[str]]:
    """The contract's lists, by the name of their field."""
    parser = ConfigParser()
    parser.read(root / ".importlinter", encoding="utf-8")
    return {field: value.split("\n")[1:] for field, value in parser[CONTRACT].items()}


def test_every_module_that_is_pure_is_held_to_it(
    contract: dict[str, list[str]], sources: dict[str, ast.Module]
) -> None:
    """A module that reaches no clock, dice or I/O is a core: it stays one by being listed."""
    graph = grimp.build_graph("collabkit", include_external_packages=True)
    for edge in contract["ignore_imports"]:
        importer, imported = edge.split(" -> ")
        graph.remove_import(importer=importer, imported=imported)
    forbidden = set(contract["forbidden_modules"])
    held = {*contract["source_modules"], "collabkit.ids"}
    pure = [
        path
        for path in sources
        if (name := path.removesuffix(".py").replace("/", ".")) not in held
        and not path.endswith("__init__.py")
        and not graph.find_upstream_modules(name) & forbidden
    ]
    assert pure == []


def test_no_core_makes_an_id(
    contract: dict[str, list[str]], sources: dict[str, ast.Module]
) -> None:
    """A core is given its ids: it imports none of the functions that make them."""
    makers = [
        f"{path}:{node.lineno}"
        for core in contract["source_modules"]
        for path in [core.replace(".", "/") + ".py"]
        for node in ast.walk(sources[path])
        if isinstance(node, ast.ImportFrom) and MAKERS & {a.name for a in node.names}
    ]
    assert makers == []
