"""A session or a document with its history, in one file that other collabkit files take in.

=========================  ======================================================================
part                       what it is
=========================  ======================================================================
``manifest.json``          the session, its documents in order, and the sums of the other parts
``N/document.yjs``         document N as one Yjs update, for whoever wants no more than that
``N/base.yjs``             where its history begins, if what was before was compacted away
``N/log``                  its rows after that: of each its length, four bytes big-endian, and a
                           msgpack array, see :class:`Line`
``N/owners.json``          whose each client id is
``versions.json``          the moments that have names
``audit.json``             what the audit tells of the session
=========================  ======================================================================

Rules:

1. Each part but the manifest may be absent. A document without a log has no past.
2. Subjects, times, origins and row numbers are those of the session that was exported. Its id is
   told too, but whoever takes it in gives it another.
3. Reading trusts nothing: sizes are bounded, sums are checked (:mod:`.parcel`), and each update
   is scanned and must build on those before alone. What is wrong is one sentence of a
   NotACollabFile. What an engine makes of the updates is for an engine to say.
4. A later version of the format may have parts that this one does not know, and is refused.
"""

from __future__ import annotations

import heapq
import operator
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

import msgspec
from msgspec import structs

from ..crdt.budget import DEFAULT_BUDGET, NO_BUDGET, Budget
from ..crdt.update import EMPTY_UPDATE, StateVector, advance, gap, scan
from ..errors import CollabError, SchemaTooNew
from ..ids import RoomName, Seq, SessionId, Subject
from ..store.base import Checkpoint, Row, SessionRecord, Version
from ..store.rows import MAX_SEQ
from .parcel import Packing, Parcel, packing

__all__ = ["SUFFIX", "Base", "Container", "Contents", "Manifest", "Papers", "pack"]

SUFFIX = ".collab"
FORMAT: Literal["collabkit"] = "collabkit"
VERSION = 1
PARTS = ("document.yjs", "base.yjs", "log", "owners.json")

# A session has a few documents, and each log that is read takes memory for a piece of it.
MAX_DOCUMENTS = 1000

# What is read at once, and what one update may hold: as much as a document that a room bears.
MAX_READ_BYTES = DEFAULT_BUDGET.document_bytes
_BUDGET = Budget(
    message_bytes=MAX_READ_BYTES,
    structs=MAX_READ_BYTES,
    clients=MAX_READ_BYTES,
    delete_ranges=MAX_READ_BYTES,
)
_LENGTH = struct.Struct(">I")

Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]

T = TypeVar("T")


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row in a log; its document is that of the log."""

    seq: Whole
    subject: Subject
    body: bytes
    at_ms: Whole
    kind: str
    clients: tuple[Whole, ...]
    seen: Whole
    group: str | None
    origin: str


class Base(msgspec.Struct, frozen=True):
    """What a document's first checkpoint is, besides its bytes."""

    seq: Whole
    digest: str
    at_ms: Whole


class Contents(msgspec.Struct, frozen=True):
    """What the manifest says of a document.

    Attributes:
        digest: Of its content at the end of its log.
        rows: How many rows its log has.
    """

    name: str
    digest: str
    rows: Whole
    base: Base | None = None


class Origin(msgspec.Struct, frozen=True):
    """What the manifest says of the session."""

    id: SessionId
    project: str
    name: str
    kind: str
    created_at_ms: Whole
    created_by: Subject
    last_seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)]


class _Format(msgspec.Struct, frozen=True):
    format: Literal["collabkit"]
    version: int


class Manifest(_Format, frozen=True):
    """What is in a container."""

    session: Origin
    documents: tuple[Contents, ...]


class Papers(msgspec.Struct, frozen=True):
    """A document to be packed, with all that there is of it."""

    name: str
    digest: str
    update: bytes
    base: Checkpoint | None
    rows: Sequence[Row]
    owners: Mapping[int, Subject]


