"""What ``Workspace.open`` is: of the class it opens a file, of a workspace a session in it."""

from __future__ import annotations

import os
from typing import Protocol, TypeVar

from ..ids import DEFAULT_PROJECT
from ..store.database import Durability
from .session import Kind, Session
from .versions import DEFAULT_POLICY, VersionPolicy

__all__ = ["OpenFile", "OpenSession"]

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
