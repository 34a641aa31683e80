"""An edit on its way, and how tasted edits are spread over a room."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..crdt.update import Scan, splice
from ..ids import Subject
from ..store.base import Draft
from .effects import RoomEffect, Send
from .messages import Update

__all__ = ["Pending", "spread"]


class Pending(msgspec.Struct, eq=False):
    """One update on its way; ``update`` is empty once it turns out to bring nothing new."""

    author: int
    subject: Subject
    update: bytes
    scan: Scan
    sent: bool = False
    suspect: bool = False
    seen: int = 0
    group: str | None = None
    ticket: int = 0
    at_ms: int = 0

    def __repr__(self) -> str:
        return f"<Pending {len(self.update)} bytes by {self.subject}>"

    def draft(self, document: str) -> Draft:
        """The row that it becomes."""
        return Draft(
            document,
            self.subject,
            self.update,
            self.at_ms,
            clients=tuple([section.client for section in self.scan.sections]),
            seen=self.seen,
            group=self.group,
        )


def spread(edits: Sequence[Pending], stock: tuple[int, ...]) -> list[RoomEffect]:
    """Send edits, spliced, to all of ``stock`` except that nobody is sent his own."""
    if not edits or not stock:
        return []
    authors = {edit.author for edit in edits}
    if len(authors) == 1:
        return [Send(stock, Update(u), edits[0].author) for u in _spliced(edits)]
    effects: list[RoomEffect] = []
    readers = tuple(member for member in stock if member not in authors)
    if readers:
        effects += [Send(readers, Update(u)) for u in _spliced(edits)]
    for author in sorted(authors.intersection(stock)):
        others = [edit for edit in edits if edit.author != author]
        effects += [Send((author,), Update(u)) for u in _spliced(others)]
    return effects


def _spliced(edits: Sequence[Pending]) -> list[bytes]:
    if len(edits) == 1:
        return [edits[0].update]
    return splice([(edit.update, edit.scan) for edit in edits])
