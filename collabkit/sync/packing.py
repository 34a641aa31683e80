"""Rows that leave compressed, to those who know how to read them.

A document of 6 MB is sent to everyone who joins, and shrinks to a third or less; a keystroke
is not worth the call.

Rules:

1. A row is packed once, whoever it is for, and only if that makes it clearly smaller.
2. The size of what is inside is told, and held to a limit **before** anything is inflated. What
   inflates to another size than that, or goes on behind its end, is no row.
"""

from __future__ import annotations

import zlib

from ..errors import BadFrame
from .messages import PackedRow, Row

__all__ = ["MAX_ROW_BYTES", "pack", "unpack"]

# What a channel takes as one message: what is packed is held to it as what is not.
MAX_ROW_BYTES = 64 * 1024 * 1024
# Below this a row fits into a few packets, and a packed one into hardly fewer.
MIN_PACKED_BYTES = 16 * 1024
# Level 1 packs 100 MB a second and gains nearly all there is to gain in an update.
LEVEL = 1


def pack(row: Row) -> PackedRow | None:
    """Compress a row; None if it is small, or does not shrink by a tenth.

    >>> packed = pack(Row(7, bytes(100_000)))
    >>> packed.size, len(packed.body) < 1000
    (100000, True)
    """
    size = len(row.update)
    if size < MIN_PACKED_BYTES or size > MAX_ROW_BYTES:
        return None
    body = zlib.compress(row.update, LEVEL)
    return PackedRow(row.seq, size, body) if len(body) < size * 0.9 else None


def unpack(packed: PackedRow) -> Row:
    """Inflate a row.

    Raises:
        BadFrame: It is too large, or is not what it says.

    >>> unpack(pack(Row(7, bytes(100_000)))) == Row(7, bytes(100_000))
    True
    """
    if packed.size > MAX_ROW_BYTES:
        raise BadFrame(f"a row of {packed.size} bytes", close_code=1009)
    inflating = zlib.decompressobj()
    try:
        # One more than was told, so that a stream with more inside does not pass for its beginning.
        update = inflating.decompress(packed.body, packed.size + 1)
    except zlib.error as error:
        raise BadFrame(f"a packed row does not inflate: {error}") from None
    if len(update) != packed.size or not inflating.eof or inflating.unused_data:
        raise BadFrame("a packed row is not of the size that it tells")
    return Row(packed.seq, update)
