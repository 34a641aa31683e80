"""Reading documents and logs, for the holder and for those who read beside it.

Rules:

1. A document is its newest checkpoint that verifies and every row after it, or it is
   Corrupt. Rows that compaction removed can only be stood in for by a checkpoint.
2. Work is done in pages; between two of them the writer may commit. What is read is
   what there was when reading began.
3. Callers read inside :func:`collabkit.store.database.explained`.
"""

from __future__ import annotations

import heapq
import itertools
import operator
import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence

import msgspec

from ..errors import Corrupt, MomentNotFound
from ..ids import Seq, Subject
from . import checkpoints, owners, quarantine, recovery, rows
from .base import Checkpoint, Chronicle, Loaded, Quarantined, Row
from .directory import Document, Session

__all__ = ["chronicle", "load", "log", "quarantined"]


def load(
    connection: sqlite3.Connection,
    path: str,
    session: Session,
    document: Document,
    *,
    at: int | None = None,
) -> Generator[None, None, Loaded]:
    """Read what opens a document, as it is or as it was after a row, a page a slice.

    Raises:
        MomentNotFound: There is no such moment any more.
        Corrupt: It is damaged.
    """

    def begin() -> Checkpoint | None:
        if at is None:
            return newest(connection, document)
        return _nearest(connection, path, session, document, at)

    checkpoint, found, upto = yield from _read(
        connection, path, session, document, at=at, begin=begin
    )
    read = Loaded(document.lineage, checkpoint, found, upto)
    return _completed(connection, path, session, document, read)


def chronicle(
    connection: sqlite3.Connection,
    path: str,
    session: Session,
    document: Document,
    *,
    at: int | None = None,
) -> Generator[None, None, Chronicle]:
    """Read the past of a document up to a row, a page a slice. Raises as :func:`load` does."""

    def begin() -> Checkpoint | None:
        return oldest(connection, document) if document.floor else None

    base, found, upto = yield from _read(connection, path, session, document, at=at, begin=begin)
    aside = _aside(quarantine.read(connection, path, document=document.no), upto)
    return Chronicle(
        document.lineage,
        base,
        tuple(row for row in found if row.seq not in aside),
        upto,
        owners=owners.read(connection, path, document.no, where(session, document)),
        floor=base.seq if base else Seq(0),
        aside=aside,
    )


def _read(
    connection: sqlite3.Connection,
    path: str,
    session: Session,
    document: Document,
    *,
    at: int | None,
    begin: Callable[[], Checkpoint | None],
) -> Generator[None, None, tuple[Checkpoint | None, tuple[Row, ...], Seq]]:
    """Read a checkpoint and the rows after it, up to a row or to the end."""
    while True:
        upto, last = session.last_seq if at is None else at, document.last_seq
        checkpoint = begin()
        base = checkpoint.seq if checkpoint else 0
        if document.floor > base:
            raise Corrupt(
                path,
                where(session, document),
                f"no checkpoint verifies, and updates up to {document.floor} were compacted away",
            )
        if upto < base:
            raise MomentNotFound(str(upto), f"what was before {base} is compacted away")
        if upto == base and at is not None:
            return checkpoint, (), Seq(upto)
        chain = chained(path, session, document, after=base)
        found: list[Row] = []
        # Should a compaction overtake us between two pages, a newer checkpoint stands in.
        while document.floor <= base:
            # Of a moment in between, the row behind it tells that none before it is missing.
            limit = min(rows.PAGE_ROWS, upto + 1 - chain.last)
            values = rows.page(connection, document.no, after=chain.last, limit=limit)
            for row in map(chain.row, values):
                if row.seq > upto:
                    return checkpoint, tuple(found), Seq(upto)
                found.append(row)
            if len(values) < limit or chain.last >= last:
                chain.end(last if last > base else 0)
                return checkpoint, tuple(found), Seq(upto)
            yield


def _nearest(
    connection: sqlite3.Connection, path: str, session: Session, document: Document, at: int
) -> Checkpoint | None:
    """The newest checkpoint that a moment can be built on."""
    damaged = False
    # Rows at or below the floor are gone: what ends below it cannot be gone on from.
    for _, checkpoint in checkpoints.kept(
        connection, document.no, document.name, first=document.floor, last=at
    ):
        if checkpoint is not None:
            return checkpoint
        damaged = True
    if not document.floor:
        return None
    if damaged:
        raise Corrupt(path, where(session, document), f"no checkpoint before row {at} verifies")
    raise MomentNotFound(str(at), f"what was before {document.floor} is compacted away")


