"""Hocuspocus: the second dialect of the same messages (providers 2, 3 and 4).

Grammar::

    frame    = varString(address) body | 9 | 10        9 and 10 (ping, pong) stand alone
    address  = name [NUL session]                      session: provider 4, sessionAwareness
    body     = 0 sync | 1 awareness | 3 query          as in messages.py
             | 2 0 varString(token) [varString(version)]      client → relay, version from 4 on
             | 2 0                                             relay → client: TokenRequest
             | 2 1 varString(reason)                           relay → client: PermissionDenied
             | 2 2 varString("read-write" | "readonly")        relay → client: Authenticated
             | 5 varString(payload)                    stateless
             | 7 [varString(reason)]                   close this address, not the socket
             | 8 (0 | 1)                               relay → client: SyncStatus

Rules:

1. Replies carry the address exactly as it came; the part before NUL names the room.
2. Types 4 and 6 are for servers among themselves; a client that sends them is broken.
3. Nothing that an old provider throws on is ever written: no 4, 6, 9, no 7 to a
   provider that did not say its version.
4. A token can be shown again on an address that is open (provider 3 and later: ``sendToken``),
   and asked for: provider 3 and later answer by Authenticate, provider 2 takes no notice.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..crdt.lib0 import read_var_string, read_var_uint, var_string
from ..errors import BadFrame
from .messages import Denied, Message, read_body, write

__all__ = [
    "Authenticate",
    "Authenticated",
    "CloseAddress",
    "HocuspocusMessage",
    "Pong",
    "Stateless",
    "SyncStatus",
    "TokenRequest",
    "read_hocuspocus",
    "room_part",
    "write_hocuspocus",
]


class Authenticate(msgspec.Struct, frozen=True, gc=False):
    """Let me in. Providers send an empty token when they have none."""

    token: str
    version: str | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return f"Authenticate(token=…, version={self.version!r})"


class Authenticated(msgspec.Struct, frozen=True, gc=False):
    """You are in."""

    can_write: bool


class TokenRequest(msgspec.Struct, frozen=True, gc=False):
    """Your token is about to end: show another."""


class Stateless(msgspec.Struct, frozen=True, gc=False):
    """An application's own message. The relay takes and drops it."""

    payload: str


class CloseAddress(msgspec.Struct, frozen=True, gc=False):
    """This address is left; others on the socket stay."""

    reason: str | None = None


class SyncStatus(msgspec.Struct, frozen=True, gc=False):
    """The oldest unanswered SyncStep2 or Update is on disk, or was refused."""

    stored: bool


class Pong(msgspec.Struct, frozen=True, gc=False):
    """Bare answer to a ping."""


HocuspocusMessage: TypeAlias = (
    Message
    | Authenticate
    | Authenticated
    | TokenRequest
    | Stateless
    | CloseAddress
    | SyncStatus
    | Pong
)


def room_part(address: str) -> str:
    r"""The room's name in an address.

    >>> room_part("notes\x00tab-1")
    'notes'
    """
    return address.partition("\x00")[0]


def read_hocuspocus(frame: bytes) -> tuple[str, HocuspocusMessage]:
    r"""Read one frame that a provider sent: its address, and its message.

    Raises:
        BadFrame: A type that providers do not send, or bytes behind the message.
        MalformedBytes: It ends too early or does not parse.

    >>> read_hocuspocus(bytes.fromhex("03646f6300000100"))
    ('doc', SyncStep1(vector=b'\x00'))
    """
    if frame == b"\x0a":
        return "", Pong()
    address, at = read_var_string(frame, 0)
    kind, at = read_var_uint(frame, at)
    message: HocuspocusMessage
    if kind == 2:
        message, at = _read_authenticate(frame, at)
    elif kind == 5:
        payload, at = read_var_string(frame, at)
        message = Stateless(payload)
    elif kind == 7:
        message = CloseAddress()
        if at < len(frame):
            reason, at = read_var_string(frame, at)
            message = CloseAddress(reason)
    else:
        message, at = read_body(frame, kind, at)
    if at != len(frame):
        raise BadFrame(f"{len(frame) - at} bytes behind the message")
    return address, message


def _read_authenticate(frame: bytes, at: int) -> tuple[Authenticate, int]:
    form, at = read_var_uint(frame, at)
    if form != 0:
        raise BadFrame(f"a client does not send auth message {form}")
    token, at = read_var_string(frame, at)
    if at == len(frame):
        return Authenticate(token), at
    version, at = read_var_string(frame, at)
    return Authenticate(token, version), at


def write_hocuspocus(address: str, message: HocuspocusMessage) -> bytes:
    """Write one frame for a provider.

    >>> write_hocuspocus("doc", SyncStatus(stored=True)).hex()
    '03646f630801'
    """
    prefix = var_string(address)
    match message:
        case Denied(reason):
            return prefix + b"\x02\x01" + var_string(reason)
        case Authenticated(can_write):
            return prefix + b"\x02\x02" + var_string("read-write" if can_write else "readonly")
        case Authenticate(token, version):
            return (
                prefix + b"\x02\x00" + var_string(token) + (var_string(version) if version else b"")
            )
        case TokenRequest():
            return prefix + b"\x02\x00"
        case Stateless(payload):
            return prefix + b"\x05" + var_string(payload)
        case CloseAddress(reason):
            return prefix + b"\x07" + (b"" if reason is None else var_string(reason))
        case SyncStatus(stored):
            return prefix + (b"\x08\x01" if stored else b"\x08\x00")
        case Pong():
            return b"\x0a"
        case _:
            return prefix + write(message)
