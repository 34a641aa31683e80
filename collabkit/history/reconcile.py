"""Brings a live document to what it is to hold, while others keep editing it.

Rules:

1. All of it is one edit block: one transaction, which undo takes back as a whole; and if
   anything cannot be written, nothing happened.
2. It is proven before the block ends: the document is read back and compared with what was
   wanted. Formatting that the engine made otherwise than asked is written over, at most
   :data:`_PASSES` times; then it counts as what cannot be written.
"""

from __future__ import annotations

from ..crdt.document import Document
from ..crdt.pen import Pen, writing
from ..errors import ValueNotStorable
from .applying import apply
from .difference import Difference, difference
from .live import tree_by, tree_of
from .tree import Tree, same

__all__ = ["reconcile"]

_PASSES = 3


def reconcile(
    document: Document, wanted: Tree, *, live: Tree | None = None, group: str | None = "restore"
) -> Difference:
    """Make a document hold what a tree says, by an edit of only what differs.

    Args:
        document: What to edit.
        wanted: What it is to hold.
        live: What it holds, with the ids under which its shared types were created, so that a
            shared type that is in both is told from one that looks like it. By default, and
            where the document holds something else, they are told by their content and place.
        group: What to call the edit.

    Returns:
        What was different.

    Raises:
        ValueNotStorable: It cannot be done; nothing was changed.
        WrongRoot: A root would have to be of another kind; nothing was changed.

    >>> from collabkit.history.live import tree_of
    >>> document = Document()
    >>> document.text("plan").append("Sleep")
    >>> before = tree_of(document)
    >>> document.text("plan").replace(0, 5, "Work")
    >>> bool(reconcile(document, before)), str(document.text("plan"))
    (True, 'Sleep')
    >>> document.undo(), str(document.text("plan"))
    (True, 'Work')
    """
    with document.edit(group):
        found = tree_of(document, like=wanted)
        if live is None or not same(live, found):
            live = found
        change = difference(live, wanted)
        if change:
            with writing(document) as pen:
                apply(pen, change)
                _prove(pen, wanted)
    return change


def _prove(pen: Pen, wanted: Tree) -> None:
    """See that the document holds what was wanted; put right what the engine made of it."""
    for _ in range(_PASSES):
        found = tree_by(pen, wanted)
        if same(found, wanted):
            return
        apply(pen, difference(found, wanted))
    if not same(tree_by(pen, wanted), wanted):
        raise ValueNotStorable("the engine makes something else of what was wanted")
