"""Everything that changes a workspace, besides editing its documents: one table.

=========== ====== ========= ==========================================================
operation   action remotely  what it does
=========== ====== ========= ==========================================================
create      write  unlocked  add a session
checkpoint  write  in room   make the next opening of a session's documents fast
import      write  in room   take Yjs updates into a document, as edits of its own
release     manage never     give an engine again what was quarantined
compact     manage never     drop the history of a session that a checkpoint holds
rm          manage never     remove a session and all it has
=========== ====== ========= ==========================================================

Rules:

1. There is one way in, :func:`call`, for the host's code, the command line (through
   :mod:`.holder`) and, by :func:`call_from_room`, whoever is connected to a document.
2. Arguments are checked against the operation's schema before anything happens, and results
   can be written as JSON, because both travel.
3. A call with a key happens once (:mod:`.calls`). One that was cut off by the end of the process
   runs again, and an operation that finds its own work done then is content.
4. ``remotely`` says who may call an operation from a room. *Never*: its damage cannot be taken
   back by an edit. *In room*: who may write the document he is connected to, about that one.
   *Unlocked*: as that, where the relay asks nobody who he is and makes a session of every name
   that is opened; behind a lock, what is created is for the host to decide.
5. What is imported may be older than what people still have: the host's imports begin a recovery
   of the document (:mod:`collabkit.store.recovery`). Those of people in a room do not, behind a
   lock: whoever may write could have others' words taken from anybody with them.
"""

from __future__ import annotations

import enum
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from ..access.model import Identity
from ..crdt.engine import Engine
from ..errors import (
    AccessDenied,
    InvalidArguments,
    SessionExists,
    SessionNotFound,
    UnknownOperation,
)
from ..ids import RoomName, Subject
from ..store.base import Checkpoint, SessionRecord
from ..store.sqlite import SQLiteStore
from ..sync.inquest import updates_of
from .attendance import Attendance, rehearse
from .calls import Calls
from .session import Kind

__all__ = ["TABLE", "Host", "Operation", "Remotely", "call", "call_from_room"]


class Host(Protocol):
    """What operations need of the workspace that they act on."""

    engine: Engine

    @property
    def calls(self) -> Calls:
        """Its keyed calls."""
        ...

    @property
    def store(self) -> SQLiteStore:
        """The open file."""
        ...

    @property
    def attendance(self) -> Attendance:
        """Where the host's own code is."""
        ...


class Remotely(enum.Enum):
    """Who may call an operation from a room; see rule 4."""

    NEVER = "never"
    IN_ROOM = "in room"
    UNLOCKED = "unlocked"


class _Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schema of an operation. ``session`` is its full name, and may go on to a document."""

    session: str


class _Create(_Arguments, frozen=True):
    kind: Kind = Kind.COLLABORATIVE


class _Import(_Arguments, frozen=True):
    """``create`` is the kind of session made if there is none; ``fresh`` wants no content yet."""

    updates: tuple[bytes, ...]
    create: Kind | None = None
    fresh: bool = False


class _Release(_Arguments, frozen=True):
    """``id`` is the number that :meth:`Store.quarantined` tells."""

    id: int


class _Call(msgspec.Struct, frozen=True):
    """The circumstances of a call.

    Attributes:
        trusted: Whether what others wrote may come by way of the caller.
        again: Whether an earlier call with its key may have run.
    """

    host: Host
    subject: Subject
    trusted: bool
    again: bool = False


class Operation(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        action: ``write`` changes what a session holds; ``manage`` what can be known of it.
        arguments: The schema of its arguments.
    """

    name: str
    action: str
    remotely: Remotely
    arguments: type[_Arguments]
    run: Callable[[_Call, Any], Awaitable[dict[str, Any]]]

    @property
    def usage(self) -> str:
        """Its arguments, as a sentence shows them: ``create(session, kind=…)``."""
        fields = msgspec.structs.fields(self.arguments)
        shown = (f.name if f.required else f"{f.name}=…" for f in fields)
        return f"{self.name}({', '.join(shown)})"


