"""What is said between an engine and its child: calls one way, answers the other.

Rules:

1. Both ways, what is said in one turn goes in one frame, and a frame is written at once::

       frame  = u32 length, msgpack array               all integers big-endian
       call   = [ticket, request]                       tickets rise, and are never 0
       answer = [ticket, answer]                        in the order of the calls

2. A :class:`Close` is not answered. All else is, by what its class says, or by a
   :class:`Refused`, :class:`Malformed` or :class:`Lost`.
3. A document has a number, which the engine gives when it opens it and never gives again.
4. Beside the pipe there is a :class:`Mark`: memory that both see, in which the child puts
   what it does before it does it. It is what tells of a child that died.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias, TypeVar

import msgspec

from .budget import DEFAULT_BUDGET, Budget
from .engine import Bad, Contested, Gap, Good, Mended, NothingNew, Verdict

__all__ = [
    "ASKED",
    "BYTES_PER_S",
    "TOLD",
    "Answer",
    "Build",
    "Close",
    "Diff",
    "Done",
    "Frames",
    "Lost",
    "Made",
    "Malformed",
    "Mark",
    "Open",
    "Opened",
    "Piece",
    "Ping",
    "Refused",
    "Rehearse",
    "Request",
    "Survey",
    "Taste",
    "Tasted",
    "TooLong",
    "Trip",
    "decode_answers",
    "decode_calls",
    "encode",
    "fits",
    "framed",
    "said",
    "verdicts",
]

U = TypeVar("U", bytes, bytes | Contested)

# A slow machine applies this much in a second. An idle one of 2020 does 10 MB.
BYTES_PER_S: Final = 200_000


class Ping(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Are you there? Answered by Done."""


