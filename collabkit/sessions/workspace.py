"""A file of sessions, open: who may come in, and what it takes to close it well.

Rules:

1. One process holds a file. Others of the same machine and user may command it over ``DB.sock``
   (:mod:`.holder`), or read beside it.
2. A workspace opens no port. Somebody else may, and let people in with
   :meth:`Workspace.serving`: a relay, or an application around one. From then on what judges
   updates is a process that may die of them (:mod:`collabkit.crdt.sandbox`).
3. Until then nobody can knock but the host's own code, which shows a token that never leaves this
   process.
4. What changes a workspace, other than edits, is an operation (:mod:`.operations`).
5. Who may do what is in the file. The host's own code may do everything, unless it says as whom
   it acts (:mod:`.actor`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self, overload

import msgspec

from ..access.control import DEFAULT_ACCESS, AccessControl, AccessOptions
from ..access.model import Authenticate, Identity, Knock, Refusal
from ..crdt.engine import Engine
from ..crdt.inprocess import InProcessEngine
from ..crdt.sandbox import SandboxEngine
from ..errors import InvalidArguments, LocalProtocolError
from ..ids import DEFAULT_PROJECT, RoomName, Subject
from ..store.base import SessionRecord
from ..store.database import Durability
from ..store.sqlite import SQLiteStore
from ..sync.hub import Hub, steady_clock
from . import holder, operations
from .actor import Actor
from .asked import session_place
from .attendance import Attendance, host_identity
from .beside import Beside
from .calls import Calls
from .history import History, OpenHistory
from .opening import OpenFile, OpenSession, user
from .session import Kind, Session
from .shelter import ONE_CHILD, Children, shelter
from .versions import DEFAULT_POLICY, Rounds, VersionPolicy

__all__ = ["Workspace", "open_file", "user"]


class _Open:
    """``Workspace.open(path)`` opens a file, ``workspace.open(name)`` a session in it.

    Each is what its owner calls opening, and what stands before the dot tells which is meant: to
    Python, to ``help()`` and to a type checker.
    """

    @overload
    def __get__(self, workspace: None, owner: type[Workspace]) -> OpenFile[Workspace]: ...
    @overload
    def __get__(self, workspace: Workspace, owner: type[Workspace]) -> OpenSession: ...
    def __get__(
        self, workspace: Workspace | None, owner: type[Workspace]
    ) -> OpenFile[Workspace] | OpenSession:
        return open_file if workspace is None else workspace._open_session


class Workspace:
    """An open file, its sessions, and the rooms in which programs and people meet.

    Made by ``Workspace.open(path)`` and entered with ``async with``.

    Attributes:
        path: The file.
        subject: Who the host's own code is, in logs and to others.
        store: The file's log.
        engine: What judges the updates of others.
        policy: When versions are saved that nobody asked for.
    """

    open = _Open()

    def __init__(
        self,
        path: str,
        *,
        durability: Durability,
        subject: Subject,
        policy: VersionPolicy,
        access: AccessOptions,
    ) -> None:
        self.path = path
        self.subject = subject
        self.policy = policy
        self.engine: Engine = InProcessEngine()
        self._durability = durability
        self._access = access
        self._running: _Running | None = None
        self._door: _Door | None = None
        self._stack: AsyncExitStack | None = None

    def __repr__(self) -> str:
        state = "closed" if self._running is None else "open" if self._door is None else "serving"
        return f"<Workspace {self.path} {state}>"

    @property
    def is_open(self) -> bool:
        """Whether the file is open, here."""
        return self._running is not None

    @property
    def store(self) -> SQLiteStore:
        """The file's log."""
        return self._parts.store

    @property
    def access(self) -> AccessControl:
        """Who may do what, in this file."""
        return self._parts.access

    @property
    def hub(self) -> Hub:
        """The rooms. Sockets of others are let in by :meth:`serving` only."""
        return self._parts.hub

    @property
    def attendance(self) -> Attendance:
        """Where this program itself is."""
        return self._parts.attendance

    @property
    def calls(self) -> Calls:
        """The operations that were called with a key."""
        return self._parts.calls

    @property
    def beside(self) -> Beside:
        """Where long work of operations is done."""
        return self._parts.beside

    @property
    def _parts(self) -> _Running:
        if self._running is None:
            raise LocalProtocolError(f"{self.path} is not open: use `async with`")
        return self._running

    # Its sessions

    def _open_session(
        self,
        name: str,
        *,
        project: str = DEFAULT_PROJECT,
        create: Kind | None = None,
        subject: str | None = None,
    ) -> Session:
        """Open a session, as this workspace's subject, who may do everything, or as somebody.

        Args:
            name: Its name or id, such as ``note``; or its full name, such as ``acme~note``.
            project: The project it is in, where the name does not say.
            create: The kind to make it as, if there is none of that name.
            subject: Somebody, such as ``user:ada``: what he may not do raises AccessDenied before
                it happens.

        Returns:
            The session: use it with ``async with``.

        Raises:
            SessionNotFound: There is none, when the session is entered.
            SessionBusy: It is single-user, and somebody is in it.
            Corrupt: Its document cannot be loaded.
            AccessDenied: The subject may not read it, or create it.
        """
        place, actor = session_place(name, project), self._actor(subject)
        return Session(name, actor.find(place, create), actor.stay, self._history_of(actor))

    def open_alone(
        self,
        name: str,
        *,
        project: str = DEFAULT_PROJECT,
        create: Kind | None = None,
        subject: str | None = None,
    ) -> Session:
        """As ``open``, but with nobody else in the session, whatever its kind, and without a room.

        Edits go straight into the log, which is faster and needs no loop to turn. Raises
        SessionBusy if it is open in this program.
        """
        place, actor = session_place(name, project), self._actor(subject)
        return Session(name, actor.find(place, create), actor.stay_alone, self._history_of(actor))

    def create(
        self,
        name: str,
        *,
        project: str = DEFAULT_PROJECT,
        kind: Kind = Kind.COLLABORATIVE,
        subject: str | None = None,
    ) -> Session:
        """Create a session and open it with ``async with``, or just create it with ``await``.

        A ``subject`` creates it if he may, owns it, and is who has it open.

        Raises:
            SessionExists: The project has one of this name.
            InvalidName: It cannot be a session's name.
            AccessDenied: The subject may not.
        """
        place, actor = session_place(name, project), self._actor(subject)
        return Session(name, actor.create(place, kind), actor.stay, self._history_of(actor))

    async def list(self, *, project: str | None = None) -> Sequence[SessionRecord]:
        """All sessions, of all projects or of one, by name."""
        return await self.store.sessions(project=project)

    async def call(self, operation: str, /, *, key: str | None = None, **arguments: Any) -> Any:
        """Run an operation as this workspace's subject; see :data:`.operations.TABLE`.

        Args:
            operation: Its name, such as ``compact``.
            key: Names this one call: repeated with it, it happens once.
            arguments: Its arguments, such as ``session="note"``.
        """
        return await self._actor(None).call(operation, arguments, key=key)

    def _actor(self, subject: str | None) -> Actor:
        host = host_identity(self.subject)
        return Actor(lambda: self, host if subject is None else Identity(Subject(subject)))

    def _history_of(self, actor: Actor) -> OpenHistory:
        return lambda session: History(
            session, store=lambda: self.store, run=actor.call, see=actor.see
        )

    # Who takes part

    @asynccontextmanager
    async def serving(
        self, authenticate: Authenticate, *, unlocked: bool = False, children: Children = ONE_CHILD
    ) -> AsyncIterator[Hub]:
        """Let others in, as long as the block runs; sockets are attached to the hub it gives.

        Args:
            authenticate: Who may come in.
            unlocked: Nobody is asked who he is: a session is made of every name that is opened,
                and may be created by whoever is connected.
            children: In what processes updates are applied; as it is the first time.

        Raises:
            LocalProtocolError: Somebody serves this workspace already.
            EngineLost: No process can be started to apply updates in.
        """
        hub = self.hub
        if self._door is not None:
            raise LocalProtocolError(f"{self.path} is being served already")
        self._door = _Door(authenticate, unlocked)
        hub.entry.create_sessions = unlocked
        try:
            # What was open here is lost to its rooms, which open it again, there.
            if not isinstance(self.engine, SandboxEngine):
                self.engine = hub.engine = (
                    await shelter(self._parts.shelter, children) or hub.engine
                )
            yield hub
        finally:
            self._door = None
            hub.entry.create_sessions = hub.unseen_histories = False

    async def _admit(self, knock: Knock) -> Identity | Refusal:
        own = self.attendance.identity(knock.token)
        if own is not None:
            return own
        if self._door is None:
            return Refusal(4403, "nobody is let in here")
        return await self._door.authenticate(knock)

    async def _founded(self, room: RoomName, identity: Identity) -> SessionRecord:
        return await Actor(lambda: self, identity).create(room, Kind.COLLABORATIVE)

    # What others ask of it

    async def _called(
        self, identity: Identity, room: RoomName, name: str, arguments: Any, key: str | None
    ) -> Any:
        if not isinstance(arguments, dict):
            raise InvalidArguments(name, "its arguments are an object of names and values")
        unlocked = self._door is not None and self._door.unlocked
        return await operations.call_from_room(
            self, room, identity, name, arguments, key=key, unlocked=unlocked
        )

    async def _commanded(self, request: holder.Request) -> Any:
        name, told, key = request.operation, request.arguments, request.key
        subject = Subject(request.subject) or self.subject
        return await operations.call(self, name, told, subject=subject, key=key)

    # Its life

    async def __aenter__(self) -> Self:
        """Open the file.

        Raises:
            FileHeld: Another process, or workspace, holds it.
            NotACollabFile: It is something else.
            SchemaTooNew: A later version wrote it.
            CannotWrite: It, or its folder, cannot be written.
            Corrupt: It is damaged.
            InvalidPolicy: What it says of who may do what makes no sense to this version.
        """
        if self._stack is not None:
            raise LocalProtocolError(f"{self.path} is open already")
        async with AsyncExitStack() as stack:
            opening = SQLiteStore.open(self.path, durability=self._durability)
            store = await stack.enter_async_context(opening)
            stack.callback(setattr, self, "engine", InProcessEngine())
            shelter = await stack.enter_async_context(AsyncExitStack())
            clock = steady_clock()
            access = self._access.control(store, host=self.subject, clock=clock)
            hub = Hub(
                store,
                self.engine,
                authenticate=self._admit,
                access=access,
                create_sessions=False,
                found=self._founded,
                call=self._called,
                clock=clock,
            )
            helps = Calls(store), Beside(store), shelter
            self._running = _Running(store, access, hub, Attendance(store, hub), *helps)
            stack.callback(setattr, self, "_running", None)
            await stack.enter_async_context(access)
            rounds = Rounds(store, self.policy, subject=self.subject)
            await stack.enter_async_context(rounds.going())
            await stack.enter_async_context(hub)
            if hasattr(socket, "AF_UNIX"):
                await stack.enter_async_context(holder.listen(self.path, self._commanded))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.__aexit__(kind, error, trace)


