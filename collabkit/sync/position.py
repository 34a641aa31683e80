"""Where a replica stands to its relay, from one link to the next."""

from __future__ import annotations

from .messages import Call
from .tally import Standing, Tally

__all__ = ["Position"]


class Position:
    """Where a replica stands, from one link to the next."""

    def __init__(self, document: str, standing: Standing) -> None:
        self.document = document
        self.lineage = standing.lineage
        self.cursor = standing.cursor
        self.epoch = standing.epoch
        self.tally = Tally(made=standing.made, acked=standing.acked)
        self.calls: dict[int, Call] = {}
        self.can_write = True
        self.subject = ""
        self.heal = False  # the relay may lack what counts as acknowledged

    def __repr__(self) -> str:
        return f"<Position {self.document!r} at row {self.cursor}, {self.tally!r}>"

    @property
    def standing(self) -> Standing:
        """What to remember of it. Before a first contact is over, it never was."""
        made, acked = self.tally.made, self.tally.acked
        if self.heal:
            return Standing("", 0, made, acked)
        return Standing(self.lineage, self.cursor, made, acked, self.epoch)
