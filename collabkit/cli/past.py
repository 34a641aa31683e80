"""Commands that look at moments of a document: ``diff blame``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ..history import markup
from ..history.blame import Blame, blame
from ..history.changed import Path as Place
from ..history.changed import length_of
from ..history.difference import Difference
from ..history.moments import NOW
from ..history.outline import brief, spelled, start_tag
from ..history.past import Past
from ..history.tree import ElementNode, Entry, Run, Stamp, plain_content
from ..ids import Seq
from ..store.base import SessionRecord
from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, Name, find
from .documents import STDOUT, write_new
from .moments import At, TakesMoments, past_of, seq_of

__all__ = ["app"]

app = typer.Typer()


# diff


@app.command(cls=TakesMoments)
def diff(
    db: Db,
    name: Name,
    old: Annotated[
        str | None,
        typer.Argument(
            metavar="FROM",
            help="A moment, as for --at of `collabkit inspect`; without it, the last version.",
            show_default=False,
        ),
    ] = None,
    new: Annotated[str, typer.Argument(metavar="TO", help="Another.")] = NOW,
    *,
    change: Annotated[
        str | None,
        typer.Option(
            metavar="CHANGE",
            help="Instead: before and after this change, as `collabkit log` calls it.",
            show_default=False,
        ),
    ] = None,
    root: Annotated[str | None, typer.Option(help="Of this root only.", show_default=False)] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page to look at in a browser; - is stdout."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is different between two moments of a document, and whose doing it is."""
    if change is not None and old is not None:
        raise typer.BadParameter("either moments or --change")
    with Reader(db) as reader:
        record, place = find(reader, name)
        past = past_of(reader, record, place)
        if change is not None:
            rows = past.rows_of(change)
            first, last = Seq(rows[0].seq - 1), rows[-1].seq
        else:
            last = seq_of(reader, record, new)
            first = _before(reader, record, past) if old is None else seq_of(reader, record, old)
    with render.waiting("comparing"):
        found = past.difference(first, last)
    if root is not None:
        if root not in past.tree(first) and root not in past.tree(last):
            raise typer.BadParameter(f"{place} has no root {root!r} at #{first} or #{last}")
        found = Difference({key: each for key, each in found.roots.items() if key == root})
    if html is not None:
        about = f"From row {first} to row {last}."
        _write(html, markup.page(found.roots, title=str(place), about=about, clock=render.clock))
        render.note(f"{html}: {place}, #{first} to #{last}")
    elif as_json:
        render.json({"name": str(place), "from": first, "to": last, **found.to_json()})
    else:
        render.pieces(markup.pieces(found.roots))
        render.note(f"{place}: #{first} to #{last}" + (", which is the same" if not found else ""))


def _write(html: Path, page: str) -> None:
    if html == STDOUT:
        render.raw(page)
    else:
        write_new(html, page.encode())


def _before(reader: Reader, record: SessionRecord, past: Past) -> Seq:
    """The last version before what was written last, else the beginning that is left."""
    written = max((row.seq for row in past.chronicle.rows), default=0)
    versions = reader.versions(record.id, document=past.document)
    earlier = [one.seq for one in versions if past.chronicle.floor <= one.seq < written]
    return max(earlier, default=past.chronicle.floor)


# blame


class _Range(msgspec.Struct, frozen=True):
    """Something of one author.

    Attributes:
        line: In which line of a text it is; None of a value.
        stamps: The rows that brought it.
    """

    path: Place
    shown: str
    stamps: tuple[Stamp, ...]
    line: int | None = None

    def cells(self) -> tuple[str, ...]:
        where = spelled(self.path) + (f":{self.line}" if self.line else "")
        if not self.stamps:
            return "", "", "", where, self.shown
        seqs = {stamp.seq for stamp in self.stamps}
        rows = f"{min(seqs)}-{max(seqs)}" if len(seqs) > 1 else f"{min(seqs)}"
        last = max(self.stamps, key=lambda stamp: stamp.seq)
        before = "<=" if last.compacted else ""
        return before + rows, before + render.clock(last.at_ms), last.subject, where, self.shown


@app.command("blame")
def show_blame(
    db: Db,
    name: Name,
    root: Annotated[
        str | None, typer.Argument(help="Of this root only.", show_default=False)
    ] = None,
    *,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Show who wrote each range of a text and each value, and when.

    What a restore or a revert brought back is still whose it was.
    """
    with Reader(db) as reader:
        record, place = find(reader, name)
        seq = seq_of(reader, record, at or NOW)
        past = past_of(reader, record, place, upto=seq)
    with render.waiting("looking for authors"):
        found = blame(past.weave, seq)
    if root is not None:
        if root not in found.tree:
            raise typer.BadParameter(f"{place} has no root {root!r} there")
        found = Blame({root: found.tree[root]})
    if as_json:
        render.json({"name": str(place), "at": seq, "authors": found.authors, **_told(found)})
    else:
        render.listing(
            ("Row", "At", "Who", "Where", "What"),
            (each.cells() for each in (*_ranges(found), *_values(found))),
            right=("Row",),
            empty=f"{place} holds nothing there",
        )


def _ranges(found: Blame) -> Iterator[_Range]:
    """Each line of each text, cut where its authors change."""
    for path in found.texts:
        for line in found.lines(*path):
            for each in line.ranges:
                yield _Range(path, str(each), _stamps(each.parts), line.number)


def _values(found: Blame) -> Iterator[_Range]:
    for path, entry in found.values.items():
        if isinstance(entry.value, ElementNode):
            yield _Range(path, start_tag(entry.value), _stamps([entry]))
        elif not hasattr(entry.value, "id"):  # what is in a shared type is told one by one
            yield _Range(path, brief(entry.value), _stamps([entry]))


def _stamps(pieces: Iterable[Run | Entry]) -> tuple[Stamp, ...]:
    return tuple(piece.by for piece in pieces if piece.by is not None)


def _told(found: Blame) -> dict[str, Any]:
    texts = []
    for path, node in found.texts.items():
        at, ranges = 0, []
        for run in node.runs:
            length = length_of(run)
            value = plain_content(run.value)
            ranges.append({"start": at, "length": length, "value": value, "by": run.by})
            at += length
        texts.append({"path": path, "ranges": ranges})
    values = [
        {"path": path, "value": plain_content(entry.value), "by": entry.by}
        for path, entry in found.values.items()
    ]
    return {"texts": texts, "values": values}
