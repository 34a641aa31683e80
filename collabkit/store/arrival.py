"""A session that comes in whole, with the log it has had elsewhere.

Rules:

1. While it arrives it stands in the file as a session that is being deleted does: nobody finds
   it, and should the process die, the next holder removes what there is of it.
2. With the last transaction it is there, under its name, and told to the audit.
3. Rows keep their numbers, subjects and times. Numbers that are missing among them count as rows
   that were compacted away.
4. Rows come from an iterator and are written a slice at a time, between the commits of others.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence

import msgspec

from ..errors import StoreError
from ..ids import Subject
from . import checkpoints, founding, owners, parents, removal, rows, trail, versions
from .base import Checkpoint, Deed, Draft, Parent, Row, SessionRecord, Version
from .batch import check, check_text
from .checkpoints import Packed
from .directory import Document, Session
from .openfile import OpenFile

__all__ = ["Arriving", "Luggage", "arrive"]

# As much as one slice may take: some 10 ms.
_SLICE_ROWS, _SLICE_BYTES = 1000, 2 << 20


class Luggage(msgspec.Struct, frozen=True):
    """What a document brings along besides its rows.

    Attributes:
        base: Where its history begins, if that is not at its first row.
        checkpoints: Others of it, to be opened with.
        packed: The bodies of the base, if any, and of these, packed.
    """

    name: str
    base: Checkpoint | None
    owners: Mapping[int, Subject]
    checkpoints: tuple[Checkpoint, ...] = ()
    packed: tuple[Packed, ...] = ()


class Arriving(msgspec.Struct, frozen=True):
    """A session that is to come in; the fields are those of a :class:`SessionRecord`."""

    project: str
    name: str
    kind: str
    created_at_ms: int
    created_by: Subject
    documents: tuple[Luggage, ...]
    versions: tuple[Version, ...] = ()
    parent: Parent | None = None


def arrive(
    file: OpenFile, arriving: Arriving, log: Iterator[Row], audit: Deed
) -> Generator[None, None, SessionRecord]:
    """Take a session in, in slices.

    Args:
        file: Where to.
        arriving: What it is, and what its documents bring.
        log: Its rows, in the order of their numbers.
        audit: What to tell of it.

    Raises:
        SessionExists: There is one of this name; looked at first, and again at the end.
        ProjectArchived: Its project gets no more; likewise.
        InvalidName: It, or its project, cannot be called so.
        ValueNotStorable: A row cannot be stored.
    """
    check_text(**{field: getattr(arriving, field) for field in ("project", "name", "kind")})
    by = arriving.created_by
    for part in (arriving.project, arriving.name):
        founding.check_name(part)
    founding.see_open(file, arriving.project)
    session = file.directory.new_session(
        arriving.project, arriving.name, arriving.kind, by, arriving.created_at_ms
    )
    for luggage in arriving.documents:
        check_text(document=luggage.name)
        file.directory.new_document(session, luggage.name)
    hidden = msgspec.structs.replace(session, project="", name=session.id)
    try:
        with file.transaction():
            file.insert_session(hidden)
        yield
        while page := _page(log):
            with file.transaction():
                rows.insert_log(file.connection, [_place(file, session, row) for row in page])
            yield
        with founding.entering(file, session.project, by):
            _unpack(file, session, arriving)
            file.directory.vacant(session.project, session.name)
            file.update_session(session)
            trail.append(file.connection, session.id, audit)
    except GeneratorExit:
        raise  # the file is being closed: the next holder removes it
    except BaseException:
        file.directory.leaving.append(hidden)
        with contextlib.suppress(StoreError):  # then the next holder does
            yield from removal.resume(file)
        raise
    file.directory.add(session)
    return session.record()


def _page(log: Iterator[Row]) -> list[Row]:
    page, size_bytes = [], 0
    for row in itertools.islice(log, _SLICE_ROWS):
        page.append(row)
        size_bytes += len(row.body)
        if size_bytes >= _SLICE_BYTES:
            break
    return page


def _place(file: OpenFile, session: Session, row: Row) -> rows.Values:
    document = session.documents[row.document]
    fields = msgspec.structs.asdict(row)
    draft = Draft(**{name: fields[name] for name in Draft.__struct_fields__ if name in fields})
    check(draft)
    sealed = rows.seal_row(document.no, row.seq, document.last_seq, file.epoch, draft)
    session.last_seq = document.last_seq = row.seq
    document.rows += 1
    document.size_bytes += len(row.body)
    return sealed


def _unpack(file: OpenFile, session: Session, arriving: Arriving) -> None:
    """Write what there is besides the rows."""
    for luggage in arriving.documents:
        document = session.documents[luggage.name]
        base = luggage.base
        if base is not None:
            document.floor = base.seq
            document.last_seq = max(document.last_seq, base.seq)
            session.last_seq = max(session.last_seq, base.seq)
        kept = (*(() if base is None else (base,)), *luggage.checkpoints)
        for checkpoint, packed in zip(kept, luggage.packed, strict=True):
            checkpoints.insert(file.connection, document.no, checkpoint, packed)
        document.checkpoint_bytes = checkpoints.size(file.connection, document.no)
        claims = [(document.no, client, owner) for client, owner in luggage.owners.items()]
        owners.insert(file.connection, claims)
    found: Sequence[Document] = list(session.documents.values())
    if found:
        found[0].gone = session.last_seq - sum(document.rows for document in found)
    for document in found:
        file.update_document(document)
    if arriving.parent is not None:
        session.parent = arriving.parent
        parents.insert(file.connection, session.no, arriving.parent)
    for version in arriving.versions:
        versions.put(file.connection, session.no, version, replace=False)
