"""A token that is shown anew before the one that a relay knows has ended, on the link there is.

A relay lets a client stay until its token ends. One that gets its tokens from a function asks for
the next half a minute before, or after half of the life of one that is shorter: as relays do of
clients that they can ask (:mod:`.doors`). What fails is no harm: the link ends with the token, and
the next one shows another.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from ..errors import ConnectionClosed
from .dialects import SUBPROTOCOLS
from .dialogue import REFRESH_FROM
from .doors import RENEW_BEFORE
from .messages import Refresh, write

__all__ = ["ends_at", "renew"]

_log = logging.getLogger("collabkit.replica")

# A function that gives the same token again is not asked in a circle.
LEAST = 1.0


class Renewable(Protocol):
    """A channel, as far as it matters here."""

    @property
    def subprotocol(self) -> str | None:
        """What both ends agreed on."""
        ...

    async def send(self, message: bytes) -> None:
        """Send a frame. Raises ConnectionClosed."""
        ...

    async def closed(self) -> None:
        """Wait until it has ended."""
        ...


async def renew(
    channel: Renewable,
    token: str,
    fresh: Callable[[], Awaitable[str]],
    *,
    clock: Callable[[], float] = time.time,
    least: float = LEAST,
) -> None:
    """Show a relay fresh tokens for as long as a channel lasts.

    Args:
        channel: It was opened with the token.
        token: What the relay knows.
        fresh: Gets another.
        clock: Unix time in seconds.
        least: How long each token is left alone, whatever it says.
    """
    if SUBPROTOCOLS.get(channel.subprotocol or "", 0) < REFRESH_FROM:
        return
    showing = asyncio.create_task(_show(channel, token, fresh, clock, least))
    try:
        await channel.closed()
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing


async def _show(
    channel: Renewable,
    token: str,
    fresh: Callable[[], Awaitable[str]],
    clock: Callable[[], float],
    least: float,
) -> None:
    while (end := ends_at(token)) is not None:
        left = end - clock()
        await asyncio.sleep(max(left - RENEW_BEFORE, left / 2, least))
        try:
            token = await fresh()
            await channel.send(write(Refresh(token)))
        except ConnectionClosed:
            return
        except Exception:
            _log.warning("no token could be had", exc_info=True)


class _Payload(msgspec.Struct, frozen=True):
    exp: float


def ends_at(token: str) -> float | None:
    """When a token says that it ends (RFC 7519 §4.1.4); None if it does not say.

    Whoever shows a token need not know whether it is a good one, nor import what finds that out.

    >>> payload = base64.urlsafe_b64encode(b'{"sub": "user:ada", "exp": 2000}').decode()
    >>> ends_at(f"header.{payload.rstrip('=')}.signature"), ends_at("secret")
    (2000.0, None)
    """
    payload = f"{token}..".split(".")[1]
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(text, type=_Payload).exp
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
