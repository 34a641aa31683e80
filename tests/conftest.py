"""What all tests share: tools and data they may lack, and the seed of those that roll dice.

A test asks for what it needs, and is skipped, with the name of the thing, where that is missing.
With ``COLLABKIT_REQUIRE=all`` it fails instead: that is how a run proves that nothing was skipped.

- ``COLLABKIT_DATA``: the folder of data written by others; without it, a sibling ``shared/data``.
- ``COLLABKIT_SEED``, ``COLLABKIT_FOR``: the seed and the seconds of tests marked soak or fuzz.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("COLLABKIT_DATA") or ROOT.parent / "shared" / "data")
SEED = int(os.environ.get("COLLABKIT_SEED", "1"))
FOR_S = float(os.environ.get("COLLABKIT_FOR", "5"))

# Debian, other distributions, and Google's own package name the same browser differently.
NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}

# A shared machine may stall for longer than any deadline; what is slow is seen by `--durations`.
settings.register_profile(
    "collabkit",
    deadline=None,
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("collabkit")


def pytest_report_header() -> list[str]:
    """Say what a second run needs to repeat this one."""
    return [f"collabkit: COLLABKIT_SEED={SEED} COLLABKIT_FOR={FOR_S:g} COLLABKIT_DATA={DATA}"]


def lacking(what: str) -> None:
    """Skip the running test for want of something, or fail it if nothing may be skipped."""
    if os.environ.get("COLLABKIT_REQUIRE") == "all":
        pytest.fail(f"{what} is missing, and COLLABKIT_REQUIRE=all", pytrace=False)
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def lack() -> Callable[[str], None]:
    """Skip or fail for want of what only the test can look for: ``lack("the page")``."""
    return lacking


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Find a file of the data written by others: ``data("golden-wire.json")``."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.is_file():
            lacking(f"{name} (in the folder that COLLABKIT_DATA names)")
        return path

    return find


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Find a program: ``require("node")`` is its path, in this environment or on the machine."""

    def find(name: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        for candidate in NAMES.get(name, (name,)):
            found = shutil.which(candidate, path=path)
            if found:
                return found
        lacking(f"the program {name}")
        raise AssertionError("unreachable")

    return find


@pytest.fixture(scope="session")
def packages(root: Path) -> Callable[[str], Path]:
    """Find the npm packages of a folder: ``packages("tests/interop/js")``."""

    def find(folder: str) -> Path:
        path = root / folder / "node_modules"
        if not path.is_dir():
            lacking(f"{folder}/node_modules (`npm ci` makes it)")
        return path

    return find


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of a test that rolls dice; ``COLLABKIT_SEED`` chooses another."""
    return SEED


@pytest.fixture(scope="session")
def for_s() -> float:
    """For how many seconds a soak or fuzz test goes on."""
    return FOR_S
