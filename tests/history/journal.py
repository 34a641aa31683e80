"""One document that several people edit by turns, each edit a row of its log."""

from __future__ import annotations

from collabkit.crdt.document import Document
from collabkit.ids import Seq, Subject
from history.crowd import Row

__all__ = ["Journal"]


class Journal:
    """One document that several people edit by turns, each edit a row."""

    def __init__(self) -> None:
        self.document = Document()
        self.rows: list[Row] = []
        self.document.on_update(lambda change: self._take(change.update))
        self._by = "ada", "relay"

    def _take(self, update: bytes) -> None:
        seq, (who, origin) = Seq(len(self.rows) + 1), self._by
        self.rows.append(Row(seq, Subject(f"user:{who}"), update, origin))

    def by(self, who: str, origin: str = "relay") -> Document:
        """The document, for an edit by somebody."""
        self._by = who, origin
        return self.document

    def of(self, *people: str) -> set[Seq]:
        """The rows of some people."""
        return {row.seq for row in self.rows if row.subject in {f"user:{who}" for who in people}}
