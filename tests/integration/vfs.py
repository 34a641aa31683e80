"""What SQLite asks of the disk, seen and refused from Python.

The ``sqlite3`` module and ``ctypes`` reach the same SQLite library. Into that one a VFS (SQLite's
layer above the operating system) is registered as the default: a copy of the one that is there,
of which only opening and deleting are ours. A file is opened by the original; then its table of
methods is replaced by a copy in which writing, truncating and syncing are ours, and everything
else, locks and shared memory too, is still the original's C code.

A *tap* is told of each call before it happens, may have it fail with a code of SQLite's, and is
told again when it has happened.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import pytest

__all__ = ["Call", "Kind", "Tap", "tapped"]

Kind: TypeAlias = Literal["open", "write", "truncate", "sync", "delete"]

_SQLITE_OK, _SQLITE_IOERR = 0, 10


class Call(NamedTuple):
    """A call: its file, and for a write where and what, for a truncation the size."""

    kind: Kind
    path: str
    at: int = 0
    data: bytes = b""


class Tap(Protocol):
    """Who is told of calls, one at a time, in the thread that makes them."""

    def before(self, call: Call) -> int:
        """Say 0, or the code that the call is to fail with."""
        ...

    def after(self, call: Call) -> None:
        """It happened."""
        ...


def _function(*arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int, *arguments)


_POINTER = ctypes.c_void_p
_OPEN = _function(_POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_DELETE = _function(_POINTER, _POINTER, ctypes.c_int)
_WRITE = _function(_POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = _function(_POINTER, ctypes.c_int64)
_SYNC = _function(_POINTER, ctypes.c_int)


def _pointers(names: str) -> list[tuple[str, Any]]:
    return [(name, _POINTER) for name in names.split()]


class _Vfs(ctypes.Structure):
    # https://sqlite.org/c3ref/vfs.html, version 3
    _fields_ = [
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("path_bytes", ctypes.c_int),
        ("next", _POINTER),
        ("name", ctypes.c_char_p),
        ("app_data", _POINTER),
        ("open", _OPEN),
        ("delete", _DELETE),
        *_pointers("access full_pathname dl_open dl_error dl_sym dl_close randomness sleep"),
        *_pointers("current_time last_error current_time_64"),
        *_pointers("set_system_call get_system_call next_system_call"),
    ]


class _Methods(ctypes.Structure):
    # https://sqlite.org/c3ref/io_methods.html, version 3
    _fields_ = [
        ("version", ctypes.c_int),
        *_pointers("close read"),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        *_pointers("size lock unlock check_lock control sector_size characteristics"),
        *_pointers("shm_map shm_lock shm_barrier shm_unmap fetch unfetch"),
    ]


class _File(ctypes.Structure):
    # https://sqlite.org/c3ref/file.html; what an implementation adds comes behind it.
    _fields_ = [("methods", ctypes.POINTER(_Methods))]


def _library() -> Any:
    """The SQLite of the ``sqlite3`` module; skips where its functions cannot be reached."""
    try:
        library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        library.sqlite3_libversion.restype = ctypes.c_char_p
        version = library.sqlite3_libversion().decode()
    except (AttributeError, OSError) as error:
        pytest.skip(f"the SQLite of this Python is out of reach: {error}")
    assert version == _sqlite3.sqlite_version
    return library


class _Plumbing:
    """The tables with our functions in them. They must outlive every file that was opened."""

    def __init__(self, library: Any) -> None:
        self.tap: Tap | None = None
        self.failure: BaseException | None = None
        self._lock = threading.Lock()
        self._paths: dict[int, str] = {}
        self._originals: dict[int, _Methods] = {}
        self._copies: dict[int, _Methods] = {}
        self.original = library.sqlite3_vfs_find(None)
        self.vfs = _Vfs.from_buffer_copy(self.original.contents)
        self.vfs.name = b"tapped"
        self.vfs.open, self.vfs.delete = _OPEN(self._open), _DELETE(self._delete)

    def _through(self, call: Call, really: Callable[[], int]) -> int:
        # No exception may leave a function that C called: it would be printed and forgotten.
        try:
            with self._lock:
                code = self.tap.before(call) if self.tap else 0
                if code == _SQLITE_OK:
                    code = really()
                    if code == _SQLITE_OK and self.tap:
                        self.tap.after(call)
            return code
        except BaseException as error:
            self.failure = error
            return _SQLITE_IOERR

    def _open(self, vfs: int, name: int, file: int, flags: int, out: int) -> int:
        path = ctypes.string_at(name).decode() if name else ""

        def really() -> int:
            code = int(self.original.contents.open(vfs, name, file, flags, out))
            if code == _SQLITE_OK:
                self._paths[file] = path
                self._replace_methods(_File.from_address(file))
            return code

        return self._through(Call("open", path), really)

    def _replace_methods(self, file: _File) -> None:
        address = ctypes.addressof(file.methods.contents)
        if address not in self._copies:
            copy = _Methods.from_buffer_copy(file.methods.contents)
            copy.write, copy.truncate = _WRITE(self._write), _TRUNCATE(self._truncate)
            copy.sync = _SYNC(self._sync)
            self._copies[address] = copy
            self._originals[ctypes.addressof(copy)] = file.methods.contents
        file.methods = ctypes.pointer(self._copies[address])

    def _methods(self, file: int) -> _Methods:
        return self._originals[ctypes.addressof(_File.from_address(file).methods.contents)]

    def _delete(self, vfs: int, name: int, sync_folder: int) -> int:
        call = Call("delete", ctypes.string_at(name).decode(), sync_folder)
        return self._through(
            call, lambda: int(self.original.contents.delete(vfs, name, sync_folder))
        )

    def _write(self, file: int, data: int, size: int, at: int) -> int:
        call = Call("write", self._paths[file], at, ctypes.string_at(data, size))
        return self._through(call, lambda: int(self._methods(file).write(file, data, size, at)))

    def _truncate(self, file: int, size: int) -> int:
        call = Call("truncate", self._paths[file], size)
        return self._through(call, lambda: int(self._methods(file).truncate(file, size)))

    def _sync(self, file: int, flags: int) -> int:
        call = Call("sync", self._paths[file])
        return self._through(call, lambda: int(self._methods(file).sync(file, flags)))


_laid: list[_Plumbing] = []


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Have every database that is opened in the block tell ``tap`` of its calls."""
    library = _library()
    if not _laid:
        _laid.append(_Plumbing(library))
    (plumbing,) = _laid
    assert library.sqlite3_vfs_register(ctypes.byref(plumbing.vfs), 1) == _SQLITE_OK
    plumbing.tap, plumbing.failure = tap, None
    try:
        yield
    finally:
        plumbing.tap = None
        assert library.sqlite3_vfs_register(plumbing.original, 1) == _SQLITE_OK
        if plumbing.failure is not None:
            raise plumbing.failure
