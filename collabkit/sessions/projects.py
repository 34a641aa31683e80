"""Operations on projects, and on who may do what: project-create, project-archive, access.

A change of who may do what is written so::

    {"kind": "grant", "put": {"id": "1", "subject": "user:ada", "role": "editor"}}
    {"kind": "role", "drop": "editor"}
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from ..access.facts import Change, Drop, Kind, Put, name_of
from ..access.paths import project_path, show
from ..access.policy import Policy
from ..access.stored import KINDS
from ..errors import InvalidArguments, InvalidPolicy, ProjectExists
from ..ids import RoomName, Subject
from ..store.charter import Project
from .asked import Arguments, Call

__all__ = ["Access", "Amended", "Archive", "Found", "archive", "change_access", "found"]


class _OfProject(Arguments, frozen=True, kw_only=True):
    """``project`` is its name; if none is given, that of the session."""

    session: str = ""
    project: str = ""

    def named(self, operation: str) -> str:
        """Which project is meant. Raises InvalidArguments."""
        # What a caller may do was asked of the session's: he means no other one.
        of = RoomName.parse(self.session).project if self.session else self.project
        if not of or self.project not in ("", of):
            raise InvalidArguments(operation, "say which project: one, if a session is named too")
        return of


class Found(_OfProject, frozen=True, kw_only=True):
    """``owner`` is whose it is; if nobody, the host's."""

    owner: str | None = None


class Archive(_OfProject, frozen=True, kw_only=True):
    """``undo`` lets things come into it again."""

    undo: bool = False


class Amended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of who may do what: a fact to ``put``, or the name of one to ``drop``."""

    kind: Kind
    put: dict[str, Any] | None = None
    drop: str | None = None


class Access(Arguments, frozen=True, kw_only=True):
    """All ``changes`` are made, or none; ``expected`` is the epoch that they were made for."""

    session: str = ""
    changes: tuple[Amended, ...]
    reason: str = ""
    expected: int | None = None
    dry_run: bool = False


async def found(call: Call, asked: Found) -> dict[str, Any]:
    """Add a project."""
    name, store = asked.named("project-create"), call.host.store
    owner = Subject(asked.owner) if asked.owner else call.owner
    try:
        made = await call.host.access.founding(
            show(project_path(name)),
            lambda amendment: store.create_project(name, by=call.subject, amendment=amendment),
            owner=owner,
        )
    except ProjectExists:
        there = {one.name: one for one in await store.projects()}
        made = there[name]
        if not (call.again and made.created_by == call.subject):
            raise
    return _shown(made)


async def archive(call: Call, asked: Archive) -> dict[str, Any]:
    """Let nothing in a project be changed, or let it again."""
    name = asked.named("project-archive")
    return _shown(await call.host.access.archive_project(name, by=call.subject, undo=asked.undo))


async def change_access(call: Call, asked: Access) -> dict[str, Any]:
    """Change who may do what."""
    changes, access = _read(asked.changes), call.host.access
    if asked.dry_run:
        # It tells who may do what: no more than whoever makes such changes could find out.
        by = None if call.owner is None else call.subject
        plan = await asyncio.to_thread(access.plan, changes, by=by)
        shown: dict[str, Any] = msgspec.to_builtins(plan)
        return shown
    if call.again and all(_is_made(access.policy, one) for one in changes):
        return {"epoch": access.policy.epoch}
    epoch = await access.change(
        changes,
        by=call.subject,
        reason=asked.reason,
        trusted=call.owner is None,
        expected=asked.expected,
    )
    return {"epoch": epoch}


def _read(amended: Sequence[Amended]) -> list[Change]:
    return [_change(number, one) for number, one in enumerate(amended, 1)]


def _change(number: int, amended: Amended) -> Change:
    where = f"change {number}, {amended.kind}"
    if (amended.put is None) == (amended.drop is None):
        raise InvalidPolicy(where, "it is put or dropped, one of both")
    if amended.drop is not None:
        return Drop(amended.kind, amended.drop)
    try:
        return Put(msgspec.convert(amended.put, KINDS[amended.kind]))
    except msgspec.ValidationError as error:
        raise InvalidPolicy(where, str(error)) from None


def _is_made(policy: Policy, change: Change) -> bool:
    if isinstance(change, Put):
        return policy.fact(*name_of(change.fact)) == change.fact
    return policy.fact(change.kind, change.key) is None


def _shown(project: Project) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(project)
    return shown
