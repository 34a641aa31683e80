"""Local-first collaboration for Python programs.

A **session** is a few Yjs documents, one append-only log of how they came to be, and the rules of
who may change what. A **workspace** is a file of sessions. The packages, from the ground up:

- :mod:`collabkit.crdt`: documents, updates, presence; the only place that knows the engine
- :mod:`collabkit.store`: the log and its checkpoints in SQLite
- :mod:`collabkit.access`: who may do what, where, until when, and why; identities and tokens
- :mod:`collabkit.sync`: wire dialects, connections, rooms, and the local-first client
- :mod:`collabkit.history`: every past of a document, compared, told, and gone back to
- :mod:`collabkit.sessions`: workspaces, sessions, operations
- :mod:`collabkit.relay`: the bundled server, and the same relay inside an ASGI app
- :mod:`collabkit.testing`: bad networks and contracts, for tests of what is built on this

What most programs need is here: :class:`Workspace` and :func:`open` for a file of one's own, with
and without an event loop, :func:`connect` for a document at a relay, and :class:`Document` for
what is in either; :class:`Role`, :class:`Permission` and :class:`Grant` are what rules are made of,
and :class:`AccessControl` answers by them.
"""

from importlib.metadata import version as _version

from . import errors
from .access.control import AccessControl
from .access.rules import Grant, Permission, Role
from .crdt.document import Document
from .errors import CollabError
from .sessions.blocking import open  # noqa: A004 - it opens
from .sessions.session import Kind, Session
from .sessions.versions import VersionPolicy
from .sessions.workspace import Workspace
from .sync.client import connect
from .sync.replica import Replica

__all__ = [
    "AccessControl",
    "CollabError",
    "Document",
    "Grant",
    "Kind",
    "Permission",
    "Replica",
    "Role",
    "Session",
    "VersionPolicy",
    "Workspace",
    "__version__",
    "connect",
    "errors",
    "open",
]

__version__ = _version("collabkit")
