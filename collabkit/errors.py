"""Every exception that collabkit raises, in one tree.

The whole of it::

    CollabError
    ├── ProtocolError                        never raised itself
    │   ├── LocalProtocolError               you called something at the wrong time
    │   └── RemoteProtocolError              the peer broke the rules      .close_code
    │       ├── MalformedBytes               bytes that do not parse       .what .offset
    │       ├── UpdateRefused                an update that is not taken   .code .reason
    │       └── BadFrame                     a frame outside the dialect   .reason
    ├── ConnectionClosed                     the link ended                .code .reason
    │   └── ConnectionRefused                and will not come back        .code .reason
    ├── NoAcknowledgements                   this server never says what it saved  .url
    ├── DocumentError
    │   ├── ValueNotStorable   (ValueError)  .reason
    │   ├── OutOfRange         (IndexError)  .index .length
    │   ├── WrongRoot          (TypeError)   .root .kind .requested
    │   ├── Gone               (LookupError) .place
    │   └── ReadOnlyDocument                 .document
    ├── EngineError
    │   └── EngineLost                       died with a document in it    .document .culprit
    ├── SessionError
    │   ├── InvalidName        (ValueError)  .name .reason
    │   ├── SessionNotFound    (LookupError) .name
    │   ├── SessionExists                    .name
    │   └── SessionBusy                      .name .reason
    ├── OperationError
    │   ├── UnknownOperation   (LookupError) .operation .known
    │   ├── InvalidArguments   (ValueError)  .operation .reason
    │   └── OperationFailed                  a peer's answer               .operation .kind .reason
    ├── AccessError
    │   ├── AccessDenied (PermissionError)   .subject .action .path .reason
    │   └── InvalidToken                     .reason
    └── StoreError
        ├── NotACollabFile                   .path .reason
        ├── SchemaTooNew                     .path .found .supported
        ├── FileHeld                         .path .pid .host .state
        ├── Corrupt                          .path .where .reason
        ├── CannotWrite                      .path .reason
        ├── Conflict                         .what .expected .actual
        └── OtherLineage                     .document .ours .theirs

Each exception builds its message from its fields, so a message can be tested
and a program never has to read it. Fields are identifiers and primitives only.
"""

from __future__ import annotations

from typing import Any, Self

__all__ = [
    "AccessDenied",
    "AccessError",
    "BadFrame",
    "CannotWrite",
    "CollabError",
    "Conflict",
    "ConnectionClosed",
    "ConnectionRefused",
    "Corrupt",
    "DocumentError",
    "EngineError",
    "EngineLost",
    "FileHeld",
    "Gone",
    "InvalidArguments",
    "InvalidName",
    "InvalidToken",
    "LocalProtocolError",
    "MalformedBytes",
    "NoAcknowledgements",
    "NotACollabFile",
    "OperationError",
    "OperationFailed",
    "OtherLineage",
    "OutOfRange",
    "ProtocolError",
    "ReadOnlyDocument",
    "RemoteProtocolError",
    "SchemaTooNew",
    "SessionBusy",
    "SessionError",
    "SessionExists",
    "SessionNotFound",
    "StoreError",
    "UnknownOperation",
    "UpdateRefused",
    "ValueNotStorable",
    "WrongRoot",
]


class CollabError(Exception):
    """Root of the tree: ``except CollabError`` catches all that collabkit raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross a process boundary as the fields are, without building the message again."""
        return _again, (type(self), self.args, vars(self))


def _again(kind: type[CollabError], args: tuple[Any, ...], fields: dict[str, Any]) -> CollabError:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(fields)
    return error


# Protocol


class ProtocolError(CollabError):
    """Somebody broke the protocol; see the two subclasses for who."""

    def __new__(cls, *args: object, **fields: object) -> Self:
        """Refuse to make the abstract root."""
        if cls is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise Local- or RemoteProtocolError")
        return super().__new__(cls, *args)


class LocalProtocolError(ProtocolError):
    """This program called something that its state does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something it must not send.

    Attributes:
        close_code: The WebSocket close code that answers it.
    """

    # RFC 6455 §7.4.1: 1002 protocol error, 1007 data inconsistent with its type,
    # 1008 policy, 1009 too big. All of them are final for a well-behaved client.
    close_code: int = 1002


class MalformedBytes(RemoteProtocolError):
    """Bytes that do not parse as what they claim to be."""

    close_code = 1007

    def __init__(self, what: str, offset: int) -> None:
        self.what = what
        self.offset = offset
        super().__init__(f"malformed bytes at offset {offset}: {what}")


class UpdateRefused(RemoteProtocolError):
    """A CRDT update that is well formed and yet not taken.

    Attributes:
        code: A stable word for programs, such as ``too-many-structs``.
        reason: A sentence for people.
    """

    close_code = 1008

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"update refused ({code}): {reason}")


class BadFrame(RemoteProtocolError):
    """A frame that the connection's dialect does not have."""

    def __init__(self, reason: str, *, close_code: int = 1002) -> None:
        self.reason = reason
        self.close_code = close_code
        super().__init__(f"bad frame: {reason}")


class ConnectionClosed(CollabError):
    """The link to the peer ended."""

    def __init__(self, code: int, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"connection closed ({code})" + (f": {reason}" if reason else ""))


class ConnectionRefused(ConnectionClosed):
    """The server does not want this connection; trying again will not help."""


class NoAcknowledgements(CollabError):
    """The server speaks a dialect in which nothing says that an edit was saved."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url} cannot acknowledge edits: it is not a collabkit relay. "
            "Use `await replica.synced()` to wait for an exchange of state instead"
        )


# Documents and engines


class DocumentError(CollabError):
    """Something is wrong with how a document is used."""


class ValueNotStorable(DocumentError, ValueError):
    """A value that a document cannot hold."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"cannot be stored in a document: {reason}")


