"""The one token: who its bearer is, until when, and which rooms are open to him.

A token is a JWT (RFC 7519) signed with HS256. Rules:

1. The algorithm is ours, never the token's: its header decides nothing.
2. ``sub`` and ``exp`` must be there. ``nbf`` is kept to; ``iat`` is only told. A token
   with an ``aud`` was made for somebody else. Unknown claims say nothing.
3. ``read`` and ``write`` list patterns of rooms; writing implies reading, and what is not
   listed is not allowed. With ``forward`` he who writes may bring what others wrote, under
   the client ids that are theirs: that is for other servers.
4. A pattern is written like the name of a room, ``[project~]session[/document]``, and
   leaves out what a name leaves out: ``notes`` is ``default~notes/main`` and no other.
   It is matched part by part against project, session and the segments of the
   document: ``*`` is any one of them, ``**`` at the end is all the rest, one or more.
   Nothing else is special, and a part is never matched in part.

   ==================  =======================================================
   ``notes``           the main document of one session
   ``notes/**``        all its documents
   ``acme~*``          the main document of every session of a project
   ``acme~**``         all documents of all sessions of a project
   ``*~**``            everything
   ==================  =======================================================

5. No error holds the token, or a part of it.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeAlias

import jwt
import msgspec

from ..errors import InvalidName, InvalidToken
from ..ids import RoomName

__all__ = ["MIN_KEY_BYTES", "Action", "Claims", "allows", "check_key", "mint", "verify"]

Action: TypeAlias = Literal["read", "write"]

_ALGORITHM = "HS256"

# HS256 signs with 256 bits. RFC 7518 §3.2: a key as long, or the key is what is guessed.
MIN_KEY_BYTES = 32

# Proxies and servers refuse longer request lines and headers.
_MAX_TOKEN_CHARACTERS = 8192

# A subject stands in every row of the log and in log lines.
_MAX_SUBJECT_CHARACTERS = 255

# Beyond this a JSON number is no integer to everybody (RFC 8259 §6).
_MAX_TIME = (1 << 53) - 1


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token says. Times are Unix seconds.

    Attributes:
        sub: The bearer, such as ``user:ada``.
        exp: The first second in which it no longer holds.
        read: Patterns of the rooms he may read.
        write: Patterns of the rooms he may read and write.
        iat: When it was made.
        nbf: The first second in which it holds.
        forward: Whether he may bring what others wrote.
    """

    sub: str
    exp: int
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    iat: int | None = None
    nbf: int | None = None
    forward: bool = False


def mint(claims: Claims, key: bytes, *, now: int) -> str:
    """Sign a token that says this; ``iat`` is now unless the claims have their own.

    Raises:
        InvalidToken: It would not be accepted, by what it says or by how short the key is.

    >>> claims = Claims("user:ada", exp=2000, write=("notes/**",))
    >>> verify(mint(claims, b"k" * 32, now=1000), b"k" * 32, now=1999).sub
    'user:ada'
    """
    check_key(key)
    made = msgspec.structs.replace(claims, iat=now if claims.iat is None else claims.iat)
    payload: dict[str, Any] = msgspec.to_builtins(made)
    _check(made, now)
    return jwt.encode(payload, key, algorithm=_ALGORITHM)


def verify(token: str, key: bytes, *, now: float) -> Claims:
    """Read a token that somebody showed. Ask :func:`allows` what it opens.

    Raises:
        InvalidToken: It proves nothing.
    """
    check_key(key)
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise InvalidToken(f"it is longer than {_MAX_TOKEN_CHARACTERS} characters")
    try:
        # Time is ours to judge: the library would ask the clock.
        payload = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            options={
                "require": ["sub", "exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_sub": False,
            },
        )
        claims = _read(payload)
    except jwt.MissingRequiredClaimError as error:
        raise InvalidToken(f"it has no {error.claim}") from None
    except jwt.InvalidAudienceError:
        raise InvalidToken("it was made for another service") from None
    except jwt.InvalidSignatureError:
        raise InvalidToken("its signature is not of this key") from None
    except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        raise InvalidToken("it is malformed") from None
    _check(claims, now)
    return claims


def allows(claims: Claims, action: Action, room: RoomName) -> bool:
    """Whether a token opens a room for reading or for writing.

    >>> claims = Claims("user:ada", exp=2000, read=("acme~*",), write=("acme~plan/**",))
    >>> allows(claims, "read", RoomName.parse("acme~notes"))
    True
    >>> allows(claims, "write", RoomName.parse("acme~notes"))
    False
    >>> allows(claims, "write", RoomName.parse("acme~plan/budget/2027"))
    True
    """
    patterns = claims.write if action == "write" else claims.read + claims.write
    parts = (room.project, room.session, *room.document.split("/"))
    return any(_matches(_parts(pattern), parts) for pattern in patterns)


class _Payload(msgspec.Struct):
    """As :class:`Claims`; JavaScript's `Date.now() / 1000` has a fraction."""

    sub: str
    exp: int | float
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    iat: int | float | None = None
    nbf: int | float | None = None
    forward: bool = False


def _read(payload: dict[str, Any]) -> Claims:
    found = msgspec.convert(payload, _Payload)
    return Claims(
        sub=found.sub,
        exp=_seconds(found.exp),
        read=found.read,
        write=found.write,
        iat=None if found.iat is None else _seconds(found.iat),
        nbf=None if found.nbf is None else _seconds(found.nbf),
        forward=found.forward,
    )


def _seconds(time: float) -> int:
    if not 0 <= time <= _MAX_TIME:
        raise ValueError("not a time")
    return int(time)


def check_key(key: bytes) -> None:
    """Make sure that a key proves something. Raises InvalidToken."""
    if len(key) < MIN_KEY_BYTES:
        raise InvalidToken(f"the key is shorter than {MIN_KEY_BYTES} bytes")


def _check(claims: Claims, now: float) -> None:
    if claims.exp <= now:
        raise InvalidToken("it has expired")
    if claims.nbf is not None and claims.nbf > now:
        raise InvalidToken("it does not hold yet")
    sub = claims.sub
    if not sub or len(sub) > _MAX_SUBJECT_CHARACTERS or not sub.isprintable():
        raise InvalidToken("its subject is no name")
    for pattern in claims.read + claims.write:
        _parts(pattern)


@functools.lru_cache(maxsize=1024)
def _parts(pattern: str) -> tuple[str, ...]:
    """Split a pattern into what its parts must be. Raises InvalidToken."""
    try:
        name = RoomName.parse(pattern)
    except InvalidName:
        raise InvalidToken("a pattern in it cannot be the name of a room") from None
    parts: tuple[str, ...] = (name.project, name.session, *name.document.split("/"))
    if name.session == "**" and "/" not in pattern:
        parts = parts[:2]
    if "**" in parts[:-1]:
        raise InvalidToken("a pattern in it has ** before its end")
    if any("*" in part and part not in ("*", "**") for part in parts):
        raise InvalidToken("a pattern in it has * beside other characters")
    return parts


def _matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        if len(parts) <= len(pattern):
            return False
        parts = parts[: len(pattern)]
    return len(pattern) == len(parts) and all(
        want in ("*", part) for want, part in zip(pattern, parts, strict=True)
    )
