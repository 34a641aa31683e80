"""A reading of the log, which serves all who come within some seconds.

Many come at once, after a restart above all. What one reading holds is made into messages once
for each way of being told: rows for those who follow the log, and few large updates for others.
"""

from __future__ import annotations

from ..store.base import Loaded
from .messages import Message, PackedRow, Row, Update, write
from .sendqueue import spliced

__all__ = ["KEPT_FOR", "Reading"]

# How long a reading of the log serves: clients that lost a relay are back within as much.
KEPT_FOR = 5.0


class Reading:
    """What the log was, for those who come while it serves.

    Attributes:
        upto: The last row that it holds.
        until: When it serves no more.
        rows: Checkpoint and rows, as those who follow get them.
    """

    def __init__(self, loaded: Loaded, packed: PackedRow | None, *, now: float) -> None:
        self.upto: int = loaded.upto
        self.until = now + KEPT_FOR
        self.packed = packed
        self.rows = [Row(row.seq, row.body) for row in loaded.rows]
        self.checkpoint = loaded.checkpoint is not None
        if loaded.checkpoint is not None:
            self.rows.insert(0, Row(loaded.checkpoint.seq, loaded.checkpoint.body))
        self.size_bytes = sum(len(row.update) for row in self.rows)
        self._whole: list[tuple[Message, bytes]] | None = None

    @property
    def whole(self) -> list[tuple[Message, bytes]]:
        """The same for stock members: the checkpoint, and the rest spliced.

        Each has its frame, so that 150 who join do not have 150 frames of 6 MB made.
        """
        if self._whole is None:
            first, rest = self.rows[: self.checkpoint], self.rows[self.checkpoint :]
            words = [*(Update(row.update) for row in first), *spliced(row.update for row in rest)]
            self._whole = [(message, write(message)) for message in words]
        return self._whole

    def behind(self, after: int, version: int) -> list[Message]:
        """The rows behind one, as a version of our dialect has them."""
        rows: list[Message] = [row for row in self.rows if row.seq > after]
        if version > 1 and self.packed is not None and len(rows) == len(self.rows):
            rows[0] = self.packed
        return rows
