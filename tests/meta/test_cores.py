"""The cores that `.importlinter` names: no module is left out, and none makes an id."""

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


def test_the_contract_names_all_cores(
    contract: dict[str, list[str]], sources: dict[str, ast.Module]
) -> None:
    """A module that waits for nothing and reaches no I/O, clock or dice is listed, and stays so."""
    graph = grimp.build_graph("collabkit", include_external_packages=True)
    for edge in contract["ignore_imports"]:
        importer, imported = edge.split(" -> ")
        graph.remove_import(importer=importer, imported=imported)
    forbidden = set(contract["forbidden_modules"])
    cores = {
        name
        for path, tree in sources.items()
        if (name := path.removesuffix(".py").replace("/", ".")) != "collabkit.ids"
        and not path.endswith("__init__.py")
        and not any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree))
        and not graph.find_upstream_modules(name) & forbidden
    }
    assert "\n".join(contract["source_modules"]) == "\n".join(sorted(cores))


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
    assert "\n".join(makers) == ""
