"""The reception: what every shell does with a request before there is a connection.

The bundled server and the ASGI app speak to their clients in different ways, and do the same: a
request is refused, answered, or a visit that becomes a connection.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from ..access.model import Authenticate
from ..sessions.shelter import ONE_CHILD, Children
from ..sessions.workspace import Workspace
from ..sync.hub import Hub
from ..sync.limits import Census
from . import assets
from .addresses import Network, counted_as, seen_through
from .hindsight import PREFIX, Hindsight
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
        max_per_address: How many of those from one address.
        proxies: Whose word counts on where a request came from.
        hindsight: Who tells of the past, if anybody does.

    Attributes:
        draining: Whether nobody is let in any more.
        traffic: What is counted.
        addresses: How many are connected from where; the shell counts them in and out.
    """

    def __init__(
        self,
        hub: Hub,
        door: Door,
        *,
        max_connections: int,
        max_per_address: int,
        proxies: Sequence[Network] = (),
        hindsight: Hindsight | None = None,
    ) -> None:
        self._hindsight = hindsight
        self.draining = False
        self.traffic = Traffic()
        self.addresses = Census(most=max_per_address)
        self._proxies = proxies
        self._arrivals = itertools.count(1)
        self._heard_of_proxies = False
        self._hub = hub
        self._door = door
        self._max_connections = max_connections
        self._page = assets.load()
        self._metrics = Metrics(hub, self.traffic)

    def __repr__(self) -> str:
        state = "draining" if self.draining else "open"
        return f"<Reception {state}, {self.traffic!r}>"

    def receive(
        self, request: Request, *, websocket: bool
    ) -> Response | Visit | asyncio.Task[Response]:
        """Decide on a request.

        A Visit is to be connected, with its subprotocol agreed; what takes time is a task.
        """
        self._look_for_proxies(request)
        request = seen_through(request, self._proxies)
        answer = forbidden(request, self._door)
        if answer is None and websocket:
            answer = self._full(request)
            if answer is None:
                came = f"c{next(self._arrivals)}"
                return msgspec.structs.replace(visit(request, self._door), connection=came)
        if answer is None and _looks_back(request) and self._hindsight is not None:
            return asyncio.create_task(self._hindsight.answer(request))
        if answer is None:
            return respond(request, self._state())
        self.traffic.refused[answer.status] += 1
        said = answer.body.decode().strip()
        log.warning("refused %r from %s: %s", request.path, request.peer, said)
        return answer

    def _full(self, request: Request) -> Response | None:
        if self.draining:
            return refuse(503, "This relay is going away.", ("Retry-After", RETRY_AFTER))
        if self.traffic.connections >= self._max_connections:
            return refuse(503, "This relay is full.", ("Retry-After", RETRY_AFTER))
        if self.addresses.full(counted_as(request.peer)):
            many = f"More than {self.addresses.most} connections from one address."
            return refuse(429, many, ("Retry-After", RETRY_AFTER))
        return None

    def _look_for_proxies(self, request: Request) -> None:
        """Say once that there seems to be a proxy, since all its clients count as one."""
        if self._proxies or self._heard_of_proxies:
            return
        if request.header("x-forwarded-for") or request.header("forwarded"):
            self._heard_of_proxies = True
            log.warning(
                "there is a proxy before this relay: name it as trusted, or its clients "
                "cannot be told apart"
            )

    def _state(self) -> State:
        stats = self._hub.stats()
        health = {
            "connections": self.traffic.connections,
            "rooms": stats.rooms,
            "stalled_rooms": stats.stalled_rooms,
            "pending_rows": stats.pending_rows,
        }
        return State(self.draining, health, self._page, self._metrics.exposition)


def _looks_back(request: Request) -> bool:
    return request.path.startswith(PREFIX) and request.method in ("GET", "HEAD")


@asynccontextmanager
async def serving(
    workspace: Workspace,
    authenticate: Authenticate,
    *,
    unlocked: bool,
    children: Children = ONE_CHILD,
) -> AsyncIterator[Hub]:
    """Serve a workspace, and open it for as long as that takes if nobody else has."""
    async with AsyncExitStack() as stack:
        if not workspace.is_open:
            await stack.enter_async_context(workspace)
        yield await stack.enter_async_context(
            workspace.serving(authenticate, unlocked=unlocked, children=children)
        )
