"""As whom a program opens sessions: as the host, whom nothing binds, or as somebody.

What the host does is allowed. Who else acts in this process does what he may, as if he came to a
relay: sessions that he may not read are not there for him, edits are judged before they happen
(:mod:`.bounds`), and operations are permitted (:mod:`.permitting`). What he makes is his.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..access.model import Identity
from ..access.paths import operation_path, project_path, session_path, show
from ..access.rules import Request
from ..errors import SessionNotFound
from ..ids import RoomName
from ..store.base import SessionRecord
from . import operations
from .asked import Host
from .bounds import consulted
from .session import Kind, TakePart

__all__ = ["Actor"]


class Actor:
    """Somebody, and what he does with the sessions of a workspace.

    Args:
        workspace: Gives the workspace, which may not be open yet.
        identity: Who.
    """

    def __init__(self, workspace: Callable[[], Host], identity: Identity) -> None:
        self._workspace = workspace
        self.identity = identity

    def __repr__(self) -> str:
        return f"<Actor {self.identity.subject}>"

    async def find(self, place: RoomName, create: Kind | None = None) -> SessionRecord:
        """Find a session, or make it if there is none.

        Raises:
            SessionNotFound: There is none.
            AccessDenied: He may not read it, whether there is one or not; or not make it.
        """
        host = self._workspace()
        try:
            record = await host.store.find_session(place.session, project=place.project)
        except SessionNotFound:
            if create is None:
                await self.see(place)
                raise
            return await self.create(place, create)
        await self.see(RoomName(record.project, record.name, place.document))
        return record

    async def create(self, place: RoomName, kind: Kind) -> SessionRecord:
        """Make a session, which is his.

        Raises:
            SessionExists: The project has one of this name.
            ProjectArchived: Nothing new comes into the project.
            AccessDenied: He may not.
        """
        host, identity = self._workspace(), self.identity
        if not identity.is_host and not host.access.is_empty:
            path = show(operation_path(project_path(place.project), "create"))
            await host.access.consult(identity, place)
            asked: dict[str, object] = {"context": identity.attributes}
            await host.access.spend(Request(identity.subject, "execute", path, asked))
        return await host.access.founding(
            show(session_path(place)),
            lambda amendment: host.store.create_session(
                place.session,
                project=place.project,
                kind=kind.value,
                by=identity.subject,
                amendment=amendment,
            ),
            owner=None if identity.is_host else identity.subject,
        )

    async def see(self, place: RoomName) -> None:
        """See that he may read a document. Raises AccessDenied."""
        await consulted(self._workspace().access, self.identity, place)

    def stay(self, record: SessionRecord) -> AbstractAsyncContextManager[TakePart]:
        """Be in a session as its kind asks."""
        return self._workspace().attendance.stay(record, self.identity)

    def stay_alone(self, record: SessionRecord) -> AbstractAsyncContextManager[TakePart]:
        """Have a session for oneself."""
        return self._workspace().attendance.stay_alone(record, self.identity)

    async def call(
        self, operation: str, arguments: Mapping[str, Any], *, key: str | None = None
    ) -> Any:
        """Run an operation."""
        host, identity = self._workspace(), self.identity
        if identity.is_host:
            subject = identity.subject
            return await operations.call(host, operation, arguments, subject=subject, key=key)
        room = RoomName.parse(str(arguments["session"]))
        return await operations.call_from_room(
            *(host, room, identity, operation, arguments), key=key, unlocked=True
        )
