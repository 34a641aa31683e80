"""What is tested is what is shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import files, version
from pathlib import Path

import pytest

import collabkit

SITE = os.environ.get("COLLABKIT_SITE")

pytestmark = pytest.mark.skipif(SITE is None, reason="not run against the wheel; `make test` does")


def test_these_tests_import_the_wheel() -> None:
    """`collabkit` is the wheel's, here and in the processes that tests start."""
    assert Path(collabkit.__file__).parent == Path(str(SITE)) / "collabkit"
    said = subprocess.run(
        [sys.executable, "-c", "import collabkit; print(collabkit.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == collabkit.__file__


def test_the_wheel_carries_what_it_needs() -> None:
    """The wheel has its types marker and the built page, and none of the page's sources."""
    carried = {file.as_posix() for file in files("collabkit") or ()}
    assert "collabkit/py.typed" in carried
    assert any(name.startswith("collabkit/relay/page/dist/") for name in carried)
    assert not [name for name in carried if name.endswith(("package.json", "package-lock.json"))]
    assert version("collabkit") == collabkit.__version__
