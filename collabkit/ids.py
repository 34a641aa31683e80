"""Identifiers: their types, how they are made, and how rooms are named.

On the wire a room is named ``[project~]session[/document]``. Without them the
project is ``default`` and the document ``main``, so the plain name ``notes``
and the full one ``default~notes/main`` are the same room.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import NewType

import msgspec

from .errors import InvalidName

__all__ = [
    "GUARD",
    "ClientId",
    "Lineage",
    "RoomName",
    "Seq",
    "SessionId",
    "Subject",
    "is_anonymous",
    "new_client_id",
    "new_id",
]

SessionId = NewType("SessionId", str)
"""Opaque, unique for ever, sorts by time of creation (a UUIDv7 in hex)."""

Lineage = NewType("Lineage", str)
"""Which history a document has; two documents of one name and other lineages never merge."""

ClientId = NewType("ClientId", int)
"""A Yjs client id: below 2**53, fresh for each process start, never stored for reuse."""

Subject = NewType("Subject", str)
"""Who acts, such as ``user:ada`` or ``anonymous:ada``."""

GUARD = Subject("collabkit:guard")
"""Whoever puts back what somebody took away and may not."""


def is_anonymous(subject: str) -> bool:
    """Whether a subject has proved nothing: the name behind the colon is what it calls itself.

    >>> is_anonymous("anonymous:ada"), is_anonymous("user:ada")
    (True, False)
    """
    return subject.partition(":")[0] == "anonymous"


Seq = NewType("Seq", int)
"""Position in one session's log, from 1."""

DEFAULT_PROJECT = "default"
DEFAULT_DOCUMENT = "main"

# Long enough for any sane path, short enough for an index key and a log line.
MAX_NAME_BYTES = 512

# `%` would be decoded twice by someone, `?` and `#` end a URL's path, NUL splits
# Hocuspocus addresses, and control characters break terminals and log lines.
_FORBIDDEN = frozenset("%?#\x7f") | frozenset(map(chr, range(32)))


def new_id() -> str:
    """Make a UUIDv7 in hex (RFC 9562 §5.7): 48 bits of milliseconds, then random bits.

    >>> len(new_id())
    32
    """
    stamp = time.time_ns() // 1_000_000
    bits = int.from_bytes(os.urandom(10))
    high = (stamp << 16) | 0x7000 | (bits >> 68)
    low = (0b10 << 62) | (bits & ((1 << 62) - 1))
    return f"{(high << 64) | low:032x}"


def new_client_id() -> ClientId:
    """Draw a Yjs client id.

    32 bits, as Yjs does: stock clients store ids as 53-bit numbers, and small ids
    take five bytes instead of eight in each update.
    """
    return ClientId(secrets.randbits(32))


class RoomName(msgspec.Struct, frozen=True, order=True):
    """The name of one document of one session of one project.

    >>> RoomName.parse("notes")
    RoomName(project='default', session='notes', document='main')
    >>> str(RoomName.parse("acme~plan/budget/2027"))
    'acme~plan/budget/2027'
    """

    project: str
    session: str
    document: str

    @classmethod
    def parse(cls, name: str) -> RoomName:
        """Read a name that was percent-decoded once.

        Raises:
            InvalidName: It is empty, too long, or has characters or segments that
                clients and URLs would not agree about.
        """
        if not name:
            raise InvalidName(name, "it is empty")
        if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
            raise InvalidName(name, f"it is longer than {MAX_NAME_BYTES} bytes")
        for char in name:
            if char in _FORBIDDEN or "\ud800" <= char <= "\udfff":
                raise InvalidName(name, f"it contains {char!r}")
        head, _, document = name.partition("/")
        project, tilde, session = head.rpartition("~")
        if "~" in project or (tilde and not (project and session)):
            raise InvalidName(name, "a `~` must stand once, between project and session")
        for segment in (session, project or session, *name.split("/")):
            if segment in ("", ".", ".."):
                raise InvalidName(name, f"it has the path segment {segment!r}")
        return cls(project or DEFAULT_PROJECT, session, document or DEFAULT_DOCUMENT)

    def __str__(self) -> str:
        """The shortest name that means this room."""
        project = "" if self.project == DEFAULT_PROJECT else f"{self.project}~"
        document = "" if self.document == DEFAULT_DOCUMENT else f"/{self.document}"
        return f"{project}{self.session}{document}"
