"""Every exception that collabkit raises, in one tree.

The whole of it::

    CollabError
    ├── ProtocolError                        never raised itself
    │   ├── LocalProtocolError               called at the wrong time      .reason
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
    │   ├── MomentNotFound     (LookupError) .moment .reason
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

Each class lists its fields and the sentence that is made of them, so a message can be
tested and a program never has to read it. Fields are identifiers and primitives only;
they are what the class is called with, in this order.
"""

from __future__ import annotations

import copyreg
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class CollabError(Exception):
    """Root of the tree: ``except CollabError`` catches all that collabkit raises on purpose."""

    _says: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(eq=False, repr=False)(cls)

    def __str__(self) -> str:
        return self._says.format_map(vars(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross a process boundary as the fields are."""
        return copyreg.__newobj__, (type(self),), vars(self)  # type: ignore[attr-defined]


# Protocol


class ProtocolError(CollabError):
    """Somebody broke the protocol; see the two subclasses for who."""

    def __new__(cls, *args: object, **fields: object) -> Self:
        if cls is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise Local- or RemoteProtocolError")
        return super().__new__(cls)


class LocalProtocolError(ProtocolError):
    """This program called something that its state does not allow."""

    reason: str
    _says = "{reason}"


class RemoteProtocolError(ProtocolError):
    """The peer sent something it must not send; ``close_code`` is the WebSocket answer."""

    # RFC 6455 §7.4.1: 1002 protocol, 1003 type not taken, 1007 data not of its type, 1008 policy.
    close_code: int = field(default=1002, kw_only=True)


class MalformedBytes(RemoteProtocolError):
    """Bytes that do not parse as what they claim to be."""

    what: str
    offset: int
    close_code: int = field(default=1007, kw_only=True)
    _says = "malformed bytes at offset {offset}: {what}"


class UpdateRefused(RemoteProtocolError):
    """A CRDT update that is well formed and yet not taken."""

    code: str  # a stable word for programs, such as too-many-structs
    reason: str  # a sentence for people
    close_code: int = field(default=1008, kw_only=True)
    _says = "update refused ({code}): {reason}"


class BadFrame(RemoteProtocolError):
    """A frame that the connection's dialect does not have."""

    reason: str
    _says = "bad frame: {reason}"


class ConnectionClosed(CollabError):
    """The link to the peer ended."""

    code: int
    reason: str = ""

    def __str__(self) -> str:
        return f"connection closed ({self.code})" + (f": {self.reason}" if self.reason else "")


class ConnectionRefused(ConnectionClosed):
    """The server does not want this connection; trying again will not help."""


class NoAcknowledgements(CollabError):
    """The server speaks a dialect in which nothing says that an edit was saved."""

    url: str
    _says = (
        "{url} cannot acknowledge edits: it is not a collabkit relay. "
        "Use `await replica.synced()` to wait for an exchange of state instead"
    )


# Documents and engines


class DocumentError(CollabError):
    """Something is wrong with how a document is used."""


class ValueNotStorable(DocumentError, ValueError):
    """A value that a document cannot hold."""

    reason: str
    _says = "cannot be stored in a document: {reason}"


class OutOfRange(DocumentError, IndexError):
    """An index outside the text or array."""

    index: int
    length: int
    _says = "index {index} is out of range for length {length}"


class WrongRoot(DocumentError, TypeError):
    """A root that exists with another type."""

    root: str
    kind: str
    requested: str
    _says = "root {root!r} is {kind}, not {requested}"


class Gone(DocumentError, LookupError):
    """A handle of something that is not in the document any more."""

    place: str  # where it was, from its root
    _says = "{place} is not in the document any more"


class ReadOnlyDocument(DocumentError):
    """A write to a document that only shows."""

    document: str
    _says = "document {document!r} is read-only here"


class EngineError(CollabError):
    """The CRDT engine failed."""


class EngineLost(EngineError):
    """The engine died, or poisoned a document; what it held must be rebuilt from the log."""

    document: str
    culprit: int | None = None  # which of the call's updates did it, if that is known

    def __str__(self) -> str:
        at = "" if self.culprit is None else f" at update {self.culprit}"
        return f"the engine lost document {self.document!r}{at}; rebuild it from the log"


# Sessions and operations


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


# Access


class AccessError(CollabError):
    """Something about who may do what."""


class AccessDenied(AccessError, PermissionError):
    """The subject may not do this."""

    subject: str
    action: str
    path: str
    reason: str = ""

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.subject} may not {self.action} {self.path}{why}"


class InvalidToken(AccessError):
    """A token that does not prove anything. The message never holds the token."""

    reason: str
    _says = "invalid token: {reason}"


# Store


class StoreError(CollabError):
    """Something is wrong with the file."""


class NotACollabFile(StoreError):
    """The file is something else."""

    path: str
    reason: str
    _says = "{path} is not a collabkit file: {reason}"


class SchemaTooNew(StoreError):
    """The file was written by a later version."""

    path: str
    found: int
    supported: int
    _says = "{path} has schema {found}, this version reads up to {supported}: upgrade collabkit"


class FileHeld(StoreError):
    """Another process holds the file; ``state`` says if it is running or stopped, where known."""

    path: str
    pid: int | None
    host: str | None
    state: str | None = None

    def __str__(self) -> str:
        who = "another process" if self.pid is None else f"process {self.pid} on {self.host}"
        how = f" ({self.state})" if self.state else ""
        return (
            f"{self.path} is held by {who}{how}: "
            "connect to it with `collabkit.connect(...)`, or stop it first"
        )


class Corrupt(StoreError):
    """The file is damaged. Nothing was changed."""

    path: str
    where: str
    reason: str
    _says = "{path} is damaged at {where}: {reason}. `collabkit verify {path}` lists it all"


class CannotWrite(StoreError):
    """The disk did not take a write; nothing of it was kept."""

    path: str
    reason: str
    _says = "cannot write {path}: {reason}"


class Conflict(StoreError):
    """A compare-and-set lost: somebody else changed the row first."""

    what: str
    expected: int
    actual: int
    _says = "{what} has version {actual}, expected {expected}: read it again"


class OtherLineage(StoreError):
    """Two documents of one name that never were one: they fork, they are never merged."""

    document: str
    ours: str
    theirs: str
    _says = (
        "{document!r} here has lineage {ours}, there {theirs}: they are different documents "
        "of one name; `await replica.fork()` sets the local one aside, to begin anew"
    )


_kinds = [value for value in globals().values() if isinstance(value, type)]
__all__ = [kind.__name__ for kind in _kinds if issubclass(kind, CollabError)]
