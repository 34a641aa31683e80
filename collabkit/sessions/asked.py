"""What an operation is given, and what all of them need: its circumstances, and names read.

See :mod:`.operations` for the table and its rules.
"""

from __future__ import annotations

import time
from typing import Protocol

import msgspec

from ..crdt.engine import Engine
from ..errors import InvalidArguments, SessionNotFound
from ..ids import RoomName, Subject
from ..store.base import SessionRecord
from ..store.sqlite import SQLiteStore
from .attendance import Attendance
from .calls import Calls

__all__ = ["Arguments", "Call", "Host", "documents_of", "now_ms", "whole"]


class Host(Protocol):
    """What operations need of the workspace that they act on."""

    engine: Engine

    @property
    def calls(self) -> Calls:
        """Its keyed calls."""
        ...

    @property
    def store(self) -> SQLiteStore:
        """The open file."""
        ...

    @property
    def attendance(self) -> Attendance:
        """Where the host's own code is."""
        ...


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schema of an operation. ``session`` is its full name, and may go on to a document."""

    session: str


class Call(msgspec.Struct, frozen=True):
    """The circumstances of a call.

    Attributes:
        trusted: Whether what others wrote may come by way of the caller.
        again: Whether an earlier call with its key may have run.
    """

    host: Host
    subject: Subject
    trusted: bool
    again: bool = False


async def documents_of(call: Call, asked: Arguments) -> tuple[SessionRecord, tuple[str, ...]]:
    """The session that is meant, and those of its documents: the one that is named, or all."""
    place = RoomName.parse(asked.session)
    record = await call.host.store.find_session(place.session, project=place.project)
    if "/" not in asked.session:
        return record, record.documents
    if place.document not in record.documents:
        raise SessionNotFound(asked.session)
    return record, (place.document,)


def whole(operation: str, name: str, why: str) -> RoomName:
    """Read the name of a session, for an operation that is about no single document."""
    place = RoomName.parse(name)
    if "/" in name:
        raise InvalidArguments(operation, f"a session's name has no `/document`; {why}")
    return place


def now_ms() -> int:
    """Unix time in milliseconds, for rows and records that people read."""
    return time.time_ns() // 1_000_000