async def _create(call: _Call, asked: _Create) -> dict[str, Any]:
    place = _whole("create", asked.session, "documents come by use")
    try:
        record = await call.host.store.create_session(
            place.session, project=place.project, kind=asked.kind.value, by=call.subject
        )
    except SessionExists:
        record = await call.host.store.find_session(place.session, project=place.project)
        if not (call.again and record.created_by == call.subject and record.kind == asked.kind):
            raise
    return _shown(record)


async def _remove(call: _Call, asked: _Arguments) -> dict[str, Any]:
    place = _whole("rm", asked.session, "it is removed with all its documents")
    try:
        record = await call.host.store.find_session(place.session, project=place.project)
    except SessionNotFound:
        if call.again:
            return {"removed": False}
        raise
    async with call.host.attendance.vacated(record):
        await call.host.store.delete_session(record.id)
    return {"removed": True, **_shown(record)}


async def _import(call: _Call, asked: _Import) -> dict[str, Any]:
    place = RoomName.parse(asked.session)
    store = call.host.store
    try:
        record = await store.find_session(place.session, project=place.project)
    except SessionNotFound:
        if asked.create is None:
            raise
        # What cannot be taken leaves no session behind.
        rehearse(asked.updates)
        record = await store.create_session(
            place.session, project=place.project, kind=asked.create.value, by=call.subject
        )
    if call.trusted:
        await store.raise_epoch(record.id, place.document)
    await call.host.attendance.merge(
        record, place.document, asked.updates, subject=call.subject, fresh=asked.fresh
    )
    return {"id": record.id, "document": place.document}


async def _release(call: _Call, asked: _Release) -> dict[str, Any]:
    place = _whole("release", asked.session, "the number tells of which document it is")
    store = call.host.store
    record = await store.find_session(place.session, project=place.project)
    found = [one for one in await store.quarantined(record.id) if one.id == asked.id]
    if not found:
        if call.again:
            return {"id": asked.id, "released": False}
        raise InvalidArguments("release", f"nothing of {place} is quarantined under {asked.id}")
    # Rooms know what they were opened with.
    async with call.host.attendance.reopened(record):
        await store.release(asked.id)
    return {"id": asked.id, "released": True, "document": found[0].document}


async def _checkpoint(call: _Call, asked: _Arguments) -> dict[str, Any]:
    record, documents = await _documents(call, asked)
    seqs = {}
    for document in documents:
        newest, made = await _newest(call, record, document)
        if made:
            await call.host.store.put_checkpoint(record.id, newest)
        seqs[document] = newest.seq
    return {"id": record.id, "documents": seqs}


async def _compact(call: _Call, asked: _Arguments) -> dict[str, Any]:
    record, documents = await _documents(call, asked)
    store, rows = call.host.store, 0
    for document in documents:
        newest, _ = await _newest(call, record, document)
        # Rows go once two checkpoints hold them, so that one may be damaged later.
        for _ in range(2):
            await store.put_checkpoint(record.id, newest)
        rows += await store.compact(record.id, document, upto=newest.seq)
    after = await store.find_session(record.id, project=record.project)
    return {
        "id": record.id,
        "rows": rows,
        "bytes_before": record.size_bytes,
        "bytes_after": after.size_bytes,
    }


async def _documents(call: _Call, asked: _Arguments) -> tuple[SessionRecord, tuple[str, ...]]:
    place = RoomName.parse(asked.session)
    record = await call.host.store.find_session(place.session, project=place.project)
    if "/" not in asked.session:
        return record, record.documents
    if place.document not in record.documents:
        raise SessionNotFound(asked.session)
    return record, (place.document,)


async def _newest(call: _Call, record: SessionRecord, document: str) -> tuple[Checkpoint, bool]:
    """A checkpoint of all there is of a document, and whether it had to be made."""
    loaded = await call.host.store.load(record.id, document)
    if loaded.checkpoint is not None and not loaded.rows:
        return loaded.checkpoint, False
    built = await call.host.engine.checkpoint(updates_of(loaded))
    return Checkpoint(document, loaded.upto, built.body, built.digest, _now_ms()), True


def _whole(operation: str, name: str, why: str) -> RoomName:
    """Read the name of a session, for an operation that is about no single document."""
    place = RoomName.parse(name)
    if "/" in name:
        raise InvalidArguments(operation, f"a session's name has no `/document`; {why}")
    return place


