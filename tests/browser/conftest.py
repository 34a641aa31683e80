"""A real browser on the page of a real relay."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from browser.tabs import FLAGS, OpenTab
from interop.serving import Serving

_sessions = itertools.count(1)


@pytest.fixture
def relay(tmp_path: Path, lack: Callable[[str], None]) -> Iterator[Serving]:
    """A relay with the page."""
    if not files("collabkit.relay").joinpath("page/dist/index.html").is_file():
        lack("the built page (`make page`)")
    with Serving.running(tmp_path / "relay.db") as serving:
        yield serving


@pytest.fixture
async def browser(
    require: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Browser]:
    """A Chromium of this machine, with an empty profile."""
    path = require("chromium")
    # The Node.js that Playwright brings along needs libraries that a small Debian has not.
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", require("node"))
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        await running.close()


@pytest.fixture
async def open_tab(browser: Browser) -> AsyncIterator[OpenTab]:
    """Open tabs; whatever the browser complained about in any of them fails the test."""
    complaints: list[str] = []

    async def opened(url: str, *, name: str = "Ada", color: str = "#6a5acd") -> Page:
        context = await browser.new_context(viewport={"width": 1100, "height": 720})
        identity = json.dumps({"name": name, "color": color})
        await context.add_init_script(
            "localStorage.getItem('collabkit.identity') ?? "
            f"localStorage.setItem('collabkit.identity', {json.dumps(identity)})"
        )
        page = await context.new_page()
        page.on("console", lambda line: complaints.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        await page.goto(url)
        return page

    yield opened
    # A relay that is away is what some tests are about; the browser writes it down each time.
    grave = [line for line in complaints if "ERR_CONNECTION_REFUSED" not in line]
    assert not grave, "\n".join(grave)


@pytest.fixture
def session() -> str:
    """Name of a session that no other test of this process uses."""
    return f"session-{next(_sessions)}"
