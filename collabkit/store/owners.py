"""Whose each client id of a document is, in a table of its own.

Rules:

1. A claim is in the transaction of the row that makes it: an id has an owner exactly
   if a row that advanced it is in the log. Of two claims the first one stands.
2. The key of the table is the order of reading and there is no index beside it: damage is
   a page that cannot be read, never an owner that is not found.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TypeAlias

from ..errors import Corrupt
from ..ids import Subject
from . import rows

__all__ = ["Claim", "drop", "insert", "read", "rename"]

Claim: TypeAlias = tuple[int, int, Subject]
"""The number of a document, a client id, and whose it is from now on."""


def insert(connection: sqlite3.Connection, claims: Sequence[Claim]) -> None:
    """Write claims inside the caller's transaction."""
    connection.executemany(
        "INSERT INTO owners (document, client, subject, crc) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [(*claim, rows.crc(claim)) for claim in claims],
    )


def read(
    connection: sqlite3.Connection, path: str, document: int, where: str
) -> dict[int, Subject]:
    """Read the owners of a document's client ids. Raises Corrupt."""
    found: dict[int, Subject] = {}
    for no, client, subject, crc in connection.execute(
        "SELECT document, client, subject, crc FROM owners WHERE document = ?", (document,)
    ):
        if rows.crc((no, client, subject)) != crc:
            raise Corrupt(path, f"the owner of client {client} of {where}", rows.WRONG_SUM)
        found[client] = Subject(subject)
    return found


def rename(
    connection: sqlite3.Connection, path: str, document: int, old: Subject, new: Subject
) -> None:
    """Make one subject's client ids of a document another's, inside the caller's transaction."""
    owned = read(connection, path, document, f"document number {document}")
    for client, subject in owned.items():
        if subject == old:
            connection.execute(
                "UPDATE owners SET subject = ?, crc = ? WHERE document = ? AND client = ?",
                (new, rows.crc((document, client, new)), document, client),
            )


def drop(connection: sqlite3.Connection, document: int) -> None:
    """Forget the owners of a document that is deleted."""
    connection.execute("DELETE FROM owners WHERE document = ?", (document,))
