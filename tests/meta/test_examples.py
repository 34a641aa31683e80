"""What the documentation shows, runs.

The Python blocks of a page are one program, read from top to bottom. It runs in a process of its
own, in an empty folder; its line numbers are those of the page. `examples/*.py` run the same way.
Docstrings are run by :mod:`doctest`, from the package that was imported.
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import collabkit

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(page: str) -> str:
    """The Python of a page, each line where the page has it, all else blank."""
    lines = [""] * (page.count("\n") + 1)
    for block in FENCE.finditer(page):
        first = page.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


# Compiled under the page's name, so that a traceback points into the page.
AS_PAGE = "import sys; exec(compile(sys.stdin.read(), sys.argv[1], 'exec'))"


def _run(*arguments: str | Path, folder: Path, source: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "error", *arguments],
        cwd=folder,
        input=source,
        capture_output=True,
        text=True,
        timeout=110,  # less than the test may take, and more than any machine needs
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if FENCE.search(page.read_text(encoding="utf-8"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    """The Python blocks of a page, in order, are a program that ends well."""
    source = program(page.read_text(encoding="utf-8"))
    _run("-c", AS_PAGE, page, folder=tmp_path, source=source)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    """Each script in examples/ runs to its end, in an empty folder."""
    _run(script, folder=tmp_path)


@pytest.mark.parametrize(
    "name",
    ["collabkit", *(m.name for m in pkgutil.walk_packages(collabkit.__path__, "collabkit."))],
)
def test_docstrings_tell_the_truth(name: str) -> None:
    """The `>>>` examples of a module give what they say."""
    if name.endswith("__main__"):
        return
    report = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert report.failed == 0
