"""★ The lines of a difference, before they are put into hunks.

Rules:

1. A text is shown by lines. A line in which anything came or went stands twice, as it was and as
   it is, with that marked; of one that is longer than a screen only what is near the marks stands.
2. Lines that went come before lines that came. Of those, what reads alike at either end stayed.
3. What was only formatted anew is noted behind its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, Literal, TypeAlias

import msgspec

from .changed import Delete, Insert, Keep, Reformat, TextStep, Within, length_of
from .outline import brief, embedded, scalar
from .tree import Run, Stamp
from .wording import Cursor

__all__ = ["Kind", "Line", "Span", "line", "text_rows"]

Kind: TypeAlias = Literal["head", "hunk", "same", "old", "new", "note"]
"""What a line is: the name of a part, the head of a hunk, or content and where it is from."""

# A stretch that stays is shown whole up to so many characters, and its ends if it is longer.
LONG = 240
ENDS = 80


class Span(msgspec.Struct, frozen=True):
    """A piece of a line.

    Attributes:
        marked: It is what changed in the line.
        embedded: It is an object, of which only a part may be shown.
    """

    text: str
    marked: bool = False
    embedded: bool = False


class Line(msgspec.Struct, frozen=True):
    """One line of a difference.

    Attributes:
        by: Whose doing it is: who wrote what is new, who took away what was.
    """

    kind: Kind
    spans: tuple[Span, ...]
    by: tuple[Stamp, ...] = ()

    @property
    def text(self) -> str:
        """What stands on it."""
        return "".join(span.text for span in self.spans)


def line(kind: Kind, text: str, *by: Stamp | None) -> Line:
    """Make a line of one piece."""
    return Line(kind, (Span(text),), tuple(stamp for stamp in by if stamp))


def text_rows(old: Sequence[Run], steps: Iterable[TextStep]) -> list[Line]:
    """Write steps as the lines of a text.

    Args:
        old: The text that they start from.
        steps: What becomes of it.

    >>> rows = text_rows((Run("one cat"),), (Keep(4), Delete(Run("cat")), Insert(Run("dog"))))
    >>> [(row.kind, row.text) for row in rows]
    [('old', 'one cat'), ('new', 'one dog')]
    """
    page, cursor = _Page(), Cursor(old)
    for step in steps:
        match step:
            case Keep():
                page.keep(cursor.take(step.length))
            case Insert():
                page.write("new", step.run, step.run.by)
                page.note(step.run, {}, step.run.by)
            case Delete():
                cursor.skip(length_of(step.run))
                page.write("old", step.run, step.gone)
            case Reformat():
                cursor.skip(length_of(step.run))
                page.keep([step.run])
                page.note(step.run, step.before, None)  # who wrote it may not have formatted it
            case Within():
                page.keep(cursor.take(1))
    page.keep(cursor.rest())
    return page.finished()


class _Side:
    """The text on one side of a difference, and what of it was not put into rows yet.

    Attributes:
        spans: The line that is being written.
        by: Who changed anything in it.
        lines: Lines before it.
        ends: Whether a line end was last; None if nothing was.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.spans: list[Span] = []
        self.by: dict[Stamp, None] = {}
        self.lines: list[Line] = []
        self.ends: bool | None = None

    def write(self, piece: Span, *, by: Stamp | None = None) -> None:
        self.ends = piece.text.endswith("\n")
        text = piece.text.removesuffix("\n")
        if piece.marked and by is not None:
            self.by[by] = None
        if self.spans and self.spans[-1] == Span(self.spans[-1].text, piece.marked, piece.embedded):
            text = self.spans.pop().text + text
        self.spans.append(Span(text, piece.marked, piece.embedded))

    def end(self) -> None:
        self.lines.append(Line(self._kind, tuple(self.spans), tuple(self.by)))
        self.spans, self.by = [], {}

    @property
    def is_marked(self) -> bool:
        return any(span.marked and span.text for span in self.spans)

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


