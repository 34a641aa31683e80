"""What waits for a slow reader: bounded in bytes, and never with a hole.

Rules:

1. As long as a socket takes bytes, nothing waits here.
2. Waiting updates leave spliced into one; the order among kinds of messages is kept.
3. When more than the limit waits, all waiting updates, rows and presence are dropped and
   the reader is **behind**: it is noted from which clocks (or after which row) it lacks
   something, and once the queue has drained one resync brings that. Answers are kept.
4. Who sends and never reads would pile up answers: past the limit there is no way back.
"""

from __future__ import annotations

from collections import deque

import msgspec

from ..crdt.budget import NO_BUDGET
from ..crdt.update import scan, splice
from .messages import Awareness, Message, Row, Synced, SyncStep2, Update

__all__ = ["Lag", "SendQueue"]

# A second of a very busy room; ten thousand such readers are 10 GB, so it is configurable.
LIMIT_BYTES = 1024 * 1024
# What one message costs beside its payload: its object, its place in the queue.
OVERHEAD_BYTES = 64


class Lag(msgspec.Struct, frozen=True):
    """What a reader lacks.

    Attributes:
        clocks: Of each client whose updates were dropped, the first clock that is missing.
        after: The row before the first dropped one, for a reader that follows the log.
        synced: Whether the word that it is in sync was dropped too, and must come after all.
    """

    clocks: dict[int, int]
    after: int
    synced: bool


class SendQueue:
    r"""The messages that wait for one reader in one room.

    >>> queue = SendQueue(limit_bytes=100)
    >>> queue.put(Update(bytes.fromhex("010107000401017402686900")))
    True
    >>> queue.take()
    [Update(update=b'\x01\x01\x07\x00\x04\x01\x01t\x02hi\x00')]
    """

    __slots__ = (
        "_after",
        "_behind",
        "_clocks",
        "_limit_bytes",
        "_synced",
        "_waiting",
        "waiting_bytes",
    )

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.waiting_bytes = 0
        self._limit_bytes = limit_bytes
        self._waiting: deque[Message] = deque()
        self._behind = False
        self._clocks: dict[int, int] = {}
        self._after: int | None = None
        self._synced = False

    def __repr__(self) -> str:
        state = "behind" if self._behind else "in order"
        return f"<SendQueue {len(self._waiting)} waiting, {self.waiting_bytes} bytes, {state}>"

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def behind(self) -> bool:
        """Whether something was dropped that a resync must bring."""
        return self._behind

    def put(self, message: Message) -> bool:
        """Add a message; False if the reader is beyond hope."""
        if self._behind and self._drop(message):
            return True
        self._waiting.append(message)
        self.waiting_bytes += _size(message)
        if self.waiting_bytes > self._limit_bytes and not self._behind:
            self._behind = True
            kept = [waiting for waiting in self._waiting if not self._drop(waiting)]
            self._waiting = deque(kept)
            self.waiting_bytes = sum(map(_size, kept))
        return self.waiting_bytes <= self._limit_bytes

    def take(self) -> list[Message]:
        """All that waits, updates that follow each other spliced."""
        taken: list[Message] = []
        run: list[bytes] = []
        for message in self._waiting:
            if isinstance(message, Update):
                run.append(message.update)
                continue
            taken += _spliced(run)
            run = []
            taken.append(message)
        self._waiting.clear()
        self.waiting_bytes = 0
        return taken + _spliced(run)

    def caught_up(self) -> Lag | None:
        """The queue has drained: what the reader lacks, if it was behind; then it no longer is."""
        if not self._behind:
            return None
        lag = Lag(self._clocks, self._after or 0, self._synced)
        self._behind, self._clocks, self._after, self._synced = False, {}, None, False
        return lag

    def _drop(self, message: Message) -> bool:
        match message:
            case Awareness():
                return True
            case Row(seq):
                self._after = seq - 1 if self._after is None else self._after
                return True
            case Synced(seq):
                self._after = seq if self._after is None else self._after
                return True
            case Update(update) | SyncStep2(update):
                self._synced = self._synced or isinstance(message, SyncStep2)
                for section in scan(update, NO_BUDGET).sections:
                    known = self._clocks.get(section.client, section.clock)
                    self._clocks[section.client] = min(known, section.clock)
                return True
        return False


def _size(message: Message) -> int:
    payload: bytes = getattr(message, "update", b"") or getattr(message, "body", b"")
    return len(payload) + OVERHEAD_BYTES


def _spliced(updates: list[bytes]) -> list[Message]:
    if len(updates) < 2:
        return [Update(update) for update in updates]
    return [Update(u) for u in splice([(u, scan(u, NO_BUDGET)) for u in updates])]