def pack(
    out: str | os.PathLike[str],
    session: SessionRecord,
    documents: Iterable[Papers],
    *,
    versions: Sequence[Version] = (),
    audit: Mapping[str, Any] | None = None,
) -> None:
    """Write a container, one document after the other.

    Args:
        out: The file, which is not there yet.
        session: Whose documents they are.
        documents: What there is of each.
        versions: Moments that have names; those behind the last row that is packed become that.
        audit: What is told of the session.

    Raises:
        CannotWrite: It is there already, or too large, or cannot be written.
    """
    with packing(out) as file:
        told, last = [], 0
        for number, papers in enumerate(documents):
            told.append(_pack_document(file, number, papers))
            last = max((last, *(row.seq for row in papers.rows)))
            last = last if papers.base is None else max(last, papers.base.seq)
        if versions:
            kept = [structs.replace(one, seq=Seq(min(one.seq, last))) for one in versions]
            file.add("versions.json", [_json(kept)])
        if audit is not None:
            file.add("audit.json", [_json(audit)])
        fields = {each: getattr(session, each) for each in Origin.__struct_fields__}
        origin = Origin(**fields | {"last_seq": last})
        file.seal(msgspec.to_builtins(Manifest(FORMAT, VERSION, origin, tuple(told))))


def _pack_document(file: Packing, number: int, papers: Papers) -> Contents:
    base = papers.base
    file.add(f"{number}/document.yjs", [papers.update])
    if base is not None:
        file.add(f"{number}/base.yjs", [base.body])
    file.add(f"{number}/log", map(_framed, papers.rows))
    file.add(f"{number}/owners.json", [_json(dict(sorted(papers.owners.items())))])
    begin = None if base is None else Base(base.seq, base.digest, base.at_ms)
    return Contents(papers.name, papers.digest, len(papers.rows), begin)


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def _framed(row: Row) -> bytes:
    line = Line(**{field: getattr(row, field) for field in Line.__struct_fields__})
    frame = msgspec.msgpack.encode(line)
    return _LENGTH.pack(len(frame)) + frame


