"""In the place of pycrdt-websocket's server: the same calls, another engine room.

Where a program says ``from pycrdt.websocket import WebsocketServer``, it can say ``from
collabkit.relay.pycrdt import WebsocketServer``, and go on using ``ASGIServer``, ``ASGIWebsocket``,
``HttpxWebsocket`` or any other pycrdt channel.

======================  ===========================================================================
argument                here
======================  ===========================================================================
``rooms_ready``         must be true: a room is ready once its document is read from the file
``auto_clean_rooms``    rooms nobody is in always leave memory; what was written is kept
``exception_handler``   as there: true from it means that the failure of one client is dealt with
``log``                 as there
``provider_factory``    must be None: the file is where documents come from
``workspace``           where documents are kept, opened if it is not; by default they live as
                        long as the server runs
======================  ===========================================================================

Rooms are not objects that a host reaches into: it opens the session of that name in the workspace,
or connects to the room, and edits its own document there.

>>> import asyncio
>>> async def serve() -> bool:
...     async with WebsocketServer() as server:
...         return server.running
>>> asyncio.run(serve())
True
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self, TypeAlias

from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from ..errors import LocalProtocolError
from ..sessions.workspace import Workspace
from ..sync.channel import Channel, serve_channel
from ..sync.hub import Hub
from .auth import open_house
from .reception import serving

__all__ = ["ExceptionHandler", "WebsocketServer"]

ExceptionHandler: TypeAlias = Callable[[Exception, logging.Logger], bool]
"""Told of a failure; says whether it is dealt with."""


class WebsocketServer:
    """Serves channels; see the table above for the arguments.

    Use it with ``async with``, or run :meth:`start` in a task and end it with :meth:`stop`.
    """

    def __init__(
        self,
        rooms_ready: bool = True,
        auto_clean_rooms: bool = True,
        exception_handler: ExceptionHandler | None = None,
        log: logging.Logger | None = None,
        provider_factory: None = None,
        *,
        workspace: Workspace | None = None,
    ) -> None:
        if not rooms_ready:
            raise LocalProtocolError("rooms become ready by themselves: leave rooms_ready true")
        if provider_factory is not None:
            raise LocalProtocolError("documents come from the workspace: there are no providers")
        self.auto_clean_rooms = auto_clean_rooms
        self.exception_handler = exception_handler
        self.log = log or logging.getLogger(__name__)
        self.started = asyncio.Event()
        self._workspace = workspace
        self._hub: Hub | None = None
        self._stack: AsyncExitStack | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._run: asyncio.Task[object] | None = None

    def __repr__(self) -> str:
        state = f"{len(self._clients)} clients" if self.running else "not running"
        return f"<WebsocketServer {state}>"

    @property
    def running(self) -> bool:
        """Whether channels are served."""
        return self._hub is not None

    async def serve(self, websocket: Channel) -> None:
        """Serve a client until it leaves; its channel's path names the room."""
        if self._hub is None:
            raise LocalProtocolError("this server is not running: use it with `async with`")
        client = asyncio.create_task(serve_channel(self._hub, websocket))
        self._clients.add(client)
        try:
            await asyncio.wait({client})
        finally:
            client.cancel()
            self._clients.discard(client)
        if client.cancelled():  # the server was stopped
            return
        error = client.exception()
        handler = self.exception_handler
        if not (isinstance(error, Exception) and handler and handler(error, self.log)):
            client.result()

    async def start(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Run until :meth:`stop`."""
        async with self:
            self._run = asyncio.current_task()
            task_status.started()
            await self._stopping.wait()

    async def stop(self) -> None:
        """End, once what was received is stored."""
        if self._hub is None:
            raise LocalProtocolError("this server is not running")
        self._stopping.set()
        if self._run is None:
            await self.__aexit__(None, None, None)
        else:
            await asyncio.wait({self._run})

    async def __aenter__(self) -> Self:
        """Open the workspace, if it is ours, and let channels in."""
        if self._hub is not None:
            raise LocalProtocolError("this server is running already")
        async with AsyncExitStack() as stack:
            workspace = self._workspace
            if workspace is None:
                folder = stack.enter_context(TemporaryDirectory(prefix="collabkit-"))
                workspace = Workspace.open(Path(folder) / "rooms.db")
            hub = serving(workspace, open_house(), unlocked=True)
            self._hub = await stack.enter_async_context(hub)
            stack.push_async_callback(self._farewell)
            self._stack = stack.pop_all()
        self._stopping.clear()
        self.started.set()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Store what was received, and let go of everybody."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.__aexit__(kind, error, trace)

    async def _farewell(self) -> None:
        assert self._hub is not None
        hub, self._hub, self._run = self._hub, None, None
        self.started.clear()
        await hub.settled()
        for client in self._clients:
            client.cancel()
        if self._clients:
            await asyncio.wait(self._clients)
