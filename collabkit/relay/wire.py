"""One WebSocket of the bundled server: between picows and the hub's link.

Rules:

1. The hub writes straight to the transport: ``send`` is picows' own function, bound. The common
   frame in, binary and whole, takes no more than one copy of its payload.
2. A pong is owed to the newest ping only (RFC 6455 §5.5.3), and not while the peer reads slower
   than we write: nothing a peer can ask for grows our buffers.
3. Both sides say goodbye and then the connection is cut; after the first goodbye nothing that
   comes is taken, and whoever does not answer it in time is cut as well.
4. Who sends faster than his rate is read more slowly; who does not stop in ten minutes is sent
   away. A room that has too much on its way slows those who write to it down in the same way.
5. Bytes that are in no message yet are bounded: for a connection by the largest message, before
   anybody was let in by what may be held for it, and for all connections together.
6. A message above the limit is answered at once, and the connection held open and unread: a stock
   client that is let go is back at once, with the same message.
7. One round without any sign of life (:mod:`.pulse`) brings a ping, a second one in a row the cut.
8. ``lost`` is told to the link once, whoever ended it, and never from within a call of the hub.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Protocol

import msgspec
import picows

from ..errors import BadFrame, RemoteProtocolError
from ..sync.hub import Hub, Link
from ..sync.limits import Meter
from ..sync.seat import HIGH_WATER_BYTES
from .frames import Assembler, Closing, Opcode, Ping, close_reason
from .hoard import Hoard
from .limits import Limits
from .metrics import Traffic
from .parser import LONG_BYTES, Below, Deaf, Parser
from .pulse import Pulse
from .upgrade import Visit

__all__ = ["Wire"]

log = logging.getLogger(__name__)

BINARY = picows.WSMsgType.BINARY
CLOSE = picows.WSMsgType.CLOSE
# More control frames than this between two rounds are not keep-alive.
MAX_CONTROLS = 1000
# Before anybody was let in. Stock clients say two short things and wait.
MAX_UNADMITTED_BYTES = 1 << 20


class Keeper(Protocol):
    """Who keeps the wires of a server."""

    hub: Hub
    traffic: Traffic
    limits: Limits
    hoard: Hoard

    def opened(self, wire: Wire) -> int:
        """Take a wire in; what it returns is shown at the end."""
        ...

    def closed(self, wire: Wire, mine: int) -> None:
        """Let a wire go."""
        ...


class Wire(picows.WSListener):
    """A connected client, as picows sees it (``on_ws_*``) and as the hub does (the rest).

    Args:
        keeper: Who keeps it.
        visit: Who it is.
        transport: Where it is.

    Attributes:
        name: What it is called in the log.
        visit: Who it is, without its token.
        unread: Bytes that came and were in no message yet.
        swollen: Whether that was more than a little, since the parser is a new one.
    """

    __slots__ = (
        "_assembler",
        "_below",
        "_closing",
        "_controls",
        "_cut",
        "_deaf",
        "_keeper",
        "_link",
        "_meter",
        "_mine",
        "_pong",
        "_pulse",
        "_rest",
        "_speaker",
        "_traffic",
        "_transport",
        "clogged",
        "name",
        "send",
        "swollen",
        "unread",
        "visit",
    )

    send: Callable[[bytes], None]

    def __init__(self, keeper: Keeper, visit: Visit, transport: asyncio.Transport) -> None:
        self.name = visit.connection
        self.unread = 0
        self.swollen = False
        self.clogged = False
        self._keeper = keeper
        self._traffic = keeper.traffic
        self._transport = transport
        self._below = Below(transport, self._ended)
        self._assembler = Assembler(max_message_bytes=keeper.limits.max_message_bytes)
        self._meter = Meter(keeper.limits.rate, now=keeper.hub.now())
        self._speaker: picows.WSTransport
        self._link: Link | None = None
        self._pulse = Pulse(keeper.limits.round_s)
        self._controls = 0
        self._pong: bytes | None = None
        self._closing = False
        self._deaf = False
        self._cut: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        # The hub waits above this mark for the word that it may go on: it must come.
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self.visit = msgspec.structs.replace(visit, token=None)
        self._mine = keeper.opened(self)

    def begin(self, token: str | None, rest: bytes) -> None:
        """Join the hub, with what came behind the handshake."""
        parser = self._parse_anew()
        visit = self.visit
        try:
            self._link = self._keeper.hub.attach(
                self,
                path=visit.path,
                token=token,
                subprotocol=visit.subprotocol,
                peer=visit.peer,
                name=visit.name,
                label=self.name,
            )
        except Exception as error:
            self._failed(error)
        parser.feed(rest)

    def __repr__(self) -> str:
        return f"<Wire {self.name} to {self.visit.peer}{', closing' if self._closing else ''}>"

    # As the hub sees it

    @property
    def buffered_bytes(self) -> int:
        """What was sent and the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the connection is cut when the peer has answered, or does not."""
        if not self._closing:
            self._traffic.closed[code] += 1
            self._goodbye(code, reason)

    def rest(self, seconds: float) -> None:
        """Leave what the peer sends in the kernel for a time, so that it sends less."""
        if self._rest is None and not self._closing and not self._transport.is_closing():
            self._traffic.rests += seconds > 0
            self._transport.pause_reading()
            self._rest = asyncio.get_running_loop().call_later(seconds, self._rested)

    # As picows sees it

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """A parser is ready. All is said through the first one's transport: rooms keep `send`."""
        if not hasattr(self, "_speaker"):
            self._speaker = transport
            self.send = functools.partial(transport.send, BINARY)
        # picows keeps both heads as long as the connection.
        transport.request.headers.clear()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """A frame came."""
        self._pulse.heard = True
        if self._closing:
            if frame.msg_type is CLOSE and not self._deaf:
                self._transport.close()
            return
        size = frame.payload_size
        self._traffic.bytes_in += size
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
            if self._assembler.between and self._link is not None and self._link.places:
                self.unread = frame.tail_size
            if self._meter.spend(size):
                self._too_fast()
        except Exception as error:
            self._failed(error)

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self.clogged = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.clogged = False
        if self._pong is not None and not self._closing:
            self._speaker.send_pong(self._pong)
        self._pong = None
        if self._link is not None:
            self._link.writable()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """The connection is gone."""
        self.gone()

    # As its parser sees it

    def swelled(self) -> bool:
        """Much is unread; False if no more may be."""
        self.swollen = True
        if self._link is not None and self._link.places:
            self._keeper.hoard.hold(self, self.unread)
        elif self.unread > MAX_UNADMITTED_BYTES:
            self._failed(BadFrame("too much was sent before anybody was let in", close_code=1008))
            self._deafen(self._keeper.limits.close_timeout)
        return not self._deaf

    def eased(self) -> None:
        """After it had swollen, something was read."""
        if self.unread <= LONG_BYTES:
            self._keeper.hoard.release(self)
        if not self.unread and not self._closing:
            self.swollen = False
            self._parse_anew()

    def refused(self, transport: picows.WSTransport) -> None:
        """The parser has sent a close frame, which counts as ours."""
        if self._closing:
            return
        said = transport.close_handshake
        code = said.sent.code.value if said is not None and said.sent is not None else 1002
        self._traffic.closed[code] += 1
        self._part(code)
        self._lost()

    def gone(self) -> None:
        """The connection is lost."""
        self._closing = True
        for timer in (self._cut, self._rest):
            if timer is not None:
                timer.cancel()
        self._keeper.hoard.release(self)
        self._keeper.closed(self, self._mine)
        self._lost()

    def overrun(self) -> None:
        """Too much is unread of all connections together, and this one took longest."""
        self.close(1013, "too many long messages at once")
        self._deafen(0.0)

    # As the server sees it

    def look_after(self) -> None:
        """Once a round: ping a silent peer, cut a dead one."""
        self._controls = 0
        silent = self._pulse.silent(self.buffered_bytes, self._transport)
        if silent == 1 and not self._closing:
            self._speaker.send_ping()
        elif silent > 1:
            log.info("%s has not answered and is cut off", self, extra={"connection": self.name})
            self.cut()

    def hold(self) -> None:
        """Leave what the peer sends in the kernel, until the goodbye."""
        if self._rest is not None:
            self._rest.cancel()
        elif not self._closing and not self._transport.is_closing():
            self._transport.pause_reading()

    def cut(self) -> None:
        """End the connection without a word."""
        self._transport.abort()

    # Inside

    def _parse_anew(self) -> Parser:
        parser = Parser(self, max_frame_bytes=self._keeper.limits.max_message_bytes)
        self._transport.set_protocol(parser)
        parser.begin(self._below)
        return parser

    def _failed(self, error: Exception) -> None:
        if isinstance(error, RemoteProtocolError):
            self.close(error.close_code, str(error))
        else:
            log.error(
                "the relay failed over %s", self, exc_info=error, extra={"connection": self.name}
            )
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
            case Ping(payload) if self.clogged:
                self._pong = payload
            case Ping(payload):
                self._speaker.send_pong(payload)
            case Closing(code):
                self._goodbye(code, "")
                self._transport.close()
                self._lost()

    def _too_fast(self) -> None:
        now, limits = self._keeper.hub.now(), self._keeper.limits
        seconds = self._meter.rest(now=now)
        if not seconds:
            return
        if self._meter.flooding_s(now=now) >= limits.flood_timeout:
            self.close(4429, "too much has been sent for too long")
            self._lost()
        else:
            self.rest(seconds)

    def _rested(self) -> None:
        self._rest = None
        if not self._closing and not self._transport.is_closing():
            self._transport.resume_reading()

    def _goodbye(self, code: int | None, reason: str) -> None:
        if code is None:
            self._speaker.send(CLOSE, b"")
        else:
            # Any number goes: what picows' stub has is an enum of the registered ones.
            self._speaker.send_close(code, close_reason(reason))  # type: ignore[arg-type]
        self._part(code)

    def _part(self, code: int | None) -> None:
        """A close frame is on its way: wait for the answer, or let the peer wait."""
        self._closing = True
        if self._rest is not None:
            self._rest.cancel()
        if not self._transport.is_closing():
            self._transport.resume_reading()
        if code == 1009:
            self._deafen(self._keeper.limits.refusal_hold)
        else:
            later = asyncio.get_running_loop().call_later
            self._cut = later(self._keeper.limits.close_timeout, self.cut)

    def _deafen(self, seconds: float) -> None:
        """Hear no more, and end the connection after a time."""
        if self._cut is not None:
            self._cut.cancel()
        self._deaf = True
        self._keeper.hoard.release(self)
        plain = self._transport.get_extra_info("sslcontext") is None
        self._transport.set_protocol(Deaf(self, half_open=plain and seconds > 0))
        self._cut = asyncio.get_running_loop().call_later(seconds, self._transport.close)

    def _ended(self) -> None:
        """The parser wants the connection to end, since it cannot read on."""
        if not self._deaf:
            self._transport.close()

    def _lost(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.lost()
