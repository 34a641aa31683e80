"""What is wrong with a session, or with what was to be done to it."""

from __future__ import annotations

from .root import CollabError

__all__ = [
    "InvalidArguments",
    "InvalidName",
    "MomentNotFound",
    "OperationError",
    "OperationFailed",
    "ProjectArchived",
    "ProjectExists",
    "ProjectNotFound",
    "SessionBusy",
    "SessionError",
    "SessionExists",
    "SessionNotFound",
    "UnknownOperation",
]


class SessionError(CollabError):
    """Something is wrong with a session."""


class InvalidName(SessionError, ValueError):
    """A name that cannot name a room."""

    name: str
    reason: str

    def __str__(self) -> str:
        shown = self.name if len(self.name) <= 60 else f"{self.name[:57]}..."
        return f"invalid name {shown!r}: {self.reason}"


class SessionNotFound(SessionError, LookupError):
    """No session has this id or name."""

    name: str
    _says = "no session {name!r}; `collabkit ls` lists those there are"


class SessionExists(SessionError):
    """The project has a session of this name already."""

    name: str
    _says = "session {name!r} exists already; open it, or choose another name"


class MomentNotFound(SessionError, LookupError):
    """A past of a document that nobody can go to: there is none, or it was compacted away."""

    moment: str
    reason: str
    _says = "no moment {moment!r}: {reason}"


class SessionBusy(SessionError):
    """Somebody is in the session who cannot share it, or be put out of it."""

    name: str
    reason: str
    _says = "session {name!r} is in use: {reason}"


class ProjectNotFound(SessionError, LookupError):
    """There is no project of this name."""

    name: str
    _says = "no project {name!r}; `collabkit project ls` lists those there are"


class ProjectExists(SessionError):
    """There is a project of this name already."""

    name: str
    _says = "project {name!r} exists already"


class ProjectArchived(SessionError):
    """The project was archived: it can be read, and nothing in it can be changed."""

    name: str
    _says = "project {name!r} is archived; `collabkit project archive --undo` opens it again"


class OperationError(CollabError):
    """An operation could not be carried out."""


class UnknownOperation(OperationError, LookupError):
    """No operation of this name; ``known`` are those there are."""

    operation: str
    known: str = ""

    def __str__(self) -> str:
        there = f"; there are {self.known}" if self.known else ""
        return f"no operation {self.operation!r}{there}"


class InvalidArguments(OperationError, ValueError):
    """Arguments that do not fit the operation's schema."""

    operation: str
    reason: str
    _says = "{operation}: {reason}"


class OperationFailed(OperationError):
    """The holder answered with an error; ``kind`` is its class name in this tree."""

    operation: str
    kind: str
    reason: str
    _says = "{operation}: {reason} ({kind})"
