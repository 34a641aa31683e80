"""What an edit would be that goes back, or brings a branch in: worked out, and not carried out.

Rules:

1. It is worked out on a copy of the document as the log has it, and is what changed that copy. So
   it can be worked out anywhere: in a thread, or in another process (:mod:`.beside`).
2. A plan is what can be sent: bytes, text and plain values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from ..crdt.document import Document
from ..history.difference import Difference
from ..history.joining import join
from ..history.past import Past
from ..history.revert import Kept
from ..history.rewind import restore, revert
from ..history.weave import Weave
from ..ids import Seq, SessionId, Subject

__all__ = ["Joining", "Plan", "Restoring", "Reverting", "Task", "work_out"]


class Restoring(msgspec.Struct, frozen=True, tag=True):
    """Go back to a moment."""

    at: Seq


class Reverting(msgspec.Struct, frozen=True, tag=True):
    """Take back a change, by its address; or what an author wrote between two moments."""

    change: str | None
    author: str | None
    since: Seq
    until: Seq


class Joining(msgspec.Struct, frozen=True, tag=True):
    """Take what a branch has beyond its parent.

    Attributes:
        fork: The branch.
        at: After which row of the parent it was branched.
        by: Who merges.
    """

    fork: SessionId
    at: Seq
    by: Subject

    @property
    def origin(self) -> str:
        """What the rows say that came from this branch."""
        return f"merge:{self.fork}"


Task: TypeAlias = Restoring | Reverting | Joining
"""What is to be worked out."""


class Plan(msgspec.Struct, frozen=True):
    """An edit.

    Attributes:
        action: What the audit calls it, and the version that is saved before it.
        origin: What its row says of how it came in.
        told: What the audit is told.
        after: The newest row that it knows of.
        updates: The edit itself; none if there is nothing to do.
        difference: What it changes, as text.
        kept: What it leaves alone, and why.
    """

    action: str
    origin: str
    told: dict[str, Any]
    after: Seq
    updates: tuple[bytes, ...]
    difference: str
    kept: tuple[Kept, ...] = ()


def work_out(task: Task, past: Past, fork: Past | None = None) -> Plan:
    """Work out an edit.

    Args:
        task: Which.
        past: That of the document.
        fork: That of the branch, if one is to be joined.

    Raises:
        MomentNotFound: A moment or a row is not there any more.
        ValueNotStorable: Something cannot be written again.
        WrongRoot: A root would have to be of another kind.
        UpdateRefused: One client wrote to the branch and to its parent.
    """
    match task:
        case Restoring(at):
            past.check(at)
            return _gone_back(
                past,
                lambda copy, weave: (restore(copy, weave, at), ()),
                action="restore",
                origin=f"restore:{at}",
                told={"at": at},
            )
        case Reverting():
            return _taken_back(task, past)
        case Joining():
            assert fork is not None
            return _joined(task, past, fork)


def _taken_back(task: Reverting, past: Past) -> Plan:
    if task.change is not None:
        rows = past.rows_of(task.change)
    else:
        rows = past.rows_by(task.author or "", since=task.since, until=task.until)
    seqs = [row.seq for row in rows]
    first, last = (seqs[0], seqs[-1]) if seqs else (0, 0)
    told = {"change": task.change, "author": task.author}
    return _gone_back(
        past,
        lambda copy, weave: revert(copy, weave, seqs),
        action="revert",
        origin=f"revert:{first}-{last}",
        told={**told, "first": first, "last": last, "rows": len(seqs)},
    )


_Edit: TypeAlias = Callable[[Document, Weave], tuple[Difference, tuple[Kept, ...]]]


def _gone_back(past: Past, edit: _Edit, *, action: str, origin: str, told: dict[str, Any]) -> Plan:
    copy, updates = past.now(), list[bytes]()
    copy.on_update(lambda change: updates.append(change.update))
    difference, kept = edit(copy, past.weave)
    told = {"document": past.document, **told}
    after = past.chronicle.upto
    return Plan(action, origin, told, after, tuple(updates), str(difference), kept)


def _joined(task: Joining, past: Past, fork: Past) -> Plan:
    joined = join(past, fork, at=task.at, origin=task.origin, by=task.by)
    told = {"document": past.document, "fork": task.fork}
    after = past.chronicle.upto
    return Plan("merge", task.origin, told, after, joined.updates, str(joined.difference))
