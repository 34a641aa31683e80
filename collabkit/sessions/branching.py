"""Operations on branches: fork, and merge back.

Rules:

1. A fork is a session of its own, with the rows of its parent up to a moment: their numbers,
   authors and times are the same in both. It is there whole, or not at all.
2. It is another history from then on: what synchronised with the parent does not go on with it.
3. A merge is one edit of each document of the parent, and takes what the fork has beyond it. It
   can be done again and again, in that direction.
"""

from __future__ import annotations

import asyncio
import heapq
from operator import attrgetter
from typing import Any

import msgspec

from ..access.paths import session_path, show
from ..access.rules import Grant
from ..errors import InvalidArguments, SessionExists
from ..history.moments import NOW
from ..ids import DEFAULT_DOCUMENT, RoomName
from ..store.arrival import Arriving, Luggage
from ..store.base import Checkpoint, Chronicle, Deed, Parent, SessionRecord
from ..store.charter import Amendment
from ..store.checkpoints import pack
from .asked import Arguments, Call, place_of, see_free, session_place
from .editing import carry_out
from .moments import Moment, find_moment, now_ms
from .planning import Joining

__all__ = ["Fork", "Merge", "fork", "merge"]


class Fork(Arguments, frozen=True):
    """``name`` is that of the new session; it has the document that is named, or all."""

    name: str
    at: Moment = NOW
    dry_run: bool = False


class Merge(Arguments, frozen=True):
    """``fork`` is the name of the branch; it stays as it is."""

    fork: str
    dry_run: bool = False


async def fork(call: Call, asked: Fork) -> dict[str, Any]:
    """Branch a session, or one of its documents, from a moment."""
    record, document = await place_of(call, asked)
    place = session_place(asked.name, record.project)
    store = call.host.store
    seq = await find_moment(store, record, asked.at)
    parent = Parent(record.id, seq, document)
    chosen = record.documents if document is None else (document,)
    told = {name: await store.chronicle(record.id, name, upto=seq) for name in chosen}
    told = {name: one for name, one in told.items() if one.rows or one.base is not None}
    result = {
        "parent": msgspec.to_builtins(parent),
        "rows": sum(len(one.rows) for one in told.values()),
        "size_bytes": sum(len(row.body) for one in told.values() for row in one.rows),
    }
    if asked.dry_run:
        await see_free(call, place)
        return result
    arriving = Arriving(
        project=place.project,
        name=place.session,
        kind=record.kind,
        created_at_ms=now_ms(),
        created_by=call.subject,
        documents=tuple([await _luggage(call, record, name, one) for name, one in told.items()]),
        versions=tuple(
            one
            for one in await store.versions(record.id)
            if one.seq <= seq and (one.document is None or one.document in told)
        ),
        parent=parent,
    )
    log = heapq.merge(*(one.rows for one in told.values()), key=attrgetter("seq"))
    deed = Deed(call.subject, "fork", msgspec.to_builtins(parent))
    try:
        made = await store.take_in(arriving, log, audit=deed)
    except SessionExists:
        made = await store.find_session(place.session, project=place.project)
        if not (call.again and made.parent == parent and made.created_by == call.subject):
            raise
    await _owned(call, place)
    return {**result, **msgspec.to_builtins(made)}


async def _owned(call: Call, place: RoomName) -> None:
    """Let whoever called own what is there now, unless he does.

    That is another transaction than the rows are in. If the process dies between the two, the fork
    is its host's, and the call, made again with its key, gives it to whom it belongs.
    """
    scope, access = show(session_path(place)), call.host.access
    grants = (one for one in access.policy.facts() if isinstance(one, Grant))
    if any(one.subject == call.owner and one.scope == scope for one in grants):
        return

    async def write_down(amendment: Amendment | None) -> None:
        if amendment is not None:
            await call.host.store.change_facts(amendment)

    await access.founding(scope, write_down, owner=call.owner)


async def merge(call: Call, asked: Merge) -> dict[str, Any]:
    """Take what a branch has beyond the session that it was branched from."""
    target = RoomName.parse(asked.session)
    record = await call.host.store.find_session(target.session, project=target.project)
    # The parent may not have it yet.
    document = target.document if "/" in asked.session else None
    place = session_place(asked.fork, record.project)
    branch = await call.host.store.find_session(place.session, project=place.project)
    parent = branch.parent
    if parent is None or parent.session != record.id:
        raise InvalidArguments("merge", f"{branch.name!r} is no fork of {record.name!r}")
    if document not in {None, DEFAULT_DOCUMENT, *branch.documents}:
        raise InvalidArguments("merge", f"{branch.name!r} has no document {document!r}")
    chosen = branch.documents if document is None else (document,)
    task = Joining(branch.id, parent.seq, call.subject)
    merged = {
        name: await carry_out(call, record, name, task, dry_run=asked.dry_run, branch=branch)
        for name in chosen
    }
    return {"id": record.id, "fork": branch.id, "documents": merged}


async def _luggage(call: Call, record: SessionRecord, name: str, told: Chronicle) -> Luggage:
    """What a document of a fork has besides its rows."""
    clients = {client for row in told.rows for client in row.clients}
    owners = told.owners
    if told.base is None:
        owners = {client: owner for client, owner in owners.items() if client in clients}
    kept = await _nearest(call, record, name, told)
    bodies = [one.body for one in (told.base, *kept) if one is not None]
    packed = await asyncio.to_thread(lambda: tuple(map(pack, bodies)))
    return Luggage(name, told.base, owners, kept, packed)


async def _nearest(
    call: Call, record: SessionRecord, name: str, told: Chronicle
) -> tuple[Checkpoint, ...]:
    """A checkpoint to open the document with, if the parent has one besides the base."""
    loaded = await call.host.store.load_at(record.id, name, told.upto)
    found = loaded.checkpoint
    if found is None or told.aside:
        return ()
    # The fork may have no row with the number that the checkpoint ends at; what it holds of this
    # document ends at one that it has.
    held = [row.seq for row in told.rows if row.seq <= found.seq]
    return (msgspec.structs.replace(found, seq=held[-1]),) if held else ()
