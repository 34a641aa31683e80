"""What a socket speaks: a stock client's words, or our own and in which version.

The subprotocol that both ends agreed on tells our own. A stock client is known by what it says
first, since neither of the two asks for a subprotocol of its name.
"""

from __future__ import annotations

import enum

from ..errors import RemoteProtocolError
from .messages import SyncStep1, read

__all__ = ["PROTOCOL_VERSION", "SUBPROTOCOL", "SUBPROTOCOLS", "Dialect", "told_by"]

SUBPROTOCOL = "collabkit.3"
PROTOCOL_VERSION = 3
# What peers may agree on, the best first, and the version that each means. Version 1 knows no
# epoch, no PackedRow and no Digest, version 2 no Receipt and no Standing, and is sent none.
SUBPROTOCOLS = {SUBPROTOCOL: PROTOCOL_VERSION, "collabkit.2": 2, "collabkit.1": 1}


class Dialect(enum.Enum):
    """What a socket speaks."""

    UNTOLD = "untold"
    YWEBSOCKET = "y-websocket"
    HOCUSPOCUS = "hocuspocus"
    COLLABKIT = "collabkit"


def told_by(first: bytes) -> Dialect:
    """Which of the stock dialects a socket speaks, by its first frame.

    Byte 0 alone does not tell: a Hocuspocus address may be empty, and is then refused.
    """
    if first[:2] == b"\x00\x00":
        try:
            message = read(first)
        except RemoteProtocolError:
            return Dialect.HOCUSPOCUS
        if isinstance(message, SyncStep1) and message.vector:
            return Dialect.YWEBSOCKET
    return Dialect.HOCUSPOCUS
