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
    │   ├── SessionBusy                      .name .reason
    │   ├── ProjectNotFound    (LookupError) .name
    │   ├── ProjectExists                    .name
    │   └── ProjectArchived                  .name
    ├── OperationError
    │   ├── UnknownOperation   (LookupError) .operation .known
    │   ├── InvalidArguments   (ValueError)  .operation .reason
    │   └── OperationFailed                  a peer's answer               .operation .kind .reason
    ├── AccessError
    │   ├── AccessDenied (PermissionError)   .subject .action .path .reason
    │   ├── InvalidToken                     .reason
    │   ├── InvalidPolicy      (ValueError)  .where .reason
    │   └── UnsupportedByEngine              .engine .what
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

from .access import AccessDenied, AccessError, InvalidPolicy, InvalidToken, UnsupportedByEngine
from .documents import (
    DocumentError,
    EngineError,
    EngineLost,
    Gone,
    OutOfRange,
    ReadOnlyDocument,
    ValueNotStorable,
    WrongRoot,
)
from .root import CollabError
from .sessions import (
    InvalidArguments,
    InvalidName,
    MomentNotFound,
    OperationError,
    OperationFailed,
    ProjectArchived,
    ProjectExists,
    ProjectNotFound,
    SessionBusy,
    SessionError,
    SessionExists,
    SessionNotFound,
    UnknownOperation,
)
from .store import (
    CannotWrite,
    Conflict,
    Corrupt,
    FileHeld,
    NotACollabFile,
    OtherLineage,
    SchemaTooNew,
    StoreError,
)
from .wire import (
    BadFrame,
    ConnectionClosed,
    ConnectionRefused,
    LocalProtocolError,
    MalformedBytes,
    NoAcknowledgements,
    ProtocolError,
    RemoteProtocolError,
    UpdateRefused,
)

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
    "InvalidPolicy",
    "InvalidToken",
    "LocalProtocolError",
    "MalformedBytes",
    "MomentNotFound",
    "NoAcknowledgements",
    "NotACollabFile",
    "OperationError",
    "OperationFailed",
    "OtherLineage",
    "OutOfRange",
    "ProjectArchived",
    "ProjectExists",
    "ProjectNotFound",
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
    "UnsupportedByEngine",
    "UpdateRefused",
    "ValueNotStorable",
    "WrongRoot",
]

for _name in __all__:
    # Where users import it from, and what a traceback shows them.
    globals()[_name].__module__ = __name__
