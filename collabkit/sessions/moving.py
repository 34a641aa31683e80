"""Sessions that go from file to file with their history: export, and the operation ``take-in``.

Rules:

1. What is exported is what one reading found, beside whoever holds the file.
2. What is taken in becomes a session of its own, with another id. Nothing of it is believed:
   its parts are checked (:mod:`collabkit.history.container`), an engine builds each document of
   its log in a process that may die of it, and what comes out must be what the container says.
3. Until the last of it is written nobody sees it (:mod:`collabkit.store.arrival`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import msgspec

from ..crdt.engine import Engine
from ..crdt.nursery import CAN_FORK
from ..crdt.sandbox import SandboxEngine
from ..errors import EngineLost, NotACollabFile, SessionExists, UpdateRefused
from ..history.container import Container, Papers, pack
from ..ids import RoomName, Seq
from ..store import checkpoints
from ..store.arrival import Arriving, Luggage
from ..store.base import Checkpoint, Deed, Row, SessionRecord
from ..store.reader import Reader
from .asked import Arguments, Call, see_free, whole
from .moments import now_ms
from .session import Kind
from .solo import document_of

__all__ = ["TakeIn", "export", "take_in"]

# Lines of the audit that are read at a time.
_PAGE = 1000


class TakeIn(Arguments, frozen=True):
    """``path`` is of a container on this machine."""

    path: str
    dry_run: bool = False


# Out


def export(
    reader: Reader,
    record: SessionRecord,
    out: str | os.PathLike[str],
    *,
    document: str | None = None,
) -> None:
    """Write a session, or one document of it, to a container.

    Args:
        reader: The file it is in.
        record: The session.
        out: Where to; a file that is not there yet.
        document: The only document that is wanted.

    Raises:
        CannotWrite: ``out`` is there already, or cannot be written.
        Corrupt: The file is damaged.
    """
    names = record.documents if document is None else (document,)
    versions = reader.versions(record.id, document=document)
    audit = {"head": str(reader.head()), "lines": list(_audit(reader, record))}
    papers = (_papers(reader, record, name) for name in names)
    pack(out, record, papers, versions=versions, audit=msgspec.to_builtins(audit))


def _audit(reader: Reader, record: SessionRecord) -> Iterator[Any]:
    after = 0
    while page := reader.audit(record.id, after=after, limit=_PAGE):
        yield from page
        after = page[-1].no


def _papers(reader: Reader, record: SessionRecord, name: str) -> Papers:
    told = reader.chronicle(record.id, name, upto=record.last_seq)
    place = RoomName(record.project, record.name, name)
    loaded = reader.load_at(record.id, name, record.last_seq)
    document = document_of(loaded, place, path=reader.path)
    return Papers(name, document.digest(), document.update(), told.base, told.rows, told.owners)


# In


async def take_in(call: Call, asked: TakeIn) -> dict[str, Any]:
    """Add a session from a container."""
    place = whole("take-in", asked.session, "a container is a session of its own")
    with ExitStack() as stack:
        try:
            container = stack.enter_context(Container(asked.path))
        except OSError as error:
            raise NotACollabFile(asked.path, str(error.strerror)) from error
        luggage = await _built(call, container)
        if asked.dry_run:
            await see_free(call, place)
            return await asyncio.to_thread(_would, place, container)
        record = await _taken_in(call, place, container, luggage)
    taken: dict[str, Any] = msgspec.to_builtins(record)
    return taken


def _would(place: RoomName, container: Container) -> dict[str, Any]:
    """What the session would be, as far as it has that from the container."""
    manifest = container.manifest
    return {
        "project": place.project,
        "name": place.session,
        "kind": manifest.session.kind,
        "documents": [one.name for one in manifest.documents],
        "last_seq": manifest.session.last_seq,
        "size_bytes": sum(len(row.body) for row in container.rows()),
    }


async def _built(call: Call, container: Container) -> tuple[Luggage, ...]:
    """All that comes besides rows, once everything is checked. Raises NotACollabFile."""
    await asyncio.to_thread(container.check)
    origin = container.manifest.session
    if origin.kind not in set(Kind):
        raise NotACollabFile(container.path, f"it is a session of kind {origin.kind!r}")
    async with _shelter(call.host.engine) as engine:
        numbers = range(len(container.manifest.documents))
        return tuple([await _luggage(engine, container, number) for number in numbers])


async def _taken_in(
    call: Call, place: RoomName, container: Container, luggage: tuple[Luggage, ...]
) -> SessionRecord:
    origin, store = container.manifest.session, call.host.store
    arriving = Arriving(
        place.project,
        place.session,
        origin.kind,
        origin.created_at_ms,
        origin.created_by,
        luggage,
        container.versions(),
    )
    deed = Deed(call.subject, "take-in", {"from": origin.id, "name": str(place)})
    try:
        return await store.take_in(arriving, container.rows(), audit=deed)
    except SessionExists:
        if not call.again:
            raise
        record = await store.find_session(place.session, project=place.project)
        if (record.created_at_ms, record.created_by) != (origin.created_at_ms, origin.created_by):
            raise
        return record


@asynccontextmanager
async def _shelter(engine: Engine) -> AsyncIterator[Engine]:
    """An engine that may die of what it is given."""
    if isinstance(engine, SandboxEngine) or not CAN_FORK:
        yield engine
        return
    async with SandboxEngine(spares=0) as sheltered:
        yield sheltered


async def _luggage(engine: Engine, container: Container, number: int) -> Luggage:
    """What a document brings besides its rows, once an engine has built it of them."""
    contents = container.manifest.documents[number]
    base, rows = await asyncio.to_thread(_log, container, number)
    updates = [row.body for row in rows if row.kind == "update"]
    brought: list[Checkpoint] = []
    if base is not None or updates:
        bodies = updates if base is None else [base.body, *updates]
        try:
            built = await engine.checkpoint(bodies)
        except (EngineLost, UpdateRefused) as error:
            raise NotACollabFile(container.path, f"document {contents.name!r}: {error}") from error
        if built.digest != contents.digest:
            reason = f"the log of document {contents.name!r} makes another document than it says"
            raise NotACollabFile(container.path, reason)
        seq = rows[-1].seq if rows else base.seq if base is not None else Seq(0)
        brought.append(Checkpoint(contents.name, seq, built.body, built.digest, now_ms()))
    kept = brought if base is None else [base, *brought]
    packed = await asyncio.to_thread(lambda: tuple(checkpoints.pack(one.body) for one in kept))
    owners = container.owners(number)
    return Luggage(contents.name, base, owners, tuple(brought), packed)


def _log(container: Container, number: int) -> tuple[Checkpoint | None, list[Row]]:
    return container.base(number), list(container.log(number))
