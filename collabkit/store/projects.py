"""The projects, in a table of their own: few are.

Rules:

1. Like the list of sessions they are read once, whole, and nothing is looked up in an index.
2. A session whose project is not listed proves that there is one: in a file of before none was,
   in a newer one it is damage.
3. Where one is damaged, nobody can say of another that it is not there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from ..ids import DEFAULT_PROJECT, Subject
from . import rows
from .charter import Project

__all__ = ["LISTED_SINCE", "implied", "insert", "read", "replace"]

# The number of files that have the list.
LISTED_SINCE = 4

# Who made what was there before anybody was asked who makes it.
_FOUNDER = Subject("collabkit:file")


def insert(connection: sqlite3.Connection, project: Project) -> None:
    """Write a new project, inside the caller's transaction."""
    fields = msgspec.structs.astuple(project)
    connection.execute(
        "INSERT INTO projects (name, created_at_ms, created_by, archived_at_ms, crc) "
        "VALUES (?, ?, ?, ?, ?)",
        (*fields, rows.crc(fields)),
    )


def replace(connection: sqlite3.Connection, project: Project) -> None:
    """Write what a project is now, inside the caller's transaction."""
    connection.execute("DELETE FROM projects WHERE +name = ?", (project.name,))
    insert(connection, project)


def read(connection: sqlite3.Connection) -> Iterator[tuple[str, Project | None]]:
    """Read them all: the name of each, and what it is, or None where that is damaged."""
    for *fields, crc in connection.execute(
        "SELECT name, created_at_ms, created_by, archived_at_ms, crc FROM projects ORDER BY name"
    ):
        sound = rows.crc(fields) == crc
        yield fields[0], Project(*fields) if sound else None


def implied(sessions: Iterable[tuple[str, int, Subject]], *, at_ms: int) -> dict[str, Project]:
    """The projects that sessions are in, and the one of those that name none.

    Args:
        sessions: Of each its project, and when and by whom it was made; the oldest first.
        at_ms: When that one was made, if there is no session in it.
    """
    found: dict[str, Project] = {}
    for name, created_at_ms, created_by in sessions:
        found.setdefault(name, Project(name, created_at_ms, created_by))
    found.setdefault(DEFAULT_PROJECT, Project(DEFAULT_PROJECT, at_ms, _FOUNDER))
    return found