class Container:
    """A container that is open for reading, as long as its ``with`` block runs.

    Attributes:
        path: The file.
        manifest: What is in it.

    Raises:
        NotACollabFile: It is none, or damaged: when it is opened or, of a part, when that is read.
        SchemaTooNew: A later version wrote it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.manifest: Manifest
        self._parcel = Parcel(path)
        self._stack = ExitStack()

    def __repr__(self) -> str:
        return f"<Container {self.path}>"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._parcel)
            said = self._parcel.manifest
            version = self._decoded(said, "its manifest", _Format).version
            if version > VERSION:
                raise SchemaTooNew(self.path, version, VERSION)
            self.manifest = self._decoded(said, "its manifest", Manifest)
            self._check_names()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Read everything once."""
        for _ in self.rows():
            pass
        for number in range(len(self.manifest.documents)):
            self.owners(number)
            self.update(number)
        self.versions()
        self._read("audit.json", b"")

    def update(self, number: int) -> bytes:
        """A document as one update."""
        return self._read(f"{number}/document.yjs", EMPTY_UPDATE)

    def base(self, number: int) -> Checkpoint | None:
        """Where the history of a document begins, if it was compacted."""
        name, base = f"{number}/base.yjs", self.manifest.documents[number].base
        if base is None:
            return None
        body = self._read(name, b"")
        with self._explained(name):
            scan(body, NO_BUDGET)
        document = self.manifest.documents[number].name
        return Checkpoint(document, Seq(base.seq), body, base.digest, base.at_ms)

    def owners(self, number: int) -> dict[int, Subject]:
        """Whose each client id of a document is."""
        name = f"{number}/owners.json"
        return self._decoded(self._read(name, b"{}"), name, dict[Whole, Subject])

    def versions(self) -> tuple[Version, ...]:
        """The moments that have names."""
        name = "versions.json"
        found = self._decoded(self._read(name, b"[]"), name, tuple[Version, ...])
        known = {None, *(one.name for one in self.manifest.documents)}
        for version in found:
            if version.document not in known or version.seq not in self._seqs:
                raise self._parcel.damaged(f"version {version.name!r} is of no moment of it")
        return found

    def rows(self) -> Iterator[Row]:
        """The rows of all documents, in the order of their numbers."""
        logs = [self.log(number) for number in range(len(self.manifest.documents))]
        last = 0
        for row in heapq.merge(*logs, key=operator.attrgetter("seq")):
            if row.seq == last:
                raise self._parcel.damaged(f"two rows have the number {last}")
            last = row.seq
            yield row

    @property
    def _seqs(self) -> range:
        return range(self.manifest.session.last_seq + 1)

    def log(self, number: int) -> Iterator[Row]:
        """The rows of a document, each of which builds on those before alone."""
        name, contents = f"{number}/log", self.manifest.documents[number]
        last, count, vector = 0, 0, self._vector(number)
        for frame in self._frames(name):
            line = self._decoded(frame, name, Line, msgspec.msgpack.decode)
            row = Row(document=contents.name, **structs.asdict(line))
            if row.seq <= last or row.seq not in self._seqs:
                raise self._parcel.damaged(f"row {row.seq} of {name} is not in its place")
            if row.kind == "update":
                with self._explained(f"row {row.seq} of {name}"):
                    found = scan(row.body, _BUDGET)
                if gap(found, vector):
                    raise self._parcel.damaged(f"row {row.seq} of {name} builds on what is missing")
                advance(found, vector)
            last, count = row.seq, count + 1
            yield row
        if count != contents.rows:
            raise self._parcel.damaged(f"{name} has {count} rows, not {contents.rows}")

    def _vector(self, number: int) -> StateVector:
        vector: StateVector = {}
        base = self.base(number)
        if base is not None:
            advance(scan(base.body, NO_BUDGET), vector)
        return vector

    def _frames(self, name: str) -> Iterator[bytes]:
        if name not in self._parcel.parts:
            return
        left = bytearray()
        for piece in self._parcel.pieces(name):
            left += piece
            at = 0
            while len(left) - at >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(left, at)
                if length > MAX_READ_BYTES:
                    raise self._parcel.damaged(f"{name} has a row of {length} bytes")
                stop = at + _LENGTH.size + length
                if stop > len(left):
                    break
                yield bytes(left[at + _LENGTH.size : stop])
                at = stop
            del left[:at]
        if left:
            raise self._parcel.damaged(f"{name} ends early")

    # What may be wrong

    def _check_names(self) -> None:
        documents = self.manifest.documents
        names = [one.name for one in documents]
        if len(set(names)) < len(names) or len(names) > MAX_DOCUMENTS:
            raise self._parcel.damaged("its documents are too many, or two have one name")
        for name in names:
            with self._explained(f"document {name!r}"):
                RoomName.parse(f"session/{name}")
        known = {"versions.json", "audit.json"}
        for number in range(len(documents)):
            known |= {f"{number}/{part}" for part in PARTS}
        if unknown := set(self._parcel.parts) - known:
            raise self._parcel.damaged(f"it has a part {min(unknown)!r}")

    def _read(self, name: str, absent: bytes) -> bytes:
        part = self._parcel.parts.get(name)
        if part is None:
            return absent
        if part.size_bytes > MAX_READ_BYTES:
            raise self._parcel.damaged(f"{name} is larger than {MAX_READ_BYTES} bytes")
        return self._parcel.read(name)

    def _decoded(
        self,
        data: bytes,
        name: str,
        kind: type[T],
        decode: Callable[..., T] = msgspec.json.decode,
    ) -> T:
        with self._explained(name):
            return decode(data, type=kind)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (msgspec.DecodeError, CollabError, RecursionError) as error:
            raise self._parcel.damaged(f"{what}: {error}") from None
