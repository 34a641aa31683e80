"""An edit of a document that an operation makes: told beforehand, and an ordinary one in the room.

Rules:

1. First one transaction tells the audit and, unless the policy says otherwise, saves a version of
   what there was. Should the process die behind it, nothing was edited.
2. The edit itself is one update, in one row; only a very large one is cut into several.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..ids import Seq
from ..store.base import Deed, SessionRecord
from .asked import Call
from .versions import keep

__all__ = ["Edited", "edit"]

_PAGE_ROWS = 1000


class Edited(msgspec.Struct, frozen=True):
    """What came of an edit.

    Attributes:
        seq: Its row; None if there was nothing to edit.
        version: Name of the version that shows what there was before.
    """

    seq: Seq | None = None
    version: str | None = None


async def edit(
    call: Call,
    record: SessionRecord,
    document: str,
    updates: Sequence[bytes],
    *,
    origin: str,
    deed: Deed,
    kind: str,
    upto: Seq,
) -> Edited:
    """Edit a document.

    Args:
        call: Whose edit it is.
        record: The session.
        document: Name of the document.
        updates: The edit.
        origin: What its row is to say of how it came in.
        deed: What to tell the audit.
        kind: Why a version is saved before it.
        upto: The newest row that the edit knows of.

    Raises:
        SessionBusy: The program has the session for itself, as somebody else.
        CannotWrite: The disk does not take it.
    """
    store = call.host.store
    version: str | None = None
    if call.host.policy.before_rewinding:
        kept = await keep(
            store, record, kind=kind, seq=upto, by=call.subject, document=document, audit=deed
        )
        version = kept.name
    else:
        await store.audit(record.id, deed.subject, deed.action, deed.data)
    await call.host.attendance.merge(record, document, updates, subject=call.subject, origin=origin)
    return Edited(await _row(call, record, document, origin, upto), version)


async def _row(
    call: Call, record: SessionRecord, document: str, origin: str, after: int
) -> Seq | None:
    """The row that an edit became, the last one if it became several."""
    found: Seq | None = None
    while True:
        rows = await call.host.store.rows(
            record.id, after=after, document=document, limit=_PAGE_ROWS
        )
        for row in rows:
            if row.origin == origin and row.subject == call.subject:
                found = row.seq
        if len(rows) < _PAGE_ROWS:
            return found
        after = rows[-1].seq
