"""Operations on how a session is kept: checkpoint, release, compact, thin."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from ..errors import InvalidArguments
from ..history.moments import NOW
from ..ids import Seq
from ..store.base import Checkpoint, Deed, Loaded, SessionRecord
from ..store.keyframes import cuts
from ..sync.inquest import updates_of
from .asked import Arguments, Call, documents_of, whole
from .moments import Moment, find_moment, now_ms

__all__ = ["Compact", "Release", "Thin", "checkpoint", "compact", "release", "thin"]


class Release(Arguments, frozen=True):
    """``id`` is the number that :meth:`Store.quarantined` tells."""

    id: int


# A room makes a checkpoint each so many rows at the latest (sync/checkpointing.py), so only a log
# that came in otherwise is longer.
LONG_ROWS = 8_000


class Compact(Arguments, frozen=True):
    """``upto`` is where history is to begin; versions that nobody saved by hand may go for it."""

    upto: Moment = NOW
    drop_versions: bool = False
    dry_run: bool = False


class Thin(Arguments, frozen=True):
    """``manual`` takes in what somebody kept by hand."""

    manual: bool = False
    dry_run: bool = False


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
    told = {"document": found[0].document, "row": found[0].seq}
    await store.audit(record.id, call.subject, "release", told)
    return {"id": asked.id, "released": True, "document": found[0].document}


async def checkpoint(call: Call, asked: Arguments) -> dict[str, Any]:
    """Make a checkpoint of all there is, unless there is one."""
    record, documents = await documents_of(call, asked)
    seqs = {}
    for document in documents:
        loaded = await call.host.store.load(record.id, document)
        for made in await _keyframes(call, document, loaded):
            await call.host.store.put_checkpoint(record.id, made)
        newest, made_now = await _newest(call, record, document)
        if made_now:
            await call.host.store.put_checkpoint(record.id, newest)
        seqs[document] = newest.seq
    return {"id": record.id, "documents": seqs}


async def _keyframes(call: Call, document: str, loaded: Loaded) -> list[Checkpoint]:
    """Of a log that came in at once, checkpoints on the way, so that its past is near."""
    made: list[Checkpoint] = []
    rows = [row for row in loaded.rows if row.kind == "update"]
    begin, at = [] if loaded.checkpoint is None else [loaded.checkpoint.body], 0
    for count in cuts(len(rows)) if len(rows) >= LONG_ROWS else ():
        built = await call.host.engine.checkpoint([*begin, *(row.body for row in rows[at:count])])
        made.append(Checkpoint(document, rows[count - 1].seq, built.body, built.digest, now_ms()))
        begin, at = [built.body], count
    return made


async def compact(call: Call, asked: Compact) -> dict[str, Any]:
    """Drop the rows before a moment, but none after the oldest version."""
    record, documents = await documents_of(call, asked)
    upto = await find_moment(call.host.store, record, asked.upto)
    done = [await _compact(call, record, name, upto, asked) for name in documents]
    after = await call.host.store.find_session(record.id, project=record.project)
    return {
        "id": record.id,
        "rows": sum(one.rows for one in done),
        "freed_bytes": sum(one.freed_bytes for one in done),
        "bytes_before": record.size_bytes,
        # The checkpoint that takes the place of the rows has no size before it is made.
        "bytes_after": None if asked.dry_run else after.size_bytes,
        "documents": dict(zip(documents, done, strict=True)),
    }


class _Done(msgspec.Struct, frozen=True):
    """What a compaction did to a document.

    Attributes:
        rows: How many rows went.
        freed_bytes: Of these, and of checkpoints that stood for some of them.
        upto: Where its history begins now.
        held_by: What kept it from going further: a version, or rows in the quarantine.
        versions: Names of the versions that went with the rows.
    """

    rows: int
    freed_bytes: int
    upto: int
    held_by: str | None = None
    versions: tuple[str, ...] = ()


async def _compact(
    call: Call, record: SessionRecord, document: str, upto: int, asked: Compact
) -> _Done:
    store, held_by, dropping = call.host.store, None, []
    # What is of all documents goes only with the past of all.
    of = {document} if "/" in asked.session else {document, None}
    for version in await store.versions(record.id, document=document):
        may_go = asked.drop_versions and not version.pinned and version.kind != "manual"
        if version.seq < upto and may_go and version.document in of:
            dropping.append(version.name)
        elif version.seq < upto:
            upto, held_by = version.seq, version.name
    would = await store.compact(record.id, document, upto, dropping=dropping, dry_run=True)
    if would.upto != upto:
        held_by = "the quarantine"
    told = _Done(would.rows, would.size_bytes, would.upto, held_by, tuple(dropping))
    if asked.dry_run or not would.rows:
        return told
    newest, _ = await _newest(call, record, document)
    base = await _base(call, record, document, upto)
    # Rows go once two checkpoints hold them, so that one may be damaged later.
    await store.put_checkpoint(record.id, newest)
    deed = Deed(
        call.subject,
        "compact",
        {
            "document": document,
            "upto": upto,
            "rows": would.rows,
            "bytes": would.size_bytes,
            "versions": dropping,
        },
    )
    await store.compact(record.id, document, upto, base=base, dropping=dropping, audit=deed)
    return told


async def _newest(call: Call, record: SessionRecord, document: str) -> tuple[Checkpoint, bool]:
    """A checkpoint of all there is of a document, and whether it had to be made."""
    loaded = await call.host.store.load(record.id, document)
    return await _made(call, document, loaded)


async def _base(call: Call, record: SessionRecord, document: str, upto: int) -> Checkpoint:
    """A checkpoint of a document that ends at a row."""
    loaded = await call.host.store.load_at(record.id, document, upto)
    made, _ = await _made(call, document, loaded)
    return msgspec.structs.replace(made, seq=Seq(upto))


async def _made(call: Call, document: str, loaded: Loaded) -> tuple[Checkpoint, bool]:
    if loaded.checkpoint is not None and not loaded.rows:
        return loaded.checkpoint, False
    built = await call.host.engine.checkpoint(updates_of(loaded))
    return Checkpoint(document, loaded.upto, built.body, built.digest, now_ms()), True


async def thin(call: Call, asked: Thin) -> dict[str, Any]:
    """Forget versions: dense lately, sparse long ago, pinned for ever."""
    place = whole("thin", asked.session, "its versions are thinned together")
    store = call.host.store
    record = await store.find_session(place.session, project=place.project)
    thins = partial(store.thin, record.id, manual=asked.manual, now_ms=now_ms())
    would = await thins(dry_run=True)
    if would and not asked.dry_run:
        data = {"names": [one.name for one in would]}
        would = await thins(audit=Deed(call.subject, "thin", data))
    return {"id": record.id, "versions": [one.name for one in would]}
