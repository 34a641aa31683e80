"""One document that several people edit by turns, each edit a row of its log."""

from __future__ import annotations

from collabkit.crdt.document import Document
from collabkit.history.weave import Weave
from collabkit.ids import Seq, Subject
from history.crowd import Row

__all__ = ["Journal", "woven"]


def woven(rows: list[Row]) -> Weave:
    """The weave of some rows."""
    weave = Weave()
    for row in rows:
        weave.add(row.update, row.stamp)
    return weave


class Journal:
    """One document that several people edit by turns, each edit a row."""

    def __init__(self) -> None:
        self.document = Document()
        self.rows: list[Row] = []
        self.document.on_update(lambda change: self._take(change.update))
        self._who = "ada"

    def _take(self, update: bytes) -> None:
        seq = Seq(len(self.rows) + 1)
        self.rows.append(Row(seq, Subject(f"user:{self._who}"), update))

    def by(self, who: str) -> Document:
        """The document, for an edit by somebody."""
        self._who = who
        return self.document

    def of(self, *people: str) -> set[Seq]:
        """The rows of some people."""
        return {row.seq for row in self.rows if row.subject in {f"user:{who}" for who in people}}
