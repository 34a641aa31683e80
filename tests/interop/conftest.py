"""What the tests with stock clients share."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest

from tests.interop.stock import JS, Driver


def require(present: object, what: str) -> None:
    """Skip for want of something, or fail where everything is required."""
    if present:
        return
    if os.environ.get("COLLABKIT_REQUIRE") == "all":
        pytest.fail(f"required and not found: {what}")
    pytest.skip(f"not found: {what}")


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    """A Node process for stock clients."""
    require(shutil.which("node"), "node on PATH")
    require((JS / "node_modules").is_dir(), "node_modules (`npm ci` in tests/interop/js)")
    async with Driver.running() as running:
        yield running
