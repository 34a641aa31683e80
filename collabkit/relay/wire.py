"""One WebSocket of the bundled server: between picows and the hub's link.

Rules:

1. The hub writes straight to the transport: ``send`` is picows' own function, bound. The common
   frame in, binary and whole, takes no more than one copy of its payload.
2. A pong is owed to the newest ping only (RFC 6455 §5.5.3), and not while the peer reads slower
   than we write: nothing a peer can ask for grows our buffers.
3. Both sides say goodbye and then the connection is cut; after the first goodbye nothing that
   comes is taken, and whoever does not answer it in time is cut as well.
4. A peer lives if since the last round a frame came, or the bytes waiting for it became fewer, or
   the kernel is in the middle of receiving a long frame. One round without any sign brings a ping,
   a second one in a row the cut.
5. ``lost`` is told to the link once, whoever ended it, and never from within a call of the hub.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import sys
from collections.abc import Callable
from typing import Protocol

import picows

from ..errors import BadFrame, RemoteProtocolError
from ..sync.hub import Hub, Link
from ..sync.liveroom import HIGH_WATER_BYTES
from .frames import Assembler, Closing, Opcode, Ping, close_reason
from .limits import Limits
from .metrics import Traffic
from .upgrade import Visit

__all__ = ["Wire"]

log = logging.getLogger(__name__)

BINARY = picows.WSMsgType.BINARY
CLOSE = picows.WSMsgType.CLOSE
# More control frames than this between two rounds are not keep-alive.
MAX_CONTROLS = 1000
# Where tcpi_last_data_recv stands in Linux' struct tcp_info: after 8 bytes and 11 words.
_LAST_DATA_RECV_AT = 52


class Keeper(Protocol):
    """Who keeps the wires of a server."""

    hub: Hub
    traffic: Traffic
    limits: Limits

    def opened(self, wire: Wire) -> int:
        """Take a wire in; what it returns is shown at the end."""
        ...

    def closed(self, wire: Wire, mine: int) -> None:
        """Let a wire go."""
        ...


class Wire(picows.WSListener):
    """A connected client, as picows sees it (``on_ws_*``) and as the hub does (the rest)."""

    __slots__ = (
        "_assembler",
        "_backlog",
        "_closing",
        "_controls",
        "_cut",
        "_heard",
        "_keeper",
        "_link",
        "_mine",
        "_paused",
        "_pong",
        "_silent",
        "_traffic",
        "_transport",
        "_visit",
        "_waiting",
        "peer",
        "send",
    )

    send: Callable[[bytes], None]

    def __init__(self, keeper: Keeper, visit: Visit) -> None:
        self._keeper = keeper
        self._traffic = keeper.traffic
        self._visit: Visit | None = visit
        self._assembler = Assembler(max_message_bytes=keeper.limits.max_message_bytes)
        self._link: Link | None = None
        self._heard = True
        self._silent = 0
        self._backlog = 0
        self._controls = 0
        self._paused = False
        self._pong: bytes | None = None
        self._closing = False
        self._cut: asyncio.TimerHandle | None = None
        self.peer = ""

    def __repr__(self) -> str:
        return f"<Wire to {self.peer or 'nobody yet'}{', closing' if self._closing else ''}>"

    # As the hub sees it

    @property
    def buffered_bytes(self) -> int:
        """What was sent and the kernel has not taken yet."""
        return self._waiting()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the connection is cut when the peer has answered, or does not."""
        if not self._closing:
            self._traffic.closed[code] += 1
            self._goodbye(code, reason)

    # As picows sees it

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """The upgrade is answered: join the hub."""
        visit, self._visit = self._visit, None
        assert visit is not None
        below = transport.underlying_transport
        self._transport = transport
        # The hub waits above this mark for the word that it may go on: it must come.
        below.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._waiting = below.get_write_buffer_size
        self.send = functools.partial(transport.send, BINARY)
        self.peer = str((below.get_extra_info("peername") or ("",))[0])
        # picows keeps both heads as long as the connection: 4 KB, and a token among them.
        transport.request.path = b""
        transport.request.headers.clear()
        transport.response.headers.clear()
        self._mine = self._keeper.opened(self)
        try:
            self._link = self._keeper.hub.attach(
                self,
                path=visit.path,
                token=visit.token,
                subprotocol=visit.subprotocol,
                peer=self.peer,
                name=visit.name,
            )
        except Exception as error:
            self._failed(error)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """A frame came."""
        self._heard = True
        if self._closing:
            if frame.msg_type is CLOSE:
                transport.disconnect()
            return
        self._traffic.bytes_in += frame.payload_size
        try:
            if (
                frame.msg_type is BINARY
                and frame.fin
                and self._assembler.between
                and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
            ):
                if self._link is not None:
                    self._link.received(frame.get_payload_as_bytes())
            else:
                self._uncommon(frame)
        except Exception as error:
            self._failed(error)

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._paused = False
        if self._pong is not None and not self._closing:
            self._transport.send_pong(self._pong)
        self._pong = None
        if self._link is not None:
            self._link.writable()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """The connection is gone."""
        said = transport.close_handshake
        if not self._closing and said is not None and said.sent is not None:
            self._traffic.closed[said.sent.code.value] += 1  # picows refused a frame
        self._closing = True
        if self._cut is not None:
            self._cut.cancel()
        self._keeper.closed(self, self._mine)
        self._lost()

    # As the server sees it

    def look_after(self) -> None:
        """Once a round: ping a silent peer, cut a dead one."""
        waiting = self._waiting()
        if self._heard or 0 < waiting < self._backlog:
            self._silent = 0
        else:
            self._silent += 1
        self._heard, self._backlog, self._controls = False, waiting, 0
        if self._silent == 1 and not self._closing:
            self._transport.send_ping()
        elif self._silent > 1 and not self._receiving():
            log.info("%s has not answered and is cut off", self.peer)
            self.cut()

    def hold(self) -> None:
        """Leave what the peer sends in the kernel, until the goodbye."""
        below = self._transport.underlying_transport
        if not below.is_closing():
            below.pause_reading()

    def cut(self) -> None:
        """End the connection without a word."""
        self._transport.disconnect(False)

    # Inside

    def _failed(self, error: Exception) -> None:
        if isinstance(error, RemoteProtocolError):
            self.close(error.close_code, str(error))
        else:
            log.error("the relay failed over %s", self, exc_info=error)
            self.close(1011, "the relay failed over this connection")
        self._lost()

    def _uncommon(self, frame: picows.WSFrame) -> None:
        kind = Opcode(frame.msg_type.value)
        if kind >= Opcode.CLOSE:
            self._controls += 1
            if self._controls > MAX_CONTROLS:
                raise BadFrame("too many control frames", close_code=1008)
        taken = self._assembler.take(
            kind,
            frame.get_payload_as_bytes(),
            fin=bool(frame.fin),
            reserved=bool(frame.rsv1 or frame.rsv2 or frame.rsv3),
        )
        match taken:
            case bytes() | str() if self._link is not None:
                self._link.received(taken)
            case Ping(payload) if self._paused:
                self._pong = payload
            case Ping(payload):
                self._transport.send_pong(payload)
            case Closing(code):
                self._goodbye(code, "")
                self._transport.disconnect()
                self._lost()

    def _goodbye(self, code: int | None, reason: str) -> None:
        self._closing = True
        below = self._transport.underlying_transport
        if not below.is_closing():
            below.resume_reading()
        if code is None:
            self._transport.send(CLOSE, b"")
        else:
            # Any number goes: what picows' stub has is an enum of the registered ones.
            self._transport.send_close(code, close_reason(reason))  # type: ignore[arg-type]
        self._cut = asyncio.get_running_loop().call_later(
            self._keeper.limits.close_timeout, self.cut
        )

    def _lost(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.lost()

    def _receiving(self) -> bool:
        """Whether bytes came in this round, though no frame was finished (Linux knows)."""
        if sys.platform != "linux":
            return False
        below: socket.socket = self._transport.underlying_transport.get_extra_info("socket")
        info = below.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV_AT + 4)
        silent_ms = int.from_bytes(info[_LAST_DATA_RECV_AT:], sys.byteorder)
        return silent_ms < self._keeper.limits.round_s * 1000
