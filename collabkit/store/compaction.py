"""Compaction: letting the beginning of a document's log go.

Rules:

1. History begins anew at ``upto``, with a checkpoint that ends there: its base. No moment from
   there on changes, and none before it can be gone to.
2. No update goes that two checkpoints, both verified just now, do not hold: whichever of them is
   damaged later, the other stands in.
3. Nothing goes that a version shows, but with the versions that are to go as well, and nothing
   while a row is set aside.
4. The first transaction decides: with it the floor of the document is ``upto``, its base is
   there, and the audit tells. The rows go after it, a slice at a time, and should the
   process die, the next holder goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator

import msgspec

from ..errors import LocalProtocolError
from ..ids import Seq
from . import checkpoints, keyframes, quarantine, reading, removal, rows, trail, versions
from .base import Checkpoint, Compacted, Deed
from .directory import Document, Session
from .openfile import OpenFile

__all__ = ["Asked", "compact"]


class Asked(msgspec.Struct, frozen=True):
    """What is to be compacted away, and how.

    Attributes:
        upto: The last row that goes.
        dropping: Names of versions that go with the rows.
        base: A checkpoint that ends there, and its packed body; None if one is kept already, or
            if history may begin later.
        dry_run: Only say what would go.
        audit: What to tell of it.
    """

    upto: int
    dropping: tuple[str, ...] = ()
    base: tuple[Checkpoint, checkpoints.Packed] | None = None
    dry_run: bool = False
    audit: Deed | None = None


def compact(
    file: OpenFile, session: Session, document: Document, asked: Asked
) -> Generator[None, None, Compacted]:
    """Remove the updates of a document up to a row; says what is gone, or would be.

    Raises:
        LocalProtocolError: Not two sound checkpoints reach so far, or a version is older.
    """
    expected = yield from _measure(file, document, asked.upto)
    if quarantine.first_aside(file.connection, document.no) is not None:
        return Compacted(0, 0, Seq(document.floor))
    _refuse(file, session, document, asked)
    if asked.dry_run:
        return expected
    file.settle_of(document)
    after = msgspec.structs.replace(document, floor=max(document.floor, asked.upto))
    with file.transaction():
        if asked.base is not None:
            checkpoints.insert(file.connection, document.no, *asked.base)
        # What ends below the floor shows nothing that could be gone on from.
        checkpoints.delete(file.connection, document.no, first=0, last=after.floor - 1)
        file.update_document(after)
        versions.drop(file.connection, session.no, asked.dropping)
        trail.append(file.connection, session.id, asked.audit)
    document.floor = after.floor
    document.checkpoint_bytes = checkpoints.size(file.connection, document.no)
    yield
    yield from removal.drop_rows(file, document)
    yield from removal.give_back(file)
    return expected


def _measure(file: OpenFile, document: Document, upto: int) -> Generator[None, None, Compacted]:
    """What would go, counted a page a slice."""
    file.settle_of(document)
    size_bytes = checkpoints.size(file.connection, document.no, before=upto)
    count, after = 0, 0
    while page := rows.weigh(file.connection, document.no, after=after, upto=upto):
        count, size_bytes, after = count + page[0], size_bytes + page[1], page[2]
        yield
    return Compacted(count, size_bytes, Seq(upto))


def _refuse(file: OpenFile, session: Session, document: Document, asked: Asked) -> None:
    upto, where = asked.upto, reading.where(session, document)
    if not 0 <= upto <= session.last_seq:
        raise LocalProtocolError(f"the log of {where} ends at {session.last_seq}, not at {upto}")
    if asked.base is not None and asked.base[0].seq != upto:
        raise LocalProtocolError(f"history that begins at {upto} needs a checkpoint at {upto}")
    for version in versions.read(file.connection, file.path, session.no, document=document.name):
        if version.seq < upto and version.name not in asked.dropping:
            raise LocalProtocolError(
                f"version {version.name!r} of {where} shows row {version.seq}: what comes after "
                "it stays"
            )
    kept = checkpoints.kept(file.connection, document.no, document.name, first=upto)
    sound = (one for _, one in kept if one is not None)
    count = len(list(itertools.islice(sound, keyframes.KEPT))) + (asked.base is not None)
    # Before a dry run they need not have been made.
    if count < keyframes.KEPT and not asked.dry_run:
        raise LocalProtocolError(
            f"updates of {where} up to {upto} can only go once {keyframes.KEPT} sound "
            f"checkpoints hold them; there are {count}"
        )
