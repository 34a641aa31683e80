"""An ASGI server around an application, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def hosted(app: Any) -> AsyncIterator[str]:
    """Serve an application with uvicorn at a free port; gives its ``ws://`` address."""
    config = uvicorn.Config(app, port=0, ws="websockets-sansio", log_level="error", loop="none")
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
        assert server.started, "the application did not start"
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"ws://{host}:{port}"
    finally:
        server.should_exit = True
        await serving
