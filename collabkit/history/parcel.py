"""Named parts in one zip file, with a manifest of their sizes and SHA-256; reading is bounded.

Rules:

1. The manifest, ``manifest.json``, is an object of which ``parts`` tells the others: by their
   name, ``size_bytes`` and ``sha256``. The zip holds these, each once, and nothing else.
2. No part is written anywhere by its name. Names are looked up, never followed.
3. A part is read in pieces, at most as many bytes as the manifest says, and what comes out is
   checked against its sum: a part that was read to its end is what was written.
4. What the zip's own directory says is believed as far as it costs nothing: it is of few entries,
   and its sizes bound nothing.
5. Equal parts make equal files: no clock is in them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Self

import msgspec

from ..errors import CannotWrite, NotACollabFile
from ..store.appearing import appearing

__all__ = ["Parcel", "Part", "packing"]

MANIFEST = "manifest.json"
# A manifest says some 200 bytes of a part, and three parts of a document.
MAX_MANIFEST_BYTES = 16 << 20
MAX_PARTS = 60_000
# One part, and all of them, unpacked: what a zip file can hold without the extensions that make
# its directory hard to bound.
MAX_PART_BYTES, MAX_BYTES = (1 << 31) - 1, 4_000_000_000

_PIECE_BYTES = 1 << 16
# The end of a zip without a comment (APPNOTE 4.3.16), and the mark of a zip64 before it.
_END_BYTES, _END_MARK = 22, b"PK\x05\x06"
_LOCATOR_BYTES, _LOCATOR_MARK = 20, b"PK\x06\x07"
# What the standard library raises of bytes that are no sound zip.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    KeyError,
    IndexError,
)


class Part(msgspec.Struct, frozen=True):
    """What the manifest says of a part."""

    size_bytes: int
    sha256: str


class _Listed(msgspec.Struct, frozen=True):
    parts: dict[str, Part]


class Parcel:
    """A parcel that is open for reading, as long as its ``with`` block runs.

    Attributes:
        path: The file.
        parts: What the manifest says is in it.
        manifest: The manifest, as it is written.

    Raises:
        NotACollabFile: It is none, or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._stack = contextlib.ExitStack()
        self._zip: zipfile.ZipFile
        self.parts: Mapping[str, Part] = {}
        self.manifest = b""

    def __repr__(self) -> str:
        return f"<Parcel {self.path} parts={len(self.parts)}>"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(self.path, "rb"))
            self._check_end(file)
            with self._explained("its directory cannot be read"):
                self._zip = stack.enter_context(zipfile.ZipFile(file))
            self.manifest = b"".join(self._pieces(MANIFEST, MAX_MANIFEST_BYTES))
            try:
                self.parts = msgspec.json.decode(self.manifest, type=_Listed).parts
            except (msgspec.DecodeError, RecursionError) as error:
                raise self.damaged(f"its manifest cannot be read: {error}") from None
            self._check_parts()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pieces(self, name: str) -> Iterator[bytes]:
        """Read a part piece by piece. Raises NotACollabFile, at its end if its sum is wrong."""
        part = self.parts[name]
        digest = hashlib.sha256()
        for piece in self._pieces(name, part.size_bytes):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != part.sha256:
            raise self.damaged(f"{name} is not what the manifest says")

    def read(self, name: str) -> bytes:
        """Read a part whole."""
        return b"".join(self.pieces(name))

    def damaged(self, reason: str) -> NotACollabFile:
        """The error that says so."""
        return NotACollabFile(self.path, reason)

    def _check_end(self, file: BinaryIO) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES - _LOCATOR_BYTES))
        tail = file.read()
        end = tail[-_END_BYTES:]
        if not end.startswith(_END_MARK) or len(end) < _END_BYTES:
            raise self.damaged("it does not end as one")
        count = int.from_bytes(end[10:12], "little")
        if tail.startswith(_LOCATOR_MARK) or count > MAX_PARTS:
            raise self.damaged("it has too many parts, or is too large")

    def _check_parts(self) -> None:
        there = [entry.filename for entry in self._zip.infolist()]
        listed = {MANIFEST, *self.parts}
        if len(there) != len(listed) or set(there) != listed or MANIFEST in self.parts:
            raise self.damaged("its parts are not those that its manifest names")
        if sum(max(0, part.size_bytes) for part in self.parts.values()) > MAX_BYTES:
            raise self.damaged(f"its parts are larger than {MAX_BYTES} bytes")

    def _pieces(self, name: str, most: int) -> Iterator[bytes]:
        left = most
        with self._explained(f"{name} is damaged"), self._zip.open(name) as part:
            while piece := part.read(_PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise self.damaged(f"{name} is larger than {most} bytes")
                yield piece

    @contextlib.contextmanager
    def _explained(self, reason: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise self.damaged(f"{reason}: {error}") from None
        except OSError as error:
            if error.errno != errno.EINVAL:  # a place in front of the file
                raise
            raise self.damaged(f"{reason}: {error.strerror}") from None


class Packing:
    """A parcel that is being written."""

    def __init__(self, path: str, file: zipfile.ZipFile) -> None:
        self._path = path
        self._file = file
        self._left = MAX_BYTES
        self._parts: dict[str, Part] = {}

    def __repr__(self) -> str:
        return f"<Packing {self._path} parts={len(self._parts)}>"

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a part, piece by piece. Raises CannotWrite if it is too large."""
        digest, size, most = hashlib.sha256(), 0, min(self._left, MAX_PART_BYTES)
        with self._file.open(_entry(name), "w") as part:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                if size > most:
                    raise CannotWrite(self._path, f"{name} has more than {most} bytes")
                part.write(piece)
        self._left -= size
        self._parts[name] = Part(size, digest.hexdigest())

    def seal(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, to which the parts are added."""
        whole = {**manifest, "parts": self._parts}
        self._file.writestr(_entry(MANIFEST), msgspec.json.format(msgspec.json.encode(whole)))


@contextlib.contextmanager
def packing(out: str | os.PathLike[str]) -> Iterator[Packing]:
    """Write a parcel, which appears when the block ends. Raises CannotWrite."""
    with appearing(out) as draft, zipfile.ZipFile(draft, "w", allowZip64=False) as file:
        yield Packing(os.fspath(out), file)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry
