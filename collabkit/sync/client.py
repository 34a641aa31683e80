"""How a program takes part in a document that is somewhere else.

::

    async with connect("ws://localhost:4711/notes", store="notes.db") as replica:
        replica.document.text("body").insert(0, "written on a train")
        await replica.saved()          # the relay has it on disk

See :class:`~collabkit.sync.replica.Replica` for what it then can do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from ..errors import ConnectionClosed, InvalidName, LocalProtocolError
from ..ids import DEFAULT_DOCUMENT, RoomName
from .channel import WebSocketChannel
from .client_effects import Status
from .presence import Presence
from .renewal import renew
from .replica import Place, Replica
from .untaken import Receipt, Untaken
from .vigil import PATIENCE

__all__ = ["Presence", "Receipt", "Replica", "Status", "Token", "Untaken", "connect"]

_log = logging.getLogger("collabkit.replica")

Token: TypeAlias = str | Callable[[], Awaitable[str]]
"""A token, or what gets a fresh one for each link."""


def connect(
    url: str,
    *,
    token: Token | None = None,
    store: Place | None = None,
    name: str | None = None,
    proxy: str | bool | None = None,
    patience: float = PATIENCE,
) -> Replica:
    """Make a replica of the document that a relay, or a y-websocket server, has at a URL.

    Args:
        url: Server and room, such as ``wss://example.org/notes``.
        token: Shown to the relay. A function is called for a fresh one before each link, and
            before the one that the relay knows ends.
        store: A file that makes the replica open offline and survive crashes. Many URLs
            may share one; only one process may hold it.
        name: What the relay is told that this participant is called. Proves nothing.
        proxy: An address, or whether to use the one that the environment names; by default it
            is used unless the URL is of this machine.
        patience: Seconds of silence after which a link is taken for dead.

    Returns:
        The replica; use it with ``async with``.

    Raises:
        LocalProtocolError: The URL is not of a WebSocket.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise LocalProtocolError(f"{url!r} is not the URL of a room, such as ws://localhost/notes")
    place = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    if name is not None:
        query = "&".join(filter(None, [parts.query, urlencode({"name": name})]))
        url = urlunsplit(parts._replace(query=query, fragment=""))

    renewing: set[asyncio.Task[None]] = set()

    async def dial() -> WebSocketChannel:
        shown = await _fresh(token)
        channel = await WebSocketChannel.dial(url, token=shown, proxy=proxy)
        if shown is not None and callable(token):
            task = asyncio.create_task(renew(channel, shown, token), name="collabkit token")
            renewing.add(task)
            task.add_done_callback(renewing.discard)
        return channel

    return Replica(
        dial,
        url=place,
        document=_document_of(parts.path),
        store=store,
        renewable=callable(token),
        patience=patience,
    )


async def _fresh(token: Token | None) -> str | None:
    if token is None or isinstance(token, str):
        return token
    try:
        return await token()
    except Exception as error:
        _log.warning("no token could be had", exc_info=True)
        raise ConnectionClosed(1006, f"no token could be had: {error}") from error


def _document_of(path: str) -> str:
    try:
        return RoomName.parse(unquote(path.removeprefix("/"))).document
    except InvalidName:
        return DEFAULT_DOCUMENT
