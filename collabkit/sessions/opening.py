"""What ``Workspace.open`` is: of the class it opens a file, of a workspace a session in it."""

from __future__ import annotations

import getpass
import os
from typing import Protocol, TypeVar

from ..access.control import DEFAULT_ACCESS, AccessOptions
from ..ids import DEFAULT_PROJECT
from ..store.database import Durability
from .session import Kind, Session
from .versions import DEFAULT_POLICY, VersionPolicy

__all__ = ["OpenFile", "OpenSession", "user"]

W_co = TypeVar("W_co", covariant=True)


class OpenFile(Protocol[W_co]):
    """Opens a file; see :func:`.workspace.open_file`."""

    def __call__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "stored",
        subject: str | None = None,
        versions: VersionPolicy = DEFAULT_POLICY,
        access: AccessOptions = DEFAULT_ACCESS,
    ) -> W_co:
        """Open it."""
        ...


class OpenSession(Protocol):
    """Opens a session; see :class:`.workspace.Workspace`."""

    def __call__(
        self,
        name: str,
        *,
        project: str = DEFAULT_PROJECT,
        create: Kind | None = None,
        subject: str | None = None,
    ) -> Session:
        """Open it."""
        ...


def user() -> str:
    """The name of the user whose process this is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return str(os.getuid())
