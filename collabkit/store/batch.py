"""Gives the drafts of one transaction their places, and takes them back if it fails.

Rules:

1. The store thread places drafts before it begins the transaction: what cannot be stored
   at all fails alone, with its own reason, and only the disk can fail the others.
2. A value that SQLite would turn into one of another type is refused: a check sum covers what
   was given, and what is read is something else.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeAlias

from ..errors import CollabError, ValueNotStorable
from ..ids import GUARD, Seq, SessionId
from . import rows
from .base import Draft
from .directory import Directory, Document, Session
from .owners import Claim

__all__ = ["Batch", "Outcome", "check", "check_integer", "check_size", "check_text"]

Outcome: TypeAlias = list[Seq] | CollabError
"""What became of one write: the places of its rows, or why there are none."""

# What SQLite's integers hold.
_INTEGERS = range(-(1 << 63), 1 << 63)


def check_text(**fields: str) -> None:
    """Make sure that each is text that UTF-8 can say. Raises ValueNotStorable."""
    for name, value in fields.items():
        # Typed or not, it comes from callers: a `group` is whatever a program passes to `edit`.
        if not isinstance(value, str):
            raise ValueNotStorable(f"the {name} {value!r} is a {type(value).__name__}, not text")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueNotStorable(f"the {name} {value!r} is no Unicode text") from error


def check_integer(number: int) -> None:
    """Make sure that SQLite can hold a number. Raises ValueNotStorable."""
    if type(number) is not int or number not in _INTEGERS:
        raise ValueNotStorable(f"{number!r} is not an integer of 64 bits")


def check_size(body: bytes) -> None:
    """Make sure that a body fits in a row. Raises ValueNotStorable."""
    if len(body) > rows.MAX_BODY_BYTES:
        raise ValueNotStorable(f"{len(body)} bytes in one row, more than {rows.MAX_BODY_BYTES}")


def check(draft: Draft) -> None:
    """Make sure that a draft reads back as what it is. Raises ValueNotStorable."""
    check_text(document=draft.document, subject=draft.subject, kind=draft.kind, origin=draft.origin)
    if draft.group is not None:
        check_text(group=draft.group)
    for number in (draft.at_ms, draft.seen):
        check_integer(number)
    if not isinstance(draft.body, bytes):
        raise ValueNotStorable(f"a body is a {type(draft.body).__name__}, not bytes")
    check_size(draft.body)
    try:
        struct.pack(f"<{len(draft.clients)}Q", *draft.clients)
        struct.pack(f"<{len(draft.claims)}q", *draft.claims)
        struct.pack(f"<{len(draft.repairs)}q", *draft.repairs)
    except (struct.error, TypeError) as error:
        raise ValueNotStorable(f"client ids {draft.clients!r}: {error}") from error


class Batch:
    """The rows of one transaction to be.

    Call :meth:`place` for each write, insert :attr:`documents`, :attr:`rows` and
    :attr:`claims`, and then :meth:`keep` or :meth:`undo`.
    """

    def __init__(self, directory: Directory, epoch: int) -> None:
        self.rows: list[rows.Values] = []
        self.documents: list[Document] = []
        self.claims: list[Claim] = []
        self._directory = directory
        self._epoch = epoch
        self._owners: dict[int, tuple[Session, Document]] = {}

    def __repr__(self) -> str:
        return f"<Batch rows={len(self.rows)}>"

    def place(self, session_id: SessionId, drafts: Sequence[Draft]) -> Outcome:
        """Give places to the drafts of one write, to all or to none."""
        before = len(self.rows), len(self.documents), len(self.claims)
        try:
            session = self._directory.get(session_id)
            for draft in drafts:
                self._add(session, draft)
        except CollabError as error:
            self._withdraw(*before)
            return error
        return [Seq(row[1]) for row in self.rows[before[0] :]]

    def _add(self, session: Session, draft: Draft) -> None:
        check(draft)
        document = session.documents.get(draft.document)
        if document is None:
            document = self._directory.new_document(session, draft.document)
            self.documents.append(document)
        seq = session.last_seq + 1
        self.rows.append(rows.seal_row(document.no, seq, document.last_seq, self._epoch, draft))
        self.claims += [(document.no, client, draft.subject) for client in draft.claims]
        if draft.repairs:
            self.claims += [(document.no, client, GUARD) for client in draft.repairs]
        self._owners[document.no] = (session, document)
        session.last_seq = document.last_seq = seq

    def keep(self) -> None:
        """It was committed."""
        for row in self.rows:
            _, document = self._owners[row[0]]
            self._directory.appended(document, len(row[11]))

    def undo(self) -> None:
        """It was not: every place is free again."""
        self._withdraw(0, 0, 0)

    def _withdraw(self, rows_from: int, documents_from: int, claims_from: int) -> None:
        del self.claims[claims_from:]
        while len(self.rows) > rows_from:
            no, seq, prev, *_ = self.rows.pop()
            session, document = self._owners[no]
            session.last_seq, document.last_seq = seq - 1, prev
        while len(self.documents) > documents_from:
            self._directory.forget(self.documents.pop())
