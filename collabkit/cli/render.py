"""How the command line looks: the only module that prints.

Rules:

1. Answers go to stdout, everything about the asking to stderr.
2. On a terminal a listing is a table; in a pipe it is lines of tab-separated fields, whole and
   without colour, so that ``cut`` and ``grep`` work; with ``--json`` it is one JSON document.
3. Text from a document or a client is shown with its control characters spelled out: nobody's
   note may move the cursor of whoever looks at it.
"""

from __future__ import annotations

import contextlib
import json as standard
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

__all__ = [
    "Live",
    "answers",
    "clock",
    "count",
    "error",
    "json",
    "line",
    "listing",
    "note",
    "pieces",
    "plain",
    "progress",
    "raw",
    "size",
    "tree",
    "waiting",
]

# C0 without tab and newline, DEL and C1: what a terminal obeys instead of showing. Then marks that
# end a line or turn the direction of what comes after them, and halves of characters, which JSON
# inside a document can have and no stream takes.
_CONTROLS = {
    code: f"\\x{code:02x}"
    for code in (*range(32), 127, *range(128, 160))
    if code not in (0x09, 0x0A)
} | {
    code: f"\\u{code:04x}"
    for code in (*range(0x2028, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
}
# Rich needs a width; no line of a tree is as long as this.
_NO_WIDTH = 100_000

_ON_ONE_LINE = _CONTROLS | {0x09: "\\t", 0x0A: "\\n"}


def _out() -> Console:
    return Console(highlight=False, emoji=False, markup=False, soft_wrap=True)


def _err() -> Console:
    return Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True)


def plain(text: str, *, one_line: bool = True) -> str:
    r"""Spell out what a terminal would obey.

    >>> plain("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return text.translate(_ON_ONE_LINE if one_line else _CONTROLS)


def count(number: int, noun: str) -> str:
    """Show how many there are of something.

    >>> count(1, "row"), count(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(count_bytes: int) -> str:
    """Show a number of bytes for people.

    >>> size(999), size(1500), size(2_500_000)
    ('999 B', '1.5 kB', '2.5 MB')
    """
    if count_bytes < 1000:
        return f"{count_bytes} B"
    value = count_bytes / 1000
    for unit in ("kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def clock(at_ms: int, *, to: Literal["minutes", "seconds"] = "seconds") -> str:
    """Show a moment in the local time of whoever looks."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone()
    return local.replace(tzinfo=None).isoformat(" ", to)


def line(text: str, *, style: str = "") -> None:
    """Print one line of the answer."""
    _out().print(Text(plain(text), style=style))


def raw(text: str) -> None:
    """Print a document's own text: as it is into a pipe, disarmed on a terminal."""
    sys.stdout.write(plain(text, one_line=False) if sys.stdout.isatty() else text)
    if text and not text.endswith("\n") and sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.stdout.flush()


def json(value: Any, *, compact: bool = False) -> None:
    """Print a value as JSON: indented, or on one line."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a character, which JSON can only escape
        encoded = standard.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()
    text = encoded if compact else msgspec.json.format(encoded, indent=2)
    sys.stdout.write(text.decode() + "\n")
    sys.stdout.flush()


def listing(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, right: Sequence[str] = ()
) -> None:
    """Print rows under a head.

    Args:
        head: The names of the columns.
        rows: Their cells.
        empty: What to say, on stderr, if there are no rows.
        right: The columns that hold numbers.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    console = _out()
    if not console.is_terminal:
        for row in ([name.lower() for name in head], *cells):
            sys.stdout.write("\t".join(row) + "\n")
        sys.stdout.flush()
    elif cells:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in head:
            table.add_column(name, justify="right" if name in right else "left", overflow="fold")
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table, soft_wrap=False)
    if not cells:
        note(empty)


def answers(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    console = _out()
    known = [(name, plain(value)) for name, value in pairs]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        if console.is_terminal:
            console.print(Text.assemble((name.ljust(width), "bold"), "  ", value))
        else:
            sys.stdout.write(f"{name}\t{value}\n")
    sys.stdout.flush()


def tree(root: Tree) -> None:
    """Print a tree; in a pipe its lines are as long as they are."""
    console = _out()
    if not console.is_terminal:
        console.width = _NO_WIDTH
    console.print(root, soft_wrap=False)


def pieces(lines: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Print lines of pieces, each a text and its style; in a pipe the texts alone."""
    console = _out()
    for line_ in lines:
        if console.is_terminal:
            console.print(Text.assemble(*((plain(text), style) for text, style in line_)))
        else:
            sys.stdout.write("".join(plain(text) for text, _ in line_) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something beside the answer, on stderr."""
    _err().print(Text(plain(text), style="dim"))


def error(sentence: str) -> None:
    """Say in one sentence, on stderr, why there is no answer."""
    _err().print(Text.assemble(("error: ", "bold red"), plain(sentence)))


def progress() -> Progress:
    """Bars for long work: on stderr, gone when the work is done, silent in a pipe."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        console=_err(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on stderr what takes so long, while it does; nothing in a pipe."""
    with Live() as show:
        show(what)
        yield


class Live:
    """A line on stderr that is rewritten in place; nothing at all in a pipe.

    ``with Live() as show: show("12 connections")``
    """

    def __enter__(self) -> Callable[[str], None]:
        self._console = _err()
        self._live = self._console.status("", spinner="dots") if self._console.is_terminal else None
        if self._live is not None:
            self._live.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def _show(self, text: str) -> None:
        if self._live is not None:
            self._live.update(Text(plain(text)))
