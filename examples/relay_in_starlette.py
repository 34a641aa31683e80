"""The relay inside an application of your own: its pages, and the documents behind them.

Run it with ``python examples/relay_in_starlette.py``. It serves a Starlette application for a
moment, writes into a document with a client, and reads it over plain HTTP. FastAPI is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from collabkit import Workspace, connect
from collabkit.relay import asgi


def application(path: str) -> Starlette:
    """Make an application: documents live under ``/relay``, and ``/notes/NAME`` shows one."""
    workspace = Workspace.open(path)
    relay = asgi.app(workspace)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with relay:  # opens the file, and closes it
            yield

    async def show(request: Request) -> JSONResponse:
        async with workspace.open(request.path_params["name"]) as note:
            return JSONResponse(note.document.to_dict())

    routes = [Route("/notes/{name}", show), Mount("/relay", relay)]
    return Starlette(routes=routes, lifespan=lifespan)


async def get(port: int, path: str) -> str:
    """Fetch a page; what any HTTP client does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer.partition("\r\n\r\n")[2]


async def main() -> None:
    """Serve, write with a client, look with a browser's eyes."""
    with tempfile.TemporaryDirectory() as folder:
        app = application(f"{folder}/notes.db")
        server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_level="warning"))
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listening]))

        async with connect(f"ws://127.0.0.1:{port}/relay/plan", name="Ada") as replica:
            replica.document.text("body").insert(0, "written over a WebSocket")
            await replica.saved()
            page = await get(port, "/notes/plan")

        server.should_exit = True
        await serving

    print("over HTTP it reads:", page)
    assert page == '{"body":"written over a WebSocket"}'


asyncio.run(main())
