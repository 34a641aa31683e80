"""Moments on the command line, looked up in a file that somebody else may hold."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ..history.past import Past
from ..ids import RoomName, Seq, SessionId
from ..sessions.moments import find_moment
from ..store.base import Row, SessionRecord, Version
from ..store.reader import Reader
from . import render

__all__ = ["At", "TakesMoments", "past_of", "seq_of"]

At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="MOMENT",
        help="As it was then: after a row, as 12; at a version, by its name; or at a time, as "
        "10:00, yesterday, 2027-01-31T09:30 or -2h.",
        show_default=False,
    ),
]

_AGO = re.compile(r"-\d+[smhdw]")


class TakesMoments(TyperCommand):
    """A command with a moment as an argument: ``-2h`` is one, and no two options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line."""
        # Spaces around a moment do not count.
        return super().parse_args(
            ctx, [f" {each}" if _AGO.fullmatch(each) else each for each in args]
        )


class _Beside:
    """A reader, as those who can wait ask it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def versions(self, session: SessionId) -> list[Version]:
        return self._reader.versions(session)

    async def rows(self, session: SessionId, *, after: int, limit: int) -> list[Row]:
        return self._reader.rows(session, after=after, limit=limit)


def seq_of(reader: Reader, record: SessionRecord, written: str) -> Seq:
    """The row that a moment is after. Raises MomentNotFound."""
    return asyncio.run(find_moment(_Beside(reader), record, written))


def past_of(
    reader: Reader, record: SessionRecord, place: RoomName, *, upto: Seq | None = None
) -> Past:
    """The past of a document, up to a row. Raises MomentNotFound or Corrupt."""
    past = Past(place.document, reader.chronicle(record.id, place.document, upto=upto))
    with render.waiting(f"reading the history of {place}"):
        past.tree(upto)  # it is woven when it is first asked for
    return past
