"""Who holds a file: an OS lock on a sidecar, ``<file>.lock``.

Rules:

1. The kernel keeps the lock, not a clock: a stopped holder still holds, a killed
   one does not, and nobody can take over from the living.
2. The lock is not on the database. SQLite's own locks there are POSIX locks, which
   a process loses all at once when it closes *any* descriptor of that file.
3. It is ``flock``, which belongs to an open file: it keeps out a second opener in
   the same process too. A forked child closes its copy, so a child that outlives its
   parent holds nothing.
4. The sidecar says who holds, for the message of whoever comes second. It is removed
   on release; whoever locks one that was removed meanwhile sees another inode and
   starts again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import time
import weakref
from pathlib import Path

import msgspec

from ..errors import CannotWrite, FileHeld

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["FileLock", "Holder", "holder"]


class Holder(msgspec.Struct, frozen=True):
    """Who holds a file.

    Attributes:
        state: ``running``, ``stopped``, ``zombie``; None if it cannot be told from here.
    """

    pid: int
    host: str
    state: str | None = None


class FileLock:
    """The one holder's lock of the file at ``path``.

    Call :meth:`acquire`, and :meth:`release` in a ``finally``.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._sidecar = f"{path}.lock"
        self._descriptor: int | None = None

    def __repr__(self) -> str:
        return f"<FileLock {self.path} {'held' if self._descriptor is not None else 'free'}>"

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            FileHeld: Somebody has it.
            CannotWrite: The sidecar cannot be made or written.
        """
        for _ in range(_ATTEMPTS):
            descriptor = _open_sidecar(self.path, self._sidecar)
            if not _try_lock(descriptor):
                os.close(descriptor)
                time.sleep(_PAUSE)
                continue
            if _same_file(descriptor, self._sidecar):
                _sign(descriptor, self.path, self._sidecar)
                self._descriptor = descriptor
                _held.add(self)
                return
            os.close(descriptor)
        found = _read(self._sidecar)
        if found is None:
            raise FileHeld(self.path, None, None)
        raise FileHeld(self.path, found.pid, found.host, found.state)

    def release(self) -> None:
        """Give it back; releasing twice is fine."""
        if self._descriptor is None:
            return
        # Removed first, while it is still locked: afterwards it may be another's.
        with contextlib.suppress(OSError):
            os.unlink(self._sidecar)
        self._forget()

    def _forget(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)


# A look by `holder` locks for an instant; one that comes second to that tries again.
_ATTEMPTS = 4
_PAUSE = 0.01

_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in list(_held):
        lock._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def holder(path: str) -> Holder | None:
    """Say who holds the file at ``path`` now; None if nobody does."""
    sidecar = f"{path}.lock"
    try:
        descriptor = os.open(sidecar, os.O_RDWR)
    except OSError:
        return None
    try:
        # Shared, so that of two who look neither sees the other as the holder.
        if _try_lock(descriptor, shared=True):
            return None
    finally:
        os.close(descriptor)
    return _read(sidecar)


def _open_sidecar(path: str, sidecar: str) -> int:
    try:
        return os.open(sidecar, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        raise CannotWrite(path, f"the folder {Path(path).parent} does not exist") from None
    except OSError as error:
        raise CannotWrite(path, f"{sidecar} cannot be made: {error.strerror}") from None


def _sign(descriptor: int, path: str, sidecar: str) -> None:
    """Say in the sidecar who holds it; the descriptor is closed if the disk is full."""
    me = msgspec.json.encode(Holder(os.getpid(), socket.gethostname()))
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        if os.write(descriptor, me) < len(me):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        os.close(descriptor)
        raise CannotWrite(path, f"{sidecar} cannot be written: {error.strerror}") from None


def _try_lock(descriptor: int, *, shared: bool = False) -> bool:
    try:
        if sys.platform == "win32":
            # Locked bytes cannot be read there, so the locked one lies beyond the text.
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _same_file(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _read(sidecar: str) -> Holder | None:
    try:
        found = msgspec.json.decode(Path(sidecar).read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None
    if found.host != socket.gethostname():
        return found
    return Holder(found.pid, found.host, _state(found.pid))


def _state(pid: int) -> str | None:
    """What Linux says of a process: field 3 of /proc/PID/stat, after the name in brackets."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None
    return {"T": "stopped", "t": "stopped", "Z": "zombie"}.get(letter, "running")
