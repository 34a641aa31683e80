"""From WebSocket frames to messages: the part of RFC 6455 that picows leaves to its user.

The parser has cut the stream into frames, unmasked them, and refused unknown opcodes, unmasked
frames, bad length encodings, long or fragmented control frames, and data frames above the limit by
their header alone. What is left:

1. A reserved bit is 1 only if an extension gave it a meaning, and none is negotiated (§5.2): 1002.
2. A message is one data frame with FIN; or a data frame without it and then continuations, the last
   with FIN (§5.4). Any other order: 1002. Control frames may come in between (§5.5).
3. The fragments of a message together stay within the limit of one frame: 1009. So does their
   number, since empty ones add no bytes.
4. A text message is UTF-8 as a whole, not fragment by fragment (§8.1): 1007.
5. A close frame carries nothing, or a code that may be sent (§7.4) and a UTF-8 reason: 1002, 1007.
   It is answered with the code it came with, and with an empty frame if it came with none: a code
   of 0 on the wire reads as a failure at the other end.
6. A reason is at most 123 bytes (§5.5, less the code), cut between characters.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from ..errors import BadFrame

__all__ = ["MAX_FRAGMENTS", "Assembler", "Closing", "Opcode", "Ping", "Taken", "close_reason"]

# Far above what any client cuts a message into.
MAX_FRAGMENTS = 4096
# A control frame's 125 bytes, less the two of the close code.
MAX_REASON_BYTES = 123
# §7.4.1 and the IANA registry: what an endpoint may send. 1004-1006 and 1015 never travel.
_REGISTERED = frozenset({*range(1000, 1004), *range(1007, 1015)})


class Opcode(enum.IntEnum):
    """The frame kinds of §5.2."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Asks for a pong with the same payload; only the newest must be answered (§5.5.3)."""

    payload: bytes


class Closing(msgspec.Struct, frozen=True, gc=False):
    """The peer says goodbye. ``code`` is None if it gave none."""

    code: int | None
    reason: str


Taken: TypeAlias = bytes | str | Ping | Closing | None
"""What a frame brought: a whole message, something to answer, or nothing yet."""


class Assembler:
    """Joins the frames of one connection into messages.

    Args:
        max_message_bytes: The most that a message may have.

    Attributes:
        between: Whether no message is unfinished: a whole binary frame is then a message.

    >>> assembler = Assembler(max_message_bytes=100)
    >>> assembler.take(Opcode.TEXT, b"in ", fin=False)
    >>> assembler.take(Opcode.PING, b"?", fin=True)
    Ping(payload=b'?')
    >>> assembler.take(Opcode.CONTINUATION, b"pieces", fin=True)
    'in pieces'
    """

    __slots__ = ("_kind", "_limit", "_pieces", "_size", "between")

    def __init__(self, *, max_message_bytes: int) -> None:
        self.between = True
        self._limit = max_message_bytes
        self._kind = Opcode.BINARY
        self._pieces: list[bytes] = []
        self._size = 0

    def __repr__(self) -> str:
        if self.between:
            return "<Assembler between messages>"
        return f"<Assembler in a {self._kind.name.lower()} message, {self._size} bytes>"

    def take(self, kind: Opcode, payload: bytes, *, fin: bool, reserved: bool = False) -> Taken:
        """Take a frame; returns what it brought.

        Raises:
            BadFrame: It breaks a rule; the connection must be closed with its ``close_code``.
        """
        if reserved:
            raise BadFrame("a reserved bit is set and no extension was agreed")
        match kind:
            case Opcode.PING:
                return Ping(payload)
            case Opcode.PONG:
                return None
            case Opcode.CLOSE:
                return _read_close(payload)
            case _:
                return self._data(kind, payload, fin)

    def _data(self, kind: Opcode, payload: bytes, fin: bool) -> bytes | str | None:
        if kind is Opcode.CONTINUATION:
            if self.between:
                raise BadFrame("a continuation of nothing")
            kind = self._kind
        elif not self.between:
            raise BadFrame("a new message inside an unfinished one")
        self._size += len(payload)
        if self._size > self._limit:
            raise BadFrame(f"a message above {self._limit} bytes", close_code=1009)
        self._pieces.append(payload)
        if not fin:
            if len(self._pieces) > MAX_FRAGMENTS:
                raise BadFrame(f"a message in more than {MAX_FRAGMENTS} pieces", close_code=1009)
            self._kind, self.between = kind, False
            return None
        message = b"".join(self._pieces)
        self._size, self.between = 0, True
        self._pieces.clear()
        return message if kind is Opcode.BINARY else _utf8(message)


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadFrame("text that is not UTF-8", close_code=1007) from None


def _read_close(payload: bytes) -> Closing:
    if not payload:
        return Closing(None, "")
    if len(payload) == 1:
        raise BadFrame("half a close code")
    code = int.from_bytes(payload[:2], "big")
    if code not in _REGISTERED and not 3000 <= code <= 4999:
        raise BadFrame(f"a close code that nobody may send: {code}")
    return Closing(code, _utf8(payload[2:]))


def close_reason(reason: str) -> bytes:
    """Write a reason as a close frame carries it.

    >>> close_reason("später").decode(), len(close_reason("ä" * 100))
    ('später', 122)
    """
    said = reason.encode("utf-8", "replace")
    return said[:MAX_REASON_BYTES].decode("utf-8", "ignore").encode()
