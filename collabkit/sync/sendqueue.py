"""What waits for a slow reader: bounded in bytes, and never with a hole.

Rules:

1. As long as a socket takes bytes, nothing waits here.
2. Waiting updates leave spliced into one; the order among kinds of messages is kept.
3. Once the limit waits, updates, rows and presence that come are dropped and the reader is
   **behind**: it is noted from which clocks, or after which row, it lacks something. What
   waits leaves as it came, and then one resync brings the rest. Answers are never dropped.
4. Who sends and never reads would pile up answers: when they alone are past the
   limit there is no way back.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.update import Scan, StateVector, scan, splice
from .limits import LARGE_BYTES
from .messages import Awareness, Digest, Message, PackedRow, Row, Synced, SyncStep2, Update

__all__ = ["Lag", "SendQueue", "spliced"]

# A second of a very busy room; a reader that is further behind is served better by one resync.
LIMIT_BYTES = 1024 * 1024
# What one message costs beside its payload: its object, its place in the queue.
OVERHEAD_BYTES = 64
# To read so much that is spliced takes at most 50 ms, and of what people type 10; what is beyond
# leaves as it came.
SPLICED_BYTES = 3 * LARGE_BYTES
# What a resync brings again.
_DROPPABLE = (Awareness, Digest, PackedRow, Row, Synced, SyncStep2, Update)


class Lag(msgspec.Struct, frozen=True):
    """What a reader lacks besides presence.

    Attributes:
        clocks: If updates were dropped: of each client, the first clock that is missing.
        all: A large update was dropped. It is not read for what it brought: all may be missing.
        after: If rows were dropped: the row before the first of them.
        synced: Whether the word that it is in sync was dropped too, and must come after all.
    """

    clocks: StateVector | None
    after: int | None
    synced: bool
    all: bool = False


class SendQueue:
    r"""The messages that wait for one reader in one room.

    >>> queue = SendQueue(limit_bytes=100)
    >>> queue.put(Update(bytes.fromhex("010107000401017402686900")))
    True
    >>> queue.take()
    [Update(update=b'\x01\x01\x07\x00\x04\x01\x01t\x02hi\x00')]
    """

    __slots__ = ("_lag", "_limit_bytes", "_owed_bytes", "_waiting", "waiting_bytes")

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.waiting_bytes = 0
        self._owed_bytes = 0  # of answers
        self._limit_bytes = limit_bytes
        self._waiting: list[Message] = []
        self._lag: Lag | None = None

    def __repr__(self) -> str:
        state = "behind" if self.behind else "in order"
        return f"<SendQueue {len(self._waiting)} waiting, {self.waiting_bytes} bytes, {state}>"

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def behind(self) -> bool:
        """Whether something was dropped that a resync must bring."""
        return self._lag is not None

    def put(self, message: Message) -> bool:
        """Add a message; False if the reader is beyond hope."""
        size = _size(message)
        # However big it is, the first may wait: a resync would be no smaller.
        full = bool(self._waiting) and self.waiting_bytes + size > self._limit_bytes
        if (full or self.behind) and self._drop(message):
            return True
        self._waiting.append(message)
        self.waiting_bytes += size
        if isinstance(message, _DROPPABLE):
            return True
        self._owed_bytes += size
        return self._owed_bytes <= self._limit_bytes

    def take(self) -> list[Message]:
        """All that waits, updates that follow each other spliced."""
        taken: list[Message] = []
        run: list[bytes] = []
        for message in self._waiting:
            if isinstance(message, Update):
                run.append(message.update)
                continue
            taken += spliced(run)
            run = []
            taken.append(message)
        self._waiting.clear()
        self.waiting_bytes = self._owed_bytes = 0
        return taken + spliced(run)

    def caught_up(self) -> Lag | None:
        """The queue has drained: what the reader lacks, if it was behind; then it no longer is."""
        lag, self._lag = self._lag, None
        return lag

    def _drop(self, message: Message) -> bool:
        lag = self._lag or Lag(None, None, False)
        match message:
            case Awareness() | Digest():
                pass
            case Row(seq) | PackedRow(seq):
                lag = Lag(None, seq - 1 if lag.after is None else lag.after, False)
            case Synced(seq):
                lag = Lag(None, seq if lag.after is None else lag.after, False)
            case Update(update) | SyncStep2(update):
                clocks = dict(lag.clocks or {})
                large = len(update) > LARGE_BYTES
                for section in () if large else _scanned(update).sections:
                    known = clocks.get(section.client, section.clock)
                    clocks[section.client] = min(known, section.clock)
                synced = lag.synced or isinstance(message, SyncStep2)
                lag = Lag(clocks, None, synced, lag.all or large)
            case _:
                return False
        self._lag = lag
        return True


def _size(message: Message) -> int:
    payload: bytes = getattr(message, "update", b"") or getattr(message, "body", b"")
    return len(payload) + OVERHEAD_BYTES


@lru_cache(maxsize=1)
def _scanned(update: bytes) -> Scan:
    """What an update holds: the same one is dropped for all slow readers of a room in turn."""
    return scan(update, NO_BUDGET)


def spliced(updates: Iterable[bytes]) -> list[Update]:
    """Updates in as few as may be; large ones stay as they are, since to scan them takes long."""
    pieces: list[bytes] = []
    left_bytes = SPLICED_BYTES

    def stays(update: bytes) -> bool:
        nonlocal left_bytes
        left_bytes -= 0 if len(update) > LARGE_BYTES else len(update)
        return len(update) > LARGE_BYTES or left_bytes < 0

    for stay, run in groupby(updates, stays):
        few = list(run)
        if stay or len(few) == 1:
            pieces += few
        else:
            pieces += splice([(update, scan(update, NO_BUDGET)) for update in few])
    return [Update(piece) for piece in pieces]
