"""When a room has a checkpoint made, and what its digest is good for.

Rules:

1. Enough rows, and enough time since the last one, so that a flood does not make one after
   another; up to a tail that nobody should replay. A room that is left makes one that is due.
2. One at a time. If it fails, loading stays slower, and the next one is tried in its time.
3. The digest of a checkpoint says what the log makes of the document. If nothing was stored
   since, and nothing is on its way, those who follow the log can compare. So an idle room
   in which somebody could has one made now and then for that alone.
"""

from __future__ import annotations

from .edits import Edits
from .effects import MakeCheckpoint, RoomEffect
from .events import CheckpointKept
from .messages import Digest

__all__ = ["DIGEST_EVERY", "Checkpointing"]

# A tail of 500 rows costs a joiner some 40 ms; a checkpoint costs a fresh process some 200 ms
# of CPU, so a flood waits for the clock as well, up to a tail that nobody should replay: one of
# 8,000 rows is a twelfth of 100,000, so that a look back replays no more than an eighth of them.
ROWS = 500
EVERY = 60.0
ROWS_AT_ONCE = 8_000
# Divergence is a mistake in an engine, so it is looked for seldom, and only where it can be told.
DIGEST_EVERY = 600.0


class Checkpointing:
    """The checkpoints of one room.

    Attributes:
        making: One is being made.
    """

    def __init__(self, edits: Edits, *, now: float) -> None:
        self.making = False
        self._edits = edits
        self._rows = 0
        self._at = now

    def __repr__(self) -> str:
        return f"<Checkpointing {self._rows} rows since>"

    def opened(self, rows: int) -> None:
        """The document was read from so many rows behind its checkpoint."""
        self._rows = rows

    def committed(self, rows: int, *, now: float) -> list[RoomEffect]:
        """The log grew by so many rows."""
        self._rows += rows
        due = self._rows >= ROWS and now - self._at >= EVERY
        return self._make(now) if due or self._rows >= ROWS_AT_ONCE else []

    def idle(self, *, now: float, can_compare: bool) -> list[RoomEffect]:
        """Nothing is on its way in the room."""
        due = self._rows > 0 and now - self._at >= DIGEST_EVERY
        return self._make(now) if due and can_compare else []

    def left(self, *, now: float) -> list[RoomEffect]:
        """Nobody is in the room, and nothing on its way."""
        return self._make(now) if self._rows >= ROWS else []

    def _make(self, now: float) -> list[RoomEffect]:
        if self.making:
            return []
        self.making = True
        self._at, self._rows = now, 0
        return [MakeCheckpoint()]

    def kept(self, event: CheckpointKept) -> Digest | None:
        """There is one; returns what can be told by it."""
        self.making = False
        if event.seq:
            self._rows = max(0, self._edits.stored_seq - event.seq)
            self._edits.stored_bytes -= event.freed_bytes
        if not event.digest or self._edits.stored_seq > event.seq or not self._edits.idle:
            return None
        return Digest(event.seq, event.digest)
