"""The operation ``erase``: what one subject wrote in a session, or all of it, goes for good.

Rules:

1. First it is an edit: what is to go is deleted in the rooms, so that whoever is there sees it go,
   and whoever was away hears of it as of any other deletion.
2. Then the log is written anew, document by document, while nobody is in: nothing of it is left in
   rows, checkpoints, versions or what was set aside (:mod:`collabkit.history.erasing`), and the
   subject is called :data:`ERASED` there. The audit says that it was done, by whom, and of how many
   rows; not of whom, and not what. The epoch rises, so that replicas read the log again.
3. A call that was cut off leaves some documents as they were. Done again, it does the rest.
4. Names stay: of roots, keys, tags and marks. The answer tells them, and so does a dry run.
5. Whoever has a copy keeps it until he comes back, and a backup always does.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.scan import scan
from ..crdt.update import EMPTY_UPDATE, encode_deletes, merged
from ..errors import CollabError
from ..history.attribution import first_authors
from ..history.erasing import (
    Spans,
    erased,
    names_left,
    whole,
    written_by,
    written_first,
)
from ..history.past import Past
from ..ids import Subject
from ..store.base import Checkpoint, Chronicle, Deed, Row, SessionRecord
from ..store.rewriting import Rewritten
from .asked import Arguments, Call, documents_of
from .moments import now_ms
from .paging import rows_after

__all__ = ["ERASED", "Erase", "erase"]

# Who an erased subject is from then on; so are all that were erased.
ERASED = Subject("erased")


class Erase(Arguments, frozen=True):
    """Without a ``subject`` all that anybody wrote goes."""

    subject: str | None = None
    dry_run: bool = False


class _Log(msgspec.Struct, frozen=True):
    """A document's log.

    Attributes:
        chronicle: What loads of it.
        rows: Every row, those that are set aside too.
        subjects: All that are named beside it.
    """

    chronicle: Chronicle
    rows: tuple[Row, ...]
    subjects: frozenset[Subject]


class _Plan(msgspec.Struct, frozen=True):
    """What is to stand in a log.

    Attributes:
        subjects: Who is erased.
        bodies: What replaces the bodies of rows.
        base: The update that history begins with, if rows were compacted away.
        updates: What the document is made of: the base, and all rows that load.
        ranges: What is emptied, of each client.
        names: The names that stay.
    """

    subjects: tuple[Subject, ...]
    bodies: dict[int, bytes]
    base: bytes | None
    updates: tuple[bytes, ...]
    ranges: dict[int, list[tuple[int, int]]]
    names: set[str]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase."""
        return not (self.subjects or self.bodies)


async def erase(call: Call, asked: Erase) -> dict[str, Any]:
    """Empty what somebody wrote, or say what would be emptied."""
    record, documents = await documents_of(call, asked)
    plans: list[tuple[_Plan, Rewritten]] = []
    if asked.dry_run:
        for document in documents:
            plans += await _rewrite(call, record, document, asked)
    else:
        # Or the edit would be made, and nothing be erased.
        call.host.attendance.see_shared(record)
        for document in documents:
            await _delete(call, record, document, asked.subject)
        # Before the last of the file is written anew: what is forgotten is overwritten with it.
        await call.host.calls.forget(record.id, asked.subject)
        async with call.host.attendance.reopened(record):
            for document in documents:
                plans += await _rewrite(call, record, document, asked)
    return {
        "id": record.id,
        "rows": sum(done.rows for _, done in plans),
        "freed_bytes": sum(done.freed_bytes for _, done in plans),
        "names": sorted({name for plan, _ in plans for name in plan.names}),
    }


async def _delete(call: Call, record: SessionRecord, document: str, subject: str | None) -> None:
    """Delete what is to go, as an edit of a document."""
    _, plan = await _planned(call, record, document, subject)
    if plan.ranges:
        deletion = b"\0" + encode_deletes(plan.ranges)
        await call.host.attendance.merge(
            record, document, [deletion], subject=call.subject, origin="erase"
        )


