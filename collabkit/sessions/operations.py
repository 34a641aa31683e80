"""Everything that changes a workspace, besides editing its documents: one table.

=========== ========= ==========================================================
operation   remotely  what it does
=========== ========= ==========================================================
create      unlocked  add a session
checkpoint  in room   make the next opening of a session's documents fast
import      in room   take Yjs updates into a document, as edits of its own
take-in     never     add a session from a container, with its history
version     in room   save a version of a document, or of the session
restore     in room   bring a document back to what it was at a moment
revert      in room   take back a change, or what somebody wrote, and keep all else
fork        unlocked  branch a session, or a document of it, from a moment
merge       unlocked  take what a fork has beyond the session it was branched from
pin         never     let no thinning take a version, or let it again
unversion   never     drop a version, so that its moment may be compacted away
release     never     give an engine again what was quarantined
thin        never     drop versions: dense lately, sparse long ago, pinned for ever
compact     never     let history begin at a moment, and give back what it took before
erase       never     empty what a subject wrote in a session, or what all did, for good
rm          never     remove a session and all it has
=========== ========= ==========================================================

Rules:

1. There is one way in, :func:`call`, for the host's code, the command line (through
   :mod:`.holder`) and, by :func:`call_from_room`, whoever is connected to a document.
2. Arguments are checked against the operation's schema before anything happens, and results
   can be written as JSON, because both travel.
3. A call with a key happens once (:mod:`.calls`). One that was cut off by the end of the process
   runs again, and an operation that finds its own work done then is content.
4. ``remotely`` says who may call an operation from a room. *Never*: its damage cannot be taken
   back by an edit. *In room*: who may write the document he is connected to, about that one.
   *Unlocked*: who may write, about any, where the relay asks nobody who he is and makes a session
   of every name that is opened; behind a lock, what is created is for the host to decide, and a
   fork may hold what its reader was not to see.
5. What is imported may be older than what people still have: the host's imports begin a recovery
   of the document (:mod:`collabkit.store.recovery`). Those of people in a room do not, behind a
   lock: whoever may write could have others' words taken from anybody with them.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ..access.model import Identity
from ..errors import AccessDenied, InvalidArguments, UnknownOperation
from ..ids import RoomName, Subject
from . import branching, erasure, founding, moving, rewinding, upkeep
from .asked import Arguments, Call, Host

__all__ = ["TABLE", "Operation", "Remotely", "call", "call_from_room"]


class Remotely(enum.Enum):
    """Who may call an operation from a room; see rule 4."""

    NEVER = "never"
    IN_ROOM = "in room"
    UNLOCKED = "unlocked"


class Operation(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        arguments: The schema of its arguments.
    """

    name: str
    remotely: Remotely
    arguments: type[Arguments]
    run: Callable[[Call, Any], Awaitable[dict[str, Any]]]

    @property
    def usage(self) -> str:
        """Its arguments, as a sentence shows them: ``create(session, kind=…)``."""
        fields = msgspec.structs.fields(self.arguments)
        shown = (f.name if f.required else f"{f.name}=…" for f in fields)
        return f"{self.name}({', '.join(shown)})"


def _json(result: dict[str, Any]) -> Any:
    """The result as whoever reads its JSON gets it."""
    return msgspec.json.decode(msgspec.json.encode(result))


TABLE: Mapping[str, Operation] = {
    row.name: row
    for row in (
        Operation("create", Remotely.UNLOCKED, founding.Create, founding.create),
        Operation("checkpoint", Remotely.IN_ROOM, Arguments, upkeep.checkpoint),
        Operation("import", Remotely.IN_ROOM, founding.Import, founding.take_in),
        Operation("take-in", Remotely.NEVER, moving.TakeIn, moving.take_in),
        Operation("release", Remotely.NEVER, upkeep.Release, upkeep.release),
        Operation("version", Remotely.IN_ROOM, rewinding.Save, rewinding.save),
        Operation("restore", Remotely.IN_ROOM, rewinding.Restore, rewinding.restore),
        Operation("revert", Remotely.IN_ROOM, rewinding.Revert, rewinding.revert),
        Operation("fork", Remotely.UNLOCKED, branching.Fork, branching.fork),
        Operation("merge", Remotely.UNLOCKED, branching.Merge, branching.merge),
        Operation("pin", Remotely.NEVER, rewinding.Pin, rewinding.pin),
        Operation("unversion", Remotely.NEVER, rewinding.Unversion, rewinding.unversion),
        Operation("thin", Remotely.NEVER, upkeep.Thin, upkeep.thin),
        Operation("compact", Remotely.NEVER, upkeep.Compact, upkeep.compact),
        Operation("erase", Remotely.NEVER, erasure.Erase, erasure.erase),
        Operation("rm", Remotely.NEVER, founding.Remove, founding.remove),
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
        return _json(await operation.run(Call(host, subject, trusted, again), asked))

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


def _checked(name: str, arguments: Mapping[str, Any]) -> tuple[Operation, Arguments]:
    operation = TABLE.get(name)
    if operation is None:
        raise UnknownOperation(name, ", ".join(TABLE))
    try:
        return operation, msgspec.convert(dict(arguments), operation.arguments)
    except msgspec.ValidationError as error:
        raise InvalidArguments(name, f"{error}; it is {operation.usage}") from None
