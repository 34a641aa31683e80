"""What nearly every frame of a y-websocket client is, told at a glance.

A seated client types, or moves: such a frame holds one field, which a room takes as it is. What
is not exactly that is left to :mod:`.messages`, which says what is wrong with it.
"""

from __future__ import annotations

from ..crdt.lib0 import read_var_uint
from ..errors import MalformedBytes

__all__ = ["awareness_in", "update_in"]


def update_in(frame: bytes) -> bytes | None:
    r"""The update of a frame that is a whole Update of y-websocket; None if it is anything else.

    >>> update_in(bytes.fromhex("0002020000"))
    b'\x00\x00'
    """
    return _rest(frame, 2) if frame[:2] == b"\0\2" else None


def awareness_in(frame: bytes) -> bytes | None:
    r"""The update of a frame that is a whole Awareness; None if it is anything else.

    >>> awareness_in(bytes.fromhex("010100"))
    b'\x00'
    """
    return _rest(frame, 1) if frame[:1] == b"\1" else None


def _rest(frame: bytes, at: int) -> bytes | None:
    """The bytes of which the rest of a frame consists, their length in front."""
    try:
        length = frame[at]
        at += 1
        if length > 127:
            length, at = read_var_uint(frame, at - 1)
    except (IndexError, MalformedBytes):
        return None
    return frame[at:] if len(frame) - at == length else None
