"""Operations on how a session is kept: checkpoint, release, compact."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArguments
from ..store.base import Checkpoint, SessionRecord
from ..sync.inquest import updates_of
from .asked import Arguments, Call, documents_of, whole
from .moments import now_ms

__all__ = ["Release", "checkpoint", "compact", "release"]


class Release(Arguments, frozen=True):
    """``id`` is the number that :meth:`Store.quarantined` tells."""

    id: int


async def release(call: Call, asked: Release) -> dict[str, Any]:
    """Give an engine again what was quarantined."""
    place = whole("release", asked.session, "the number tells of which document it is")
    store = call.host.store
    record = await store.find_session(place.session, project=place.project)
    found = [one for one in await store.quarantined(record.id) if one.id == asked.id]
    if not found:
        if call.again:
            return {"id": asked.id, "released": False}
        raise InvalidArguments("release", f"nothing of {place} is quarantined under {asked.id}")
    # Rooms know what they were opened with.
    async with call.host.attendance.reopened(record):
        await store.release(asked.id)
    return {"id": asked.id, "released": True, "document": found[0].document}


async def checkpoint(call: Call, asked: Arguments) -> dict[str, Any]:
    """Make a checkpoint of all there is, unless there is one."""
    record, documents = await documents_of(call, asked)
    seqs = {}
    for document in documents:
        newest, made = await _newest(call, record, document)
        if made:
            await call.host.store.put_checkpoint(record.id, newest)
        seqs[document] = newest.seq
    return {"id": record.id, "documents": seqs}


async def compact(call: Call, asked: Arguments) -> dict[str, Any]:
    """Drop the rows that checkpoints hold."""
    record, documents = await documents_of(call, asked)
    store, rows = call.host.store, 0
    for document in documents:
        newest, _ = await _newest(call, record, document)
        # Rows go once two checkpoints hold them, so that one may be damaged later.
        for _ in range(2):
            await store.put_checkpoint(record.id, newest)
        rows += (await store.compact(record.id, document, upto=newest.seq)).rows
    after = await store.find_session(record.id, project=record.project)
    return {
        "id": record.id,
        "rows": rows,
        "bytes_before": record.size_bytes,
        "bytes_after": after.size_bytes,
    }


async def _newest(call: Call, record: SessionRecord, document: str) -> tuple[Checkpoint, bool]:
    """A checkpoint of all there is of a document, and whether it had to be made."""
    loaded = await call.host.store.load(record.id, document)
    if loaded.checkpoint is not None and not loaded.rows:
        return loaded.checkpoint, False
    built = await call.host.engine.checkpoint(updates_of(loaded))
    return Checkpoint(document, loaded.upto, built.body, built.digest, now_ms()), True
