"""The past of one document, from what the store keeps of it.

Rules:

1. A past is of one reading of the log. It does not grow: what is asked of a document is asked of a
   reading that is new, or an erased word would live on here.
2. All of it is work for a thread: a log of 100,000 rows takes about a second to weave. Each row is
   woven once, when first something is asked that needs it.
3. Where rows were compacted away, history begins with one change that stands for them all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

from ..crdt.document import Document
from ..errors import MomentNotFound
from ..ids import Seq, Subject
from ..store.base import Chronicle, Row
from .blame import Blame, blame
from .difference import Difference, difference
from .timeline import Change, Seen, Wanted, changes, measured, rows_of
from .tree import Stamp, Tree
from .view import tree
from .weave import Weave

__all__ = ["Past", "compacted"]


def _stamp_of(row: Row) -> Stamp:
    """Whose a row is."""
    return Stamp(row.seq, row.subject, row.at_ms, row.origin, row.group)


def compacted(chronicle: Chronicle, document: str) -> tuple[Change, ...]:
    """The change that stands for all rows that are gone, if any are."""
    base = chronicle.base
    if base is None:
        return ()
    change = Change(
        document=document,
        first=Seq(1),
        last=base.seq,
        rows=0,
        subject=Subject(""),
        origin="checkpoint",
        group=None,
        from_ms=base.at_ms,
        to_ms=base.at_ms,
        inserted=0,
        deleted=0,
        compacted=True,
    )
    return (change,)


class Past:
    """What can be told of a document's past.

    Attributes:
        document: Its name.
        chronicle: What the store said.
    """

    def __init__(self, document: str, chronicle: Chronicle) -> None:
        self.document = document
        self.chronicle = chronicle
        self._seen: list[Seen] = []

    def __repr__(self) -> str:
        told = self.chronicle
        return f"<Past of {self.document!r}, {len(told.rows)} rows after {told.floor}>"

    @cached_property
    def weave(self) -> Weave:
        """Its items, each with the row that made it and the one that deleted it."""
        weave, base = Weave(), self.chronicle.base
        if base is not None:
            weave.add_base(base.body, self.chronicle.owners, seq=base.seq, at_ms=base.at_ms)
        for row in self.updates():
            self._seen.append(measured(row, weave.add(row.body, _stamp_of(row))))
        return weave

    def check(self, at: Seq) -> None:
        """Make sure that a moment can be gone back to. Raises MomentNotFound."""
        floor, upto = self.chronicle.floor, self.chronicle.upto
        if at < floor:
            raise MomentNotFound(str(at), f"what was before row {floor} is compacted away")
        if at > upto:
            raise MomentNotFound(str(at), f"the newest row is {upto}")

    def tree(self, at: Seq | None = None) -> Tree:
        """The document as it was after a row; None: after the newest. Raises MomentNotFound."""
        if at is not None:
            self.check(at)
        return tree(self.weave, at)

    def difference(self, old: Seq | None, new: Seq | None) -> Difference:
        """What is different between two moments, and whose doing it is. Raises MomentNotFound."""
        before, after = self.tree(old), self.tree(new)
        # What came since goes again, on the way back: nobody did that.
        last = self.chronicle.upto if new is None else new
        took = {
            item: item.dead if item.dead is not None and item.dead.seq <= last else None
            for item in self.weave.items()
        }
        return difference(before, after, gone=tree(self.weave, old, authors=took))

    def blame(self, at: Seq | None = None) -> Blame:
        """Whose everything was after a row; None: after the newest. Raises MomentNotFound."""
        if at is not None:
            self.check(at)
        return blame(self.weave, at)

    def changes(
        self, wanted: Wanted, *, versions: Collection[Seq], before: int | None = None
    ) -> Iterator[tuple[Change, ...]]:
        """Tell the log as changes, newest first, each with the places that it changed.

        Args:
            wanted: Which changes.
            versions: After which rows a version was saved.
            before: Only spans that begin before this row.

        Yields:
            The changes of one span, if any are wanted.
        """
        assert self.weave is not None  # it fills what was seen
        rows = (one for one in reversed(self._seen) if before is None or one.row.seq < before)
        for span in changes(rows, versions=versions):
            if taken := tuple(filter(wanted.takes, span)):
                yield taken
        gone = filter(wanted.takes, compacted(self.chronicle, self.document))
        if told := tuple(change for change in gone if before is None or change.first < before):
            yield told

    def rows_of(self, change: str) -> tuple[Row, ...]:
        """The rows of a change, by its address. Raises MomentNotFound."""
        return rows_of(change, self.chronicle.rows)

    def rows_by(self, author: str, *, since: Seq, until: Seq) -> tuple[Row, ...]:
        """The rows that somebody wrote after one moment and until another."""
        return tuple(
            row for row in self.updates() if row.subject == author and since < row.seq <= until
        )

    def now(self) -> Document:
        """The document as the newest row left it, for whoever wants to edit a copy of it."""
        document = Document(self.document)
        base = self.chronicle.base
        bodies = [row.body for row in self.updates()]
        for body in bodies if base is None else [base.body, *bodies]:
            document.apply(body, origin="log", trusted=True)
        return document

    def updates(self) -> Iterator[Row]:
        """The rows that are updates."""
        return (row for row in self.chronicle.rows if row.kind == "update")
