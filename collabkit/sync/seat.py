"""One member's place in a room: how to write to him, and what waits for him.

The way out is the hottest path of a relay, so its common case decides nothing: a seat whose
socket takes bytes and that nothing waits for is written to at once, with the frame that all
its neighbours get (see :attr:`Seat.send`).
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from .events import CaughtUp
from .messages import Message
from .sendqueue import SendQueue

__all__ = ["HIGH_WATER_BYTES", "Seat", "Socket"]

# Below this the kernel and the transport smooth bursts out; above it a reader is slow.
HIGH_WATER_BYTES = 64 * 1024


class Outlet(Protocol):
    """The socket of a seat, as a room sees it."""

    @property
    def clogged(self) -> bool:
        """Whether more is written than the kernel has taken and than is worth smoothing out.

        Who says so tells when it is over: :meth:`collabkit.sync.link.Link.writable`.
        """
        ...

    def send(self, frame: bytes) -> None:
        """Write one binary message; must not block."""
        ...


class Socket(Outlet, Protocol):
    """What a shell gives the hub."""

    @property
    def buffered_bytes(self) -> int:
        """Written, and not yet taken by the kernel."""
        ...

    def rest(self, seconds: float) -> None:
        """Take no more from the other end for a while; what it sends waits with it."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the socket; the shell answers with :meth:`collabkit.sync.link.Link.lost`."""
        ...


class Speaker(Protocol):
    """The connection of a seat, as a room sees it."""

    def encode(self, address: str, message: Message, *, now: float) -> bytes | None:
        """Write a message in the socket's dialect, if it has a word for it."""
        ...


class Seat:
    """One member's place.

    Args:
        prefix: What stands before a y-websocket frame to make it one of his socket's.

    Attributes:
        send: The socket's own function. It overtakes what ``waits``, and a socket may be clogged.
        waits: Whether something is queued, or was dropped and must be made up for.
        deaf: Whether the dialect has no word for an Ack.
    """

    __slots__ = (
        "address", "deaf", "member", "outlet", "prefix", "queue", "send", "speaker", "waits",
    )  # fmt: skip

    def __init__(
        self,
        member: int,
        outlet: Outlet,
        speaker: Speaker,
        address: str,
        prefix: bytes,
        *,
        deaf: bool = False,
    ) -> None:
        self.member = member
        self.outlet = outlet
        self.speaker = speaker
        self.address = address
        self.prefix = prefix
        self.queue = SendQueue()
        self.send = outlet.send
        self.waits = False
        self.deaf = deaf

    def __repr__(self) -> str:
        return f"<Seat {self.member}, {self.queue!r}>"

    def write(self, message: Message, frame: bytes | None, now: float) -> bool:
        """Send or queue; False if the reader is beyond hope.

        Args:
            message: What to say.
            frame: The same in y-websocket's words, if all dialects say it with these.
            now: Unix time in seconds.
        """
        if self.waits or self.outlet.clogged:
            taken = self.queue.put(message)
            self.waits = True
            return taken
        self._send(message, frame, now)
        return True

    def _send(self, message: Message, frame: bytes | None, now: float) -> None:
        if frame is not None:
            self.send(self.prefix + frame if self.prefix else frame)
            return
        frame = self.speaker.encode(self.address, message, now=now)
        if frame is not None:
            self.send(frame)

    def drain(self, now: float) -> CaughtUp | None:
        """The socket takes bytes again: send what waits, then tell what is missing."""
        self.waits = False
        for message in self.queue.take():
            self._send(message, None, now)
        lag = self.queue.caught_up()
        return None if lag is None else CaughtUp(self.member, *msgspec.structs.astuple(lag))
