"""Restore and revert: edits of a live document that are made of its history.

Rules:

1. The log is behind the document: what was edited a moment ago is on its way there. So inside the
   edit block, in which nobody else edits, the weave takes in what it lacks, as a row of nobody's
   (:func:`catch_up`). Afterwards it is not to be asked for authors any more.
2. Where the weave has what the document has not, the two are matched by content alone.
"""

from __future__ import annotations

from collections.abc import Collection

from ..crdt.document import Document
from ..crdt.update import encode_state_vector
from ..ids import Seq, Subject
from .difference import Difference
from .reconcile import reconcile
from .revert import Kept, without
from .tree import Stamp
from .view import tree
from .weave import Weave

__all__ = ["catch_up", "restore", "revert"]


def restore(document: Document, weave: Weave, at: Seq) -> Difference:
    """Make a document hold what it held after a row, by one edit, which undo takes back.

    Args:
        document: What to edit.
        weave: Its history.
        at: The row.

    Returns:
        What was different.

    Raises:
        ValueNotStorable: It cannot be done; nothing was changed.
        WrongRoot: A root would have to be of another kind; nothing was changed.

    >>> document, weave = Document(), Weave()
    >>> document.text("plan").append("Sleep")
    >>> catch_up(weave, document)
    >>> document.text("plan").replace(0, 5, "Work")
    >>> bool(restore(document, weave, Seq(1))), str(document.text("plan"))
    (True, 'Sleep')
    """
    with document.edit("restore"):
        catch_up(weave, document)
        return reconcile(document, tree(weave, at), live=tree(weave), group="restore")


def revert(
    document: Document, weave: Weave, rows: Collection[Seq]
) -> tuple[Difference, tuple[Kept, ...]]:
    """Take back what some rows did to a document, by one edit, and keep everybody else's work.

    Args:
        document: What to edit.
        weave: Its history.
        rows: The rows.

    Returns:
        What was different, and what stays although these rows did something to it.

    Raises:
        MomentNotFound: Not all of the rows are in the log any more, one by one.
        ValueNotStorable: It cannot be done; nothing was changed.

    >>> document, weave = Document(), Weave()
    >>> for word in ("one ", "two ", "three "):
    ...     document.text("list").append(word)
    ...     catch_up(weave, document)
    >>> _, kept = revert(document, weave, {Seq(2)})
    >>> str(document.text("list")), kept
    ('one three ', ())
    """
    with document.edit("revert"):
        catch_up(weave, document)
        wanted = without(weave, rows)
        change = reconcile(document, wanted.tree, live=tree(weave), group="revert")
    return change, wanted.kept


def catch_up(weave: Weave, document: Document) -> None:
    """Let a weave take in what a document has beyond it (rule 1)."""
    lacking = document.update(encode_state_vector(weave.vector))
    seq = Seq(max(weave.stamps, default=Seq(0)) + 1)
    weave.add(lacking, Stamp(seq, Subject(""), 0, "live"))
