"""Whether somebody at the other end is alive.

A peer lives if since the last round a frame came, or the bytes that wait for it became fewer, or
the kernel is in the middle of receiving a long frame.
"""

from __future__ import annotations

import asyncio
import socket
import sys

__all__ = ["Pulse"]

# Where tcpi_last_data_recv stands in Linux' struct tcp_info: after 8 bytes and 11 words.
_LAST_DATA_RECV_AT = 52


class Pulse:
    """The signs of life of one connection.

    Args:
        round_s: How far its rounds are apart, in seconds.

    Attributes:
        heard: Whether a frame came since the last round.
    """

    __slots__ = ("_backlog", "_round_s", "_silent", "heard")

    def __init__(self, round_s: float) -> None:
        self.heard = True
        self._round_s = round_s
        self._silent = 0
        self._backlog = 0

    def __repr__(self) -> str:
        return f"<Pulse {'heard' if self.heard else f'silent for {self._silent} rounds'}>"

    def silent(self, waiting_bytes: int, transport: asyncio.Transport) -> int:
        """A round: for how many it has been silent."""
        if self.heard or 0 < waiting_bytes < self._backlog:
            self._silent = 0
        elif self._silent < 1 or not self._receiving(transport):
            self._silent += 1
        self.heard, self._backlog = False, waiting_bytes
        return self._silent

    def _receiving(self, transport: asyncio.Transport) -> bool:
        """Whether bytes came in this round, though no frame was finished (Linux knows)."""
        if sys.platform != "linux":
            return False
        below: socket.socket = transport.get_extra_info("socket")
        info = below.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV_AT + 4)
        silent_ms = int.from_bytes(info[_LAST_DATA_RECV_AT:], sys.byteorder)
        return silent_ms < self._round_s * 1000
