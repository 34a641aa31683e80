"""Sockets and pages around a workspace.

:class:`Relay` is the bundled server; :mod:`.asgi` is the same inside an application's own, and
:mod:`.pycrdt` stands in for pycrdt-websocket's. Who may come in is said in :mod:`.auth`.
"""

import sys

# The server needs picows, which Windows does not have; the rest runs there as well.
if sys.platform != "win32":
    from .server import Relay

    __all__ = ["Relay"]
