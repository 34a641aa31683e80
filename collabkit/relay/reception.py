"""The reception: what every shell does with a request before there is a connection.

The bundled server and the ASGI app speak to their clients in different ways, and do the same: a
request is refused, answered, or a visit that becomes a connection.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ..access.model import Authenticate
from ..sessions.workspace import Workspace
from ..sync.hub import Hub
from . import assets
from .http import Request, Response, State, refuse, respond
from .metrics import Metrics, Traffic
from .upgrade import Door, Visit, forbidden, visit

__all__ = ["Reception", "serving"]

log = logging.getLogger(__name__)

# Seconds; what a full relay asks of clients that heed it. Stock clients back off by themselves.
RETRY_AFTER = "5"


class Reception:
    """Receives requests on behalf of a hub.

    Args:
        hub: Whose rooms are visited.
        door: Who may come from where.
        max_connections: How many may be connected at a time.
    """

    def __init__(self, hub: Hub, door: Door, *, max_connections: int) -> None:
        self.draining = False
        self.traffic = Traffic()
        self._hub = hub
        self._door = door
        self._max_connections = max_connections
        self._page = assets.load()
        self._metrics = Metrics(hub, self.traffic)

    def __repr__(self) -> str:
        state = "draining" if self.draining else "open"
        return f"<Reception {state}, {self.traffic!r}>"

    def receive(self, request: Request, *, websocket: bool) -> Response | Visit:
        """Decide on a request. A Visit is to be connected, with its subprotocol agreed."""
        answer = forbidden(request, self._door)
        if answer is None and websocket:
            if self.draining:
                answer = refuse(503, "This relay is going away.", ("Retry-After", RETRY_AFTER))
            elif self.traffic.connections >= self._max_connections:
                answer = refuse(503, "This relay is full.", ("Retry-After", RETRY_AFTER))
            else:
                return visit(request, self._door)
        if answer is None:
            return respond(request, self._state())
        self.traffic.refused[answer.status] += 1
        log.warning("refused %r: %s", request.path, answer.body.decode().strip())
        return answer

    def _state(self) -> State:
        stats = self._hub.stats()
        health = {
            "connections": self.traffic.connections,
            "rooms": stats.rooms,
            "stalled_rooms": stats.stalled_rooms,
            "pending_rows": stats.pending_rows,
        }
        return State(self.draining, health, self._page, self._metrics.exposition)


@asynccontextmanager
async def serving(
    workspace: Workspace, authenticate: Authenticate, *, unlocked: bool
) -> AsyncIterator[Hub]:
    """Serve a workspace, and open it for as long as that takes if nobody else has."""
    async with AsyncExitStack() as stack:
        if not workspace.is_open:
            await stack.enter_async_context(workspace)
        yield await stack.enter_async_context(workspace.serving(authenticate, unlocked=unlocked))