class _Running(msgspec.Struct, frozen=True):
    """What there is while the file is open."""

    store: SQLiteStore
    access: AccessControl
    hub: Hub
    attendance: Attendance
    calls: Calls
    beside: Beside
    shelter: AsyncExitStack  # what ends after the hub


class _Door(msgspec.Struct, frozen=True):
    """Who decides about those who knock, while the workspace is being served."""

    authenticate: Authenticate
    unlocked: bool


def open_file(
    path: str | os.PathLike[str],
    *,
    durability: Durability = "stored",
    subject: str | None = None,
    versions: VersionPolicy = DEFAULT_POLICY,
    access: AccessOptions = DEFAULT_ACCESS,
) -> Workspace:
    """Open a file of sessions, or make it if there is none.

    Args:
        path: The file.
        durability: ``stored`` commits survive the process, and power loss but for the last
            second; ``durable`` ones survive power loss.
        subject: Who the program's own edits are by; ``host:`` and the user's name if not said.
        versions: When versions are saved that nobody asked for.
        access: What rules may ask for, what the audit is told, and who else decides.

    Returns:
        The workspace: use it with ``async with``.
    """
    name, who = os.path.realpath(path), Subject(subject or f"host:{user()}")
    return Workspace(name, durability=durability, subject=who, policy=versions, access=access)
