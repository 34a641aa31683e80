"""Weaves of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collabkit.history.tree import Stamp
from collabkit.history.weave import Weave
from collabkit.ids import Seq, Subject
from history.crowd import Row

__all__ = ["stamp", "weave_of", "woven"]


def stamp(seq: int, subject: str = "user:ada", origin: str = "relay") -> Stamp:
    """The stamp of a row."""
    return Stamp(Seq(seq), Subject(subject), 1_000 * seq, origin)


def woven(updates: Iterable[bytes], subject: str = "user:ada") -> Weave:
    """A weave of these updates, in rows counted from 1."""
    weave = Weave()
    for seq, update in enumerate(updates, 1):
        weave.add(update, stamp(seq, subject))
    return weave


def weave_of(rows: Sequence[Row]) -> Weave:
    """A weave of what a crowd or a journal did."""
    weave = Weave()
    for row in rows:
        weave.add(row.update, row.stamp)
    return weave
