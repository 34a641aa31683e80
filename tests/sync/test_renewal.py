"""Tokens are shown anew before they end, for as long as there is a link that has a word for it."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.access.tokens import Claims, mint
from collabkit.errors import ConnectionClosed
from collabkit.sync.dialects import SUBPROTOCOL
from collabkit.sync.messages import Refresh, read_collabkit
from collabkit.sync.renewal import ends_at, renew

KEY = b"k" * 32


def token(end: int) -> str:
    """One that ends then."""
    return mint(Claims("user:ada", exp=end), KEY, now=0)


class Line:
    """A channel that keeps what was said."""

    def __init__(self, subprotocol: str | None = SUBPROTOCOL) -> None:
        self.subprotocol = subprotocol
        self.said = asyncio.Queue[str]()
        self.over = asyncio.Event()

    async def send(self, message: bytes) -> None:
        """Note it."""
        if self.over.is_set():
            raise ConnectionClosed(1006, "gone")
        told = read_collabkit(message)
        assert isinstance(told, Refresh)
        self.said.put_nowait(told.token)

    async def closed(self) -> None:
        """Wait for the end."""
        await self.over.wait()


async def test_the_next_is_shown_before_the_end() -> None:
    """Again and again, until the link ends; a failure in between is tried again."""
    line, given = Line(), [1000, 2000, 3000]
    now = iter([1000.0, 2000.0, 2000.0])
    failures = [False, True, False, False]

    async def fresh() -> str:
        if failures.pop(0):
            raise RuntimeError("no network")
        return token(given.pop(0))

    first = token(given.pop(0))
    task = asyncio.create_task(renew(line, first, fresh, clock=lambda: next(now, 0.0), least=0.0))
    async with asyncio.timeout(20):
        assert [await line.said.get() for _ in range(2)] == [token(2000), token(3000)]
        line.over.set()
        await task
    assert line.said.empty()


@pytest.mark.parametrize(("line", "shown"), [("collabkit.2", token(1000)), (None, token(1000))])
async def test_a_link_without_a_word_for_it_ends_with_its_token(
    line: str | None, shown: str
) -> None:
    """It is left alone."""

    async def fresh() -> str:
        raise AssertionError("nobody asks")

    await renew(Line(line), shown, fresh)


async def test_a_token_that_says_nothing_is_left_alone() -> None:
    """Nobody knows when it ends."""
    line = Line()

    async def fresh() -> str:
        raise AssertionError("nobody asks")

    line.over.set()
    await renew(line, "secret", fresh)
    assert line.said.empty()


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "a.bm8.c", "a.eyJleHAiOiAieCJ9.c", "a.e30.c", "\u00e4.\u00e4.\u00e4"]
)
def test_what_does_not_say_when_it_ends(token: str) -> None:
    """No base64, no JSON, no number, or no JWT at all."""
    assert ends_at(token) is None
