"""Whether somebody may call an operation from where he is connected.

Rules:

1. While there is no policy the claims of his token decide. What needs ``admin`` is for the host,
   and for ``collabkit`` on its machine: its damage cannot be taken back by an edit. Anything else
   is for who may write; of a session, about the one document that he is connected to; of a
   project, only where the relay asks nobody who he is: behind a lock, what is created is for the
   host to decide, and a fork may hold what its reader was not to see.
2. A policy decides on the operation's path, ``/projects/{p}/sessions/{s}/ops/{name}`` or
   ``/projects/{p}/ops/{name}``, and on each document that the operation is about: that he may read
   it, or write and delete all of it. What restores, imports or merges changes a document as a
   whole, so to be let do some of it is not enough.
3. With a policy too, he calls about the session that he is connected to, and its project, since his
   token was read for that; and a token that does not let him write lets him call nothing.
4. In an archived project nothing is called that changes anything; to open it again is for its
   administrators.
5. A use of a grant is counted when all else is permitted. Denials, and each use of ``admin``, are
   in the audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

import msgspec

from ..access.control import AccessControl
from ..access.model import Identity
from ..access.paths import document_path, operation_path, project_path, session_path, show
from ..access.rules import CODES, Decision, Request
from ..errors import AccessDenied, SessionNotFound
from ..ids import RoomName
from ..store.base import SessionRecord
from .asked import Arguments, Host, session_place

__all__ = ["Needs", "claimed", "meant", "permit"]


FOR_THE_HOST = "it is for the host, and for `collabkit` on its machine"


class Needs(msgspec.Struct, frozen=True):
    """What it takes to call an operation from a room.

    Attributes:
        action: What is to be permitted,
        of: on the operation of this.
        documents: What he may do to the documents that it is about. What reads a file of the host
            is for the host, whatever a policy says.
        reads: Its argument that names another session, of which he must be allowed to read all.
        makes: Its argument that names a session to be made, which is to be in the same project.
        when_archived: Whether it may be called in an archived project.
    """

    action: Literal["execute", "admin"]
    of: Literal["session", "project"]
    documents: Literal["none", "read", "all of it", "host's file"] = "none"
    reads: str = ""
    makes: str = ""
    when_archived: bool = False

    @property
    def one_document(self) -> bool:
        """Whether it is about the document that its caller is connected to."""
        return (self.action, self.of) == ("execute", "session")


def claimed(
    needs: Needs, target: RoomName, room: RoomName, identity: Identity, unlocked: bool
) -> str:
    """Say why the claims of a token do not permit a call, where there is no policy, or nothing."""
    if needs.action == "admin":
        return FOR_THE_HOST
    if not identity.can_write:
        return "it is for those who may write"
    if needs.of == "project":
        return "" if unlocked else "sessions are created by the host here"
    if target != room:
        return f"this connection is to {room}"
    return ""


async def meant(host: Host, place: RoomName) -> RoomName:
    """A place by the name that its session has, if there is one; it may be called by its id."""
    record = await _found(host, place)
    return place if record is None else RoomName(record.project, record.name, place.document)


async def permit(
    host: Host, name: str, needs: Needs, asked: Arguments, *, room: RoomName, identity: Identity
) -> None:
    """See that the policy lets somebody call an operation, and count it.

    Args:
        host: The workspace.
        name: The operation.
        needs: What it takes.
        asked: Its arguments.
        room: Where he is connected, by the names that session and project have.
        identity: Who he is.

    Raises:
        AccessDenied: He may not; the audit is told.
    """
    access = host.access
    of = project_path(room.project) if needs.of == "project" else session_path(room)
    path = show(operation_path(of, name))
    request = Request(identity.subject, needs.action, path, {"context": identity.attributes})
    if not identity.can_write:
        _deny(access, request, "token")
    if access.is_archived(room.project) and not needs.when_archived:
        _deny(access, request, "archived")
    if needs.documents == "host's file":
        _deny(access, request, "no-match", FOR_THE_HOST)
    target = RoomName.parse(asked.session)
    record = await _found(host, target)
    if not _is_here(needs, target, record, room):
        _deny(access, request, "no-match", f"this connection is to {room}")
    made = session_place(getattr(asked, needs.makes), room.project) if needs.makes else room
    if made.project != room.project:
        _deny(access, request, "no-match", f"this connection is to the project {room.project}")
    for place in _documents(needs, asked, record, room):
        await _see(access, identity, place, whole=needs.documents == "all of it")
    if needs.reads:
        other = session_place(getattr(asked, needs.reads), room.project)
        there = await _found(host, other)
        for place in (other,) if there is None else _all_of(there):
            await _see(access, identity, place, whole=False)
            if needs.documents == "all of it":
                # It may have a document that is not here yet.
                here = msgspec.structs.replace(room, document=place.document)
                await _see(access, identity, here, whole=True)
    await access.spend(request)


def _is_here(needs: Needs, target: RoomName, record: SessionRecord | None, room: RoomName) -> bool:
    """Whether a call is about the place that its caller is connected to."""
    if record is not None and (record.project, record.name) == (room.project, room.session):
        return not needs.one_document or target.document == room.document
    # Of a project: what is there, or is to be there, matters to nobody who may do that.
    return needs.of == "project" and needs.documents == "none" and target.project == room.project


async def _found(host: Host, place: RoomName) -> SessionRecord | None:
    try:
        return await host.store.find_session(place.session, project=place.project)
    except SessionNotFound:
        return None


def _documents(
    needs: Needs, asked: Arguments, record: SessionRecord | None, room: RoomName
) -> Sequence[RoomName]:
    """The documents that a call is about, of the session that its caller is connected to."""
    if needs.documents == "none" or record is None:
        return ()
    if needs.one_document:
        return (room,)
    return _all_of(record) if "/" not in asked.session else (_of(record, asked.session),)


def _all_of(record: SessionRecord) -> list[RoomName]:
    return [RoomName(record.project, record.name, document) for document in record.documents]


def _of(record: SessionRecord, name: str) -> RoomName:
    return RoomName(record.project, record.name, RoomName.parse(name).document)


async def _see(access: AccessControl, identity: Identity, place: RoomName, *, whole: bool) -> None:
    """See that somebody may read a document, or write and delete all of it. Raises AccessDenied."""
    await access.consult(identity, place)
    path = show(document_path(place))
    access.require(identity.subject, "read", path, {"context": identity.attributes})
    if whole:
        may = access.uniform(identity.subject, place)
        for action, share in (("write", may.write), ("delete", may.delete)):
            if share != "all":
                why = f"{CODES['no-match']} all of it"
                _deny(access, Request(identity.subject, action, path), "no-match", why)


def _deny(access: AccessControl, request: Request, code: str, why: str = "") -> NoReturn:
    """Tell the audit, and raise AccessDenied, with the code's words unless there are better."""
    access.note(request, Decision(allowed=False, code=code, epoch=access.policy.epoch))
    raise AccessDenied(request.subject, request.action, request.resource, why or CODES[code])
