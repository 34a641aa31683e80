"""What the tests in a browser have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from playwright.async_api import Page

# No sandbox, since tests run as root in containers; and nothing that talks to the internet.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

OpenTab: TypeAlias = Callable[..., Awaitable[Page]]
"""``await open_tab(url, name="Ada")``: a tab of a person of this name, in a profile of its own."""
