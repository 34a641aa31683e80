"""picows as a parser of frames: no request before it, and nothing below it that it may end.

Rules:

1. The handshake is the gate's. picows is given one that is always the same and says nothing of
   anybody, and what it answers goes nowhere.
2. One read is at most 64 KiB. picows works through all frames of a read at a stretch, and others
   wait for as long. Where uvloop would read on as long as there is more, this has it wait a turn.
3. Its buffer grows to the longest message and never shrinks. So a parser that has grown is
   replaced by a new one as soon as it holds no part of a frame.
4. A frame that it refuses, it answers with a close frame, and again whenever more comes. So after
   the first one it hears no more, and its wire says when the connection ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import picows
from multidict import CIMultiDict
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # its stub keeps it back

__all__ = ["LONG_BYTES", "Below", "Deaf", "Parser", "Tap"]

# From here on a message is long: it is counted, and the buffer that it leaves behind is let go.
LONG_BYTES = 64 << 10
# The least that picows allocates; it doubles when it fills. Its default costs an idle client 14 KB.
READ_BUFFER_BYTES = 2048
# A read of so much is worth a turn of the loop; libuv makes up to 32 of them in one.
TURN_BYTES = 4096
_HEAD = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_NOWHERE = bytearray(LONG_BYTES)
_get_buffer = WSProtocol.get_buffer
_buffer_updated = WSProtocol.buffer_updated


class Tap(Protocol):
    """What a parser fills: a listener of picows that also counts what is on its way.

    Attributes:
        unread: Bytes that came and are in no message yet.
        swollen: Whether more than :data:`LONG_BYTES` were, since the parser was new.
    """

    unread: int
    swollen: bool

    def swelled(self) -> bool:
        """Much is unread; False if no more may be."""
        ...

    def eased(self) -> None:
        """After it had swollen, something was read."""
        ...

    def rest(self, seconds: float) -> None:
        """Read no more for a while, unless it rests already; 0 is a turn of the loop."""
        ...

    def refused(self, transport: picows.WSTransport) -> None:
        """Picows has sent a close frame, of its own accord or because it was told to."""
        ...

    def gone(self) -> None:
        """The connection is lost."""
        ...


class Parser(WSProtocol):  # type: ignore[misc]
    """The frames of one connection, from the first to the last, or to the end of a long one."""

    __slots__ = ("_tap", "_turns")

    def __init__(self, tap: Any, *, max_frame_bytes: int) -> None:
        answer = picows.WSUpgradeResponseWithListener(_ANSWERED, tap)
        super().__init__(
            None,  # host and port
            None,  # path
            False,  # is a client
            lambda _: answer,
            _QUIET,
            True,  # ends on exceptions
            None,  # time for the handshake
            False,  # pings
            0,
            0,
            picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # pongs
            max_frame_bytes,
            None,  # headers
            READ_BUFFER_BYTES,
        )
        self._tap: Tap = tap
        self._turns = False

    def begin(self, below: Any) -> None:
        """Take over a transport whose handshake is done."""
        self.connection_made(below)
        # TLS has a turn for each read as it is. And aiofastnet's, paused amid what it has read,
        # leaves the rest of that where it is until more comes.
        self._turns = below.get_extra_info("sslcontext") is None
        view = _get_buffer(self, -1)
        view[: len(_HEAD)] = _HEAD
        _buffer_updated(self, len(_HEAD))

    def feed(self, data: bytes) -> None:
        """Take bytes as if they had just come."""
        at = 0
        while at < len(data):
            view = self.get_buffer(-1)
            piece = data[at : at + len(view)]
            view[: len(piece)] = piece
            self.buffer_updated(len(piece))
            at += len(piece)

    def get_buffer(self, hint: int) -> memoryview:
        """Where the next bytes go."""
        view: memoryview = _get_buffer(self, hint)
        return view if len(view) <= LONG_BYTES else view[:LONG_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came."""
        tap = self._tap
        tap.unread += nbytes
        if tap.unread > LONG_BYTES and not tap.swelled():
            return
        _buffer_updated(self, nbytes)
        if tap.swollen:
            tap.eased()
        if nbytes >= TURN_BYTES and self._turns:
            tap.rest(0)
        if self.transport.is_close_frame_sent:
            tap.refused(self.transport)


class Deaf(asyncio.BufferedProtocol):
    """Takes the place of a parser whose peer may say what it wants, and waits for its wire.

    Args:
        tap: Who is told when the connection is gone.
        half_open: Whether the peer's own end is not to end it: a client that answers a goodbye
            ends its half, and is back as soon as we do the same. TLS knows no such thing.
    """

    __slots__ = ("_half_open", "_tap")

    def __init__(self, tap: Tap, *, half_open: bool) -> None:
        self._tap = tap
        self._half_open = half_open

    def is_buffered_protocol(self) -> bool:
        """True, for aiofastnet."""
        return True

    def get_buffer(self, hint: int) -> bytearray:
        """Where the next bytes go, to be written over by those after them."""
        return _NOWHERE

    def buffer_updated(self, nbytes: int) -> None:
        """Nobody reads them."""

    def eof_received(self) -> bool:
        """The peer has ended its half."""
        return self._half_open

    def pause_writing(self) -> None:
        """Nothing is written any more."""

    def resume_writing(self) -> None:
        """Nothing is written any more."""

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._tap.gone()


class Below:
    """A transport as picows sees it: writing is the transport's own, ending it is the wire's."""

    __slots__ = (
        "_writelines", "abort", "close", "get_extra_info", "get_write_buffer_size", "write",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, ended: Callable[[], None]) -> None:
        self.write = transport.write
        self._writelines = transport.writelines
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.get_extra_info = transport.get_extra_info
        self.close = self.abort = ended

    def writelines(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write a frame that is not short.

        Its head lies in memory that picows writes the next one's to, and a transport keeps what
        it cannot send at once: so it is given a copy.
        """
        head, *payload = pieces
        self._writelines([bytes(head), *payload])


class _Answered(picows.WSUpgradeResponse):
    """An answer that was given already."""

    def to_bytes(self) -> bytearray:
        return bytearray()


def _answered() -> _Answered:
    response = _Answered()
    response.status, response.headers, response.body = HTTPStatus(101), CIMultiDict(), None
    return response


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """picows' log, as details of ours: what peers do wrong is no error of this program.

    At its own level below DEBUG picows writes what came as it came: that level is off.
    """

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  the name is logging's
        return level > picows.PICOWS_DEBUG_LL and self.logger.isEnabledFor(logging.DEBUG)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if self.isEnabledFor(level):
            self.logger.log(logging.DEBUG, msg, *args, **kwargs)


_ANSWERED = _answered()
_QUIET = _Quiet(logging.getLogger(__name__))
