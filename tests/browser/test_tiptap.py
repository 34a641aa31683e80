"""The Tiptap example, as its first lines say to use it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, expect

from browser.tabs import OpenTab
from interop.serving import Serving

FOLDER = "examples/tiptap"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(
    root: Path, require: Callable[[str], str], packages: Callable[[str], Path]
) -> Iterator[str]:
    """The example, built and served."""
    packages(FOLDER)
    subprocess.run(
        [require("npm"), "run", "--silent", "build"], cwd=root / FOLDER, check=True, timeout=60
    )
    serves = partial(_Quiet, directory=str(root / FOLDER))
    with ThreadingHTTPServer(("127.0.0.1", 0), serves) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


async def test_two_tabs_write_rich_text(
    relay: Serving, site: str, open_tab: OpenTab, session: str
) -> None:
    """Bold text and headings of one are in the other's tab, with a caret, saved, and stay."""

    async def tab(user: str) -> Page:
        query = urlencode({"relay": relay.url, "name": session, "user": user})
        page = await open_tab(f"{site}?{query}")
        await expect(page.locator("#state")).to_have_text("saved")
        return page

    ada, ben = await tab("Ada"), await tab("Ben")
    await ada.locator(".tiptap").click()
    await ada.keyboard.type("# A plan")
    await ada.keyboard.press("Enter")
    await ada.get_by_role("button", name="B", exact=True).click()
    await ada.keyboard.type("bold words")
    await expect(ben.locator(".tiptap h1")).to_have_text("A plan")
    await expect(ben.locator(".tiptap strong")).to_have_text("bold words")
    await expect(ben.locator(".collaboration-carets__label")).to_have_text("Ada")
    await ben.locator(".tiptap h1").click()
    await ben.keyboard.press("End")
    await ben.keyboard.type(" for two")
    await expect(ada.locator(".tiptap h1")).to_contain_text("A plan for two")
    for page in (ada, ben):
        await expect(page.locator("#state")).to_have_text("saved")
    relay.restart()
    late = await tab("Cleo")
    await expect(late.locator(".tiptap h1")).to_contain_text("A plan for two")
    await expect(late.locator(".tiptap strong")).to_have_text("bold words")
