"""What a relay lets its sockets cost it."""

from __future__ import annotations

import msgspec

__all__ = ["DEFAULT_LIMITS", "Limits"]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one server. Times are in seconds.

    Attributes:
        max_connections: More are refused with 503; so are those for which no file is left.
        max_message_bytes: The largest update that a room takes is 16 MiB; around it is an envelope.
        handshake_timeout: From the accept to the whole request, TLS included.
        round_s: A client that is silent for one round is pinged, for two it is cut off.
        close_timeout: How long the answer to a close frame may take.
        drain_timeout: How long clients may take to leave when the relay goes.
    """

    max_connections: int = 10_000
    max_message_bytes: int = 17 << 20
    handshake_timeout: float = 5.0
    round_s: float = 20.0
    close_timeout: float = 5.0
    drain_timeout: float = 5.0


DEFAULT_LIMITS = Limits()
