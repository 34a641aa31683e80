"""A session that this program has open: its documents, and what it takes to close them well.

Rules:

1. A session is entered to be used. ``await`` only finds (or makes) it; ``async with`` opens it.
2. A **single-user** session has no room: its documents are written straight into the log
   (:mod:`.solo`), by one opener at a time, and no socket is let in.
3. In a **collaborative** one this program is a participant like any other, under its own
   subject: a replica in the room, over a channel in memory. Others may come and go.
4. Whoever leaves waits until his edits are stored. A document that was left takes no more.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

from ..crdt.document import Document
from ..errors import LocalProtocolError
from ..ids import DEFAULT_DOCUMENT, RoomName, SessionId
from ..store.base import SessionRecord
from ..sync.presence import Presence
from .history import History, OpenHistory

__all__ = ["Kind", "Part", "Session", "Stay", "TakePart"]


class Kind(enum.StrEnum):
    """What a session is for."""

    SINGLE_USER = "single-user"
    COLLABORATIVE = "collaborative"


class Part(Protocol):
    """This program's part in one document: a Solo, or a Member of its room."""

    @property
    def document(self) -> Document:
        """The document."""
        ...

    @property
    def presence(self) -> Presence | None:
        """Who else is there; None where nobody else can be."""
        ...

    async def saved(self) -> None:
        """Wait until every edit so far is on disk. Raises CannotWrite."""
        ...

    async def reached(self, row: int) -> None:
        """Wait until a row of the log, that somebody else wrote, is in the document."""
        ...


TakePart: TypeAlias = Callable[[str], AbstractAsyncContextManager[Part]]
"""Opens a document of a session, by its name."""

Stay: TypeAlias = Callable[[SessionRecord], AbstractAsyncContextManager[TakePart]]
"""Enters a session; :class:`~collabkit.sessions.workspace.Workspace` gives it."""


class Session:
    """A session of a workspace; ``workspace.open(name)`` and ``workspace.create(name)`` make one.

    ``async with`` opens it, and its document ``main``. Leaving waits until all edits are stored.
    ``await`` alone finds or creates it without opening any document.

    >>> async def program(path):
    ...     async with Workspace.open(path) as workspace, workspace.create("note") as note:
    ...         note.document.text("body").insert(0, "hello")
    ...         await note.saved()
    """

    def __init__(
        self,
        name: str,
        finding: Coroutine[Any, Any, SessionRecord],
        stay: Stay,
        open_history: OpenHistory,
    ) -> None:
        self._asked = name
        self._finding: Coroutine[Any, Any, SessionRecord] | None = finding
        self._record: SessionRecord | None = None
        self._stay = stay
        self._history = open_history(self)
        self._take_part: TakePart | None = None
        self._parts: dict[str, Part] = {}
        self._stack: AsyncExitStack | None = None
        # Documents are opened one after another: two parts in one document would each lack what
        # the other writes.
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        if self._record is None:
            return f"<Session {self._asked!r}, not entered>"
        state = "open" if self._stack is not None else "closed"
        return f"<Session {self.project}~{self.name} {self.kind.value}, {state}>"

    # What it is

    @property
    def record(self) -> SessionRecord:
        """What the file said of the session when it was found."""
        if self._record is None:
            raise LocalProtocolError(
                f"session {self._asked!r} was not entered: use `async with`, or `await` it first"
            )
        return self._record

    @property
    def id(self) -> SessionId:
        """Its opaque id, which no other session ever has."""
        return self.record.id

    @property
    def name(self) -> str:
        """Its name, unique in its project."""
        return self.record.name

    @property
    def project(self) -> str:
        """The project it belongs to."""
        return self.record.project

    @property
    def kind(self) -> Kind:
        """What it is for."""
        return Kind(self.record.kind)

    # What is in it

    @property
    def document(self) -> Document:
        """The document ``main``."""
        return self._part(DEFAULT_DOCUMENT).document

    async def open_document(self, name: str) -> Document:
        """Open another document of this session, or get the one that is open.

        Args:
            name: A document nobody has written to yet is empty, and exists once it is edited.

        Raises:
            InvalidName: It cannot be a document's name.
            Corrupt: It cannot be loaded.
        """
        RoomName.parse(f"{self.record.name}/{name}")
        async with self._opening:
            if self._stack is None or self._take_part is None:
                raise LocalProtocolError(f"session {self.name!r} is not open: use `async with`")
            if name not in self._parts:
                self._parts[name] = await self._stack.enter_async_context(self._take_part(name))
            return self._parts[name].document

    @property
    def presence(self) -> Presence:
        """Who else is at ``main``, and what they show of themselves.

        Raises:
            LocalProtocolError: Nobody else can be: the session is had alone, or not open.
        """
        presence = self._part(DEFAULT_DOCUMENT).presence
        if presence is None:
            raise LocalProtocolError(f"session {self.name!r} is ours alone: nobody else is in it")
        return presence

    @property
    def history(self) -> History:
        """The past of ``main``, and what can be done with it; ``.of(name)`` of other documents.

        It can also be asked of a session that is not open.
        """
        return self._history

    async def saved(self) -> None:
        """Wait until all edits so far, of all documents, are on disk.

        Raises:
            CannotWrite: The disk did not take them.
        """
        for part in tuple(self._parts.values()):
            await part.saved()

    async def reached(self, document: str, row: int) -> None:
        """Wait until a row that an operation wrote is in a document, if that is open."""
        part = self._parts.get(document)
        if part is not None:
            await part.reached(row)

    def _part(self, name: str) -> Part:
        if name not in self._parts:
            raise LocalProtocolError(f"session {self._asked!r} is not open: use `async with`")
        return self._parts[name]

    # Its life

    def __await__(self) -> Generator[Any, None, Self]:
        return self.found().__await__()

    async def found(self) -> Self:
        """Find or create it without opening a document; ``await session`` does the same."""
        if self._finding is not None:
            finding, self._finding = self._finding, None
            self._record = await finding
        return self

    async def __aenter__(self) -> Self:
        await self.found()
        if self._stack is not None:
            raise LocalProtocolError(f"session {self.name!r} is open already")
        async with AsyncExitStack() as stack:
            self._take_part = await stack.enter_async_context(self._stay(self.record))
            main = await stack.enter_async_context(self._take_part(DEFAULT_DOCUMENT))
            self._parts[DEFAULT_DOCUMENT] = main
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async with self._opening:
            stack, self._stack = self._stack, None
            for part in self._parts.values():
                part.document.guard = self._refuse
            self._parts.clear()
            self._take_part = None
        if stack is not None:
            await stack.__aexit__(kind, error, trace)

    def _refuse(self, update: bytes) -> None:
        # The guard of a document that was left: an edit would go nowhere.
        raise LocalProtocolError(f"session {self._asked!r} is closed")