def _shown(record: SessionRecord) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(record)
    return shown


def _json(result: dict[str, Any]) -> Any:
    """The result as whoever reads its JSON gets it."""
    return msgspec.json.decode(msgspec.json.encode(result))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


TABLE: Mapping[str, Operation] = {
    row.name: row
    for row in (
        Operation("create", "write", Remotely.UNLOCKED, _Create, _create),
        Operation("checkpoint", "write", Remotely.IN_ROOM, _Arguments, _checkpoint),
        Operation("import", "write", Remotely.IN_ROOM, _Import, _import),
        Operation("release", "manage", Remotely.NEVER, _Release, _release),
        Operation("compact", "manage", Remotely.NEVER, _Arguments, _compact),
        Operation("rm", "manage", Remotely.NEVER, _Arguments, _remove),
    )
}


async def call(
    host: Host,
    name: str,
    arguments: Mapping[str, Any],
    *,
    subject: Subject,
    key: str | None = None,
    trusted: bool = True,
) -> Any:
    """Run an operation on a workspace, and return its result as JSON can write it.

    Args:
        host: The workspace.
        name: Which row of :data:`TABLE`.
        arguments: Its arguments; bytes may come as base64.
        subject: Who wants it.
        key: Any text that names this one call: repeated with it, the call happens once.
        trusted: Whether what others wrote may come by way of the caller.

    Raises:
        UnknownOperation: The table has no such row.
        InvalidArguments: They do not fit the schema, or the key was used for another call.
    """
    operation, asked = _checked(name, arguments)

    async def run(again: bool) -> Any:
        return _json(await operation.run(_Call(host, subject, trusted, again), asked))

    if key is None:
        return await run(False)
    digest = hashlib.sha256(msgspec.json.encode((name, asked))).hexdigest()
    return await host.calls.once(name, digest, run, subject=subject, key=key)


async def call_from_room(
    host: Host,
    room: RoomName,
    identity: Identity,
    name: str,
    arguments: Mapping[str, Any],
    *,
    key: str | None = None,
    unlocked: bool,
) -> Any:
    """Run an operation for somebody who is connected to a document.

    Args:
        host: The workspace.
        room: Where he is connected. An operation on a document is about this one, and need not
            name it.
        identity: Who he is.
        name: Which row of :data:`TABLE`.
        arguments: Its arguments.
        key: As for :func:`call`.
        unlocked: Whether the relay asks nobody who he is.

    Raises:
        AccessDenied: The table does not let him.
    """
    if name != "create":
        arguments = {"session": str(room), **arguments}
    operation, asked = _checked(name, arguments)
    denied = _denial(operation, RoomName.parse(asked.session), room, identity, unlocked)
    if denied:
        raise AccessDenied(identity.subject, name, asked.session, denied)
    if operation.remotely is Remotely.IN_ROOM:
        # Said in full: a session's name alone may mean all its documents.
        arguments = {**arguments, "session": f"{room.project}~{room.session}/{room.document}"}
    return await call(host, name, arguments, subject=identity.subject, key=key, trusted=unlocked)


def _denial(
    operation: Operation, target: RoomName, room: RoomName, identity: Identity, unlocked: bool
) -> str:
    """Say why rule 4 forbids a call, or nothing."""
    if operation.remotely is Remotely.NEVER:
        return "it is for the host, and for `collabkit` on its machine"
    if not identity.can_write:
        return "it is for those who may write"
    if operation.remotely is Remotely.UNLOCKED:
        return "" if unlocked else "sessions are created by the host here"
    if target != room:
        return f"this connection is to {room}"
    return ""


def _checked(name: str, arguments: Mapping[str, Any]) -> tuple[Operation, _Arguments]:
    operation = TABLE.get(name)
    if operation is None:
        raise UnknownOperation(name, ", ".join(TABLE))
    try:
        return operation, msgspec.convert(dict(arguments), operation.arguments)
    except msgspec.ValidationError as error:
        raise InvalidArguments(name, f"{error}; it is {operation.usage}") from None
