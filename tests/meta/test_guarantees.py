"""What the documentation calls proof is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
PROOF = re.compile(r"`((?:tests|collabkit)/[\w/]+\.py)(?:::(\w+))?`")
PROOFS = sorted(
    {proof for page in PAGES for proof in PROOF.findall(page.read_text(encoding="utf-8"))}
)


@pytest.mark.parametrize(("file", "name"), PROOFS, ids=["::".join(proof) for proof in PROOFS])
def test_a_file_or_test_that_a_page_names_is_there(file: str, name: str) -> None:
    """A page that points to a test, or to a file of the project, points to one that exists."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not name or name in functions
