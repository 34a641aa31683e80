"""The porch: accepts connections, and has a gate before each.

Rules:

1. Whom a connection comes from is known when it is accepted, before any TLS: one address has no
   more people waiting at gates than it may have inside, and all together no more than there is
   room for. Who is one too many is let go without a word, which costs nothing.
2. Where files run out, nobody is accepted for a moment; those who wait do so in the kernel.
3. A few are accepted at a time, so that those inside have their turn in a storm.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias

import aiofastnet
import uvloop

from ..sync.limits import Census
from .addresses import counted_as
from .gate import Gate
from .http import Request, Response
from .reception import Reception
from .upgrade import Visit
from .ward import Ward
from .wire import Wire

__all__ = ["Porch"]

log = logging.getLogger(__name__)

ACCEPTS_AT_A_TIME = 32
# What the kernel says when it is out of files or of memory for them.
_OUT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
WAIT_FOR_FILES = 0.5

_Connect: TypeAlias = Callable[..., Awaitable[Any]]


class Porch:
    """Accepts connections as long as its ``async with`` block runs.

    Args:
        listeners: Bound sockets that listen.
        reception: Who decides on requests.
        ward: Where WebSockets are.
        tls: What connections begin with, if anything.
        most: How many there may be, those inside too.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        reception: Reception,
        ward: Ward,
        *,
        tls: ssl.SSLContext | None,
        most: int,
    ) -> None:
        self.handshake_timeout = ward.limits.handshake_timeout
        self._listeners = listeners
        self._reception = reception
        self._traffic = reception.traffic
        self._ward = ward
        self._tls = tls
        self._most = most
        self._waiting = Census(most=ward.limits.max_per_address)
        self._loop: asyncio.AbstractEventLoop
        self._connect: _Connect
        self._gates: set[Gate] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Porch with {len(self._gates)} gates>"

    async def __aenter__(self) -> Self:
        """Accept."""
        self._loop = loop = asyncio.get_running_loop()
        # uvloop's transports take half the memory of aiofastnet's. asyncio's own, since 3.12, keep
        # views of memory that picows uses again.
        self._connect = (
            loop.connect_accepted_socket
            if isinstance(loop, uvloop.Loop)
            else functools.partial(aiofastnet.connect_accepted_socket, loop)
        )
        for listener in self._listeners:
            listener.setblocking(False)
            self._listen(listener)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Accept no more."""
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def clear(self) -> None:
        """Let those go who are still at the gates."""
        for gate in list(self._gates):
            gate.cut()

    # Accepting

    def _listen(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_A_TIME):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF:
                    raise
                log.error("no more connections for the moment: %s", error.strerror)
                self._loop.remove_reader(listener)
                self._loop.call_later(WAIT_FOR_FILES, self._listen, listener)
                return
            self._accepted(sock, str(address[0]))

    def _accepted(self, sock: socket.socket, peer: str) -> None:
        full = self._traffic.gates + self._traffic.connections >= self._most
        if full or self._waiting.full(counted_as(peer)):
            self._traffic.dropped += 1
            sock.close()
            return
        sock.setblocking(False)
        until = self._loop.time() + self.handshake_timeout
        gate = Gate(self, peer, tls=self._tls is not None, until=until)
        self._gates.add(gate)
        self._traffic.gates += 1
        self._waiting.enter(counted_as(peer))
        task = self._loop.create_task(self._open(sock, gate))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, sock: socket.socket, gate: Gate) -> None:
        tls: dict[str, Any] = {}
        if self._tls is not None:
            tls = {
                "ssl": self._tls,
                "ssl_handshake_timeout": self.handshake_timeout,
                "ssl_shutdown_timeout": self._ward.limits.close_timeout,
            }
        try:
            await self._connect(lambda: gate, sock, **tls)
        except BaseException as error:
            sock.close()
            if not gate.began:
                self.left(gate)
            # What a peer does wrong, or leaves undone, before it has asked anything.
            if not isinstance(error, OSError | ssl.SSLError | TimeoutError):
                raise
            log.debug("a connection did not come about: %s", type(error).__name__)

    # For gates

    def left(self, gate: Gate) -> None:
        """Somebody is gone, or inside."""
        self._gates.discard(gate)
        self._traffic.gates -= 1
        self._waiting.leave(counted_as(gate.peer))

    def receive(
        self, request: Request, *, websocket: bool
    ) -> Response | Visit | asyncio.Task[Response]:
        """Decide on a request, at once or by and by."""
        return self._reception.receive(request, websocket=websocket)

    def refused(self, response: Response) -> None:
        """A request was refused without being shown."""
        self._traffic.refused[response.status] += 1

    def let_in(self, transport: asyncio.Transport, visit: Visit, rest: bytes) -> None:
        """Make a wire of a transport."""
        Wire(self._ward, visit, transport).begin(visit.token, rest)
