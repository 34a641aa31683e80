"""Projects and sessions come to be, in one transaction with what there is to say of them.

Rules:

1. A session brings its project along if that is not there yet. The audit tells of both.
2. Nothing new comes into a project that is archived.
3. What its maker may do with something new is written with it, or it is not made.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import InvalidName, ProjectArchived, ProjectExists, ProjectNotFound
from ..ids import RoomName, Subject
from . import amending, parents, projects, trail
from .base import Deed, Parent, SessionRecord
from .batch import check_text
from .charter import Amendment, Project
from .openfile import OpenFile

__all__ = [
    "archive_project",
    "check_name",
    "create_project",
    "create_session",
    "entering",
    "see_open",
]

# What tokens mean by these, in place of a name: collabkit/access/tokens.py.
_WILDCARDS = ("*", "**")


def create_session(
    file: OpenFile,
    name: str,
    *,
    project: str,
    kind: str,
    by: Subject,
    parent: Parent | None = None,
    amendment: Amendment | None = None,
) -> SessionRecord:
    """Add a session, branched from another if ``parent`` says so.

    With an amendment, do it once the file is :func:`.amending.ready`; so too with a project.

    Raises:
        SessionExists: The project has one of this name.
        ProjectArchived: It gets no more.
        Conflict: Facts are not of the epoch that the amendment expects.
    """
    check_text(name=name, project=project, kind=kind, by=by)
    for part in (project, name):
        check_name(part)
    session = file.directory.new_session(project, name, kind, by, _now_ms())
    session.parent = parent
    told: dict[str, Any] = {"project": project, "name": name, "kind": kind}
    if parent is not None:
        told["parent"] = msgspec.to_builtins(parent)
    with entering(file, project, by):
        file.insert_session(session)
        if parent is not None:
            parents.insert(file.connection, session.no, parent)
        trail.append(file.connection, session.id, Deed(by, "create", told))
        _amend(file, amendment)
    file.directory.add(session)
    return session.record()


def create_project(
    file: OpenFile, name: str, *, by: Subject, amendment: Amendment | None = None
) -> Project:
    """Add a project. Raises ProjectExists, InvalidName or Conflict."""
    check_text(name=name, by=by)
    check_name(name)
    if file.directory.project(name) is not None:
        raise ProjectExists(name)
    with entering(file, name, by):
        _amend(file, amendment)
    return file.directory.projects[name]


def archive_project(file: OpenFile, name: str, *, by: Subject, undo: bool) -> Project:
    """Let nothing new come into a project, or let it again. Raises ProjectNotFound."""
    check_text(by=by)
    before = file.directory.project(name)
    if before is None:
        raise ProjectNotFound(name)
    if (before.archived_at_ms is None) == undo:
        return before
    after = msgspec.structs.replace(before, archived_at_ms=None if undo else _now_ms())
    with file.transaction():
        projects.replace(file.connection, after)
        deed = Deed(by, "project-archive", {"name": name, "undo": undo})
        trail.append(file.connection, None, deed)
    file.directory.projects[name] = after
    return after


@contextlib.contextmanager
def entering(file: OpenFile, name: str, by: Subject) -> Iterator[None]:
    """A transaction in which something comes into a project, which is made if it is not there."""
    see_open(file, name)
    made = None if name in file.directory.projects else Project(name, _now_ms(), by)
    with file.transaction():
        if made is not None:
            projects.insert(file.connection, made)
            trail.append(file.connection, None, Deed(by, "project-create", {"name": name}))
        yield
    if made is not None:
        file.directory.projects[name] = made


def see_open(file: OpenFile, name: str) -> None:
    """See that something may come into a project. Raises ProjectArchived."""
    project = file.directory.project(name)
    if project is not None and project.archived_at_ms is not None:
        raise ProjectArchived(name)


def _amend(file: OpenFile, amendment: Amendment | None) -> None:
    if amendment is not None:
        amending.amend_within(file, amendment, amending.ordered(amendment))


def check_name(part: str) -> None:
    """See that a session or a project can have a name. Raises InvalidName."""
    if RoomName.parse(part).session != part:
        raise InvalidName(part, "a session or project is named without `/` and `~`")
    if part in _WILDCARDS:
        raise InvalidName(part, "a token for it would be for every other too")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
