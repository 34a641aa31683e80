"""What is wrong with a file."""

from __future__ import annotations

from .root import CollabError

__all__ = [
    "CannotWrite",
    "Conflict",
    "Corrupt",
    "FileHeld",
    "NotACollabFile",
    "OtherLineage",
    "SchemaTooNew",
    "StoreError",
]


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
