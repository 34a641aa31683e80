"""The gate: what happens on a connection before it is a WebSocket, or instead.

Rules:

1. Until a request is whole there is nothing of a connection but a small buffer: no parser of
   frames, no link, no place in a room.
2. A request is whole in time, counted from the accept, TLS included, and not from its last byte:
   who has said a part of it by then gets 408, who has said nothing just goes.
3. HTTP/1.1 connections are kept for further requests, which must come as fast; HTTP/1.0 ones and
   those of malformed requests are not. Requests that are sent ahead are answered in their order.
4. Nothing is answered to who does not take what was answered before.
5. A connection that is ended from here is ended for writing first and drained for a moment: if it
   were closed with bytes unread, the peer's system would throw away our last words.
"""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol, cast

from .head import MAX_HEAD_BYTES, Head, read_head
from .http import Request, Response, refuse
from .upgrade import Visit, accept_key, wants_websocket

__all__ = ["Gate", "Porter"]

log = logging.getLogger(__name__)

FIRST_BUFFER_BYTES = 1024
# Then a client may open a new one.
MAX_REQUESTS = 100
# To take an answer; the page's largest file is under 1 MB, on a line of 16 KB/s.
ANSWER_TIMEOUT = 60.0
# To find one: above all that whoever looks for it waits.
AWAIT_TIMEOUT = 600.0
FAILED = "The relay failed over this request."
LINGER = 1.0


class Porter(Protocol):
    """Who is behind the gate.

    Attributes:
        handshake_timeout: From the accept, or the last answer, to a whole request.
    """

    handshake_timeout: float

    def left(self, gate: Gate) -> None:
        """Somebody is gone, or inside."""
        ...

    def receive(
        self, request: Request, *, websocket: bool
    ) -> Response | Visit | asyncio.Task[Response]:
        """Decide on a request, at once or by and by."""
        ...

    def refused(self, response: Response) -> None:
        """A request was refused without being shown."""
        ...

    def let_in(self, transport: asyncio.Transport, visit: Visit, rest: bytes) -> None:
        """Take over the transport of a WebSocket, with what came behind the handshake."""
        ...


