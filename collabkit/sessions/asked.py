"""What an operation is given, and what all of them need: its circumstances, and names read.

See :mod:`.operations` for the table and its rules.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..access.control import AccessControl
from ..crdt.engine import Engine
from ..errors import InvalidArguments, InvalidName, SessionExists, SessionNotFound
from ..ids import DEFAULT_DOCUMENT, DEFAULT_PROJECT, RoomName, Subject
from ..store.base import SessionRecord
from ..store.sqlite import SQLiteStore
from .attendance import Attendance
from .beside import Beside
from .calls import Calls
from .versions import VersionPolicy

__all__ = [
    "Arguments",
    "Call",
    "Host",
    "document_of",
    "documents_of",
    "place_of",
    "see_free",
    "session_place",
    "whole",
]


class Host(Protocol):
    """What operations need of the workspace that they act on."""

    engine: Engine

    @property
    def access(self) -> AccessControl:
        """Who may do what."""
        ...

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

    @property
    def beside(self) -> Beside:
        """Where long work is done."""
        ...

    @property
    def policy(self) -> VersionPolicy:
        """When versions are saved that nobody asked for."""
        ...


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schema of an operation. ``session`` is its full name, and may go on to a document."""

    session: str


class Call(msgspec.Struct, frozen=True):
    """The circumstances of a call.

    Attributes:
        trusted: Whether what others wrote may come by way of the caller.
        again: Whether an earlier call with its key may have run.
        owner: Whose it is what the call makes; None if the host's.
    """

    host: Host
    subject: Subject
    trusted: bool
    again: bool = False
    owner: Subject | None = None


async def documents_of(call: Call, asked: Arguments) -> tuple[SessionRecord, tuple[str, ...]]:
    """The session that is meant, and those of its documents: the one that is named, or all."""
    place = RoomName.parse(asked.session)
    record = await call.host.store.find_session(place.session, project=place.project)
    if "/" not in asked.session:
        return record, record.documents
    if place.document not in record.documents:
        raise SessionNotFound(asked.session)
    return record, (place.document,)


async def place_of(call: Call, asked: Arguments) -> tuple[SessionRecord, str | None]:
    """The session that is meant, and its document if one is named. Raises SessionNotFound."""
    record, documents = await documents_of(call, asked)
    return record, documents[0] if "/" in asked.session else None


async def document_of(call: Call, asked: Arguments) -> tuple[SessionRecord, str]:
    """The document that is meant, ``main`` if none is named, and its session."""
    record, document = await place_of(call, asked)
    return record, document or DEFAULT_DOCUMENT


def whole(operation: str, name: str, why: str) -> RoomName:
    """Read the name of a session, for an operation that is about no single document."""
    place = RoomName.parse(name)
    if "/" in name:
        raise InvalidArguments(operation, f"a session's name has no `/document`; {why}")
    return place


async def see_free(call: Call, place: RoomName) -> None:
    """See that a session can be called so. Raises SessionExists."""
    there = await call.host.store.sessions(project=place.project)
    if any(one.name == place.session for one in there):
        raise SessionExists(place.session)


def session_place(name: str, project: str) -> RoomName:
    """Read a session's name; it may carry its project, and names no document."""
    full = name if "~" in name or project == DEFAULT_PROJECT else f"{project}~{name}"
    place = RoomName.parse(full)
    if "/" in name:
        raise InvalidName(name, "a session's name has no `/document`")
    return place