async def _rewrite(
    call: Call, record: SessionRecord, document: str, asked: Erase
) -> list[tuple[_Plan, Rewritten]]:
    """Write the log of a document anew, once for each name that goes; tells what changed."""
    store = call.host.store
    told, plan = await _planned(call, record, document, asked.subject)
    done: list[tuple[_Plan, Rewritten]] = []
    checkpoints = [] if plan.is_empty else await _checkpoints(call, told, plan, document)
    for subject in plan.subjects:
        bodies = {} if done else plan.bodies
        rewritten = await store.rewrite(
            record.id,
            document,
            bodies,
            checkpoints=checkpoints,
            subject_from=subject,
            subject_to=ERASED,
            upto=told.upto,
            audit=Deed(call.subject, "erase", {"document": document, "rows": len(bodies)}),
            dry_run=asked.dry_run,
        )
        done.append((plan, rewritten))
        if asked.dry_run:
            break
    if done and not asked.dry_run:
        await store.raise_epoch(record.id, document)
    return done


async def _checkpoints(call: Call, told: Chronicle, plan: _Plan, document: str) -> list[Checkpoint]:
    """The checkpoints of what is left: of now and, if rows are gone, of where history begins."""
    made: list[Checkpoint] = []
    if told.base is not None and plan.base is not None:
        digest = (await call.host.engine.checkpoint([plan.base])).digest
        made.append(msgspec.structs.replace(told.base, body=plan.base, digest=digest))
    if plan.updates and (told.base is None or told.rows):
        built = await call.host.engine.checkpoint(plan.updates)
        made.append(Checkpoint(document, told.upto, built.body, built.digest, now_ms()))
    return made


async def _planned(
    call: Call, record: SessionRecord, document: str, subject: str | None
) -> tuple[Chronicle, _Plan]:
    log = await _read(call, record, document)
    return log.chronicle, await asyncio.to_thread(_plan, log, subject)


async def _read(call: Call, record: SessionRecord, document: str) -> _Log:
    store = call.host.store
    chronicle = await store.chronicle(record.id, document)
    rows = [row async for row in rows_after(store, record, 0, document=document)]
    subjects = {record.created_by, *chronicle.owners.values(), *(row.subject for row in rows)}
    for version in await store.versions(record.id):
        subjects |= {version.by, *version.authors}
    subjects |= {one.subject for one in await store.quarantined(record.id)}
    return _Log(chronicle, tuple(rows), frozenset(subjects))


def _plan(log: _Log, subject: str | None) -> _Plan:
    """Work out what is to stand in a log, and what goes."""
    told, spans = log.chronicle, _spans(log, subject)
    ranges: dict[int, list[tuple[int, int]]] = {}
    names: set[str] = set()

    def empty(body: bytes, *, loads: bool = True) -> bytes:
        found = scan(body, NO_BUDGET)
        names.update(names_left(body, found, spans.keys()))
        emptied, gone = erased(body, found, spans)
        for client, each in gone.items() if loads else ():
            ranges.setdefault(client, []).extend(each)
        return emptied

    def aside(row: Row) -> bytes:
        if not spans.keys() & set(row.clients):
            return row.body
        try:
            return empty(row.body, loads=False)
        except CollabError:
            return EMPTY_UPDATE  # what cannot be read cannot be emptied

    base = None if told.base is None else empty(told.base.body)
    loads = {row.seq for row in told.rows}
    updates = [] if base is None else [base]
    bodies: dict[int, bytes] = {}
    for row in log.rows:
        if row.kind == "update":
            body = empty(row.body) if row.seq in loads else aside(row)
            if row.seq in loads:
                updates.append(body)
            if body != row.body:
                bodies[row.seq] = body
    found = log.subjects - {ERASED} if subject is None else log.subjects & {Subject(subject)}
    subjects = tuple(sorted(found or ({Subject(subject or ERASED)} if bodies else set())))
    gone = {client: merged(each) for client, each in ranges.items()}
    return _Plan(subjects, bodies, base, tuple(updates), gone, names)


def _spans(log: _Log, subject: str | None) -> Spans:
    told = log.chronicle
    if subject is not None:
        clients = written_by(Subject(subject), log.rows, told.owners)
        # To weave a log takes as long as all else; most have nothing that was brought back.
        went_back = any(
            row.origin.startswith(("restore:", "revert:", "repair:")) for row in told.rows
        )
        authors = first_authors(Past("", told).weave) if went_back else {}
        return written_first(Subject(subject), clients, authors)
    clients = {client for row in log.rows for client in row.clients}
    bodies = [row.body for row in told.rows] + ([] if told.base is None else [told.base.body])
    for body in bodies:
        clients.update(one.client for one in scan(body, NO_BUDGET).sections)
    return whole(clients)
