"""Operations on the past of a session: version, pin, unversion, restore, revert.

Rules:

1. Nothing is taken out of a log. To restore or revert is to edit (:mod:`.editing`): whoever is in
   the room sees one more transaction, and what was edited meanwhile stays.
2. The row says what it is: its origin is ``restore:`` and the moment that was gone back to, or
   ``revert:`` and the first and last row that was taken back.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ..errors import InvalidArguments, MomentNotFound
from ..history.moments import NOW, START, check_version_name
from ..store.base import Deed, SessionRecord, Version
from .asked import Arguments, Call, document_of, place_of
from .editing import carry_out
from .moments import Moment, find_moment, now_ms
from .planning import Restoring, Reverting, Task
from .versions import Reason, authors_since

__all__ = [
    "Pin",
    "Restore",
    "Revert",
    "Save",
    "Unversion",
    "pin",
    "restore",
    "revert",
    "save",
    "unversion",
]

# Who may write may save versions from a room: enough for anybody who means them.
MAX_VERSIONS = 10_000
MAX_NOTE = 10_000


class Save(Arguments, frozen=True):
    """``name`` is unique in the session; of a version that is ``pinned``, no thinning takes it.

    ``kind`` says why: by hand, before a program edits by itself, or because work pauses.
    """

    name: str
    at: Moment = NOW
    note: Annotated[str, msgspec.Meta(max_length=MAX_NOTE)] = ""
    pinned: bool = True
    kind: Reason = "manual"


class Unversion(Arguments, frozen=True):
    """``name`` is the version's."""

    name: str


class Pin(Arguments, frozen=True):
    """Of the version ``name``, whether no thinning takes it."""

    name: str
    pinned: bool = True


class Restore(Arguments, frozen=True):
    """``at`` is the moment to go back to."""

    at: Moment
    dry_run: bool = False


class Revert(Arguments, frozen=True):
    """Either ``change``, an address; or what ``author`` wrote after ``since`` and ``until``."""

    change: str | None = None
    author: str | None = None
    since: Moment = START
    until: Moment = NOW
    dry_run: bool = False


# Versions


async def save(call: Call, asked: Save) -> dict[str, Any]:
    """Save a version: of the document that is named, or of the session."""
    check_version_name(asked.name)
    record, document = await place_of(call, asked)
    store = call.host.store
    there = {one.name: one for one in await store.versions(record.id)}
    if len(there) >= MAX_VERSIONS:
        raise InvalidArguments("version", f"the session has {len(there)} versions: drop some")
    seq = await find_moment(store, record, asked.at)
    version = Version(
        name=asked.name,
        seq=seq,
        document=document,
        by=call.subject,
        authors=await authors_since(store, record, document, seq),
        note=asked.note,
        at_ms=now_ms(),
        kind=asked.kind,
        pinned=asked.pinned,
    )
    deed = Deed(call.subject, "version", {"name": asked.name, "seq": seq, "document": document})
    # An earlier call with its key may have saved it.
    mine = call.again and asked.name in there and there[asked.name].by == call.subject
    await store.put_version(record.id, version, replace=mine, audit=deed)
    return {"id": record.id, **msgspec.to_builtins(version)}


async def unversion(call: Call, asked: Unversion) -> dict[str, Any]:
    """Drop a version."""
    record, _ = await place_of(call, asked)
    store = call.host.store
    if call.again and all(one.name != asked.name for one in await store.versions(record.id)):
        return {"id": record.id, "name": asked.name}
    deed = Deed(call.subject, "unversion", {"name": asked.name})
    dropped = await store.drop_version(record.id, asked.name, audit=deed)
    return {"id": record.id, **msgspec.to_builtins(dropped)}


async def pin(call: Call, asked: Pin) -> dict[str, Any]:
    """Keep a version for ever, or no longer."""
    record, _ = await place_of(call, asked)
    store = call.host.store
    named = {one.name: one for one in await store.versions(record.id)}
    if asked.name not in named:
        raise MomentNotFound(asked.name, "no version has this name")
    version = msgspec.structs.replace(named[asked.name], pinned=asked.pinned)
    deed = Deed(call.subject, "pin", {"name": asked.name, "pinned": asked.pinned})
    await store.put_version(record.id, version, replace=True, audit=deed)
    return {"id": record.id, **msgspec.to_builtins(version)}


# Going back


async def restore(call: Call, asked: Restore) -> dict[str, Any]:
    """Bring a document to what it was."""
    record, document = await document_of(call, asked)
    at = await find_moment(call.host.store, record, asked.at)
    done = await _go_back(call, record, document, Restoring(at), dry_run=asked.dry_run)
    return {**done, "at": at}


async def revert(call: Call, asked: Revert) -> dict[str, Any]:
    """Take back what some rows did to a document."""
    if (asked.change is None) == (asked.author is None):
        raise InvalidArguments("revert", "say either which change, or whose")
    record, document = await document_of(call, asked)
    since = await find_moment(call.host.store, record, asked.since)
    until = await find_moment(call.host.store, record, asked.until)
    task = Reverting(asked.change, asked.author, since, until)
    return await _go_back(call, record, document, task, dry_run=asked.dry_run)


async def _go_back(
    call: Call, record: SessionRecord, document: str, task: Task, *, dry_run: bool
) -> dict[str, Any]:
    done = await carry_out(call, record, document, task, dry_run=dry_run)
    return {"id": record.id, **done}