class OutOfRange(DocumentError, IndexError):
    """An index outside the text or array."""

    def __init__(self, index: int, length: int) -> None:
        self.index = index
        self.length = length
        super().__init__(f"index {index} is out of range for length {length}")


class WrongRoot(DocumentError, TypeError):
    """A root that exists with another type."""

    def __init__(self, root: str, kind: str, requested: str) -> None:
        self.root = root
        self.kind = kind
        self.requested = requested
        super().__init__(f"root {root!r} is {kind}, not {requested}")


class Gone(DocumentError, LookupError):
    """A handle of something that is not in the document any more.

    Attributes:
        place: Where it was, from its root.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"{place} is not in the document any more")


class ReadOnlyDocument(DocumentError):
    """A write to a document that only shows."""

    def __init__(self, document: str) -> None:
        self.document = document
        super().__init__(f"document {document!r} is read-only here")


class EngineError(CollabError):
    """The CRDT engine failed."""


class EngineLost(EngineError):
    """The engine died, or poisoned a document; what it held must be rebuilt from the log.

    Attributes:
        document: The document that was being worked on.
        culprit: Index, in the call's updates, of the one being applied; None if unknown.
    """

    def __init__(self, document: str, culprit: int | None = None) -> None:
        self.document = document
        self.culprit = culprit
        at = "" if culprit is None else f" at update {culprit}"
        super().__init__(f"the engine lost document {document!r}{at}; rebuild it from the log")


# Sessions and operations


class SessionError(CollabError):
    """Something is wrong with a session."""


class InvalidName(SessionError, ValueError):
    """A name that cannot name a room."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        super().__init__(f"invalid name {shown!r}: {reason}")


class SessionNotFound(SessionError, LookupError):
    """No session has this id or name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no session {name!r}; `collabkit ls` lists those there are")


class SessionExists(SessionError):
    """The project has a session of this name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"session {name!r} exists already; open it, or choose another name")


class SessionBusy(SessionError):
    """Somebody is in the session who cannot share it, or be put out of it."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"session {name!r} is in use: {reason}")


class OperationError(CollabError):
    """An operation could not be carried out."""


class UnknownOperation(OperationError, LookupError):
    """No operation of this name; ``known`` are those there are."""

    def __init__(self, operation: str, known: str = "") -> None:
        self.operation = operation
        self.known = known
        there = f"; there are {known}" if known else ""
        super().__init__(f"no operation {operation!r}{there}")


class InvalidArguments(OperationError, ValueError):
    """Arguments that do not fit the operation's schema."""

    def __init__(self, operation: str, reason: str) -> None:
        self.operation = operation
        self.reason = reason
        super().__init__(f"{operation}: {reason}")


class OperationFailed(OperationError):
    """The holder answered with an error; ``kind`` is its class name in this tree."""

    def __init__(self, operation: str, kind: str, reason: str) -> None:
        self.operation = operation
        self.kind = kind
        self.reason = reason
        super().__init__(f"{operation}: {reason} ({kind})")


# Access


class AccessError(CollabError):
    """Something about who may do what."""


class AccessDenied(AccessError, PermissionError):
    """The subject may not do this."""

    def __init__(self, subject: str, action: str, path: str, reason: str = "") -> None:
        self.subject = subject
        self.action = action
        self.path = path
        self.reason = reason
        why = f": {reason}" if reason else ""
        super().__init__(f"{subject} may not {action} {path}{why}")


class InvalidToken(AccessError):
    """A token that does not prove anything. The message never holds the token."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"invalid token: {reason}")


# Store


class StoreError(CollabError):
    """Something is wrong with the file."""


class NotACollabFile(StoreError):
    """The file is something else."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} is not a collabkit file: {reason}")


class SchemaTooNew(StoreError):
    """The file was written by a later version."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        self.path = path
        self.found = found
        self.supported = supported
        super().__init__(
            f"{path} has schema {found}, this version reads up to {supported}: upgrade collabkit"
        )


class FileHeld(StoreError):
    """Another process holds the file; ``state`` says if it is running or stopped, where known."""

    def __init__(
        self, path: str, pid: int | None, host: str | None, state: str | None = None
    ) -> None:
        self.path = path
        self.pid = pid
        self.host = host
        self.state = state
        who = f"process {pid} on {host}" if pid is not None else "another process"
        how = f" ({state})" if state else ""
        super().__init__(
            f"{path} is held by {who}{how}: "
            "connect to it with `collabkit.connect(...)`, or stop it first"
        )


class Corrupt(StoreError):
    """The file is damaged. Nothing was changed."""

    def __init__(self, path: str, where: str, reason: str) -> None:
        self.path = path
        self.where = where
        self.reason = reason
        super().__init__(
            f"{path} is damaged at {where}: {reason}. `collabkit verify {path}` lists it all"
        )


class CannotWrite(StoreError):
    """The disk did not take a write; nothing of it was kept."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"cannot write {path}: {reason}")


class Conflict(StoreError):
    """A compare-and-set lost: somebody else changed the row first."""

    def __init__(self, what: str, expected: int, actual: int) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"{what} has version {actual}, expected {expected}: read it again")


class OtherLineage(StoreError):
    """Two documents of one name that never were one: they fork, they are never merged."""

    def __init__(self, document: str, ours: str, theirs: str) -> None:
        self.document = document
        self.ours = ours
        self.theirs = theirs
        super().__init__(
            f"{document!r} here has lineage {ours}, there {theirs}: they are different documents "
            "of one name; move the local one away and connect again"
        )
