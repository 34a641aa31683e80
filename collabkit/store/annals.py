"""The past of an open file: its moments, and those that have a name.

Rules:

1. Reading a moment makes nothing: a document that never was has no past, and gets none.
2. A version shows something: its row is in the log, and at or above the floor of what it is of.
3. What is told to the audit is in the transaction of the change.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import msgspec

from ..errors import MomentNotFound
from ..ids import Lineage, SessionId
from . import reading, trail, versions
from .audit import Head
from .base import Chronicle, Deed, Loaded, Version
from .directory import Directory, Document, Session
from .openfile import OpenFile
from .thinning import thinned

__all__ = [
    "Thinning",
    "chronicle",
    "count_rows",
    "drop_version",
    "find",
    "listed",
    "load_at",
    "put_version",
    "tell",
    "tell_all",
    "thin",
]


class Thinning(msgspec.Struct, frozen=True):
    """How versions are to be thinned: see :func:`collabkit.store.thinning.thinned`."""

    now_ms: int
    manual: bool = False
    dry_run: bool = False
    audit: Deed | None = None


def find(
    directory: Directory, session_id: SessionId, name: str, at: int | None
) -> tuple[Session, Document]:
    """Look up a document whose past is asked for. Raises MomentNotFound.

    One that never was is given as an empty one, and is not taken in.
    """
    session = directory.get(session_id)
    if at is not None and not 0 <= at <= session.last_seq:
        raise MomentNotFound(str(at), f"the log of the session ends at {session.last_seq}")
    nothing = Document(0, session.no, name, Lineage(""))
    return session, session.documents.get(name, nothing)


def load_at(
    file: OpenFile, session_id: SessionId, name: str, at: int
) -> Generator[None, None, Loaded]:
    """Read what opens a document as it was after a row, in slices."""
    session, document = find(file.directory, session_id, name, at)
    with file.reading(session_id):
        return (yield from reading.load(file.connection, file.path, session, document, at=at))


def chronicle(
    file: OpenFile, session_id: SessionId, name: str, upto: int | None
) -> Generator[None, None, Chronicle]:
    """Read the past of a document, in slices."""
    session, document = find(file.directory, session_id, name, upto)
    with file.reading(session_id):
        return (
            yield from reading.chronicle(file.connection, file.path, session, document, at=upto)
        )


def tell(file: OpenFile, session_id: SessionId | None, deed: Deed) -> Head:
    """Tell the audit something, in a transaction of its own. Raises ValueNotStorable."""
    if session_id is not None:
        file.directory.get(session_id)
    with file.transaction():
        return trail.append(file.connection, session_id, deed)


def tell_all(file: OpenFile, deeds: Sequence[Deed]) -> Head:
    """Tell the audit several things about the whole file. Raises ValueNotStorable."""
    with file.transaction():
        for deed in deeds:
            trail.append(file.connection, None, deed)
        return trail.head(file.connection)


def put_version(
    file: OpenFile,
    session_id: SessionId,
    version: Version,
    *,
    replace: bool,
    audit: Deed | None = None,
) -> None:
    """Keep a version. Raises InvalidName, MomentNotFound or ValueNotStorable."""
    versions.check(version)
    session, _ = find(file.directory, session_id, version.document or "", version.seq)
    of = [one for one in session.documents.values() if version.document in (None, one.name)]
    floor = max((one.floor for one in of), default=0)
    if version.seq < floor:
        raise MomentNotFound(str(version.seq), f"what was before {floor} is compacted away")
    with file.transaction():
        versions.put(file.connection, session.no, version, replace=replace)
        trail.append(file.connection, session_id, audit)


def count_rows(file: OpenFile, session_id: SessionId) -> int:
    """How many rows a session has, of all its documents, without those compacted away."""
    return sum(one.rows for one in file.directory.get(session_id).documents.values())


def listed(file: OpenFile, session_id: SessionId, document: str | None) -> list[Version]:
    """List the versions of a session, or those that a document of it has."""
    session = file.directory.get(session_id)
    with file.reading(session_id):
        return versions.read(file.connection, file.path, session.no, document=document)


def thin(file: OpenFile, session_id: SessionId, asked: Thinning) -> list[Version]:
    """Forget the versions that are thinned out, and checkpoints that were kept for them."""
    session = file.directory.get(session_id)
    with file.reading(session_id):
        every = versions.read(file.connection, file.path, session.no)
    gone = thinned(every, now_ms=asked.now_ms, manual=asked.manual)
    if asked.dry_run or not gone:
        return gone
    with file.transaction():
        versions.drop(file.connection, session.no, (version.name for version in gone))
        left = {one.name: file.trim(one) for one in session.documents.values()}
        trail.append(file.connection, session_id, asked.audit)
    for name, size_bytes in left.items():
        session.documents[name].checkpoint_bytes = size_bytes
    return gone


def drop_version(
    file: OpenFile, session_id: SessionId, name: str, *, audit: Deed | None = None
) -> Version:
    """Forget a version. Raises MomentNotFound."""
    session = file.directory.get(session_id)
    with file.transaction():
        for version in versions.read(file.connection, file.path, session.no):
            if version.name == name:
                versions.drop(file.connection, session.no, [name])
                trail.append(file.connection, session_id, audit)
                return version
    raise MomentNotFound(name, "the session has no version of this name")