class Gate(asyncio.BufferedProtocol):
    """A connection that has not said yet what it is.

    Args:
        porter: Who is behind it.
        peer: Who is before it.
        tls: Whether they speak TLS.
        until: When the request must be whole, by the loop's clock.
    """

    __slots__ = (
        "_answered",
        "_awaited",
        "_began",
        "_buffer",
        "_deadline",
        "_ending",
        "_filled",
        "_porter",
        "_scheduled",
        "_stuck",
        "_tls",
        "_transport",
        "_until",
        "peer",
    )

    def __init__(self, porter: Porter, peer: str, *, tls: bool, until: float) -> None:
        self.peer = peer
        self._porter = porter
        self._tls = tls
        self._until = until
        self._buffer = bytearray(FIRST_BUFFER_BYTES)
        self._filled = 0
        self._answered = 0
        self._awaited: asyncio.Task[Response] | None = None
        self._began = False
        self._stuck = False
        self._ending = False
        self._scheduled = False
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def began(self) -> bool:
        """Whether there is a connection that will tell when it is over."""
        return self._began

    def cut(self) -> None:
        """End the connection without a word."""
        self._transport.abort()

    def __repr__(self) -> str:
        return f"<Gate before {self.peer or 'nobody'}, {self._answered} requests answered>"

    # As the transport sees it

    def is_buffered_protocol(self) -> bool:
        """True, for aiofastnet."""
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._began = True
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_at(self._until, self._late)

    def connection_lost(self, error: Exception | None) -> None:
        """He is gone."""
        self._over()

    def eof_received(self) -> bool:
        """He says no more, and so is answered no more."""
        return False

    def get_buffer(self, hint: int) -> memoryview:
        """Where the next bytes go."""
        if self._ending:
            self._filled = 0
        elif self._filled == len(self._buffer):
            self._buffer = self._buffer + bytes(len(self._buffer))
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came."""
        if not self._ending:
            self._filled += nbytes
            self._advance()

    def pause_writing(self) -> None:
        """An answer waits to be taken."""
        self._stuck = True

    def resume_writing(self) -> None:
        """It was taken."""
        self._stuck = False
        self._go_on()

    # Requests

    def _advance(self) -> None:
        """Take the next request, if it is whole and the answer to the last one was taken."""
        if self._stuck or self._ending or self._awaited is not None:
            self._hold_back()
            return
        said = bytes(self._buffer[: self._filled])
        # RFC 9112 §2.2: an empty line before a request is a mistake of old clients.
        start = 2 if said.startswith(b"\r\n") else 0
        end = said.find(b"\r\n\r\n", start)
        if end < 0 and self._filled >= MAX_HEAD_BYTES:
            self._refuse(refuse(431, f"A request's head is at most {MAX_HEAD_BYTES} bytes."))
        elif end >= 0:
            self._drop(end + 4)
            head = read_head(said[start:end], peer=self.peer, secure=self._tls)
            if isinstance(head, Response):
                self._refuse(head)
            else:
                self._requested(head)

    def _requested(self, head: Head) -> None:
        # RFC 9110 §7.8: what HTTP/1.0 asks to be upgraded to is not to be heard.
        websocket = head.current and wants_websocket(head.request)
        accept: str | Response = accept_key(head.request) if websocket else ""
        if websocket and head.body_bytes:
            accept = refuse(400, "An upgrade has no body.")
        if isinstance(accept, Response):
            self._refuse(accept)
            return
        try:
            answer = self._porter.receive(head.request, websocket=websocket)
        except Exception:
            log.exception("the relay failed over a request")
            answer = refuse(500, FAILED)
        if isinstance(answer, Visit):
            self._upgrade(answer, accept)
            return
        self._answered += 1
        # A body is not read, so there is no telling where a next request would begin.
        keeps = head.keeps and not (websocket or head.body_bytes)
        keeps = keeps and self._answered < MAX_REQUESTS
        if isinstance(answer, asyncio.Task):
            self._await(answer, head.request.method, keeps=keeps)
        else:
            self._answer(answer, head.request.method, keeps=keeps)

    def _await(self, task: asyncio.Task[Response], method: str, *, keeps: bool) -> None:
        """Answer when it is known; till then nothing more is heard."""
        self._awaited = task
        self._within(AWAIT_TIMEOUT)
        task.add_done_callback(lambda _: self._known(method, keeps=keeps))

    def _known(self, method: str, *, keeps: bool) -> None:
        task, self._awaited = self._awaited, None
        if task is None or task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("the relay failed over a request", exc_info=error)
        answer = refuse(500, FAILED) if error is not None else task.result()
        self._answer(answer, method, keeps=keeps)

    def _upgrade(self, visit: Visit, accept: str) -> None:
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept}")
        if visit.subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {visit.subprotocol}")
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        rest = bytes(self._buffer[: self._filled])
        self._over()
        self._porter.let_in(self._transport, visit, rest)

    def _refuse(self, response: Response) -> None:
        self._porter.refused(response)
        said = response.body.decode().strip()
        log.info("refused a request of %s (%d): %s", self.peer, response.status, said)
        self._answer(response, "GET", keeps=False)

    def _answer(self, response: Response, method: str, *, keeps: bool) -> None:
        body = b"" if method == "HEAD" else response.body
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        lines.append(f"Date: {formatdate(usegmt=True)}")
        if response.status not in (204, 304):
            lines.append(f"Content-Length: {len(response.body)}")
        if not any(name == "Connection" for name, _ in response.headers):
            lines.append(f"Connection: {'keep-alive' if keeps else 'close'}")
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        if not keeps:
            self._end()
            return
        self._within(ANSWER_TIMEOUT if self._stuck else self._porter.handshake_timeout)
        if self._filled:
            self._go_on()

    # Time and ends

    def _go_on(self) -> None:
        """Take the next request at the loop's next turn: others have theirs before."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._scheduled = False
        if self._transport.is_closing() or self._deadline is None:
            return
        self._transport.resume_reading()
        if not self._stuck:
            self._within(self._porter.handshake_timeout)
        self._advance()

    def _hold_back(self) -> None:
        if not self._ending and not self._transport.is_closing():
            self._transport.pause_reading()

    def _drop(self, count: int) -> None:
        """Forget the first bytes, and the room that they took."""
        rest = self._buffer[count : self._filled]
        self._filled = len(rest)
        self._buffer = rest + bytes(max(0, FIRST_BUFFER_BYTES - len(rest)))

    def _within(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._late)

    def _late(self) -> None:
        if self._ending or self._stuck or self._awaited is not None:
            self._transport.abort()
        elif self._filled:
            self._refuse(refuse(408, "The request took too long."))
        else:
            self._transport.close()

    def _end(self) -> None:
        self._ending = True
        self._within(ANSWER_TIMEOUT if self._stuck else LINGER)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _over(self) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._porter.left(self)
