"""Operations on whole sessions and on what comes into them: create, import, rm."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from ..access.paths import session_path, show
from ..errors import SessionExists, SessionNotFound
from ..ids import RoomName
from ..store.base import Deed, SessionRecord
from .asked import Arguments, Call, whole
from .attendance import rehearse
from .session import Kind
from .solo import document_of

__all__ = ["Create", "Import", "Remove", "create", "remove", "take_in"]


class Create(Arguments, frozen=True):
    """``kind`` is what the session is for."""

    kind: Kind = Kind.COLLABORATIVE


class Import(Arguments, frozen=True):
    """``create`` is the kind of session made if there is none; ``fresh`` wants no content yet."""

    updates: tuple[bytes, ...]
    create: Kind | None = None
    fresh: bool = False
    dry_run: bool = False


class Remove(Arguments, frozen=True):
    """All that the session has goes."""

    dry_run: bool = False


async def create(call: Call, asked: Create) -> dict[str, Any]:
    """Add a session."""
    place = whole("create", asked.session, "documents come by use")
    try:
        record = await _founded(call, place, asked.kind)
    except SessionExists:
        record = await call.host.store.find_session(place.session, project=place.project)
        if not (call.again and record.created_by == call.subject and record.kind == asked.kind):
            raise
    return shown(record)


async def remove(call: Call, asked: Remove) -> dict[str, Any]:
    """Remove a session, once nobody is in it."""
    place = whole("rm", asked.session, "it is removed with all its documents")
    try:
        record = await call.host.store.find_session(place.session, project=place.project)
    except SessionNotFound:
        if call.again:
            return {"removed": False}
        raise
    going = {"rows": await call.host.store.count_rows(record.id), **shown(record)}
    if asked.dry_run:
        call.host.attendance.see_left(record)
        return {"removed": False, **going}
    async with call.host.attendance.vacated(record):
        told: dict[str, Any] = {
            "project": record.project,
            "name": record.name,
            "documents": record.documents,
        }
        deed = Deed(call.subject, "rm", told)
        await call.host.access.removing(
            show(session_path(RoomName(record.project, record.name, place.document))),
            lambda amendment: call.host.store.delete_session(
                record.id, audit=deed, amendment=amendment
            ),
            by=call.subject,
        )
    return {"removed": True, **going}


async def take_in(call: Call, asked: Import) -> dict[str, Any]:
    """Take updates into a document."""
    place = RoomName.parse(asked.session)
    store = call.host.store
    told = {"document": place.document, "bytes": sum(map(len, asked.updates))}
    try:
        record = await store.find_session(place.session, project=place.project)
    except SessionNotFound:
        if asked.create is None:
            raise
        # What cannot be taken leaves no session behind.
        rehearse(asked.updates)
        if asked.dry_run:
            return {"id": None, **told}
        record = await _founded(call, place, asked.create)
    if asked.dry_run:
        loaded = await store.load(record.id, place.document)
        copy = await asyncio.to_thread(document_of, loaded, place, path=store.path)
        rehearse(asked.updates, copy, fresh=asked.fresh)
        return {"id": record.id, **told}
    if call.trusted:
        await store.raise_epoch(record.id, place.document)
    await call.host.attendance.merge(
        *(record, place.document, asked.updates),
        subject=call.subject,
        forwards=call.trusted,
        fresh=asked.fresh,
    )
    await store.audit(record.id, call.subject, "import", told)
    return {"id": record.id, **told}


async def _founded(call: Call, place: RoomName, kind: Kind) -> SessionRecord:
    """Add a session, which belongs to whoever called."""
    store = call.host.store
    return await call.host.access.founding(
        show(session_path(place)),
        lambda amendment: store.create_session(
            place.session,
            project=place.project,
            kind=kind.value,
            by=call.subject,
            amendment=amendment,
        ),
        owner=call.owner,
    )


def shown(record: SessionRecord) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(record)
    return shown
