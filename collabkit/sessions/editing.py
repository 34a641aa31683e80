"""An edit that an operation makes: worked out, told, and then an ordinary one in the room.

Rules:

1. One document has one such edit at a time: two at once would bring the same words back twice.
2. It is worked out beside the loop, from what the log has (:mod:`.planning`).
3. Then one transaction tells the audit and, unless the policy says otherwise, saves a version of
   what there was. Should the process die behind it, nothing was edited.
4. The edit itself is one update, in one row; only a very large one is cut into several.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..ids import Seq
from ..store.base import Deed, SessionRecord
from .asked import Call
from .beside import Order
from .paging import rows_after
from .planning import Plan, Task
from .versions import keep

__all__ = ["carry_out"]


async def carry_out(
    call: Call,
    record: SessionRecord,
    document: str,
    task: Task,
    *,
    dry_run: bool,
    branch: SessionRecord | None = None,
) -> dict[str, Any]:
    """Work an edit out and, unless it is only to be told, make it.

    Args:
        call: Whose edit it is.
        record: The session.
        document: Name of the document.
        task: Which edit.
        dry_run: Only tell what would change.
        branch: The session that is joined, if one is.

    Returns:
        What became of it: the row and the version, and what it changed.

    Raises:
        OperationFailed: It took too long to work out.
        MomentNotFound: As :func:`.planning.work_out`, and everything else there.
        SessionBusy: The program has the session for itself, as somebody else.
        CannotWrite: The disk does not take it.
    """
    host = call.host
    async with host.attendance.turn(record, document):
        now = await host.store.find_session(record.id, project=record.project)
        order = Order(
            path=host.store.path,
            session=now.id,
            document=document,
            upto=now.last_seq,
            task=task,
            fork_upto=None if branch is None else branch.last_seq,
        )
        size_bytes = now.size_bytes + (0 if branch is None else branch.size_bytes)
        plan = await host.beside.work_out(order, size_bytes=size_bytes)
        seq: Seq | None = None
        version: str | None = None
        if plan.updates and not dry_run:
            version = await _announced(call, record, document, plan)
            await host.attendance.merge(
                record, document, plan.updates, subject=call.subject, origin=plan.origin
            )
            seq = await _row(call, record, document, plan)
    return {
        "document": document,
        "origin": plan.origin,
        "seq": seq,
        "version": version,
        "difference": plan.difference,
        "kept": msgspec.to_builtins(plan.kept),
    }


async def _announced(call: Call, record: SessionRecord, document: str, plan: Plan) -> str | None:
    """Tell the audit what is going to happen, and save a version of what there is."""
    host, deed = call.host, Deed(call.subject, plan.action, plan.told)
    if not host.policy.before_rewinding:
        await host.store.audit(record.id, deed.subject, deed.action, deed.data)
        return None
    kept = await keep(
        *(host.store, record),
        kind=plan.action,
        seq=plan.after,
        by=call.subject,
        document=document,
        audit=deed,
    )
    return kept.name


async def _row(call: Call, record: SessionRecord, document: str, plan: Plan) -> Seq | None:
    """The row that an edit became, the last one if it became several."""
    found: Seq | None = None
    async for row in rows_after(call.host.store, record, plan.after, document=document):
        if row.origin == plan.origin and row.subject == call.subject:
            found = row.seq
    return found
