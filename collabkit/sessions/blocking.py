"""Workspaces for code without an event loop: scripts, Flask, Django.

::

    with collabkit.open("notes.db") as workspace, workspace.open("note") as note:
        note.document.text("body").insert(0, "hello")
        note.saved()

Rules:

1. An event loop runs in a thread of its own, as long as the workspace is open, and everything
   that waits, waits there. Edits do not: a document is edited in the caller's thread.
2. Without a loop there is no room, whatever the kind of a session. A session is open once, and
   the next thread that opens it waits for the one before; other programs may work on the same
   file by connecting to a relay instead (:func:`collabkit.connect`).
3. A workspace is opened after a fork, not before: its thread would not follow.
4. A workspace that nobody left when the program ends is left then, and what its open sessions
   hold is saved: in a notebook, or at a prompt, there is no block to leave.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from ..crdt.document import Document
from ..errors import LocalProtocolError, SessionBusy
from ..ids import DEFAULT_PROJECT, SessionId
from ..store.base import SessionRecord
from ..store.database import Durability
from . import session as _session
from . import workspace as _workspace
from .blocking_history import History
from .session import Kind
from .versions import DEFAULT_POLICY, VersionPolicy

__all__ = ["Session", "Workspace", "open"]


class Session:
    """An open session, for code without a loop; ``workspace.open(name)`` makes one.

    Use it with ``with``; leaving waits until all edits are stored.
    """

    def __init__(self, inner: _session.Session, workspace: Workspace) -> None:
        self._inner = inner
        self._workspace = workspace
        self._stack: ExitStack | None = None

    def __repr__(self) -> str:
        return f"<blocking {self._inner!r}>"

    @property
    def id(self) -> SessionId:
        """Its opaque id, which no other session ever has."""
        return self._inner.id

    @property
    def name(self) -> str:
        """Its name, unique in its project."""
        return self._inner.name

    @property
    def project(self) -> str:
        """The project it belongs to."""
        return self._inner.project

    @property
    def kind(self) -> Kind:
        """What it is for."""
        return self._inner.kind

    @property
    def document(self) -> Document:
        """The document ``main``."""
        return self._inner.document

    def open_document(self, name: str) -> Document:
        """Open another document of this session, or get the one that is open."""
        return self._workspace._loop().call(self._inner.open_document, name)

    @property
    def history(self) -> History:
        """The past of ``main``, and what can be done with it; ``.of(name)`` of other documents."""
        return History(self._inner.history, self._workspace._loop)

    def saved(self) -> None:
        """Wait until all edits so far are on disk. Raises CannotWrite."""
        self._workspace._loop().call(self._inner.saved)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._workspace._turn(self._inner.record))
            loop = self._workspace._loop()
            stack.enter_context(loop.wrap_async_context_manager(self._inner))
            self._stack = stack.pop_all()
        # Last come, first left: a session goes before its workspace.
        atexit.register(self.__exit__, None, None, None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        atexit.unregister(self.__exit__)
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.__exit__(kind, error, trace)


class Workspace:
    """An open file and its sessions, for code without a loop; :func:`open` makes one.

    All methods may be called from any thread.
    """

    def __init__(self, inner: _workspace.Workspace) -> None:
        self._inner = inner
        self._portal: BlockingPortal | None = None
        self._stack: ExitStack | None = None
        self._turns: dict[SessionId, _Turn] = {}
        self._guard = threading.Lock()

    def __repr__(self) -> str:
        return f"<blocking {self._inner!r}>"

    @property
    def path(self) -> str:
        """The file."""
        return self._inner.path

    def open(
        self,
        name: str,
        *,
        project: str = DEFAULT_PROJECT,
        create: Kind | None = None,
        subject: str | None = None,
    ) -> Session:
        """Open a session, with ``with``; if somebody has it open, wait until he is done.

        Args:
            name: Its name or id, such as ``note``; or its full name, such as ``acme~note``.
            project: The project it is in, where the name does not say.
            create: The kind to make it as, if there is none of that name.
            subject: As whom, such as ``user:ada``; by default as this workspace's subject, who
                may do everything. What somebody may not do raises AccessDenied before it happens.

        Raises:
            SessionNotFound: There is none.
            Corrupt: Its document cannot be loaded, when the session is entered.
            AccessDenied: The subject may not read it, or create it.
        """
        portal = self._loop()
        inner = self._inner.open_alone(name, project=project, create=create, subject=subject)
        portal.call(inner.found)
        return Session(inner, self)

    def create(
        self,
        name: str,
        *,
        project: str = DEFAULT_PROJECT,
        kind: Kind = Kind.COLLABORATIVE,
        subject: str | None = None,
    ) -> Session:
        """Create a session, now; open it with ``with``. A ``subject`` owns what he creates.

        Raises:
            SessionExists: The project has one of this name.
            InvalidName: It cannot be a session's name.
            AccessDenied: The subject may not.
        """
        loop = self._loop()
        creating = self._inner.create(name, project=project, kind=kind, subject=subject)
        made = loop.call(creating.found)
        return self.open(made.id, project=made.project, subject=subject)

    def list(self, *, project: str | None = None) -> Sequence[SessionRecord]:
        """All sessions, of all projects or of one, by name."""
        return self._loop().call(lambda: self._inner.list(project=project))

    def call(self, operation: str, /, *, key: str | None = None, **arguments: Any) -> Any:
        """Run an operation, such as ``compact``, and return its result."""
        return self._loop().call(lambda: self._inner.call(operation, key=key, **arguments))

    def _loop(self) -> BlockingPortal:
        if self._portal is None:
            raise LocalProtocolError(f"{self.path} is not open: use `with`")
        return self._portal

    @contextmanager
    def _turn(self, record: SessionRecord) -> Iterator[None]:
        """Wait until no other thread has the session open."""
        with self._guard:
            turn = self._turns.setdefault(record.id, _Turn())
        if turn.owner == threading.get_ident():
            raise SessionBusy(record.name, "this thread has it open already")
        with turn.lock:
            turn.owner = threading.get_ident()
            try:
                yield
            finally:
                turn.owner = None

    def __enter__(self) -> Self:
        """Open the file; raises what ``Workspace.open`` of the async kind does."""
        if self._stack is not None:
            raise LocalProtocolError(f"{self.path} is open already")
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal(name="collabkit-workspace"))
            stack.callback(setattr, self, "_portal", None)
            stack.enter_context(self._portal.wrap_async_context_manager(self._inner))
            self._stack = stack.pop_all()
        atexit.register(self.__exit__, None, None, None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        atexit.unregister(self.__exit__)
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.__exit__(kind, error, trace)


class _Turn:
    """Whose turn it is with a session."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: int | None = None


def open(  # noqa: A001 - it opens
    path: str | os.PathLike[str],
    *,
    durability: Durability = "stored",
    subject: str | None = None,
    versions: VersionPolicy = DEFAULT_POLICY,
) -> Workspace:
    """Open a file of sessions, or make it, for code without an event loop; use it with ``with``.

    Args:
        path: The file.
        durability: ``stored`` commits survive the process, and power loss but for the last
            second; ``durable`` ones survive power loss.
        subject: Who the program's edits are by; ``host:`` and the user's name if not said.
        versions: When versions are saved that nobody asked for.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open(f"{folder}/notes.db") as workspace:
    ...     with workspace.create("note") as note:
    ...         note.document.text("body").insert(0, "hello")
    ...         str(note.document.text("body"))
    'hello'
    """
    return Workspace(
        _workspace.open_file(path, durability=durability, subject=subject, versions=versions)
    )