class Open(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Build a document, whose updates keep a budget from then on; answered by Opened."""

    number: int
    updates: Sequence[bytes]
    budget: Budget = DEFAULT_BUDGET


class Taste(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Apply updates to documents, each with its number; answered by Tasted."""

    trips: Sequence[tuple[int, Sequence[bytes | Contested]]]


class Diff(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """What does a replica with this vector lack? Answered by Piece."""

    number: int
    vector: bytes


class Close(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Forget a document."""

    number: int


class Build(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Make a checkpoint; answered by Made."""

    updates: Sequence[bytes]


class Rehearse(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Apply updates, and encode, load and read what they make; answered by Done."""

    updates: Sequence[bytes | Contested]


class Survey(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Where is each struct of a document? Answered by Piece."""

    number: int


Request: TypeAlias = Ping | Open | Taste | Diff | Close | Build | Rehearse | Survey


class Done(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """It went well."""


class Opened(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The state vector of what was opened."""

    vector: dict[int, int]


class Trip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a trip went that had more to tell than verdicts.

    Attributes:
        codes: A byte for each verdict.
        bads: Code and reason of each that was bad, in their order.
        culprit: Which update broke the document.
        how: What it broke of; None if it is whole.
        mended: What went into the document instead of each contested one, in their order.
    """

    codes: bytes
    bads: Sequence[tuple[str, str]] = ()
    culprit: int | None = None
    how: str | None = None
    mended: Sequence[bytes] = ()


class Tasted(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """How each trip went; mostly just a byte for each update."""

    trips: Sequence[bytes | Trip]


class Piece(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """A difference, or a survey."""

    body: bytes


class Made(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """A checkpoint."""

    body: bytes
    digest: str


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """An UpdateRefused."""

    code: str
    reason: str


class Malformed(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """A MalformedBytes."""

    what: str
    offset: int


class Lost(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """The document broke, or the child died of it, or of something else."""

    culprit: int | None
    how: str


Answer: TypeAlias = Done | Opened | Tasted | Piece | Made | Refused | Malformed | Lost

encode: Final = msgspec.msgpack.Encoder().encode
decode_calls: Final = msgspec.msgpack.Decoder(list[tuple[int, Request]]).decode
decode_answers: Final = msgspec.msgpack.Decoder(list[tuple[int, Answer]]).decode


# Verdicts

_KINDS: Final = (Good(), NothingNew(), Gap())
_BAD: Final = len(_KINDS)
_MENDED: Final = _BAD + 1
_CODES: Final[dict[type, int]] = {type(kind): code for code, kind in enumerate(_KINDS)} | {
    Bad: _BAD,
    Mended: _MENDED,
}
_GOOD_CODES: Final = bytes(range(_BAD))
_ALL_CODES: Final = bytes(range(_MENDED + 1))


def said(verdicts: Sequence[Verdict]) -> bytes | Trip:
    r"""Put verdicts into as few bytes as they need; :func:`verdicts` is the way back.

    >>> said([Good(), Gap()])
    b'\x00\x02'
    """
    codes = bytes([_CODES[type(verdict)] for verdict in verdicts])
    if max(codes, default=0) < _BAD:
        return codes
    bads = [(v.code, v.reason) for v in verdicts if type(v) is Bad]
    return Trip(codes, bads, mended=[v.update for v in verdicts if type(v) is Mended])


def fits(trip: bytes | Trip, updates: Sequence[bytes | Contested]) -> bool:
    """Whether this can have been said of these updates: who says it is not trusted.

    Nothing is mended but what is contested.
    """
    if isinstance(trip, bytes):
        return len(trip) == len(updates) and not trip.strip(_GOOD_CODES)
    if trip.how is not None:
        return trip.culprit is None or 0 <= trip.culprit < len(updates)
    codes = trip.codes
    return (
        len(codes) == len(updates)
        and not codes.strip(_ALL_CODES)
        and codes.count(_BAD) == len(trip.bads)
        and codes.count(_MENDED) == len(trip.mended)
        and all(
            type(update) is Contested
            for code, update in zip(codes, updates, strict=True)
            if code == _MENDED
        )
    )


def verdicts(trip: bytes | Trip) -> list[Verdict]:
    """What :func:`said` was given."""
    if type(trip) is bytes:
        return [_KINDS[code] for code in trip]
    assert isinstance(trip, Trip)
    bads, mended = iter(trip.bads), iter(trip.mended)
    told: list[Verdict] = []
    for code in trip.codes:
        if code < _BAD:
            told.append(_KINDS[code])
        else:
            told.append(Bad(*next(bads)) if code == _BAD else Mended(next(mended)))
    return told


# Frames


class TooLong(Exception):
    """A frame claims to be longer than it may."""


class Frames:
    """Cuts what comes from the pipe into frames."""

    __slots__ = ("_kept", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def __repr__(self) -> str:
        return f"<Frames, {len(self._kept)} bytes kept>"

    def feed(self, chunk: bytes) -> Iterator[memoryview]:
        """Take what came; gives the frames that are whole, without their heads.

        Raises:
            TooLong: One is longer than the limit.
        """
        if not self._kept and len(chunk) == 4 + int.from_bytes(chunk[:4]):
            yield memoryview(chunk)[4:]
            return
        self._kept += chunk
        while len(self._kept) >= 4:
            kept = self._kept
            end = 4 + int.from_bytes(kept[:4])
            if end > self._limit:
                raise TooLong
            if len(kept) < end:
                return
            # Given away as it is, not as a copy: it may be large.
            self._kept = kept[end:]
            yield memoryview(kept)[4:end]


def framed(payload: bytes) -> bytes:
    """A frame of this payload."""
    return len(payload).to_bytes(4) + payload


# To the nursery, and back

ASKED: Final = struct.Struct("!cI")
"""``F`` and the number of a child to be made, or ``K`` and that of one to be killed."""

TOLD: Final = struct.Struct("!cIi")
"""``B``, a number and the pid of a child that was born; ``D``, and what `wait` said of it."""


# The mark

_NOTHING: Final = (1 << 64) - 1


class Mark:
    """What a child is doing, in memory that it shares with its engine.

    Attributes:
        ticket: The call it is at.
        weight_bytes: How much the document has taken that it is at, for what takes as long as
            there is of it.
    """

    __slots__ = ("_memory", "_numbers")

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, mmap.PAGESIZE)
        self._numbers = memoryview(self._memory).cast("Q")

    def __repr__(self) -> str:
        return f"<Mark at call {self.ticket}, update {self.index}>"

    @staticmethod
    def file() -> int:
        """A descriptor of memory for a mark, which nobody else can open."""
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("collabkit")
        else:
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
        os.ftruncate(fd, mmap.PAGESIZE)
        return fd

    @property
    def ticket(self) -> int:
        """The call that the child is at; 0 before the first."""
        return self._numbers[0]

    @property
    def index(self) -> int | None:
        """Which update of that call it is applying, all of its trips counted through."""
        index = self._numbers[1]
        return None if index == _NOTHING else index

    @property
    def weight_bytes(self) -> int:
        """See above; who says it is not trusted."""
        return self._numbers[2]

    @weight_bytes.setter
    def weight_bytes(self, weight_bytes: int) -> None:
        self._numbers[2] = weight_bytes

    def begin(self, ticket: int) -> None:
        """A call begins, at no update yet."""
        self._numbers[1] = _NOTHING
        self._numbers[0] = ticket

    def each(self, updates: Sequence[U], first: int = 0) -> Iterator[U]:
        """Give updates one by one, and note each before it is given."""
        numbers = self._numbers
        for numbers[1], update in enumerate(updates, first):
            yield update
        numbers[1] = _NOTHING

    def close(self) -> None:
        """Let go of the memory."""
        self._numbers.release()
        self._memory.close()
