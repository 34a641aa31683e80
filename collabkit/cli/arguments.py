"""What commands have in common: the file comes first, and names mean the same everywhere."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import Corrupt, FileHeld, OperationFailed, SessionNotFound
from ..ids import RoomName, SessionId
from ..sessions import holder
from ..sessions.workspace import Workspace, user
from ..store import lock
from ..store.base import SessionRecord
from ..store.reader import Reader

__all__ = [
    "DEFAULT_DB",
    "AsJson",
    "Db",
    "DryRun",
    "Name",
    "OptionalDb",
    "Yes",
    "find",
    "full_name",
    "in_full",
    "listed",
    "operate",
]

DEFAULT_DB = Path("collabkit.db")


def _utf8(path: Path) -> Path:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        # SQLite takes no other names.
        raise typer.BadParameter(f"the path {str(path)!r} is not UTF-8") from None
    return path


Db = Annotated[
    Path, typer.Argument(metavar="DB", help="The file.", show_default=False, callback=_utf8)
]
OptionalDb = Annotated[Path, typer.Argument(metavar="DB", help="The file.", callback=_utf8)]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A session by name or id, or a document as [PROJECT~]SESSION/DOCUMENT.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# A holder that is just starting, or ending, has the lock and no ear yet.
PATIENCE = 3.0
PAUSE = 0.05


def find(reader: Reader, name: str) -> tuple[SessionRecord, RoomName]:
    """Find what a name on the command line means.

    Args:
        reader: The file.
        name: A session by name or id, or a document by its full name.

    Returns:
        The session, and the full name, with its project and without its id.

    Raises:
        InvalidName: It cannot name anything.
        SessionNotFound: It names nothing.
    """
    place = RoomName.parse(name)
    try:
        record = reader.find(place.session, project=place.project)
    except (SessionNotFound, Corrupt):
        # An id is one over all projects, and damage elsewhere is not in its way.
        ids = {one.id: one for one in listed(reader)[0]}
        if place.session not in ids:
            raise
        record = ids[SessionId(place.session)]
    if "/" in name and place.document not in record.documents:
        raise SessionNotFound(name)
    return record, RoomName(record.project, record.name, place.document)


def full_name(db: Path, name: str) -> str:
    """A name with its project, as operations want it. Raises as :func:`find` does."""
    with Reader(db) as reader:
        return in_full(find(reader, name)[1], name)


def in_full(place: RoomName, name: str) -> str:
    """What :func:`find` found, as operations want it: with a document only if the name has one.

    >>> in_full(RoomName("default", "plan", "main"), "plan")
    'default~plan'
    >>> in_full(RoomName("default", "plan", "main"), "plan/main")
    'default~plan/main'
    """
    document = f"/{place.document}" if "/" in name else ""
    return f"{place.project}~{place.session}{document}"


def listed(reader: Reader) -> tuple[list[SessionRecord], Corrupt | None]:
    """List the sessions that can be had, and the damage that keeps the others out."""
    try:
        return reader.sessions(), None
    except Corrupt as damage:
        return reader.sound_sessions(), damage


def operate(db: Path, operation: str, **arguments: Any) -> Any:
    """Run an operation on a file: through the process that holds it, or here if nobody does.

    Raises:
        InvalidName: Its session is none that can be.
        FileHeld: Somebody holds the file, and does not answer.
        OperationFailed: The holder could not carry it out.
    """
    # Looked at before the file is, which might be made for it.
    if "session" in arguments:
        RoomName.parse(arguments["session"])
    path = os.path.realpath(db)
    request = holder.Request(operation, arguments, subject=f"cli:{user()}")
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = _command(path, request)
        if answer is not None:
            if answer.failure is not None:
                raise OperationFailed(operation, answer.failure.kind, answer.failure.reason)
            return answer.result
        try:
            return asyncio.run(_alone(path, request))
        except FileHeld:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def _command(path: str, request: holder.Request) -> holder.Answer | None:
    held = lock.holder(path)
    if held is not None and held.state == "stopped":
        # It would take the request, and answer when somebody lets it go on.
        raise FileHeld(path, held.pid, held.host, held.state)
    return holder.command(path, request)


async def _alone(path: str, request: holder.Request) -> Any:
    async with Workspace.open(path, subject=request.subject) as workspace:
        return await workspace.call(request.operation, **request.arguments)
