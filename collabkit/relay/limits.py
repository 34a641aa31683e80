"""What a relay lets its sockets cost it."""

from __future__ import annotations

import msgspec

from ..sync.limits import Rate

__all__ = ["DEFAULT_LIMITS", "Limits"]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one server. Times are in seconds.

    Attributes:
        max_connections: More are refused with 503; so are those for which no file is left.
        max_per_address: Connections from one address, or one /64 of IPv6; more are refused with
            429. This machine's own addresses are not counted: they may be a proxy's.
        max_per_subject: Sockets of one subject that proved who it is; more are told 4429.
        max_documents: Documents on one Hocuspocus socket.
        max_message_bytes: The largest update that a room takes is 16 MiB; around it is an envelope.
        max_unfinished_bytes: Of messages above 64 KiB that have begun and not ended, of all
            connections together; beyond it the one that takes longest is told 1013.
        rate: What one connection may send. Who is faster is read more slowly.
        handshake_timeout: From the accept to the whole request, TLS included.
        round_s: A client that is silent for one round is pinged, for two it is cut off.
        flood_timeout: Who is beyond the rate for so long without a pause is told 4429.
        refusal_hold: How long a connection stays open, unread, after a message above the limit:
            stock clients that are let go at once are back at once, with the same message.
        close_timeout: How long the answer to a close frame may take.
        drain_timeout: How long clients may take to leave when the relay goes.
    """

    max_connections: int = 10_000
    max_per_address: int = 1_000
    max_per_subject: int = 1_000
    max_documents: int = 100
    max_message_bytes: int = 17 << 20
    max_unfinished_bytes: int = 256 << 20
    rate: Rate = Rate()
    handshake_timeout: float = 5.0
    round_s: float = 20.0
    flood_timeout: float = 600.0
    refusal_hold: float = 5.0
    close_timeout: float = 5.0
    drain_timeout: float = 5.0


DEFAULT_LIMITS = Limits()
