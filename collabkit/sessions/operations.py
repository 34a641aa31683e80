"""Everything that changes a workspace, besides editing its documents: one table.

=============== ================ =========== ======================================================
operation       permission       documents   what it does
=============== ================ =========== ======================================================
create          execute project  none        add a session
checkpoint      execute session  none        make the next opening of a session's documents fast
import          execute session  all of it   take Yjs updates into a document, as edits of its own
take-in         admin project    host's file add a session from a container, with its history
version         execute session  read        save a version of a document, or of the session
restore         execute session  all of it   bring a document back to what it was at a moment
revert          execute session  all of it   take back a change, or what somebody wrote, alone
fork            execute project  read        branch a session, or a document, from a moment
merge           execute project  all of it   take what a fork has beyond what it was branched from
pin             admin session    none        let no thinning take a version, or let it again
unversion       admin session    none        drop a version, so that it may be compacted away
release         admin session    none        give an engine again what was quarantined
thin            admin session    none        drop versions: dense lately, sparse long ago
compact         admin session    none        let history begin at a moment, give back what it took
erase           admin session    none        empty what a subject wrote, or what all did, for good
rm              admin session    none        remove a session and all it has
access          admin session    none        change who may do what, as far as the caller may
project-archive admin project    none        let nothing in a project be changed, or let it again
project-create  admin project    host's file add a project
=============== ================ =========== ======================================================

Rules:

1. There is one way in, :func:`call`, for the host's code, the command line (through
   :mod:`.holder`) and, by :func:`call_from_room`, whoever is connected to a document.
2. Arguments are checked against the operation's schema before anything happens, and results
   can be written as JSON, because both travel.
3. A call with a key happens once (:mod:`.calls`), if anything happens: a dry run is not remembered.
   One that was cut off by the end of the process runs again, and an operation that finds its own
   work done then is content.
4. Who calls from a room needs the *permission* on ``…/ops/{operation}`` of the session, or of the
   project, and may do something to the *documents* it is about: read them, or write and delete
   all of each. :mod:`.permitting` decides, also while there is no policy.
5. What is imported may be older than what people still have: the host's imports begin a recovery
   of the document (:mod:`collabkit.store.recovery`). Those of people in a room do not, behind a
   lock, and bring nothing under the client ids of others: whoever may write could have others'
   words taken from anybody with them, or use up the clocks of their next ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ..access.model import Identity
from ..access.rules import CODES
from ..errors import AccessDenied, InvalidArguments, UnknownOperation
from ..ids import RoomName, Subject
from . import branching, erasure, founding, moving, projects, rewinding, upkeep
from .asked import Arguments, Call, Host
from .permitting import Needs, claimed, meant, permit

__all__ = ["TABLE", "Operation", "call", "call_from_room"]


class Operation(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        needs: What it takes to call it from a room.
        arguments: The schema of its arguments.
    """

    name: str
    needs: Needs
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


_USE = Needs("execute", "session")
_LOOK = Needs("execute", "session", "read")
_EDIT = Needs("execute", "session", "all of it")
_FOUND = Needs("execute", "project")
_BRANCH = Needs("execute", "project", "read", makes="name")
_JOIN = Needs("execute", "project", "all of it", reads="fork")
_RULE = Needs("admin", "session")
_UNPACK = Needs("admin", "project", "host's file")
_GOVERN = Needs("admin", "session", when_archived=True)
_CLOSE = Needs("admin", "project", when_archived=True)

TABLE: Mapping[str, Operation] = {
    row.name: row
    for row in (
        Operation("create", _FOUND, founding.Create, founding.create),
        Operation("checkpoint", _USE, Arguments, upkeep.checkpoint),
        Operation("import", _EDIT, founding.Import, founding.take_in),
        Operation("take-in", _UNPACK, moving.TakeIn, moving.take_in),
        Operation("release", _RULE, upkeep.Release, upkeep.release),
        Operation("version", _LOOK, rewinding.Save, rewinding.save),
        Operation("restore", _EDIT, rewinding.Restore, rewinding.restore),
        Operation("revert", _EDIT, rewinding.Revert, rewinding.revert),
        Operation("fork", _BRANCH, branching.Fork, branching.fork),
        Operation("merge", _JOIN, branching.Merge, branching.merge),
        Operation("pin", _RULE, rewinding.Pin, rewinding.pin),
        Operation("unversion", _RULE, rewinding.Unversion, rewinding.unversion),
        Operation("thin", _RULE, upkeep.Thin, upkeep.thin),
        Operation("compact", _RULE, upkeep.Compact, upkeep.compact),
        Operation("erase", _RULE, erasure.Erase, erasure.erase),
        Operation("rm", _RULE, founding.Remove, founding.remove),
        Operation("access", _GOVERN, projects.Access, projects.change_access),
        Operation("project-archive", _CLOSE, projects.Archive, projects.archive),
        Operation("project-create", _UNPACK, projects.Found, projects.found),
    )
}


async def call(
    host: Host,
    name: str,
    arguments: Mapping[str, Any],
    *,
    subject: Subject,
    owner: Subject | None = None,
    key: str | None = None,
    trusted: bool = True,
) -> Any:
    """Run an operation on a workspace, and return its result as JSON can write it.

    Args:
        host: The workspace.
        name: Which row of :data:`TABLE`.
        arguments: Its arguments; bytes may come as base64.
        subject: Who wants it.
        owner: Whose it is what the call makes; None if the host's.
        key: Any text that names this one call: repeated with it, the call happens once.
        trusted: Whether what others wrote may come by way of the caller.

    Raises:
        UnknownOperation: The table has no such row.
        InvalidArguments: They do not fit the schema, or the key was used for another call.
    """
    operation, asked = _checked(name, arguments)

    async def run(again: bool) -> Any:
        return _json(await operation.run(Call(host, subject, trusted, again, owner), asked))

    # What only tells is told anew, and its answer, which may be long, is not kept.
    if key is None or getattr(asked, "dry_run", False):
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
        AccessDenied: He may not.
    """
    if name != "create":
        arguments = {"session": str(room), **arguments}
    operation, asked = _checked(name, arguments)
    if host.access.is_empty:
        target = await meant(host, RoomName.parse(asked.session))
        denied = claimed(operation.needs, target, room, identity, unlocked)
        if not denied and host.access.is_archived(room.project):
            denied = CODES["archived"]
        if denied:
            raise AccessDenied(identity.subject, name, asked.session, denied)
    else:
        await permit(host, name, operation.needs, asked, room=room, identity=identity)
    if operation.needs.one_document:
        # Said in full: a session's name alone may mean all its documents.
        arguments = {**arguments, "session": f"{room.project}~{room.session}/{room.document}"}
    subject = identity.subject
    return await call(
        *(host, name, arguments), subject=subject, owner=subject, key=key, trusted=unlocked
    )


def _checked(name: str, arguments: Mapping[str, Any]) -> tuple[Operation, Arguments]:
    operation = TABLE.get(name)
    if operation is None:
        raise UnknownOperation(name, ", ".join(TABLE))
    try:
        return operation, msgspec.convert(dict(arguments), operation.arguments)
    except msgspec.ValidationError as error:
        raise InvalidArguments(name, f"{error}; it is {operation.usage}") from None
