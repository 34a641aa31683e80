"""pycrdt-websocket as it ships, as an ASGI app for uvicorn."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pycrdt.websocket import ASGIServer, WebsocketServer

server = WebsocketServer(auto_clean_rooms=False)
inner = ASGIServer(server)


@contextlib.asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    async with server:
        yield


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        await inner(scope, receive, send)
        return
    await receive()
    async with lifespan():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