def _aside(apart: Iterable[quarantine.Entry], upto: int) -> tuple[Seq, ...]:
    """The rows that are set aside, in order."""
    seqs = {Seq(one.seq) for one in apart if one.digest is None and one.seq is not None}
    return tuple(sorted(seq for seq in seqs if seq <= upto))


def _completed(
    connection: sqlite3.Connection, path: str, session: Session, document: Document, read: Loaded
) -> Loaded:
    """What was read of a document's log, without what is set aside, and what there is beside it."""
    apart = quarantine.read(connection, path, document=document.no)
    updates = [entry for entry in apart if entry.digest is None]
    aside = _aside(updates, read.upto)
    epoch, until_ms = recovery.of(connection, path, document.no)
    return msgspec.structs.replace(
        read,
        rows=tuple(row for row in read.rows if row.seq not in aside),
        owners=owners.read(connection, path, document.no, where(session, document)),
        quarantined=tuple(entry.body for entry in updates),
        aside=aside,
        epoch=epoch,
        recovers_until_ms=until_ms,
    )


def quarantined(
    connection: sqlite3.Connection, path: str, sessions: Iterable[Session]
) -> list[Quarantined]:
    """Read what is kept apart of these sessions, oldest first. Raises Corrupt."""
    places = {
        document.no: (session.id, document.name)
        for session in sessions
        for document in session.documents.values()
    }
    return [
        Quarantined(
            entry.no,
            *places[entry.document],
            subject=Subject(entry.subject),
            body=entry.body,
            reason=entry.reason,
            at_ms=entry.at_ms,
            seq=None if entry.seq is None else Seq(entry.seq),
            kind="update" if entry.digest is None else "checkpoint",
        )
        for entry in quarantine.read(connection, path)
        if entry.document in places
    ]


def newest(connection: sqlite3.Connection, document: Document) -> Checkpoint | None:
    """The newest checkpoint of a document that verifies."""
    return _first_sound(checkpoints.kept(connection, document.no, document.name))


def oldest(connection: sqlite3.Connection, document: Document) -> Checkpoint | None:
    """The oldest checkpoint of a document that holds what was compacted away, and verifies."""
    kept = checkpoints.kept(
        connection, document.no, document.name, first=document.floor, oldest_first=True
    )
    return _first_sound(kept)


def _first_sound(kept: Iterable[tuple[Seq, Checkpoint | None]]) -> Checkpoint | None:
    return next((checkpoint for _, checkpoint in kept if checkpoint is not None), None)


def log(
    connection: sqlite3.Connection,
    path: str,
    session: Session,
    documents: Sequence[Document],
    *,
    after: int,
    limit: int,
) -> Generator[None, None, list[Row]]:
    """Read the next rows of these documents of a session, in order of ``seq``. Raises Corrupt."""
    found: list[Row] = []
    while True:
        wanted = min(limit - len(found), rows.PAGE_ROWS)
        page = _log_page(connection, path, session, documents, after=after, limit=wanted)
        found += page
        if len(page) < wanted or len(found) >= limit:
            return found
        after = page[-1].seq
        yield


def _log_page(
    connection: sqlite3.Connection,
    path: str,
    session: Session,
    documents: Sequence[Document],
    *,
    after: int,
    limit: int,
) -> list[Row]:
    pages: list[list[tuple[int, rows.Values, rows.Chain]]] = []
    for document in documents:
        if document.last_seq > after:
            page = rows.page(connection, document.no, after=after, limit=limit)
            chain = chained(path, session, document, after=after)
            missing = not page or page[-1][1] < document.last_seq
            # The last row may be one of those that were compacted away.
            if missing and len(page) < limit and document.last_seq > document.floor:
                raise chain.damaged(document.last_seq, "it is missing")
            pages.append([(values[1], values, chain) for values in page])
    in_order = heapq.merge(*pages, key=operator.itemgetter(0))
    return [chain.row(values) for _, values, chain in itertools.islice(in_order, limit)]


def chained(path: str, session: Session, document: Document, *, after: int) -> rows.Chain:
    """The chain of a document's rows from a place on."""
    return rows.Chain(
        path, where(session, document), document.name, after=after, floor=document.floor
    )


def where(session: Session, document: Document) -> str:
    """How a document is named in a sentence about damage."""
    return f"{session.project}~{session.name}/{document.name}"