class _Page:
    """Rows as they are written."""

    def __init__(self) -> None:
        self._rows: list[Line] = []
        self._notes: list[Line] = []
        self._old, self._new = _Side("old"), _Side("new")

    def keep(self, runs: Iterable[Run]) -> None:
        """Write what stays."""
        for run in runs:
            for piece in _pieces(run, marked=False):
                self._old.write(piece)
                self._new.write(piece)
                if self._old.ends:
                    self._end()

    def write(self, kind: Literal["old", "new"], run: Run, by: Stamp | None) -> None:
        """Write what went, or what came."""
        side = self._old if kind == "old" else self._new
        for piece in _pieces(run, marked=True):
            side.write(piece, by=by)
            if side.ends:
                side.end()

    def note(self, run: Run, before: dict[str, Any], by: Stamp | None) -> None:
        """Note how something was formatted, and is now."""
        after = run.attributes
        changed = [f"{key}={scalar(after[key])}" for key in sorted(after) if key not in before]
        changed += [
            f"{key}={scalar(before[key])} to {scalar(after[key])}"
            for key in sorted(after.keys() & before.keys())
            if scalar(before[key]) != scalar(after[key])
        ]
        changed += [f"no {key}" for key in sorted(before.keys() - after.keys())]
        if changed:
            shown = brief(run.value)
            self._notes.append(line("note", f"{shown}: {', '.join(changed)}", by))

    def finished(self) -> list[Line]:
        """All rows."""
        if self._old.spans or self._new.spans:
            self._end(last=True)
        self._flush()
        if self._old.ends != self._new.ends and None not in (self._old.ends, self._new.ends):
            ends = "a line end" if self._new.ends else "no line end"
            self._rows.append(line("note", f"{ends} at the end"))
        return self._rows

    def _end(self, *, last: bool = False) -> None:
        old, new = self._old, self._new
        if old.text == new.text and not (old.is_marked or new.is_marked):
            self._flush(notes=False)
            self._rows.append(Line("same", _shortened(tuple(old.spans))))
            old.spans, new.spans = [], []
            self._flush()
            return
        # At the end of the text a side without characters has no line.
        for side in (old, new):
            if side.spans or not last:
                side.end()

    def _flush(self, *, notes: bool = True) -> None:
        went, came = self._old.lines, self._new.lines
        self._old.lines, self._new.lines = [], []
        head = _alike(zip(went, came, strict=False))
        tail = _alike(zip(went[head:][::-1], came[head:][::-1], strict=False))
        stop, to = len(went) - tail, len(came) - tail
        self._stay(came[:head])
        for row in (*went[head:stop], *came[head:to]):
            self._rows.append(msgspec.structs.replace(row, spans=_shortened(row.spans)))
        self._stay(came[to:])
        if notes:
            self._rows += self._notes
            self._notes = []

    def _stay(self, rows: Iterable[Line]) -> None:
        self._rows += (Line("same", _shortened((Span(row.text),))) for row in rows)


def _pieces(run: Run, *, marked: bool) -> list[Span]:
    """The lines of a run, each with its end if it has one."""
    if not isinstance(run.value, str):
        return [Span(embedded(run.value), marked, embedded=True)]
    # Not splitlines: only what a text calls a line end is one.
    pieces = run.value.split("\n")
    ended = [Span(f"{piece}\n", marked) for piece in pieces[:-1]]
    return [*ended, Span(pieces[-1], marked)] if pieces[-1] else ended


def _alike(pairs: Iterable[tuple[Line, Line]]) -> int:
    """How many lines are the same on both sides; two objects may only look so."""
    alike = (
        old.text == new.text and not any(span.marked and span.embedded for span in new.spans)
        for old, new in pairs
    )
    return sum(1 for _ in takewhile(bool, alike))


def _shortened(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Leave out most of what is far from anything marked."""
    last = len(spans) - 1
    return tuple(
        span
        if span.marked or len(span.text) <= LONG
        else Span(
            (f"{span.text[:ENDS]} …" if number or not last else "…")
            + (f" {span.text[-ENDS:]}" if number < last else "")
        )
        for number, span in enumerate(spans)
    )
